"""The broker's own lots and wash sales against ours, with the reasons for which they may rightly differ.

A broker must report a wash sale only where loss and replacement have the same CUSIP in the same account (Reg.
1.6045-1(d)(6)(iii)); the taxpayer's rule reaches over all accounts, retirement accounts and options. So ours may be
larger, and neither is corrected from the other: the difference goes to Form 8949 with its code.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from tapeline.ledger.canonical import amount_text
from tapeline.statements.discrepancy import ZERO, Cause, Discrepancy
from tapeline.statements.model import ClosedLot, Statement, WashFigure
from tapeline.tax.gains import Gain
from tapeline.tax.wash_sales import Disallowance

ROUNDING = Decimal("0.01")
Key = tuple[str, str, date]
"""Account, symbol and day of the sale."""


@dataclass(frozen=True)
class TaxRows:
    """What our engine computed. is_option : whether a symbol is one; retirement : accounts that are"""

    gains: list[Gain]
    disallowances: list[Disallowance]
    is_option: Callable[[str], bool] = field(default=lambda _: False)
    retirement: frozenset[str] = frozenset()


def wash_discrepancies(rows: TaxRows, statement: Statement) -> Iterator[Discrepancy]:
    """Yield the days on which a symbol's disallowed losses differ, if the statement tells any."""
    if not statement.wash_figures:
        return
    theirs: dict[Key, list[WashFigure]] = defaultdict(list)
    for figure in statement.wash_figures:
        theirs[figure.account, figure.symbol, figure.day].append(figure)
    ours: dict[Key, list[Gain]] = defaultdict(list)
    for row in rows.gains:
        if row.disallowed_units and _is_covered(row, statement):
            ours[row.account, row.symbol, row.close_date].append(row)
    for key in sorted({*theirs, *ours}):
        our_total = sum((row.adjustment for row in ours[key]), ZERO)
        their_total = sum((figure.disallowed for figure in theirs[key]), ZERO)
        if abs(our_total - their_total) <= ROUNDING * max(len(ours[key]) + len(theirs[key]), 1):
            continue
        why = _reason(rows, key, ours[key], our_total, their_total)
        yield Discrepancy(
            (Cause.WASH_SALE,), *key,
            f"{key[1]} sold on {key[2]}: {amount_text(our_total)} disallowed here, {amount_text(their_total)} by the "
            f"broker. {why}",
            where=theirs[key][0].where if theirs[key] else "",
        )  # fmt: skip


def lot_discrepancies(rows: TaxRows, statement: Statement) -> Iterator[Discrepancy]:
    """Yield the days on which a symbol's closed lots differ in shares, dates or gain before wash sales."""
    theirs: dict[Key, list[ClosedLot]] = defaultdict(list)
    for lot in statement.lots:
        theirs[lot.account, lot.symbol, lot.closed].append(lot)
    ours: dict[Key, list[Gain]] = defaultdict(list)
    for row in rows.gains:
        ours[row.account, row.symbol, row.close_date].append(row)
    for key in sorted(theirs):
        lots, mine = theirs[key], ours[key]
        our_gain = sum((row.proceeds - row.cost for row in mine), ZERO)
        their_gain = sum((lot.gain for lot in lots), ZERO)
        our_shares, their_shares = sum((r.quantity for r in mine), ZERO), sum((lot.quantity for lot in lots), ZERO)
        our_days = {row.open_date for row in mine}
        their_days = {lot.opened for lot in lots if lot.opened is not None}
        if our_shares != their_shares:
            why = "An execution is missing or different; see above, or import the earlier statements."
        elif abs(our_gain - their_gain) <= ROUNDING * (len(lots) + len(mine)):
            continue
        elif their_days and our_days != their_days:
            why = (
                f"Other lots were sold: bought {_days(our_days)} here, {_days(their_days)} there. The broker's order "
                "in force counts; give it with --method, or identify the lots."
            )
        else:
            why = "The lots are the same and cost something else: a basis that a wash sale, a fee or a split moved."
        yield Discrepancy(
            (Cause.LOTS,), *key,
            f"{key[1]} closed on {key[2]}: {amount_text(our_shares)} shares with {amount_text(our_gain)} here, "
            f"{amount_text(their_shares)} with {amount_text(their_gain)} by the broker. {why}",
            where=lots[0].where,
        )  # fmt: skip


def _is_covered(row: Gain, statement: Statement) -> bool:
    if statement.first is None or statement.last is None or row.account not in statement.accounts:
        return False
    return statement.first <= row.close_date <= statement.last


def _reason(rows: TaxRows, key: Key, mine: list[Gain], ours: Decimal, theirs: Decimal) -> str:
    if ours < theirs:
        return (
            "The broker sees more: a purchase that is not here, or a view of one account alone, in which another "
            "replacement came first. Import every account; a figure that is none is answered with code W and 0."
        )
    mine_ids = {id(row) for row in mine}
    reasons = []
    for found in rows.disallowances:
        if id(found.row) not in mine_ids:
            continue
        if found.account in rows.retirement:
            reasons.append(f"replaced in the retirement account {found.account}, which no broker reports and is lost")
        elif found.account != key[0]:
            reasons.append(f"replaced in account {found.account}; a broker looks at one account")
        elif rows.is_option(found.symbol) or found.symbol != key[1]:
            reasons.append(f"replaced by {found.symbol}, another CUSIP; a broker looks at one")
    if reasons:
        told = "; ".join(dict.fromkeys(reasons))
        return f"Ours is rightly larger: {told}. Report ours with code W."
    return (
        "Loss and replacement are in this account under one symbol, so the broker should have it too: compare the "
        "executions, the lots and the broker's rounding; a noncovered lot is left out by brokers."
    )


def _days(days: set[date]) -> str:
    return " and ".join(str(day) for day in sorted(days)) or "never"
