"""The parts of a report that are plain HTML: cards, months, strategies, all measures, the manifest."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from html import escape

import numpy as np

from tapeline.analysis.measures import MEASURES, Measure
from tapeline.analysis.summary import to_json_values
from tapeline.analysis.trades import RoundTrips, round_trip_measures
from tapeline.domain.times import SECOND, to_iso
from tapeline.report.amounts import CURRENCY, money, number, percent, plural, signed
from tapeline.report.content import Content

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SHADE_MAX = 0.55
"""Opacity of the strongest cell: text on it keeps a contrast of more than 4.5 to 1, on light and dark pages."""
SESSIONS_FOR_A_YEAR = 252

_SHADES = {True: "59,125,216", False: "217,115,26"}


def cards(content: Content) -> str:
    """Return the key figures, each with a word on how to take it."""
    return '<dl class="cards">' + "".join(_card(*row) for row in _card_rows(content)) + "</dl>"


def _card(name: str, value: str, note: str, tone: str = "") -> str:
    kind = f' class="{tone}"' if tone else ""
    return f'<div class="card"><dt>{escape(name)}</dt><dd{kind}>{escape(value)}</dd><dd>{escape(note)}</dd></div>'


def _card_rows(content: Content) -> Iterator[tuple[str, ...]]:
    m = content.metrics
    net = m["net_profit"]
    tone = "gain" if net > 0.0 else "loss" if net < 0.0 else ""
    yield (
        f"Net profit, {CURRENCY}",
        signed(net),
        f"{percent(m['total_return'])} of {money(content.starting_cash)}",
        tone,
    )
    short = m["sessions"] < SESSIONS_FOR_A_YEAR
    yield "CAGR", percent(m["cagr"]), "extrapolated from less than a year" if short else f"over {m['years']:.1f} years"
    error = f" ± {number(m['sharpe_standard_error'])}" if not math.isnan(m["sharpe"]) else ""
    sure = m["probabilistic_sharpe"]
    note = "undefined: returns do not vary" if math.isnan(sure) else f"above 0 with probability {sure:.3f}"
    yield "Sharpe ratio ± SE, a year", number(m["sharpe"]) + error, note
    longest = "–" if math.isnan(m["longest_drawdown_sessions"]) else plural(
        int(m["longest_drawdown_sessions"]), "session"
    )  # fmt: skip
    yield "Largest drawdown", percent(m["max_drawdown_intraday"]), f"longest {longest}"
    if content.benchmark is not None:
        b = content.benchmark.measures
        beta = f"alpha {percent(b['alpha'])} a year, beta {number(b['beta'])}"
        yield "Benchmark", percent(b["benchmark_return"]), beta
    held = "" if math.isnan(m["average_holding_s"]) else f"held {_duration(m['average_holding_s'])} on average"
    yield "Round trips", f"{int(m['round_trips']):,}", held or "none was closed"
    yield "Win rate", percent(m["win_rate"], 1), f"payoff {number(m['payoff'])}"
    per = "expectancy –" if math.isnan(m["expectancy"]) else f"{signed(m['expectancy'])} a round trip"
    yield "Profit factor", number(m["profit_factor"]), per
    yield (
        "Exposure",
        percent(m["average_gross_exposure"], 1),
        f"mean gross; invested {percent(m['exposure_share'], 1)} of the time",
    )
    basis = "" if math.isnan(m["costs_bps"]) else f"{m['costs_bps']:.2f} bps of what was traded"
    yield f"Commissions, {CURRENCY}", money(m["commission_total"]), basis or "nothing was traded"


def _duration(seconds: float) -> str:
    for unit_s, unit in ((86_400, "days"), (3_600, "hours")):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:,.1f} {unit}"
    return f"{seconds / 60:,.1f} minutes"


def months_table(content: Content) -> str:
    """Return the returns of every month as a table, shaded blue above and orange below zero."""
    calendar, held = content.calendar, content.benchmark
    shown = np.abs(calendar.months[~np.isnan(calendar.months)])
    largest = float(shown.max()) if len(shown) else 0.0
    head = "".join(f'<th scope="col">{month}</th>' for month in MONTHS)
    last = '<th scope="col">Benchmark</th>' if held is not None else ""
    lines = []
    for row, year in enumerate(calendar.years):
        cells = "".join(_month(value, largest) for value in calendar.months[row].tolist())
        total = f'<td class="total">{_signed_percent(float(calendar.totals[row]))}</td>'
        other = f"<td>{_signed_percent(float(held.years[row]))}</td>" if held is not None else ""
        lines.append(f'<tr><th scope="row">{year}</th>{cells}{total}{other}</tr>')
    return (
        '<div class="scroll"><table class="months"><thead><tr><th scope="col">%</th>'
        f'{head}<th scope="col">Year</th>{last}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    )


def _month(value: float, largest: float) -> str:
    if math.isnan(value):
        return "<td></td>"
    shade = SHADE_MAX * abs(value) / largest if largest > 0.0 else 0.0
    return f'<td style="background:rgba({_SHADES[value >= 0.0]},{shade:.2f})">{_signed_percent(value)}</td>'


def _signed_percent(value: float) -> str:
    # A column of one unit needs no unit in its cells.
    return "–" if math.isnan(value) else f"{value * 100 + 0.0:+.2f}" if abs(value) >= 5e-5 else "0.00"


def strategy_table(content: Content) -> str:
    """Return one line for each strategy."""
    names = (
        "Round trips",
        "Won",
        "Net P&L",
        "Commissions",
        "Profit factor",
        "Mean R",
        "Best",
        "Worst",
        "Held on average",
    )
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    lines = []
    for index, name in enumerate(content.strategies):
        trips = content.round_trips[content.round_trips["strategy"] == index]
        m = round_trip_measures(RoundTrips.from_columns(trips))
        cells = (
            f"{len(trips):,}",
            percent(m["win_rate"], 1),
            signed(m["round_trip_net_pnl"]),
            money(float(trips["commission"].sum())),
            number(m["profit_factor"]),
            number(m["expectancy_r"]),
            signed(m["largest_win"]),
            signed(m["largest_loss"]),
            _duration(m["average_holding_s"]) if len(trips) else "–",
        )
        row = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        lines.append(f'<tr><th scope="row" class="text">{escape(name)}</th>{row}</tr>')
    return (
        f'<div class="scroll"><table><thead><tr><th scope="col" class="text">Strategy</th>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def measure_tables(content: Content) -> str:
    """Return every measure with its value, meaning and source."""
    against = content.benchmark.measures if content.benchmark is not None else {}
    values = {**content.metrics, **against}
    tables = []
    for group, members in MEASURES.items():
        lines = "".join(_measure(one, values[one.name]) for one in members)
        tables.append(
            f"<h3>{escape(group)}</h3>"
            f'<div class="scroll"><table><tbody>{lines}</tbody></table></div>'
        )  # fmt: skip
    return f'<div class="measures">{"".join(tables)}</div>'


def _measure(measure: Measure, value: float) -> str:
    name = escape(measure.name.removesuffix("_s").replace("_", " "))
    meaning = escape(measure.meaning.replace("`", "").replace("NaN", "–"))
    source = escape(measure.source.replace("`", "").replace("NaN", "–"))
    return (
        f'<tr><td class="text">{name}</td><td>{escape(_measured(measure, value))}</td>'
        f'<td class="text wide quiet">{meaning}; {source}</td></tr>'
    )


def _measured(measure: Measure, value: float) -> str:
    if math.isnan(value):
        return "–"
    if measure.unit == "fraction":
        return percent(value)
    if measure.unit == "currency":
        return money(value)
    if measure.unit == "Unix s, UTC":
        return to_iso(int(value) * SECOND)
    if measure.unit == "seconds":
        return _duration(value)
    if measure.unit in ("count", "sessions"):
        return f"{math.ceil(value):,}"
    return f"{number(value)} {'' if measure.unit == 'ratio' else measure.unit}".strip()


def manifest_text(content: Content) -> str:
    """Return what the run was made of and what came of it as JSON, for whoever wants to repeat it."""
    whole = {
        "digest": content.digest,
        "manifest": content.manifest,
        "metrics": to_json_values(content.metrics),
        "strategies": list(content.strategies),
    }
    return json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False)
