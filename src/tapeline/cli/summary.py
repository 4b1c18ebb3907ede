"""The summary of a result as a person reads it: what was made, what it cost, by whom, what still hangs."""

from __future__ import annotations

import math
import sys

import numpy as np
from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from tapeline.analysis.picture import equity_picture
from tapeline.engine.result import Result
from tapeline.report.amounts import CURRENCY, money, number, percent, signed

WIDE = 100
PICTURE_WIDTH_MIN, PICTURE_WIDTH_MAX, PICTURE_HEIGHT = 60, 120, 18


def summary_of(result: Result, width: int) -> Group:
    """Return the tables of a result: the account and each strategy. width : of the terminal, in characters"""
    return Group(_account(result), Text(""), _strategies(result, width))


def picture_of(result: Result, console: Console) -> Text:
    """Return the picture of the equity, fitted to the terminal."""
    width = min(max(console.width - 2, PICTURE_WIDTH_MIN), PICTURE_WIDTH_MAX)
    picture = equity_picture(
        np.concatenate(([result.starting_cash], result.equity)),
        np.concatenate(([result.times_ns[0] - 1], result.times_ns)),
        width,
        PICTURE_HEIGHT,
        colour=console.is_terminal and not console.no_color,
        currency=CURRENCY,
        encoding=sys.stdout.encoding or "utf-8",
    )
    return Text.from_ansi(picture)


def _account(result: Result) -> Table:
    m = result.metrics
    table = Table(
        title=f"Account (amounts in {CURRENCY})", title_justify="left", box=box.SIMPLE, show_header=False,
        pad_edge=False,
    )  # fmt: skip
    for column in range(4):
        table.add_column(no_wrap=True, justify="right" if column % 2 else "left")
    rows = [
        ("equity at start", money(result.starting_cash), "round trips", f"{len(result.round_trips):,}"),
        ("equity at end", money(result.final_equity), "won", percent(m["win_rate"], 1)),
        ("net profit", signed(m["net_profit"]), "profit factor", number(m["profit_factor"])),
        ("return", percent(m["total_return"]), "Sharpe ratio (year)", _with_error(m)),
        (
            "largest drawdown",
            percent(m["max_drawdown_intraday"]),
            "executions",
            f"{len(result.executions):,}",
        ),
        ("commissions", money(m["commission_total"]), "orders", f"{len(result.orders):,}"),
        ("financing, dividends", signed(result.financing), "open positions", f"{_open(result)}"),
    ]
    if m["slippage_total"] == m["slippage_total"]:
        rows.insert(6, ("slippage", money(m["slippage_total"]), "", ""))
    for row in rows:
        table.add_row(*row)
    return table


def _strategies(result: Result, width: int) -> Table:
    table = Table(
        title=f"Strategies (round trips that were closed; amounts in {CURRENCY})", title_justify="left",
        box=box.SIMPLE_HEAD, pad_edge=False,
    )  # fmt: skip
    # Names may be folded where room is short, numbers never.
    table.add_column("", overflow="fold", min_width=12)
    names = ["trips", "won", "net profit", "commissions", "average R"]
    if width >= WIDE:
        names += ["best", "worst"]
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for index, name in enumerate(result.strategies):
        trips = result.round_trips[result.round_trips["strategy"] == index]
        gains = trips["net_pnl"]
        multiples = trips["r_multiple"][~np.isnan(trips["r_multiple"])]
        cells = [
            f"{len(trips):,}",
            percent(float((gains > 0).mean()), 1) if len(trips) else "–",
            signed(float(gains.sum())),
            money(float(trips["commission"].sum())),
            number(float(multiples.mean())) if len(multiples) else "–",
            signed(float(gains.max())) if len(trips) else "–",
            signed(float(gains.min())) if len(trips) else "–",
        ]
        table.add_row(name, *cells[: len(names)])
    return table


def _with_error(m: dict[str, float]) -> str:
    error = "" if math.isnan(m["sharpe"]) else f" ± {number(m['sharpe_standard_error'])}"
    return number(m["sharpe"]) + error


def _open(result: Result) -> int:
    return int(np.count_nonzero(result.positions))
