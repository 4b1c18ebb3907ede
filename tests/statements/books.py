"""A random book of facts, the statement of a broker who saw exactly that, and errors to plant into a copy of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tapeline.domain.adopted import EXTERNAL, Grounds, HoldingCause
from tapeline.domain.cash import CashCause
from tapeline.domain.execution import Execution
from tapeline.domain.words import Side
from tapeline.ledger.adopted_facts import CashAdopted, ExecutionAdopted, HoldingChanged
from tapeline.ports.journal import Fact
from tapeline.statements.discrepancy import Cause
from tapeline.statements.model import (
    EndCash,
    EndPosition,
    Stated,
    StatedBust,
    StatedExecution,
    Statement,
    day_ns,
    moment_ns,
)

ZONE = ZoneInfo("America/New_York")
GROUNDS = Grounds("broker")
FIRST, LAST = date(2025, 1, 2), date(2025, 12, 31)


@dataclass
class Book:
    """Facts in order, and the statement that says the same."""

    facts: list[Fact]
    statement: Statement


@st.composite
def books(draw: st.DrawFn) -> Book:
    """Draw a book: executions ten minutes apart or more, prices and amounts that no two share."""
    executions, cash, changes = [], [], []
    days = draw(st.lists(st.integers(0, 300), min_size=1, max_size=12))
    for number, day in enumerate(sorted(days)):
        moment = datetime(2025, 1, 6, 9, 40, tzinfo=ZONE) + timedelta(days=day, minutes=10 * number)
        execution = Execution(
            f"{number:08x}.65900001.01.01",
            f"o{number}",
            EXTERNAL,
            draw(st.sampled_from(["QXR", "WXY"])),
            draw(st.sampled_from(Side)),
            Decimal(draw(st.integers(1, 500))),
            Decimal(2000 + number * 17 + draw(st.integers(0, 9))) / 100,
            Decimal(draw(st.integers(0, 300))) / 100,
            moment_ns(moment),
            account=draw(st.sampled_from(["main", "joint"])),
        )  # fmt: skip
        executions.append(execution)
    for number in range(draw(st.integers(0, 5))):
        day = date(2025, 2, 1) + timedelta(days=number * 50)
        cause = draw(st.sampled_from([CashCause.DIVIDEND, CashCause.FEE, CashCause.DEPOSIT, CashCause.INTEREST]))
        amount = Decimal(100 + 37 * number + draw(st.integers(0, 9))) * (-1 if cause is CashCause.FEE else 1)
        cash.append(CashAdopted(day_ns(day, ZONE), f"c{number}", cause, amount, GROUNDS, "QXR", account="main"))
    if draw(st.booleans()):
        held = sum(e.signed_quantity for e in executions if (e.symbol, e.account) == ("QXR", "main"))
        day = date(2025, 11, 20)
        split = HoldingChanged(
            day_ns(day, ZONE),
            "a1",
            HoldingCause.SPLIT,
            "QXR",
            Decimal(held),
            GROUNDS,
            new_shares=Decimal(2),
            old_shares=Decimal(1),
            account="main",
        )  # fmt: skip
        changes.append(split)
    facts: list[Fact] = [*[ExecutionAdopted(e, GROUNDS) for e in executions], *cash, *changes]
    return Book(facts, a_statement(executions, cash, changes))


def a_statement(executions: list[Execution], cash: list[CashAdopted], changes: list[HoldingChanged]) -> Statement:
    """Return what a broker says who saw these, totals included."""
    held: dict[tuple[str, str], Decimal] = {}
    money: dict[str, Decimal] = {}
    for e in executions:
        held[e.account, e.symbol] = held.get((e.account, e.symbol), Decimal(0)) + e.signed_quantity
        money[e.account] = money.get(e.account, Decimal(0)) - e.signed_quantity * e.price - e.commission
    for change in changes:
        key = change.account, change.symbol
        held[key] = held.get(key, Decimal(0)) + change.quantity
    for entry in cash:
        money[entry.account] = money.get(entry.account, Decimal(0)) + entry.amount
    return Statement(
        "broker",
        FIRST,
        LAST,
        executions=[
            StatedExecution(ExecutionAdopted(e, GROUNDS), f"row {number}") for number, e in enumerate(executions)
        ],
        cash=[Stated(entry, f"cash {number}") for number, entry in enumerate(cash)],
        changes=[Stated(change, f"action {number}") for number, change in enumerate(changes)],
        positions=[EndPosition(a, s, q, LAST, "position") for (a, s), q in sorted(held.items()) if q],
        balances=[EndCash(account, amount, LAST, "cash") for account, amount in sorted(money.items())],
    )


KINDS_OF_ERROR = (
    Cause.MISSING_HERE, Cause.MISSING_THERE, Cause.DOUBLED_HERE, Cause.DOUBLED_THERE, Cause.QUANTITY, Cause.PRICE,
    Cause.FEE, Cause.DATE, Cause.BUSTED, Cause.CASH_MISSING_HERE, Cause.CASH_MISSING_THERE, Cause.CASH_AMOUNT,
    Cause.CASH_DATE, Cause.CASH_DOUBLED_HERE, Cause.ACTION_MISSING_HERE, Cause.ACTION_MISSING_THERE, Cause.ACTION,
)  # fmt: skip
"""What can be planted; each into one fact, so that there is one right answer."""


def plant(book: Book, errors: dict[int, Cause]) -> tuple[list[Fact], Statement, list[tuple[Cause, str]]]:
    """Return the facts of a journal with errors, the statement, and what a reconciliation must find.

    errors : number of the fact -> what is wrong with it; one that does not fit the kind of its fact is passed over
    """
    facts: list[Fact] = []
    truth = book.statement
    busts: list[StatedBust] = []
    stated = {e.fact.execution_id: e for e in truth.executions}
    doubled: list[StatedExecution] = []
    expected: list[tuple[Cause, str]] = []
    for number, fact in enumerate(book.facts):
        error = errors.get(number)
        kept, found = [fact], ""
        if isinstance(fact, ExecutionAdopted):
            execution, found = fact.execution, fact.execution_id
            if error is Cause.MISSING_HERE:
                kept = []
            elif error is Cause.MISSING_THERE:
                del stated[found]
            elif error is Cause.DOUBLED_HERE:
                found = f"copy-{number}"
                kept = [fact, replace(fact, execution=replace(execution, execution_id=found))]
            elif error is Cause.DOUBLED_THERE:
                found = f"copy-{number}"
                copy = replace(fact, execution=replace(execution, execution_id=found))
                doubled.append(StatedExecution(copy, "copy"))
            elif error is Cause.BUSTED:
                del stated[found]
                busts.append(StatedBust(found, execution.account, execution.event_time_ns, "bust"))
            elif error in _WRONG:
                kept = [replace(fact, execution=_WRONG[error](execution))]
            else:
                found = ""
        elif isinstance(fact, CashAdopted):
            found = fact.entry_id
            if error is Cause.CASH_MISSING_HERE:
                kept = []
            elif error is Cause.CASH_MISSING_THERE:
                found = f"stray-{number}"
                kept = [fact, replace(fact, entry_id=found, amount=Decimal(77_777 + 100 * number))]
            elif error is Cause.CASH_DOUBLED_HERE:
                kept, found = [fact, replace(fact, entry_id=f"{found}-copy")], f"{found}-copy"
            elif error is Cause.CASH_AMOUNT:
                kept = [replace(fact, amount=fact.amount * 2)]
            elif error is Cause.CASH_DATE and fact.cause is not CashCause.DIVIDEND:
                kept = [replace(fact, event_time_ns=fact.event_time_ns + 86_400 * 10**9)]
            else:
                found = ""
        elif isinstance(fact, HoldingChanged):
            found = fact.entry_id
            if error is Cause.ACTION_MISSING_HERE:
                kept = []
            elif error is Cause.ACTION_MISSING_THERE:
                stray = replace(fact, entry_id="b1", symbol="GONE", quantity=Decimal(5), account="main")
                kept, found = [fact, stray], "b1"
            elif error is Cause.ACTION:
                kept = [replace(fact, quantity=fact.quantity + 7)]
            else:
                found = ""
        facts += kept
        if found and error is not None:
            expected.append((error, found))
    executions = [*[stated[e.fact.execution_id] for e in truth.executions if e.fact.execution_id in stated], *doubled]
    statement = replace(truth, executions=executions, busts=busts)
    gone = [e.fact.execution for e in truth.executions if e.fact.execution_id not in stated]
    return facts, _without(statement, gone), expected


def _without(statement: Statement, gone: list[Execution]) -> Statement:
    positions = {(p.account, p.symbol): p.quantity for p in statement.positions}
    money = {b.account: b.amount for b in statement.balances}
    for e in gone:
        key = e.account, e.symbol
        positions[key] = positions.get(key, Decimal(0)) - e.signed_quantity
        money[e.account] += e.signed_quantity * e.price + e.commission
    return replace(
        statement,
        positions=[EndPosition(a, s, q, LAST, "position") for (a, s), q in sorted(positions.items()) if q],
        balances=[EndCash(account, amount, LAST, "cash") for account, amount in sorted(money.items())],
    )


def _a_day_later(execution: Execution) -> Execution:
    return replace(execution, event_time_ns=execution.event_time_ns + 86_400 * 10**9)


_WRONG = {
    Cause.QUANTITY: lambda e: replace(e, quantity=e.quantity + 1),
    Cause.PRICE: lambda e: replace(e, price=e.price + Decimal("0.01")),
    Cause.FEE: lambda e: replace(e, commission=e.commission + Decimal("0.25")),
    Cause.DATE: _a_day_later,
}
