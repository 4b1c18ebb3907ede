"""Faults planted into the order keeper: the model-based test, or the test of that trouble, finds each of them.

Each is a line that somebody wrote once, in one program or another, and that lost money there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as changed
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from execution import test_comparison as comparisons
from execution import test_gap as gaps
from execution import test_lost_outcomes as lost
from execution import test_order_keeper as orders
from execution.machine import Troubles
from execution.running import Trader
from tapeline.domain.errors import TapelineError
from tapeline.domain.reports import Request
from tapeline.domain.words import Reason
from tapeline.execution import order_keeper, reconciliation
from tapeline.execution.bookings import Bookings
from tapeline.execution.books import Books
from tapeline.execution.comparison import Comparison
from tapeline.execution.look_ups import LookUps
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.execution.order_reports import OrderReports
from tapeline.execution.outbox import Outbox
from tapeline.execution.questions import Questions
from tapeline.ledger.order_facts import OrderCanceled, OrderRejected, OutcomeLost

Plant = Callable[[pytest.MonkeyPatch], None]

SEARCH = settings(
    max_examples=400, stateful_step_count=40, deadline=None, database=None, derandomize=True,
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
    patch.setattr(Outbox, "_may_leave", lambda *_: True)


def requests_have_no_time_out(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(order_keeper, "_deadlines_of", lambda _: [])


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


def leaves_are_those_of_the_report(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("tapeline.execution.bookings.is_alone", lambda _: False)


def a_refusal_is_believed_of_an_order_that_filled(patch: pytest.MonkeyPatch) -> None:
    def believe(self: Any, fact: Any, state: Any) -> bool:
        self._books.record(fact)
        return False

    patch.setattr(OrderReports, "_rejected", believe)


def an_end_is_believed_without_its_fills(patch: pytest.MonkeyPatch) -> None:
    take_end = OrderReports.take_end
    patch.setattr(
        OrderReports, "take_end", lambda self, told, now_ns: take_end(self, changed(told, filled_quantity=0), now_ns)
    )


def a_child_s_fill_tells_nothing_of_others(patch: pytest.MonkeyPatch) -> None:
    book = Bookings.book

    def alone(self: Any, execution: Any, claimed: Any = None) -> bool:
        is_member = self._books.states[execution.client_order_id].order.group is not None
        return book(self, execution, claimed) and not is_member

    patch.setattr(Bookings, "book", alone)


def a_failure_is_believed_after_an_acceptance(patch: pytest.MonkeyPatch) -> None:
    def lose(self: Any, name: str, request: Request, text: str, now_ns: int) -> bool:
        if name in self.working:
            self.record(OutcomeLost(now_ns, name, request, text))
        return name in self.working

    patch.setattr(Books, "lose", lose)


def what_waited_through_a_gap_is_sent_unseen(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Outbox, "_still_fits", lambda *_: True)


def the_first_difference_is_believed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Comparison, "_is_believed", lambda _: True)


def a_missing_position_is_flat(patch: pytest.MonkeyPatch) -> None:
    positions = reconciliation.position_findings

    def only_what_is_listed(ours: Any, quantities: Any, vanished: Any) -> Any:
        return [finding for finding in positions(ours, quantities, vanished) if finding.theirs is not None]

    patch.setattr(reconciliation, "position_findings", only_what_is_listed)


def positions_are_not_those_of_the_answer_s_moment(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Books, "_after", lambda *_: [])


def a_revived_order_is_taken_for_ours_and_left(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LookUps, "_cancel", lambda *_: None)


def an_older_version_of_an_execution_is_another_one(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("tapeline.execution.bookings.version_of", lambda execution_id: (execution_id, 1))


def older_terms_come_back(patch: pytest.MonkeyPatch) -> None:
    replaced = Bookings.replaced

    def whatever(self: Any, fact: Any) -> None:
        self._terms.clear()
        replaced(self, fact)

    patch.setattr(Bookings, "replaced", whatever)


# Those that any course of troubles meets sooner or later are left to the machine to find; the others have their test.
FOUND_BY_THE_MACHINE: list[Plant] = [
    a_cumulative_quantity_is_taken_for_an_increment,
    a_lost_submit_is_sent_again,
    exits_do_not_wait_for_the_gap_to_close,
    a_new_start_believes_that_everything_arrived,
    questions_are_asked_once,
    an_execution_of_a_stranger_is_dropped,
    the_end_of_the_link_is_no_gap,
]
FOUND_BY_A_TEST: list[tuple[Plant, Callable[[Trader], None]]] = [
    (executions_are_not_told_apart, orders.test_an_execution_is_booked_once_whatever_road_it_comes),
    (
        executions_are_asked_for_from_now_on,
        comparisons.test_an_execution_of_somebody_else_that_nobody_told_of_is_found,
    ),
    (an_order_ends_before_its_executions_are_there, lost.test_a_lost_end_is_found_with_its_fills),
    (
        requests_have_no_time_out,
        lost.test_a_request_without_an_answer_is_unknown_after_the_time_out_and_found_by_its_name,
    ),
    (the_first_not_found_is_trusted, lost.test_an_order_that_arrives_late_but_within_the_horizon_is_found),
    (
        a_missing_order_is_taken_for_ended,
        lost.test_an_order_that_the_venue_had_is_not_ended_because_it_does_not_know_it_any_more,
    ),
    (
        an_answer_counts_whatever_it_answers,
        lost.test_a_late_answer_of_before_the_horizon_does_not_end_an_order_after_it,
    ),
    (what_a_request_touched_is_held_against_it, lost.test_an_answer_that_a_report_overtook_is_asked_for_again),
    (a_lost_cancel_is_forgotten, lost.test_a_lost_cancel_is_sent_again_once_the_order_was_found_working),
    (leaves_are_those_of_the_report, orders.test_leaves_are_our_own_sum_and_a_missing_fill_is_asked_for),
    (an_end_is_believed_without_its_fills, orders.test_an_end_is_not_believed_before_what_has_filled_is_booked),
    (
        a_child_s_fill_tells_nothing_of_others,
        orders.test_a_fill_of_a_child_that_leaves_less_than_ours_shows_another_one_missing,
    ),
    (a_refusal_is_believed_of_an_order_that_filled, orders.test_a_refusal_of_an_order_that_has_filled_is_not_believed),
    (a_failure_is_believed_after_an_acceptance, lost.test_a_failure_that_comes_after_the_acceptance_is_ignored),
    (
        a_revived_order_is_taken_for_ours_and_left,
        lost.test_an_order_that_appears_after_the_horizon_is_adopted_and_canceled,
    ),
    (an_older_version_of_an_execution_is_another_one, orders.test_an_older_version_that_comes_late_is_not_booked),
    (older_terms_come_back, orders.test_terms_of_an_older_replace_do_not_come_back),
    (what_waited_through_a_gap_is_sent_unseen, gaps.test_an_exit_of_what_was_closed_in_the_gap_is_not_sent),
    (the_first_difference_is_believed, comparisons.test_a_mismatch_that_passes_by_itself_locks_nothing),
    (a_missing_position_is_flat, comparisons.test_a_position_that_is_missing_is_not_flat),
    (positions_are_not_those_of_the_answer_s_moment, comparisons.test_a_fill_between_two_answers_is_no_mismatch),
]


@pytest.mark.parametrize("plant", FOUND_BY_THE_MACHINE, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found_by_the_machine(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)

    with pytest.raises((AssertionError, TapelineError)):
        run_state_machine_as_test(Troubles, settings=SEARCH)


@pytest.mark.parametrize(("plant", "check"), FOUND_BY_A_TEST, ids=lambda function: function.__name__)
def test_a_planted_fault_fails_its_test(
    plant: Plant, check: Callable[[Trader], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    check(Trader().ready())
    plant(monkeypatch)

    with pytest.raises((AssertionError, TapelineError, ValueError)):  # of a list with more or fewer than expected
        check(Trader().ready())
