"""Results made by hand, and what a page holds once it is unpacked."""

from __future__ import annotations

import base64
import json
import re
import zlib
from datetime import date
from html.parser import HTMLParser
from typing import Any

import numpy as np

from tapeline import Panel, Result, RuleStrategy, RunSettings, bars
from tapeline.domain.panel import Sessions
from tapeline.domain.times import DAY, HOUR, date_to_ns
from tapeline.domain.words import Purpose
from tapeline.engine.inputs import Inputs
from tapeline.simulation.records import EXECUTION, ROUND_TRIP, TICKET

VOID = {"meta", "input", "br", "link", "img", "hr"}


class Dip(RuleStrategy):
    """Buy below ten."""

    enter_long = bars().close < 10


def weekdays(first: date, count: int) -> np.ndarray:
    """Return so many days that are no weekend, as days since 1970-01-01."""
    days = np.arange(date_to_ns(first) // DAY, date_to_ns(first) // DAY + 2 * count + 7)
    return days[(days + 3) % 7 < 5][:count]


def a_result(
    equity: Any = (101.0, 99.0, 102.0),
    *,
    trips: Any = ((0, 0, 1, 2.0),),
    strategies: tuple[str, ...] = ("Dip",),
    symbols: tuple[str, ...] = ("AAA",),
    first: date = date(2024, 1, 2),
    close: Any = None,
    inputs: bool = True,
) -> Result:
    """Return a run over daily bars that started with 100.

    trips : (symbol, row of the entry, row of the exit, net profit) each, of one share
    close : [T, N] prices, 9.0 each when not given; inputs : whether the result carries its bars
    """
    equity = np.asarray(equity, dtype=np.float64)
    days = weekdays(first, len(equity))
    times = days * DAY + 21 * HOUR
    prices = np.full((len(equity), len(symbols)), 9.0) if close is None else np.asarray(close, dtype=np.float64)
    sessions = Sessions("XNYS", days * DAY + 14 * HOUR, times.copy(), ordinal=500)
    panel = Panel(symbols, DAY, sessions.open_ns, times, prices, prices, prices, prices, np.ones_like(prices), sessions)
    orders, executions = np.zeros(2 * len(trips), dtype=TICKET), np.zeros(2 * len(trips), dtype=EXECUTION)
    for name in ("limit_price", "stop_price", "trail"):
        orders[name] = np.nan
    orders["parent"] = -1
    rows = np.zeros(len(trips), dtype=ROUND_TRIP)
    rows["r_multiple"] = np.nan
    for number, (symbol, entry, leaving, net) in enumerate(trips):
        for place, row, purpose in ((2 * number, entry, Purpose.ENTRY), (2 * number + 1, leaving, Purpose.EXIT_RULE)):
            orders[place]["symbol"] = executions[place]["symbol"] = symbol
            orders[place]["purpose"], orders[place]["decided_ns"] = purpose, times[row]
            orders[place]["side"] = executions[place]["side"] = 1 if purpose is Purpose.ENTRY else -1
            orders[place]["order_type"] = orders[place]["quantity"] = 1
            executions[place]["ticket"], executions[place]["time_ns"] = place, times[row]
            executions[place]["quantity"], executions[place]["price"] = 1.0, prices[row, symbol]
            executions[place]["commission"] = 0.25
        rows[number]["symbol"], rows[number]["side"], rows[number]["quantity"] = symbol, 1, 1.0
        rows[number]["entry_ticket"], rows[number]["exit_ticket"] = 2 * number, 2 * number + 1
        rows[number]["entry_ns"], rows[number]["exit_ns"] = times[entry], times[leaving]
        rows[number]["entry_price"], rows[number]["exit_price"] = prices[entry, symbol], prices[leaving, symbol]
        rows[number]["exit_purpose"], rows[number]["bars_held"] = Purpose.EXIT_RULE, leaving - entry
        rows[number]["net_pnl"], rows[number]["commission"] = net, 0.5
        rows[number]["mae"], rows[number]["mfe"] = min(net, 0.0) - 1.0, max(net, 0.0) + 1.0
    given = Inputs(tuple(Dip() for _ in strategies), panel, RunSettings()) if inputs else None
    return Result(
        strategies, symbols, times, np.arange(500, 500 + len(equity)), equity, np.full(len(equity), 50.0),
        np.full(len(equity), 20.0), orders, executions, rows, 100.0, float(equity[-1]) if len(equity) else 100.0,
        0.0, np.zeros(len(symbols)), {"tapeline": "test"}, given,
    )  # fmt: skip


def payload(page: str) -> dict[str, Any]:
    """Return the data that a page carries for its script."""
    (packed,) = re.findall(r'id="data">([^<]*)<', page)
    found: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(packed)))
    return found


class Page(HTMLParser):
    """A page taken apart: its text without scripts, its tables, and whether every element is closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.cells: list[list[str]] = []
        self.feed(source)
        self.close()

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"{tag} at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append((self.elements[-1][1], data))
        elif self.open and self.open[-1] != "style":
            self.words.append(data)
            if self.open[-1] in ("td", "th"):
                self.cells[-1][-1] += data
