"""Orders that are asked for by name: when, how often, and what is recorded once the venue has answered."""

from __future__ import annotations

from decimal import Decimal

import pytest

from execution.bare import ACCOUNT, T0, Bare, an_execution, an_order, found, intended
from tapeline.domain.reports import EXTERNAL, OrderAnswered, Query, Question, Request, VenueOrder
from tapeline.domain.times import SECOND
from tapeline.domain.words import OrderStatus, Reason, Side
from tapeline.ledger.order_facts import (
    CancelIntended,
    CancelRejected,
    OrderAccepted,
    OrderAdopted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OutcomeLost,
    ReplaceIntended,
    ReplaceRejected,
)

HORIZON = T0 + 40 * SECOND
LOST = OutcomeLost(T0, "o1", Request.SUBMIT)


def in_doubt() -> Bare:
    """An order whose submit was lost, and which is asked for."""
    desk = Bare(*intended(), LOST)
    desk.look_ups.begin("o1", T0)
    return desk


def answer(desk: Bare, order: VenueOrder | None, now_ns: int, name: str = "o1") -> list[Query]:
    """Let the venue answer what it was asked last; return what is asked then."""
    query = [query for query in desk.asked() if query.question is Question.ORDER][-1]
    desk.look_ups.on_answer(OrderAnswered(now_ns, query.query_id, name, order), now_ns)
    return desk.asked()


# When it is asked for -------------------------------------------------------------------------------------------


def test_an_order_is_asked_for_once_while_its_answer_is_waited_for() -> None:
    desk = in_doubt()
    desk.look_ups.begin("o1", T0 + 9)

    assert [(query.question, query.client_order_id) for query in desk.asked()] == [(Question.ORDER, "o1")]


def test_a_miss_counts_on_when_the_order_is_asked_for_by_another_road() -> None:
    """Not known at the beginning, wanted again by a comparison, not known at the horizon: it never arrived."""
    desk = in_doubt()
    answer(desk, None, T0)
    desk.look_ups.begin("o1", T0 + 9)
    desk.questions.on_time(HORIZON)

    answer(desk, None, HORIZON)

    text = "The venue does not know it, asked 2 times, the last time after all that may delay a request."
    assert desk.told == [OrderRejected(HORIZON, "o1", Reason.NEVER_ARRIVED, text)]
    assert len(desk.look_ups) == 0


def test_one_answer_alone_ends_nothing_even_after_the_horizon() -> None:
    desk = in_doubt()
    desk.questions.on_time(T0 + 3600 * SECOND)

    answer(desk, None, T0 + 3600 * SECOND)

    assert desk.told == []
    assert len(desk.look_ups) == 1


def test_what_was_lost_anew_lets_the_horizon_and_the_misses_begin_anew() -> None:
    desk = in_doubt()
    answer(desk, None, T0)
    desk.look_ups.begin("o1", T0 + 30 * SECOND, anew=True)
    answer(desk, None, T0 + 30 * SECOND)
    assert desk.look_ups.is_waiting is False

    assert desk.questions.next_time_ns == HORIZON + 30 * SECOND


def test_it_is_asked_for_at_the_horizon_at_the_latest_and_then_less_and_less_often() -> None:
    """Waits of 120 and 240 s, the first of which the horizon of 40 s cuts short."""
    desk = Bare(*intended(), OrderAccepted(T0, "o1", "V1"))
    desk.look_ups.begin("o1", T0)

    answer(desk, None, T0)
    first = desk.questions.next_time_ns
    desk.questions.on_time(HORIZON)
    answer(desk, None, HORIZON)

    assert (first, desk.questions.next_time_ns) == (HORIZON, HORIZON + 240 * SECOND)


def test_an_answer_of_before_is_as_good_as_none_for_a_comparison_that_begins() -> None:
    desk = in_doubt()
    answer(desk, None, T0)
    before = desk.look_ups.is_waiting

    desk.look_ups.renew()

    assert (before, desk.look_ups.is_waiting) == (False, True)


def test_an_answer_that_something_overtook_is_asked_for_again_at_once() -> None:
    desk = in_doubt()
    desk.books.record(CancelIntended(T0, "o1"))

    (again,) = answer(desk, None, T0)

    assert again.client_order_id == "o1"
    assert desk.look_ups.is_waiting


def test_a_cancel_waits_for_a_look_up_only_if_there_is_one() -> None:
    desk = in_doubt()
    cancel = CancelIntended(T0 + 1, "o1")

    assert desk.look_ups.defer(cancel)
    assert not desk.look_ups.defer(CancelIntended(T0 + 1, "o2"))
    answer(desk, found(), T0 + 5)

    assert desk.sent == [cancel]


# The venue does not know it -------------------------------------------------------------------------------------


def test_the_executions_of_an_order_that_nobody_knows_are_booked_and_it_is_asked_for_no_more() -> None:
    desk = Bare()
    desk.look_ups.hold(an_execution(client_order_id="V-9"), T0)
    assert desk.look_ups.is_waiting

    answer(desk, None, T0, "V-9")
    desk.questions.on_time(HORIZON)
    answer(desk, None, HORIZON, "V-9")

    assert [fact.kind for fact in desk.told] == ["OrderAdopted", "OrderFilled"]
    assert desk.told[0].event_time_ns == HORIZON
    assert len(desk.look_ups) == 0


@pytest.mark.parametrize("heard", [OrderAccepted(T0, "o1", "V1"), OrderFilled(an_execution(
    strategy="Dip", account=ACCOUNT), Decimal(6)
)])  # fmt: skip
def test_an_order_that_was_heard_of_does_not_end_by_not_being_known(heard: OrderAccepted | OrderFilled) -> None:
    desk = Bare(*intended(), heard)
    desk.look_ups.begin("o1", T0)
    answer(desk, None, T0)
    desk.questions.on_time(HORIZON)

    answer(desk, None, HORIZON)

    assert desk.told == []
    assert len(desk.look_ups) == 1


# The venue has it -----------------------------------------------------------------------------------------------


def test_an_order_that_works_there_has_arrived() -> None:
    desk = in_doubt()

    answer(desk, found(venue_order_id="V7"), T0 + 6)

    assert desk.told == [OrderAccepted(T0 + 5, "o1", "V7")]
    assert len(desk.look_ups) == 0


@pytest.mark.parametrize(
    ("status", "end"),
    [
        (OrderStatus.EXPIRED, OrderExpired(T0 + 5, "o1")),
        (OrderStatus.CANCELED, OrderCanceled(T0 + 5, "o1")),
        (OrderStatus.FILLED, OrderCanceled(T0 + 5, "o1")),
        (OrderStatus.REJECTED, OrderRejected(T0 + 5, "o1", Reason.NONE, "found by a look-up")),
    ],
)
def test_an_order_that_ended_there_ends_here(status: OrderStatus, end: object) -> None:
    desk = in_doubt()

    answer(desk, found(status=status), T0 + 6)

    assert desk.told == [end]
    assert len(desk.look_ups) == 0


def test_what_has_filled_was_not_rejected_whatever_the_venue_calls_its_end() -> None:
    desk = Bare(*intended(), OrderFilled(an_execution(strategy="Dip", account=ACCOUNT), Decimal(6)))
    desk.look_ups.begin("o1", T0)

    answer(desk, found(filled=4, status=OrderStatus.REJECTED), T0 + 6)

    assert desk.told == [OrderCanceled(T0 + 5, "o1")]


def test_an_order_that_ended_on_both_sides_is_asked_for_no_more() -> None:
    desk = Bare(*intended(), OrderCanceled(T0, "o1"))
    desk.look_ups.begin("o1", T0)

    answer(desk, found(status=OrderStatus.CANCELED), T0 + 6)

    assert (desk.told, len(desk.look_ups)) == ([], 0)


def test_an_order_of_nobody_here_that_is_over_leaves_no_trace() -> None:
    desk = Bare()
    desk.look_ups.begin("o1", T0)

    answer(desk, found(status=OrderStatus.CANCELED), T0 + 6)

    assert (desk.told, len(desk.look_ups)) == ([], 0)


def test_an_execution_under_a_name_that_the_venue_gives_to_another_order_is_somebody_else_s() -> None:
    desk = Bare(*intended())
    desk.look_ups.hold(an_execution(symbol="B"), T0)

    answer(desk, found(symbol="B"), T0 + 6)

    order = an_order("external~E1", 4, symbol="B", strategy=EXTERNAL, decision_time_ns=T0 + 1)
    assert desk.told[0] == OrderAdopted(T0 + 6, order)
    assert desk.views.position(EXTERNAL, "B", ACCOUNT).quantity == 4
    assert len(desk.look_ups) == 0


def test_a_lost_replace_is_over_when_the_venue_shows_the_old_terms_after_the_horizon() -> None:
    desk = Bare(
        *intended(), OrderAccepted(T0, "o1", "V1"), ReplaceIntended(T0, "o1", quantity=Decimal(8)),
        OutcomeLost(T0, "o1", Request.REPLACE),
    )  # fmt: skip
    desk.look_ups.begin("o1", T0)
    answer(desk, found(), T0 + 6)
    assert desk.told == []
    desk.questions.on_time(HORIZON)

    answer(desk, found(), HORIZON)

    text = "The venue has the order with its old terms, after all that may delay a request."
    assert desk.told == [ReplaceRejected(HORIZON, "o1", OrderStatus.NEW, text)]
    assert len(desk.look_ups) == 0


def test_a_lost_cancel_is_sent_again_when_the_venue_shows_the_order_at_work() -> None:
    desk = Bare(
        *intended(), OrderAccepted(T0, "o1", "V1"), CancelIntended(T0, "o1"), OutcomeLost(T0, "o1", Request.CANCEL)
    )
    desk.look_ups.begin("o1", T0)

    answer(desk, found(), T0 + 6)

    text = "The venue has the order and no cancel of it; it is sent again."
    assert desk.told == [CancelRejected(T0 + 6, "o1", OrderStatus.NEW, text), CancelIntended(T0 + 6, "o1")]
    assert desk.sent == [CancelIntended(T0 + 6, "o1")]
    assert len(desk.look_ups) == 0


@pytest.mark.parametrize("request_", [Request.CANCEL, Request.REPLACE])
def test_while_the_venue_has_a_request_under_way_nothing_is_concluded_or_sent_again(request_: Request) -> None:
    """As a venue that is closed takes a cancel and carries it out when it opens."""
    asked = CancelIntended(T0, "o1") if request_ is Request.CANCEL else ReplaceIntended(T0, "o1", quantity=Decimal(8))
    status = OrderStatus.PENDING_CANCEL if request_ is Request.CANCEL else OrderStatus.PENDING_REPLACE
    desk = Bare(*intended(), OrderAccepted(T0, "o1", "V1"), asked, OutcomeLost(T0, "o1", request_))
    desk.look_ups.begin("o1", T0)
    now = T0
    for _ in range(9):
        answer(desk, found(status=status), now)
        assert (desk.told, desk.sent, len(desk.look_ups)) == ([], [], 1)
        now = desk.questions.next_time_ns or 0
        desk.questions.on_time(now)
    assert now > HORIZON

    answer(desk, found(), now)

    assert isinstance(desk.told[0], CancelRejected if request_ is Request.CANCEL else ReplaceRejected)
    assert len(desk.look_ups) == 0


def test_an_order_that_had_never_arrived_is_adopted_and_canceled_when_it_is_found() -> None:
    desk = Bare(*intended(), LOST, OrderRejected(T0, "o1", Reason.NEVER_ARRIVED))
    desk.look_ups.begin("o1", T0)

    answer(desk, found(), T0 + 6)

    assert desk.told == [OrderAdopted(T0 + 6, an_order(), "V1"), CancelIntended(T0 + 6, "o1")]
    assert desk.sent == [CancelIntended(T0 + 6, "o1")]


# Executions that are missing ------------------------------------------------------------------------------------


def test_while_executions_are_missing_they_are_asked_for_from_further_back_each_time() -> None:
    """900 s before the order, then 1,800, 3,600 and 7,200; nothing is concluded until they are there."""
    desk = Bare(*intended())
    desk.look_ups.begin("o1", T0)
    now, times = T0, []
    for _ in range(4):
        asked = answer(desk, found(filled=4, status=OrderStatus.CANCELED), now)
        times += [query.since_ns for query in asked if query.question is Question.EXECUTIONS]
        desk.questions.answered((Question.EXECUTIONS, ""), asked[0].query_id)
        now = desk.questions.next_time_ns or 0
        desk.questions.on_time(now)

    assert [(T0 - since) // SECOND for since in times if since is not None] == [900, 1800, 3600, 7200]
    assert (desk.told, len(desk.look_ups)) == ([], 1)


def test_it_is_asked_for_again_as_soon_as_executions_were_told_and_once() -> None:
    desk = Bare(*intended())
    desk.look_ups.begin("o1", T0)
    answer(desk, found(filled=4), T0)

    desk.look_ups.executions_told(T0 + 1)
    assert [query.question for query in desk.asked()] == [Question.ORDER]

    desk.look_ups.executions_told(T0 + 2)
    assert desk.asked() == []


def test_executions_that_waited_are_booked_with_room_and_before_their_order_ends() -> None:
    desk = Bare(*intended())
    desk.look_ups.hold(an_execution(1, 7), T0)
    desk.look_ups.hold(an_execution(2, 5), T0)

    is_done = found(12, 12, status=OrderStatus.FILLED)
    (asked_again,) = answer(desk, is_done, T0 + 5)
    assert desk.told == []  # it was asked before the second one came
    desk.look_ups.on_answer(OrderAnswered(T0 + 6, asked_again.query_id, "o1", is_done), T0 + 6)

    assert [fact.kind for fact in desk.told] == ["OrderReplaced", "OrderFilled", "OrderFilled"]
    assert (desk.state().status, desk.state().filled_quantity) == (OrderStatus.FILLED, 12)
    assert desk.views.position("Dip", "A", ACCOUNT).quantity == 12
    assert len(desk.look_ups) == 0


def test_an_execution_of_an_order_that_was_not_known_until_then_is_not_taken_for_somebody_else_s() -> None:
    """The request was slow: it was asked for twice before it arrived and filled, and the second answer comes late."""
    desk = in_doubt()
    answer(desk, None, T0 + 2 * SECOND)
    desk.questions.on_time(HORIZON)
    desk.look_ups.hold(an_execution(1, 10), T0)

    (asked_again,) = answer(desk, None, HORIZON)
    assert (desk.told, len(desk.look_ups)) == ([], 1)
    filled = found(10, 10, status=OrderStatus.FILLED)
    desk.look_ups.on_answer(OrderAnswered(HORIZON + 1, asked_again.query_id, "o1", filled), HORIZON + 1)

    assert desk.views.position("Dip", "A", ACCOUNT).quantity == 10


def test_what_waits_of_another_side_is_booked_apart() -> None:
    desk = Bare(*intended())
    desk.look_ups.hold(an_execution(side=Side.SELL), T0)

    answer(desk, found(side=Side.SELL), T0 + 6)

    assert desk.views.position(EXTERNAL, "A", ACCOUNT).quantity == -4
    assert desk.views.position("Dip", "A", ACCOUNT).quantity == 0


def test_what_waits_and_corrects_an_execution_that_is_booked_is_no_further_one() -> None:
    desk = Bare(*intended())
    desk.bookings.book(an_execution("1~2", 4))
    desk.look_ups.hold(an_execution("1~3", 5), T0)

    answer(desk, found(filled=5), T0 + 6)

    assert [fact.kind for fact in desk.told] == ["OrderFilled", "ExecutionCorrected"]
    assert (desk.state().filled_quantity, desk.state().leaves_quantity) == (5, 5)
