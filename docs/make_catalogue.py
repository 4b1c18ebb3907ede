"""Write the catalogue of indicators: docs/indicators.md from the docstrings, and a picture of each on bars.

    python -m docs.make_catalogue

The text of each indicator is its docstring, its picture is what the call below it computes. Whatever is made here is
compared with the files by `tests/docs/test_catalogue.py`, so the page cannot fall behind the code.
"""

from __future__ import annotations

import csv
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from docs.families import FAMILIES, Entry
from docs.pictures import Array, Picture

import tapeline
from tapeline import formula
from tapeline.domain.panel import Panel
from tapeline.domain.times import DAY, date_to_ns, to_iso
from tapeline.feeds.simulated import simulate_market
from tapeline.formula import Node, bars
from tapeline.formula.compute import compute
from tapeline.tape.calendars import sessions

DOCS = Path(__file__).resolve().parent
FOLDER = "indicators"
SHOWN_DAYS, SHOWN_SESSIONS, MINUTES = 120, 2, 5

HEAD = """\
# Indicators

Every function of the formula library, by family: what it returns, in which unit, and how many bars it needs first.
This page is made from the docstrings by `python -m docs.make_catalogue`.

- `series` is any formula, mostly a bar field such as `bars("15min").close`; `frame` is what `bars(...)` returns.
  Lengths are numbers of bars and may be parameters.
- **Warm-up** n: the first n existing bars are unknown, if all inputs are known. What is made of an unknown value is
  unknown; a window as long as the unknown bar is inside it, averages without end and sums on that bar only.
- A symbol's missing bars do not count: windows and lags run over the bars that exist.
- Where TA-Lib has an indicator, ours equals it, seeds and flat stretches included: `benchmarks/talib_table.py` prints
  by how much the two differ on real prices.

Pictures of days show IBM from September 2012 to March 2013, real bars in the public domain (Quandl WIKI Prices, see
`indicators/ibm_daily.csv`). No real bars of minutes and no quotes are free to be shown, so pictures of these show the
simulated market, and say so.
"""


@dataclass(frozen=True)
class Market:
    """Bars to draw over: a panel of one symbol, the names its bars have in formulas, and how many are shown."""

    panel: Panel
    frame: formula.Bars
    labels: list[str]
    shown: int
    remark: str = ""


def daily() -> Market:
    """Return the real bars."""
    lines = [line for line in (DOCS / FOLDER / "ibm_daily.csv").read_text().splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    ends = np.array([date_to_ns(date.fromisoformat(row["date"]) + timedelta(days=1)) for row in rows])
    fields = [np.array([[float(row[name])] for row in rows]) for name in ("open", "high", "low", "close", "volume")]
    return Market(Panel(("IBM",), DAY, ends - DAY, ends, *fields), bars(), [row["date"] for row in rows], SHOWN_DAYS)


def intraday() -> Market:
    """Return simulated bars, with quotes that widen and lean at random."""
    open_days = sessions("XNYS", date(2024, 3, 1), date(2024, 4, 5))
    panel = simulate_market(11, sessions=open_days, symbols=1, frame=f"{MINUTES}min").panel
    draws = np.random.Generator(np.random.PCG64(5))
    half = 0.01 * draws.integers(1, 4, panel.close.shape)
    middle = np.round(panel.close + 0.01 * draws.integers(-2, 3, panel.close.shape), 2)
    sizes = [100.0 * draws.integers(1, 20, panel.close.shape) for _ in range(2)]
    names = ("bid", "ask", "bid_size", "ask_size")
    panel = replace(panel, series=dict(zip(names, (middle - half, middle + half, *sizes), strict=True)))
    labels = [to_iso(int(end))[:16].replace("T", " ") for end in panel.end_ns]
    shown = SHOWN_SESSIONS * 390 // MINUTES
    return Market(panel, bars(f"{MINUTES}min"), labels, shown, f"Simulated bars of {MINUTES} minutes, times in UTC.")


def files() -> dict[str, str]:
    """Return all files of the catalogue by their paths below docs/."""
    markets = {"daily": daily(), "intraday": intraday()}
    made = {}
    page = [HEAD]
    for family, entries in FAMILIES.items():
        page.append(f"- [{family}](#{_anchor(family)}): " + ", ".join(f"[{e.name}](#{e.name})" for e in entries))
    for family, entries in FAMILIES.items():
        page.append(f"\n## {family}")
        for entry in entries:
            page += _section(entry, markets[entry.market].remark)
            if entry.call:
                made[f"{FOLDER}/{entry.name}.svg"] = picture(entry, markets[entry.market]).svg()
    made["indicators.md"] = "\n".join(page) + "\n"
    return made


def picture(entry: Entry, market: Market) -> Picture:
    """Return an entry's picture: what its call computes, over the last bars of its market."""
    names: dict[str, Any] = {name: getattr(market.frame, name) for name in ("open", "high", "low", "close", "volume")}
    names |= {word: getattr(tapeline, word) for word in re.findall(r"\w+", entry.call) if word in tapeline.__all__}
    result = eval(entry.call, {"frame": market.frame, **names})  # the words shown are the words computed
    nodes: dict[str, Node] = {entry.name: result} if isinstance(result, Node) else result._asdict()
    values = compute({name: nodes[name] for name in entry.fields or nodes}, market.panel)
    last = slice(-market.shown, None)
    prices: list[Array] = [getattr(market.panel, name)[last, 0] for name in ("high", "low", "close")]
    lines = {name: column[last, 0] for name, column in values.items()}
    return Picture(market.labels[last], *prices, lines, is_below=entry.is_below, has_dots=entry.has_dots)


def _section(entry: Entry, remark: str) -> Iterator[str]:
    function = getattr(tapeline, entry.name)
    yield f"\n### {entry.name}\n"
    yield f"```text\n{entry.name}{_signature(function)}\n```\n"
    yield paragraphs(inspect.getdoc(function) or "")
    fields = inspect.signature(function, eval_str=True).return_annotation
    if hasattr(fields, "_fields"):
        yield f"\nFields: {', '.join(f'`{name}`' for name in fields._fields)}. " + paragraphs(
            inspect.getdoc(fields) or ""
        )
    if entry.call:
        yield f"\n`{entry.call}`{': ' + remark[0].lower() + remark[1:] if remark else ''}\n"
        yield f"![{entry.name} over the prices]({FOLDER}/{entry.name}.svg)"


def _signature(function: Any) -> str:
    signature = inspect.signature(function)
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    return str(inspect.Signature(plain)).replace("'", '"')


def paragraphs(text: str) -> str:
    """Return a docstring as Markdown: its lines joined, an item for each parameter, warm-up and source on their own."""
    joined: list[str] = []
    for line in text.splitlines():
        starts = re.match(r"([a-z_]+(?:, [a-z_]+)*) : ", line)
        if starts:
            joined.append(f"- `{starts[1]}`: {line[starts.end() :]}")
        elif (
            not line.strip() or not joined or not joined[-1] or re.match(r"(Warm-up|Source|Over the|Least|Below)", line)
        ):
            joined += ["", line.strip()] if joined and joined[-1].startswith("- ") else [line.strip()]
        else:
            joined[-1] += " " + line.strip()
    lines: list[str] = []
    for number, line in enumerate(joined):
        if line.startswith("- ") and number and joined[number - 1] and not joined[number - 1].startswith("- "):
            lines.append("")
        lines.append(line)
    return "\n".join(lines)


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def main() -> None:
    made = files()
    (DOCS / FOLDER).mkdir(exist_ok=True)
    for old in (DOCS / FOLDER).glob("*.svg"):
        if f"{FOLDER}/{old.name}" not in made:
            old.unlink()
    for name, content in made.items():
        (DOCS / name).write_text(content, encoding="utf-8")
    size = sum(len(content) for name, content in made.items() if name.endswith(".svg"))
    print(f"{len(made) - 1} pictures, {size:,} bytes; docs/indicators.md")


if __name__ == "__main__":
    main()
