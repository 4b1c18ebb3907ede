"""Faults planted into the order keeper: the model-based test finds each of them, so it is not blind.

Each is a line that somebody wrote once, in one program or another, and that lost money there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as changed
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import FlakyFailure
from hypothesis.stateful import run_state_machine_as_test

from execution.machine import Troubles
from tapeline.domain.errors import TapelineError
from tapeline.domain.reports import Request
from tapeline.domain.words import Reason
from tapeline.execution.bookings import Bookings
from tapeline.execution.books import Books
from tapeline.execution.comparison import Comparison
from tapeline.execution.look_ups import LookUps
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.execution.order_reports import OrderReports
from tapeline.execution.questions import Questions
from tapeline.ledger.facts import OrderCanceled, OrderRejected

Plant = Callable[[pytest.MonkeyPatch], None]

SEARCH = settings(
    max_examples=1500, stateful_step_count=40, deadline=None, database=None, derandomize=True,
    suppress_health_check=list(HealthCheck), print_blob=False, report_multiple_bugs=False, phases=[Phase.generate],
)  # fmt: skip


def executions_are_not_told_apart(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Bookings, "is_booked", lambda *_: False)


def a_cumulative_quantity_is_taken_for_an_increment(patch: pytest.MonkeyPatch) -> None:
    book = Bookings.book

    def cumulated(self: Any, execution: Any, claimed: Any = None) -> bool:
        state = self._books.states[execution.client_order_id]
        total = state.filled_quantity + execution.quantity
        return book(self, changed(execution, quantity=min(total, state.quantity - state.filled_quantity)), claimed)

    patch.setattr(Bookings, "book", cumulated)


def a_lost_submit_is_sent_again(patch: pytest.MonkeyPatch) -> None:
    lose = OrderKeeper._lose

    def resend(self: Any, name: str, request: Request, text: str) -> None:
        lose(self, name, request, text)
        state = self._books.working.get(name)
        if request is Request.SUBMIT and state is not None and state.asked.get(request):
            self.submit([state.order])

    patch.setattr(OrderKeeper, "_lose", resend)


def the_first_not_found_is_trusted(patch: pytest.MonkeyPatch) -> None:
    def trust(self: Any, name: str, look_up: Any, asked: Any, now_ns: int) -> bool:
        if name in self._books.working:
            self._books.record(OrderRejected(now_ns, name, Reason.NEVER_ARRIVED))
        return True

    patch.setattr(LookUps, "_not_known", trust)


def a_missing_order_is_taken_for_ended(patch: pytest.MonkeyPatch) -> None:
    compare = Comparison._compare

    def end(self: Any, now_ns: int) -> Any:
        found = compare(self, now_ns)
        for finding in found:
            if finding.kind.name == "ORDER_MISSING":
                self._books.record(OrderCanceled(now_ns, finding.name))
        return found

    patch.setattr(Comparison, "_compare", end)


def what_a_request_touched_is_held_against_it(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Books, "touched_since", lambda *_: False)


def an_answer_counts_whatever_it_answers(patch: pytest.MonkeyPatch) -> None:
    def answered(self: Any, subject: Any, query_id: int) -> Any:
        asked = self._open.get(subject)
        if asked is not None:
            self.drop(subject)
        return asked

    patch.setattr(Questions, "answered", answered)


def exits_do_not_wait_for_the_gap_to_close(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(OrderKeeper, "_may_leave", lambda *_: True)


def requests_have_no_time_out(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(OrderKeeper, "_time", lambda *_: None)


def a_new_start_believes_that_everything_arrived(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(OrderKeeper, "_lose_all", lambda *_: None)


def questions_are_asked_once(patch: pytest.MonkeyPatch) -> None:
    def once(self: Any, now_ns: int) -> None:
        self._timers.take(now_ns)

    patch.setattr(Questions, "on_time", once)


def an_execution_of_a_stranger_is_dropped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LookUps, "hold", lambda *_: None)


def executions_are_asked_for_from_now_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Comparison, "_since_ns", lambda self, now_ns: now_ns)


def an_order_ends_before_its_executions_are_there(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LookUps, "_ask_executions", lambda *_: None)
    patch.setattr(Comparison, "_since_ns", lambda self, now_ns: now_ns)


def a_lost_cancel_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LookUps, "_cancel", lambda *_: None)


def the_end_of_the_link_is_no_gap(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(OrderKeeper, "_link_lost", lambda *_: None)


def a_refusal_is_believed_of_an_order_that_filled(patch: pytest.MonkeyPatch) -> None:
    def believe(self: Any, fact: Any, state: Any) -> bool:
        self._books.record(fact)
        return False

    patch.setattr(OrderReports, "_rejected", believe)


FAULTS: list[Plant] = [
    executions_are_not_told_apart,
    a_cumulative_quantity_is_taken_for_an_increment,
    a_lost_submit_is_sent_again,
    the_first_not_found_is_trusted,
    a_missing_order_is_taken_for_ended,
    what_a_request_touched_is_held_against_it,
    an_answer_counts_whatever_it_answers,
    exits_do_not_wait_for_the_gap_to_close,
    requests_have_no_time_out,
    a_new_start_believes_that_everything_arrived,
    questions_are_asked_once,
    an_execution_of_a_stranger_is_dropped,
    executions_are_asked_for_from_now_on,
    an_order_ends_before_its_executions_are_there,
    a_lost_cancel_is_forgotten,
    the_end_of_the_link_is_no_gap,
]


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)

    with pytest.raises((AssertionError, TapelineError, FlakyFailure, KeyError)):
        run_state_machine_as_test(Troubles, settings=SEARCH)
