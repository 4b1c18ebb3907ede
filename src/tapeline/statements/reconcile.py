"""A journal against a statement: every difference with its cause and the entry that would mend it.

    found = reconcile(our_books(facts, zone), statement, zone)

Executions, cash and changes of holdings are compared one by one; then the end positions and the end cash. What the
single differences explain is not told again as a difference of the totals, and what is left over is never netted
against anything. A pure function of its arguments, whatever their order; an exact copy gives nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from zoneinfo import ZoneInfo

from tapeline.domain.cash import CashCause
from tapeline.ledger.canonical import amount_text
from tapeline.statements.discrepancy import ZERO, Cause, Discrepancy, place
from tapeline.statements.model import EndCash, Statement, day_of
from tapeline.statements.our_books import OurBooks
from tapeline.statements.reconcile_cash import ROUNDING, cash_discrepancies, change_discrepancies
from tapeline.statements.reconcile_tax import TaxRows, lot_discrepancies, wash_discrepancies
from tapeline.statements.reconcile_trades import trade_discrepancies


def reconcile(
    books: OurBooks, statement: Statement, zone: ZoneInfo, tax_rows: TaxRows | None = None
) -> list[Discrepancy]:
    """Return the differences by account, day and symbol.

    zone : of the exchange; tax_rows : our gains and disallowed losses, None leaves the broker's out of account
    """
    found = [
        *trade_discrepancies(books.executions, statement, zone, books.used_ids),
        *cash_discrepancies(books, statement, zone),
        *change_discrepancies(books, statement, zone),
    ]
    if statement.fees_apart:
        found = _without_fees_told_apart(found, books, statement, zone)
    found += [*_positions(books, statement, found, zone), *_balances(books, statement, found, zone)]
    if tax_rows is not None:
        found += [*wash_discrepancies(tax_rows, statement), *lot_discrepancies(tax_rows, statement)]
    return sorted(found, key=place)


def _positions(
    books: OurBooks, statement: Statement, found: list[Discrepancy], zone: ZoneInfo
) -> Iterator[Discrepancy]:
    if not statement.positions:
        return
    explained: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for one in found:
        explained[one.account, one.symbol] += one.quantity_effect
    last = {p.account: p.day for p in statement.positions}
    held: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for standing in books.executions:
        execution = standing.execution
        if execution.account in last and day_of(execution.event_time_ns, zone) <= last[execution.account]:
            held[execution.account, execution.symbol] += execution.signed_quantity
    for change in books.changes:
        if change.account in last and change.day <= last[change.account]:
            held[change.account, change.symbol] += change.quantity
            if change.new_symbol is not None:
                held[change.account, change.new_symbol] += change.new_quantity
    told = {(p.account, p.symbol): p for p in statement.positions}
    for key in sorted({*told, *held}):
        position = told.get(key)
        theirs = position.quantity if position is not None else ZERO
        ours, known = held[key], explained[key]
        if ours + known == theirs:
            continue
        rest = amount_text(theirs - ours - known)
        because = f", of which {amount_text(known)} is explained above" if known else ""
        yield Discrepancy(
            (Cause.POSITION,), key[0], key[1], last[key[0]],
            f"{key[1]} at the end of {last[key[0]]}: {amount_text(ours)} here, {amount_text(theirs)} there{because}; "
            f"{rest} is unexplained. Import the earlier statements; a transfer or a corporate action may be missing.",
            where=position.where if position is not None else "",
        )  # fmt: skip


def _balances(books: OurBooks, statement: Statement, found: list[Discrepancy], zone: ZoneInfo) -> Iterator[Discrepancy]:
    explained: dict[str, Decimal] = defaultdict(Decimal)
    for one in found:
        explained[one.account] += one.cash_effect
    for balance in statement.balances:
        ours, rows = _cash_of(books, balance, zone)
        known = explained[balance.account]
        rest = balance.amount - ours - known
        if abs(rest) > ROUNDING * max(rows, 1):
            because = f", of which {amount_text(known)} is explained above" if known else ""
            yield Discrepancy(
                (Cause.BALANCE,), balance.account, "", balance.day,
                f"Cash at the end of {balance.day}: {amount_text(ours)} here, {amount_text(balance.amount)} "
                f"there{because}; {amount_text(rest)} is unexplained. Import the earlier statements; an entry of cash "
                "may be missing.",
                where=balance.where,
            )  # fmt: skip


def _cash_of(books: OurBooks, balance: EndCash, zone: ZoneInfo) -> tuple[Decimal, int]:
    total, rows = ZERO, 0
    for standing in books.executions:
        execution = standing.execution
        if execution.account == balance.account and day_of(execution.event_time_ns, zone) <= balance.day:
            total -= execution.signed_quantity * execution.price * standing.multiplier + execution.commission
            rows += 1
    for entry in books.cash:
        if entry.account == balance.account and entry.day <= balance.day:
            total += entry.amount
    for change in books.changes:
        if change.account == balance.account and change.day <= balance.day:
            total += change.cash
    return total, rows


def _without_fees_told_apart(
    found: list[Discrepancy], books: OurBooks, statement: Statement, zone: ZoneInfo
) -> list[Discrepancy]:
    """Leave out fee entries of days whose sum our executions carry themselves."""
    ours: dict[tuple[str, object], Decimal] = defaultdict(Decimal)
    rows: dict[tuple[str, object], int] = defaultdict(int)
    for standing in books.executions:
        key = standing.execution.account, day_of(standing.execution.event_time_ns, zone)
        ours[key] += standing.execution.commission
        rows[key] += 1
    theirs: dict[tuple[str, object], Decimal] = defaultdict(Decimal)
    fees: set[str] = set()
    for entry in statement.cash:
        if entry.fact.cause is CashCause.FEE:
            theirs[entry.fact.account, day_of(entry.fact.event_time_ns, zone)] -= entry.fact.amount
            fees.add(entry.fact.entry_id)
    return [
        one
        for one in found
        if not (
            one.cause is Cause.CASH_MISSING_HERE
            and one.theirs in fees
            and ours[one.account, one.day]
            and abs(ours[one.account, one.day] - theirs[one.account, one.day]) <= ROUNDING * rows[one.account, one.day]
        )
    ]
