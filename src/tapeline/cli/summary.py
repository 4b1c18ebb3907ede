"""The summary of a result as a person reads it: what was made, what it cost, by whom, and what still hangs."""

from __future__ import annotations

import sys

import numpy as np
from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from tapeline.analysis.picture import equity_picture
from tapeline.cli.console import money, number, percent, signed
from tapeline.engine.result import Result


def summary_of(result: Result) -> Group:
    """Return the tables of a result: the account and each strategy."""
    return Group(_account(result), Text(""), _strategies(result))


def picture_of(result: Result, console: Console) -> Text:
    """Return the picture of the equity, fitted to the terminal."""
    width = min(max(console.width - 2, 60), 120)
    picture = equity_picture(
        np.concatenate(([result.starting_cash], result.equity)),
        np.concatenate(([result.times_ns[0] - 1], result.times_ns)),
        width,
        18,
        colour=console.is_terminal,
        encoding=sys.stdout.encoding or "utf-8",
    )
    return Text.from_ansi(picture)


def _account(result: Result) -> Table:
    m = result.metrics
    table = Table(title="Account", title_justify="left", box=box.SIMPLE_HEAD, show_header=False, pad_edge=False)
    for _ in range(4):
        table.add_column(justify="left")
    table.columns[1].justify = table.columns[3].justify = "right"
    profit = m["net_profit"]
    rows = [
        ("equity at the start", money(result.starting_cash), "round trips", f"{len(result.round_trips):,}"),
        ("equity at the end", money(result.final_equity), "won", percent(m["win_rate"], 1)),
        ("net profit", signed(profit), "profit factor", number(m["profit_factor"])),
        ("return", percent(m["total_return"]), "Sharpe ratio, a year", _with_error(m)),
        ("largest drawdown", percent(m["max_drawdown_intraday"]), "executions", f"{len(result.executions):,}"),
        ("commissions", money(_commissions(result)), "orders", f"{len(result.orders):,}"),
        ("financing and dividends", signed(result.financing), "open positions", f"{_open(result)}"),
    ]
    for row in rows:
        table.add_row(*row)
    return table


def _strategies(result: Result) -> Table:
    table = Table(title="Strategies", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("strategy")
    for name in ("round trips", "won", "net profit", "commissions", "average R", "best", "worst"):
        table.add_column(name, justify="right")
    for index, name in enumerate(result.strategies):
        trips = result.round_trips[result.round_trips["strategy"] == index]
        gains = trips["net_pnl"]
        multiples = trips["r_multiple"][~np.isnan(trips["r_multiple"])]
        table.add_row(
            name,
            f"{len(trips):,}",
            percent(float((gains > 0).mean()), 1) if len(trips) else "–",
            signed(float(gains.sum())),
            money(float(trips["commission"].sum())),
            number(float(multiples.mean())) if len(multiples) else "–",
            signed(float(gains.max())) if len(trips) else "–",
            signed(float(gains.min())) if len(trips) else "–",
        )
    return table


def _with_error(m: dict[str, float]) -> str:
    return f"{number(m['sharpe'])} ± {number(m['sharpe_standard_error'])}"


def _commissions(result: Result) -> float:
    return float(result.executions["commission"].sum())


def _open(result: Result) -> int:
    return int(np.count_nonzero(result.positions))
