"""The accountant and the watch: what they compute by hand, and what makes them stop."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from drill.builders import T0, VenueAtWork, a_limit, an_order
from tapeline.domain.adopted import Grounds
from tapeline.domain.cash import CashCause
from tapeline.domain.control import GapCause
from tapeline.domain.errors import InvariantError
from tapeline.domain.execution import Execution
from tapeline.domain.position import Position
from tapeline.domain.reports import Request
from tapeline.domain.words import Side
from tapeline.drill.accountant import Accountant
from tapeline.drill.invariants import Watch
from tapeline.ledger.adopted_facts import ExecutionBusted, ExecutionCorrected
from tapeline.ledger.canonical import encode
from tapeline.ledger.chain import GENESIS, link
from tapeline.ledger.facts import CashMoved, GapClosed, GapOpened
from tapeline.ledger.order_facts import OrderCanceled, OrderFilled, OrderIntended
from tapeline.ledger.views import Views

GROUNDS = Grounds("venue")


def rows_of(*facts: Any, first: int = 1, before: bytes = GENESIS) -> list[tuple[Any, ...]]:
    """Return facts as rows of the journal's table, chained."""
    rows = []
    for sequence, fact in enumerate(facts, first):
        body = encode(fact)
        before = link(before, sequence, fact.kind, body)
        rows.append((sequence, fact.kind, fact.event_time_ns, None, None, None, None, body.decode(), before))
    return rows


def an_execution(name: str, quantity: int, price: str, side: Side = Side.BUY, fee: str = "1") -> Execution:
    """Return an execution of the order "one"."""
    return Execution(name, "one", "Dice", "ABCD", side, Decimal(quantity), Decimal(price), Decimal(fee), T0)


INTENT = OrderIntended(an_order(quantity=Decimal(30)))
FIRST, SECOND = an_execution("E1", 10, "100"), an_execution("E2", 20, "101")
FILLED = (OrderFilled(FIRST, Decimal(20)), OrderFilled(SECOND, Decimal(0)))


def test_sums_are_those_of_a_pencil() -> None:
    """5,000 - 10 x 100 - 1 - 20 x 101 - 1 = 1,978; corrected to 99 it is 1,988; without the second, 4,009."""
    accountant = Accountant()
    corrected = an_execution("E1~2", 10, "99")
    rows = rows_of(
        CashMoved(T0, CashCause.DEPOSIT, Decimal(5_000)),
        INTENT,
        *FILLED,
        ExecutionCorrected(T0, FIRST, corrected, GROUNDS),
        ExecutionBusted(T0, SECOND, GROUNDS),
    )
    cash = []
    for row in rows:
        accountant.read([row])
        cash.append(int(accountant.cash))

    assert cash == [5_000, 5_000, 3_999, 1_978, 1_988, 4_009]
    assert accountant.held() == {"ABCD": Decimal(10)}
    assert list(accountant.executions) == ["E1~2"]
    assert accountant.ended == {"one": "OrderFilled"}


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ((INTENT, INTENT), "is intended a second time"),
        ((FILLED[0],), "fills one, unknown here"),
        ((INTENT, FILLED[0], FILLED[0]), "is booked a second time"),
        ((INTENT, OrderFilled(an_execution("E1", 10, "100", Side.SELL), Decimal(20))), "does not fit its order"),
        ((INTENT, ExecutionBusted(T0, FIRST, GROUNDS)), "does not stand in the books"),
        ((OrderCanceled(T0, "one"),), "which was never intended"),
    ],
)
def test_records_that_contradict_those_before_stop_the_drill(facts: tuple[Any, ...], sentence: str) -> None:
    with pytest.raises(InvariantError, match=sentence):
        Accountant().read(rows_of(*facts))


def test_a_broken_chain_stops_the_drill() -> None:
    rows = rows_of(INTENT, *FILLED)

    with pytest.raises(InvariantError, match="broken at record 3, after 1"):
        Accountant().read([rows[0], rows[2]])
    with pytest.raises(InvariantError, match="broken at record 1"):
        Accountant().read([(*rows[0][:8], b"x" * 32)])


class WatchAtWork(VenueAtWork):
    """A venue and the watch over it."""

    def __init__(self) -> None:
        super().__init__()
        self.watch = Watch(self.time, self.venue, limit=50, exposure=None)
        self.rows: list[tuple[Any, ...]] = []

    def durable(self, *facts: Any) -> None:
        """Let facts become durable."""
        rows = rows_of(*facts, first=len(self.rows) + 1, before=self.rows[-1][8] if self.rows else GENESIS)
        self.rows += rows
        self.watch.durable(rows)


def test_an_execution_that_the_venue_never_made_is_noticed() -> None:
    work = WatchAtWork()
    work.venue.submit([an_order()])
    made = work.venue.account.executions["E1"].as_execution()
    work.durable(OrderIntended(an_order()))

    invented = Execution(
        made.execution_id, "one", "Dice", "ABCD", Side.BUY, made.quantity, made.price + 1, made.commission, T0
    )
    with pytest.raises(InvariantError, match="the venue never said so"):
        work.durable(OrderFilled(invented, Decimal(0)))


def test_an_order_that_is_ended_here_and_works_there_is_noticed() -> None:
    work = WatchAtWork()
    work.venue.submit([a_limit("90")])

    with pytest.raises(InvariantError, match="the books end order one, which works at the venue: 10 of 10"):
        work.durable(OrderIntended(a_limit("90")), OrderCanceled(T0, "one"))


def test_an_end_before_what_has_filled_is_booked_is_noticed_unless_a_gap_is_open() -> None:
    work = WatchAtWork()
    work.venue.submit([an_order()])
    work.durable(OrderIntended(an_order()))
    work.durable(GapOpened(T0, GapCause.REPORT_MISSING), OrderCanceled(T0, "one"))

    other = WatchAtWork()
    other.venue.submit([an_order()])
    with pytest.raises(InvariantError, match="end order one with 0 filled, and no gap is open; at the venue 10 have"):
        other.durable(OrderIntended(an_order()), OrderCanceled(T0, "one"))


def test_what_is_sent_must_be_durable_and_new() -> None:
    work = WatchAtWork()
    with pytest.raises(InvariantError, match="SUBMIT of one is sent before its intent is durable"):
        work.watch.sent(Request.SUBMIT, "one")
    work.durable(OrderIntended(a_limit("90")))

    work.watch.sent(Request.SUBMIT, "one")

    with pytest.raises(InvariantError, match="one is sent a second time"):
        work.watch.sent(Request.SUBMIT, "one")
    with pytest.raises(InvariantError, match="CANCEL of one is sent, but no durable intent says so"):
        work.watch.sent(Request.CANCEL, "one")


def test_an_entry_within_a_gap_is_noticed() -> None:
    work = WatchAtWork()
    work.durable(OrderIntended(a_limit("90")), GapOpened(T0, GapCause.LINK_LOST))

    with pytest.raises(InvariantError, match="Entry one is sent while a gap is open"):
        work.watch.sent(Request.SUBMIT, "one")


def test_a_gap_that_closes_over_a_missing_execution_is_noticed() -> None:
    work = WatchAtWork()
    work.durable(OrderIntended(an_order()))
    work.venue.submit([an_order()])
    work.time.run(work.time.now_ns + 1)
    work.durable(GapOpened(T0, GapCause.LINK_LOST))

    with pytest.raises(InvariantError, match="A gap is closed, but execution E1 of one"):
        work.durable(GapClosed(T0))


def test_an_order_that_arrives_after_its_end_is_noticed() -> None:
    work = WatchAtWork()
    work.durable(OrderIntended(an_order()), OrderCanceled(T0, "one"))

    with pytest.raises(InvariantError, match="arrives at the venue after the books have ended it by OrderCanceled"):
        work.watch.arrived("one")


def test_a_position_of_ours_beyond_the_limit_is_noticed() -> None:
    """The limit is 50 shares; 30 and 30 are 60."""
    work = WatchAtWork()
    work.venue.tell = work.watch.told
    for name in ("one", "two"):
        work.durable(OrderIntended(an_order(name, quantity=Decimal(30))))
        work.watch.sent(Request.SUBMIT, name)
    work.venue.submit([an_order("one", quantity=Decimal(30))])

    with pytest.raises(InvariantError, match="Our orders hold 60 ABCD at the venue; the limit is 50"):
        work.venue.submit([an_order("two", quantity=Decimal(30))])


def views_of(*facts: Any) -> Views:
    views = Views()
    for fact in facts:
        views.apply(fact)
    return views


def test_books_that_hold_or_pay_something_else_are_noticed() -> None:
    work = WatchAtWork()
    work.venue.submit([an_order()])
    made = work.venue.account.executions["E1"].as_execution()
    facts = [OrderIntended(an_order()), OrderFilled(replace(made, strategy="Dice"), Decimal(0))]
    work.durable(*facts)

    def turned(views: Views) -> None:
        work.watch._turned_count = -1
        work.watch.turned(views)

    turned(views_of(*facts))
    views = views_of(*facts)
    views.positions["main", "Ghost", "EFGH"] = Position("main", "Ghost", "EFGH", Decimal(1))
    with pytest.raises(InvariantError, match="The views hold 1 EFGH for Ghost, the executions make 0"):
        turned(views)
    views = views_of(*facts)
    views.cash["main"] = replace(
        views.cash["main"], commissions=Decimal(9), traded=views.cash["main"].traded + 9 - made.commission
    )
    with pytest.raises(InvariantError, match="The views have fees of 9, the executions"):
        turned(views)
    views = views_of(*facts)
    views.profits.booked("main", "Dice", Decimal(1))
    with pytest.raises(InvariantError, match="paid to Dice"):
        turned(views)
