"""`tapeline portfolio`: what is held, what it made, what is at stake, and where the P&L came from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from tapeline.app.portfolio import PortfolioBooks, PortfolioChoice, open_portfolio
from tapeline.app.run_files import run_name
from tapeline.cli.console import console, show_text
from tapeline.cli.live_tables import accepted_remarks
from tapeline.cli.text_table import TextTable
from tapeline.domain.times import SECOND, to_iso
from tapeline.engine.portfolio import parts_tree, portfolio_tree
from tapeline.execution.acceptance import accepted_sentence
from tapeline.ledger.attribution import Part
from tapeline.report.amounts import percent, plural

UNKNOWN = "–"
WHOLE_FROM = 1_000_000
"""Amounts from here on are shown without cents, so that a line of them fits eighty columns."""
R_NAMES = ("<-1", "-1..0", "0..1", "1..2", ">2")

Tree = Mapping[str, Any]


def show_portfolio(choice: PortfolioChoice, *, lots: bool, as_json: bool) -> None:
    """Print the portfolios of a journal, or what their P&L is made of."""
    books = open_portfolio(choice)
    profits, pieces = books.views.profits, books.pieces
    trees = [portfolio_tree(profits, portfolio, pieces[portfolio.account]) for portfolio in books.portfolios]
    parts = [books.parts(portfolio, choice.by) if choice.by else [] for portfolio in books.portfolios]
    if as_json:
        for tree, of in zip(trees, parts, strict=True):
            tree["attribution"] = {choice.by: parts_tree(of)} if choice.by else {}
        body = {"journal": str(books.path), "sources": list(books.sources), "accounts": trees}
        console.out(json.dumps(body, indent=2), highlight=False)
        return
    for number, (tree, of) in enumerate(zip(trees, parts, strict=True)):
        if number:
            console.print()
        show_text(_head(tree, run_name(books.path)))
        if tree["holdings"]:
            show_text(f"  {_prices(books.shown_ns)}")
        if choice.by:
            _show(_parts_table(choice.by, of))
        else:
            _show_tables(tree, lots=lots)
        _show_remarks(tree, books)


def _prices(shown_ns: int | None) -> str:
    if shown_ns is None:
        return "prices are those of the last session close, or of an execution since"
    return f"prices are those that the run showed at {to_iso(shown_ns // SECOND * SECOND)}"


def _head(tree: Tree, run: str) -> str:
    profit, high, exposure = tree["profit"], tree["high_water"], tree["exposure"]
    lines = [
        f"Account {tree['account']} of {run} at {tree['time']}",
        f"  equity {_money(tree['equity'])}, cash {_money(tree['cash'])}",
        f"  inflow {_money(tree['inflow'])}, outflow {_money(tree['outflow'])}",
        f"  made {_money(profit['net'])}: realized {_money(profit['realized'])}, unrealized"
        f" {_money(profit['unrealized'])},",
        f"    commissions {_money(profit['commissions'])}, income {_money(profit['income'])}",
        f"  long {_with_share(exposure, 'long')}, short {_with_share(exposure, 'short')}",
        f"  gross {_with_share(exposure, 'gross')}, net {_with_share(exposure, 'net')}{_beta(tree['beta'])}",
        f"  {_high(high)}",
        f"  {_longest(high)}",
    ]
    return "\n".join(line for line in lines if line.strip())


def _high(high: Tree) -> str:
    if not Decimal(high["below"]) and not high["depth"]:
        return f"at its highest since {_day(high['since'])}; deepest drawdown {_percent(high['deepest'])}"
    return (
        f"{_money(high['below'])} below its highest of {_money(high['equity'])}: {_percent(high['depth'])} since"
        f" {_day(high['since'])}"
    )


def _longest(high: Tree) -> str:
    if not high["longest_closes"]:
        return ""
    until = "now" if high["longest_to"] is None else _day(high["longest_to"])
    return (
        f"deepest drawdown {_percent(high['deepest'])}; longest {plural(high['longest_closes'], 'close')},"
        f" {_day(high['longest_from'])} to {until}"
    )


def _beta(beta: Tree | None) -> str:
    if beta is None:
        return ""
    return f", beta-weighted {_number(beta['net'])} ({_percent(beta['net_share'], 1)})"


def _show_tables(tree: Tree, *, lots: bool) -> None:
    strategies = tree["strategies"]
    made = TextTable("What the strategies made", ["strategy", "net", "realized", "unrealized", "costs", "income"])
    rows = {name: of["profit"] for name, of in strategies.items()}
    whole = {"account itself": tree["of_the_account"]} if Decimal(tree["of_the_account"]["net"]) else {}
    for name, profit in {**rows, **whole}.items():
        figures = (profit[key] for key in ("net", "realized", "unrealized", "commissions", "income"))
        made.add_row(name, *map(_money, figures))
    names = ["strategy", "long", "short", "below", "down %", "worst %", "high of"]
    risked = TextTable("What they hold, and how far their profit is below its high", names)
    for name, of in strategies.items():
        high, exposure = of["high_water"], of["exposure"]
        risked.add_row(
            name,
            *map(_whole, (exposure["long"], exposure["short"], high["below"])),
            *map(_in_percent, (high["depth"], high["deepest"])),
            _day(high["since"]),
        )
    for table in (made, risked, _sector_table(tree), _r_table(strategies)):
        _show(table)
    _show_holdings(tree["holdings"])
    if lots:
        _show_lots(tree["holdings"])


def _sector_table(tree: Tree) -> TextTable:
    table = TextTable("Exposure by sector", ["sector", "long", "short", "gross", "net", "net %"])
    for name, exposure in tree["sectors"].items():
        amounts = (exposure[key] for key in ("long", "short", "gross", "net"))
        table.add_row(name, *map(_money, amounts), _in_percent(exposure["net_share"]))
    return table


def _r_table(strategies: Mapping[str, Tree]) -> TextTable:
    names = ["strategy", "stops", "mean", "worst", *R_NAMES]
    table = TextTable("R multiples of closed round trips", names)
    for name, of in strategies.items():
        found = of["r_multiples"]
        if found["with_stop"]:
            counts = (f"{count:,}" for count in found["counts"])
            stops = f"{found['with_stop']} of {found['round_trips']}"
            table.add_row(name, stops, _number(found["mean"]), _number(found["worst"]), *counts)
    return table


def _show_holdings(holdings: Iterable[Tree]) -> None:
    for strategy, rows in groupby(holdings, key=lambda row: row["strategy"]):
        names = ["symbol", "quantity", "average", "mark", "value", "unrealized", "R", "lots", "since"]
        table = TextTable(f"Held by {strategy}", names)
        for row in rows:
            lots = row["lots"]
            table.add_row(
                row["symbol"],
                _quantity(row["quantity"]),
                _price(row["average_price"]),
                _price(row["mark"]),
                _money(row["market_value"]),
                _money(row["unrealized"]),
                _number(row["r_multiple"]),
                UNKNOWN if lots is None else str(len(lots)),
                UNKNOWN if not lots else _day(lots[0]["acquired"]),
            )
        _show(table)


def _show_lots(holdings: Iterable[Tree]) -> None:
    table = TextTable("Open lots, first in first out", ["symbol", "strategy", "quantity", "acquired", "cost", "each"])
    for row in holdings:
        for lot in row["lots"] or ():
            each = Decimal(lot["cost"]) / Decimal(lot["quantity"])
            figures = _quantity(lot["quantity"]), _day(lot["acquired"]), _money(lot["cost"]), f"{each:,.4f}"
            table.add_row(row["symbol"], row["strategy"], *figures)
    _show(table)


def _parts_table(by: str, parts: Sequence[Part]) -> TextTable:
    is_month = by == "month"
    table = TextTable(f"What was made, by {by}", [by, "net", *([] if is_month else ["round trips"])])
    for part in parts:
        table.add_row(part.label, _money(part.profit), *([] if is_month else [f"{part.round_trips:,}"]))
    total = sum((part.profit for part in parts), Decimal(0))
    table.add_row("all", _money(total), *([] if is_month else [f"{sum(part.round_trips for part in parts):,}"]))
    return table


def _show_remarks(tree: Tree, books: PortfolioBooks) -> None:
    console.print()
    if tree["unmarked"]:
        show_text(f"No price is known of {', '.join(tree['unmarked'])}: counted at cost.")
    if any(row["lots"] is None for row in tree["holdings"]):
        show_text("Holdings that changed without a trade have no lots here; `tapeline tax lots` has them.")
    if tree["beta"] is not None and tree["beta"]["unknown"]:
        show_text(f"No beta is known of {', '.join(tree['beta']['unknown'])}: not in the weighted sum.")
    accepted = [fact for fact in books.views.control.accepted if fact.account == tree["account"]]
    for sentence in [*accepted_remarks([accepted_sentence(fact) for fact in accepted]), *books.sources]:
        show_text(sentence)


def _with_share(exposure: Tree, name: str) -> str:
    return f"{_money(exposure[name])} ({_percent(exposure[f'{name}_share'], 1)})"


def _money(amount: str | Decimal | None) -> str:
    if amount is None:
        return UNKNOWN
    value = Decimal(amount)
    return f"{value:,.0f}" if abs(value) >= WHOLE_FROM else f"{value:,.2f}"


def _whole(amount: str) -> str:
    return f"{Decimal(amount):,.0f}"


def _price(amount: str | None) -> str:
    if amount is None:
        return UNKNOWN
    return f"{Decimal(amount):,.{2 if Decimal(amount) >= 1 else 4}f}"


def _quantity(amount: str) -> str:
    return f"{Decimal(amount).normalize():,f}"


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.2f}"


def _percent(value: float | None, digits: int = 2) -> str:
    return UNKNOWN if value is None else percent(value, digits)


def _in_percent(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value * 100:,.2f}"


def _show(table: TextTable) -> None:
    if table.rows:
        console.print()
        table.show()


def _day(time: str) -> str:
    return time[:10]
