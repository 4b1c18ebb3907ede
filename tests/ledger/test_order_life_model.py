"""Interleavings of fill, partial fill, replace, cancel, disconnect, duplicate and reorder, against a plain venue."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.ledger.builders import T0, a_deposit, an_order
from tests.ledger.venue_order import NAME, Reader, Report, Venue, standing

from tapeline.domain.reports import Request
from tapeline.domain.words import OrderStatus, Reason
from tapeline.ledger.canonical import decode, encode
from tapeline.ledger.order_facts import CancelIntended, OrderIntended, OrderRejected, OutcomeLost, ReplaceIntended
from tapeline.ledger.views import Views

TOTAL, TOTAL_MAX = 6, 9
KEY = ("main", "Dip", "ABCD")
NUMBERS = st.integers(0, 99)


class OrderLife(RuleBasedStateMachine):
    """An order, the venue that has it, requests on their way there and reports on their way back."""

    def __init__(self) -> None:
        super().__init__()
        self.venue = Venue()
        self.views = Views()
        self.reader = Reader(self.views)
        self.requests: list[tuple[str, int]] = []
        self.reports: list[Report] = []
        self.given_up = False
        self.untold = False

    @initialize(slow=st.sampled_from([False, False, False, True]))
    def submit(self, slow: bool) -> None:
        """The intent is recorded, then the request leaves; most are there at once."""
        self.reader.record(a_deposit())
        self.reader.record(OrderIntended(an_order(quantity=Decimal(TOTAL))))
        if slow:
            self.requests.append(("submit", TOTAL))
        else:
            self.reports.append(self.venue.arrive("submit", TOTAL))

    @property
    def works(self) -> bool:
        """Whether the ledger says that the order works: nothing is asked of one that has ended."""
        return self.reader.state.status.is_working

    @property
    def amendment_is_on_its_way(self) -> bool:
        """Whether the venue has said otherwise about an execution, and that is not known here."""
        return any(report.what in ("busted", "corrected") for report in [*self.reports, *self.reader.held_back])

    # What we do

    @precondition(lambda self: self.works and self.reader.state.asked.get(Request.CANCEL) is not False)
    @rule()
    def cancel(self) -> None:
        self.reader.record(CancelIntended(T0, NAME))
        self.requests.append(("cancel", 0))

    @precondition(lambda self: self.works and Request.REPLACE not in self.reader.state.asked)
    @rule(total=st.integers(1, TOTAL_MAX))
    def replace_total(self, total: int) -> None:
        self.reader.record(ReplaceIntended(T0, NAME, quantity=Decimal(total)))
        self.requests.append(("replace", total))

    @precondition(lambda self: False in self.reader.state.asked.values())
    @rule(request=st.sampled_from(Request))
    def time_runs_out(self, request: Request) -> None:
        """A request has no answer in time, whether or not it has arrived."""
        self.reader.record(OutcomeLost(T0, NAME, request, "timed out"))

    @precondition(lambda self: self.reader.state.asked.get(Request.SUBMIT) and not self.venue.known)
    @rule()
    def give_up(self) -> None:
        """The venue does not know the order; a submit that is still on its way proves us wrong later."""
        self.reader.record(OrderRejected(T0, NAME, Reason.NEVER_ARRIVED))
        self.given_up = True

    # What the link does

    @precondition(lambda self: self.requests)
    @rule(number=NUMBERS)
    def request_arrives(self, number: int) -> None:
        """In any order; what names an order that the venue does not know is refused without a word."""
        request, quantity = self.requests.pop(number % len(self.requests))
        if self.venue.known or request == "submit":
            self.reports.append(self.venue.arrive(request, quantity))

    @precondition(lambda self: self.requests)
    @rule(number=NUMBERS)
    def request_is_lost(self, number: int) -> None:
        self.requests.pop(number % len(self.requests))

    @precondition(lambda self: self.reports)
    @rule(number=NUMBERS)
    def report_arrives(self, number: int) -> None:
        self.reader.read(self.reports.pop(number % len(self.reports)))

    @precondition(lambda self: self.reports)
    @rule(number=NUMBERS)
    def report_arrives_and_will_again(self, number: int) -> None:
        self.reader.read(self.reports[number % len(self.reports)])

    @precondition(lambda self: self.reports)
    @rule()
    def link_is_lost(self) -> None:
        """What was on its way is gone, both ways."""
        self.untold = self.untold or self.amendment_is_on_its_way
        self.reports.clear()
        self.requests.clear()
        self.reader.held_back.clear()

    @precondition(lambda self: self.venue.known or self.reader.state.asked.get(Request.SUBMIT))
    @rule()
    def look(self) -> None:
        """Ask the venue; what it answers is as new as anything can be, and older reports may still come."""
        self.reader.look(self.venue)
        self.untold = False
        if not self.venue.known:
            self.given_up = True

    # What the venue does

    @precondition(lambda self: self.venue.open)
    @rule(quantity=st.integers(1, 3), price=st.integers(1, 50))
    def fill(self, quantity: int, price: int) -> None:
        self.reports.append(self.venue.fill(min(quantity, self.venue.open), price))

    @precondition(lambda self: self.venue.open)
    @rule(price=st.integers(1, 50))
    def fill_the_rest(self, price: int) -> None:
        self.reports.append(self.venue.fill(self.venue.open, price))

    @precondition(lambda self: self.venue.works)
    @rule(end=st.sampled_from(["expired", "canceled", "rejected"]))
    def venue_ends_it(self, end: str) -> None:
        """What has filled is never rejected."""
        self.reports.append(self.venue.finish("canceled" if self.venue.executions else end))

    @precondition(lambda self: any(quantity for quantity, _ in self.venue.executions.values()))
    @rule(number=NUMBERS, reopens=st.booleans())
    def bust(self, number: int, reopens: bool) -> None:
        names = [name for name, (quantity, _) in self.venue.executions.items() if quantity]
        self.reports.append(self.venue.bust(names[number % len(names)], reopens))

    @precondition(lambda self: any(quantity for quantity, _ in self.venue.executions.values()))
    @rule(number=NUMBERS, price=st.integers(1, 50))
    def correct(self, number: int, price: int) -> None:
        names = [name for name, (quantity, _) in self.venue.executions.items() if quantity]
        self.reports.append(self.venue.correct(names[number % len(names)], price))

    @rule()
    def nothing_happens(self) -> None:
        """An order that was given up and is on its way no more leaves nothing else to do."""

    # What must hold

    @invariant()
    def holdings_are_the_sum_of_what_was_recorded(self) -> None:
        booked = list(standing(self.reader.facts))
        held = sum((execution.quantity for execution in booked), Decimal(0))
        paid = sum((execution.quantity * execution.price for execution in booked), Decimal(0))
        if NAME in self.views.orders.states:
            assert self.reader.state.filled_quantity == held
        assert self.views.quantity("ABCD") == held
        assert not self.reader.facts or self.views.cash_amount() == 100_000 - paid

    @invariant()
    def nothing_is_booked_that_the_venue_never_did(self) -> None:
        for execution in standing(self.reader.facts):
            assert execution.execution_id.rstrip("~") in self.venue.executions

    @invariant()
    def working_and_ended_are_each_others_opposite(self) -> None:
        orders = self.views.orders
        assert orders.working.keys() | orders.ended.keys() == orders.states.keys()
        assert not orders.working.keys() & orders.ended.keys()
        assert all(state.status.is_working for state in orders.working.values())
        assert all(orders.states[name].status is status for name, status in orders.ended.items())

    @invariant()
    def what_may_still_fill_counts_as_exposure(self) -> None:
        """As long as there is no amendment that nobody could know of, nor an order that was given up."""
        if self.amendment_is_on_its_way or self.untold or self.given_up or not self.reader.facts:
            return
        state = self.reader.state
        if state.status.is_working:
            exposed = self.views.orders.exposures()[KEY].buys
            assert state.filled_quantity + exposed >= self.venue.filled + self.venue.open
        else:
            assert not self.venue.open

    @invariant()
    def a_lost_outcome_is_unknown_until_it_is_told(self) -> None:
        if NAME in self.views.orders.working:
            lost = True in self.reader.state.asked.values()
            assert (self.reader.state.status is OrderStatus.UNKNOWN) == lost

    def teardown(self) -> None:
        """In the end the venue is asked, and both books agree; the journal's bytes give the same books again."""
        if not self.reader.facts:
            return
        self.requests.clear()
        self.reader.look(self.venue)
        state = self.reader.state
        assert state.status.is_working == self.venue.works
        if self.venue.known:
            assert (state.filled_quantity, state.leaves_quantity) == (self.venue.filled, self.venue.open)
            assert sum(e.quantity * e.price for e in standing(self.reader.facts)) == sum(
                quantity * price for quantity, price in self.venue.executions.values()
            )
        before = len(self.reader.facts)
        self.reader.look(self.venue)
        assert [fact.kind for fact in self.reader.facts[before:]] in ([], ["OrderAccepted"])
        rebuilt = Views()
        rebuilt.apply_all(decode(encode(fact)) for fact in self.reader.facts)
        assert rebuilt.to_bytes() == self.views.to_bytes()


def test_any_interleaving_leaves_the_books_of_the_venue() -> None:
    run_state_machine_as_test(OrderLife, settings=settings(stateful_step_count=30, deadline=None))
