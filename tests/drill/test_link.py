"""The link of the drill: each fault does what its name says, and counts what it changed."""

from __future__ import annotations

import pytest

from drill.builders import LinkAtWork, a_limit, an_order
from tapeline.domain.reports import (
    LinkLost,
    LinkRestored,
    OrderAnswered,
    Query,
    Question,
    RequestFailed,
)
from tapeline.domain.times import MINUTE, SECOND
from tapeline.drill.faults import Fault
from tapeline.drill.link import REQUEST_DELAY_MAX_S, Road


def kinds(messages: list[object]) -> list[str]:
    """Return the kinds of what the link handed out, in order."""
    return [getattr(message, "kind", type(message).__name__) for message in messages]


def test_without_faults_everything_passes_in_order_and_once() -> None:
    work = LinkAtWork()
    work.link.submit([an_order()])
    work.link.ask(Query(1, Question.ORDER, client_order_id="one"))

    told = work.after(MINUTE)

    assert sorted(kinds(told)) == ["OrderAccepted", "OrderAnswered", "OrderFilled"]
    assert kinds(told).index("OrderAccepted") < kinds(told).index("OrderFilled")
    assert work.after(MINUTE) == []


@pytest.mark.parametrize("fault", [Fault.REPORT_LOST, Fault.STALL])
def test_reports_may_vanish_without_a_sign(fault: Fault) -> None:
    work = LinkAtWork()
    if fault is Fault.STALL:
        work.link.block(Road.STREAM, fault)
    else:
        work.always(fault)
    work.link.submit([an_order()])

    assert work.after(MINUTE) == []
    assert work.venue.account.held()
    assert work.tally.changed[fault] == 2


def test_a_doubled_report_comes_twice() -> None:
    work = LinkAtWork()
    work.always(Fault.REPORT_DOUBLED)
    work.link.submit([a_limit("90")])

    assert kinds(work.after(2 * MINUTE)) == ["OrderAccepted", "OrderAccepted"]
    assert work.tally.changed[Fault.REPORT_DOUBLED] == 1


def test_a_report_can_be_overtaken_and_only_that_counts() -> None:
    work = LinkAtWork()
    work.always(Fault.REPORT_OVERTAKEN)
    work.link.submit([a_limit("90")])
    work.time.run(work.time.now_ns + SECOND // 5)
    work.weather.end(Fault.REPORT_OVERTAKEN, 1.0)
    work.link.cancel("one", work.time.now_ns)

    assert kinds(work.after(MINUTE)) == ["OrderEnded", "OrderAccepted"]
    assert work.tally.changed[Fault.REPORT_OVERTAKEN] == 1


def test_a_lost_request_never_arrives() -> None:
    work = LinkAtWork()
    work.always(Fault.REQUEST_LOST)
    work.link.submit([an_order()])
    work.after(10 * MINUTE)

    assert work.venue.orders == {}


@pytest.mark.parametrize(("fault", "arrives"), [(Fault.OUTCOME_LOST_DONE, True), (Fault.OUTCOME_LOST_NOT_DONE, False)])
def test_a_time_out_says_nothing_about_what_was_done(fault: Fault, arrives: bool) -> None:
    work = LinkAtWork()
    work.always(fault)
    work.link.submit([a_limit("90")])

    told = work.after(MINUTE)

    (failure,) = [message for message in told if isinstance(message, RequestFailed)]
    assert failure.client_order_id == "one"
    assert ("one" in work.venue.orders) is arrives


def test_a_request_that_left_arrives_within_the_horizon_or_never() -> None:
    work = LinkAtWork()
    work.always(Fault.REQUEST_DELAYED)
    work.always(Fault.REQUEST_DOUBLED)
    for number in range(50):
        work.link.submit([a_limit("90", f"order{number}")])

    work.time.run(work.time.now_ns + REQUEST_DELAY_MAX_S * SECOND)

    assert len(work.venue.orders) == 50
    assert work.link.in_flight == 0


def test_a_doubled_submit_is_no_second_order_and_its_refusal_no_end_of_the_first() -> None:
    work = LinkAtWork()
    work.always(Fault.REQUEST_DOUBLED)
    work.link.submit([a_limit("90")])

    told = work.after(2 * MINUTE)

    assert kinds(told) == ["OrderAccepted", "RequestFailed"]
    assert "unique" in told[1].text
    assert len(list(work.venue.working())) == 1


def test_a_lost_link_says_so_late_and_tells_nothing_of_the_time_between() -> None:
    work = LinkAtWork()
    work.link.submit([a_limit("90")])
    work.after(SECOND)

    work.link.lose(Fault.DISCONNECT)
    work.venue.cancel("one")
    lost = work.after(MINUTE)
    work.link.restore()
    back = work.after(MINUTE)

    assert kinds(lost) == ["LinkLost"]
    assert kinds(back) == ["LinkRestored"]
    assert work.tally.changed[Fault.DISCONNECT] == 1


def test_a_link_that_comes_back_before_anybody_noticed_is_told_as_lost_and_restored() -> None:
    work = LinkAtWork()
    work.link.lose(Fault.DISCONNECT)
    work.link.restore()

    assert [type(message) for message in work.after(MINUTE)] == [LinkLost, LinkRestored]


def test_without_a_link_a_request_fails_and_never_leaves() -> None:
    work = LinkAtWork()
    work.link.lose(Fault.CONNECT_REFUSED)
    work.link.submit([an_order()])
    told = work.after(MINUTE)
    work.link.restore()
    work.after(MINUTE)

    assert "RequestFailed" in kinds(told)
    assert work.venue.orders == {}


def test_each_refused_attempt_is_told_at_once_and_the_first_after_it_connects() -> None:
    work = LinkAtWork()
    begun_ns = work.time.now_ns
    work.link.refuse(Fault.CONNECT_REFUSED)
    refused = work.after(10 * SECOND)
    work.link.restore()  # the end of another fault connects nothing either
    work.link.accept()
    told = work.after(10 * SECOND)

    # at 0, 1, 3 and 7 s; the next attempt is at 15 s
    assert [(message.event_time_ns - begun_ns) // SECOND for message in refused] == [0, 1, 3, 7]
    assert {type(message) for message in refused} == {LinkLost}
    assert [(type(message), (message.event_time_ns - begun_ns) // SECOND) for message in told] == [(LinkRestored, 15)]


def test_an_attempt_to_connect_outlives_the_process_that_was_refused() -> None:
    work = LinkAtWork()
    work.link.refuse(Fault.CONNECT_REFUSED)
    work.link.forget(Fault.CRASH_WHILE_SENDING)
    work.link.accept()

    assert [type(message) for message in work.after(MINUTE)] == [LinkRestored]


def test_a_late_answer_is_an_answer_of_then() -> None:
    work = LinkAtWork()
    work.always(Fault.ANSWER_LATE)
    work.link.ask(Query(1, Question.ORDER, client_order_id="one"))
    work.time.run(work.time.now_ns + SECOND)
    work.link.submit([a_limit("90")])

    (answer,) = [message for message in work.after(5 * MINUTE) if isinstance(message, OrderAnswered)]

    assert answer.order is None
    assert "one" in work.venue.orders


def test_a_new_process_gets_nothing_of_the_old_one_and_requests_that_left_still_arrive() -> None:
    work = LinkAtWork()
    work.link.submit([a_limit("90")])

    work.link.forget(Fault.CRASH_WHILE_SENDING)

    assert kinds(work.after(MINUTE)) == ["OrderAccepted"]
    assert "one" in work.venue.orders


def test_a_new_process_is_told_that_there_is_no_link() -> None:
    work = LinkAtWork()
    work.link.lose(Fault.DISCONNECT)
    work.link.forget(Fault.CRASH_BEFORE_COMMIT)

    work.link.greet()

    assert kinds(work.after(MINUTE)) == ["LinkLost"]
