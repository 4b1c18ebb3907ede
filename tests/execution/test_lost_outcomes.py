"""Requests whose outcome nobody told: in doubt until a look-up by name, and not sent twice."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest

from execution.by_hand import a_working_order, asked, fills, say
from execution.running import SETTINGS, T0, Trader
from tapeline.domain.reports import Question, Request, RequestFailed
from tapeline.domain.times import SECOND
from tapeline.domain.words import OrderStatus, Reason, Side
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.ledger.canonical import decode
from tapeline.ledger.order_facts import CancelRejected
from tapeline.ledger.replaces import Replaces


def test_a_request_without_an_answer_is_unknown_after_the_time_out_and_found_by_its_name(trader: Trader) -> None:
    name = trader.place()
    trader.turn()
    trader.link.let_out()
    trader.link.inward.clear()
    trader.wait(9)
    assert trader.status(name) == "PENDING_NEW"

    trader.wait(2)

    assert trader.status(name) == "UNKNOWN"
    assert trader.views.orders.working[name].exposed_quantity == 10
    trader.settle()
    assert trader.status(name) == "NEW"
    assert trader.venue.submits == {name: 1}


def test_a_request_that_failed_is_looked_up_and_not_sent_again(trader: Trader) -> None:
    name = trader.place()
    trader.turn()
    trader.link.fail(0, after=True)
    trader.link.inward.clear()

    trader.turn()
    assert trader.status(name) == "UNKNOWN"
    trader.settle_for(5)

    assert trader.status(name) == "NEW"
    assert trader.venue.submits == {name: 1}


def test_a_failure_that_comes_after_the_acceptance_is_ignored(trader: Trader) -> None:
    name = a_working_order(trader)

    recorded = say(trader, RequestFailed(trader.now, Request.SUBMIT, name, "timed out"))

    assert (recorded, trader.status(name)) == ([], "NEW")


def test_an_order_that_never_arrived_ends_after_the_horizon_and_not_before(trader: Trader) -> None:
    name = trader.place()
    trader.turn()
    trader.link.fail(0, after=False)
    trader.settle_for(59)
    assert trader.status(name) == "UNKNOWN"

    trader.settle_for(2)

    assert trader.status(name) == "REJECTED"
    assert trader.recorded[-1].reason is Reason.NEVER_ARRIVED
    assert trader.venue.submits == {}


class SteadyTrader(Trader):
    """A trader whose clock is set, by `behind_s` seconds ahead of the time that has run."""

    behind_s = 0

    def new_keeper(self) -> OrderKeeper:
        def steady_ns() -> int:
            return self.now - self.behind_s * SECOND - T0

        return OrderKeeper(
            self.views, self.record, self.settings, random=Random(1), now_ns=self.now, steady_ns=steady_ns
        )

    def set_clock(self, seconds: int) -> None:
        self.link.now += seconds * SECOND
        self.behind_s += seconds


@pytest.mark.parametrize(("set_s", "ends_s"), [(0, 60), (20, 100)])
def test_a_clock_that_is_set_ahead_ends_no_order_before_the_horizon_has_run(set_s: int, ends_s: int) -> None:
    """Twice by twenty seconds, the first time ten seconds after it was lost: by the clock it ends after 100."""
    trader = SteadyTrader()
    trader.ready()
    name = trader.place()
    trader.turn()
    trader.link.fail(0, after=False)
    trader.turn()
    lost_ns = trader.now
    trader.settle_for(10)
    for _ in range(2):
        trader.set_clock(set_s)
        trader.turn()
    trader.settle_for(ends_s - 2 - (trader.now - lost_ns) // SECOND)
    assert trader.status(name) == "UNKNOWN"

    trader.settle_for(4)

    assert trader.status(name) == "REJECTED"


def test_an_order_that_arrives_late_but_within_the_horizon_is_found(trader: Trader) -> None:
    """Asked at once the venue does not know it; 50 seconds later it has it."""
    name = trader.place()
    trader.turn()
    letter = trader.link.outward[0]
    trader.link.fail(0, after=False)
    trader.settle_for(50)
    letter.act(trader.venue, trader.now)

    trader.settle_for(60)

    assert trader.status(name) == "NEW"
    trader.assert_settled()


def test_a_late_answer_of_before_the_horizon_does_not_end_an_order_after_it(trader: Trader) -> None:
    """Twice the venue said that it does not know the order; the second answer came late, and the order in between."""
    name = trader.place()
    trader.turn()
    letter = trader.link.outward[0]
    trader.link.fail(0, after=False)
    trader.settle()
    trader.wait(16)
    trader.link.let_out()
    (late,) = trader.link.inward
    trader.link.inward.clear()
    letter.act(trader.venue, trader.now)
    trader.wait(100)

    say(trader, late)
    assert trader.status(name) == "UNKNOWN"
    trader.settle_for(100)

    assert trader.status(name) == "NEW"


def test_an_answer_that_a_report_overtook_is_asked_for_again(trader: Trader) -> None:
    """Asked for because of a lost replace, the order is answered with terms that a second replace has changed."""
    name = a_working_order(trader)
    trader.replace(name, 8)
    trader.turn()
    trader.link.fail(0, after=True)
    trader.link.inward.clear()
    trader.turn()
    trader.link.let_out()
    trader.link.arrived += trader.venue.replace(name, trader.now, Decimal(7), None)
    trader.turn()

    trader.link.let_in()
    trader.turn()
    assert trader.views.orders.working[name].quantity == 7
    trader.settle_for(5)

    trader.assert_settled()


def test_an_answer_that_a_cancel_overtook_is_asked_for_again(trader: Trader) -> None:
    """The venue answered before the cancel left, so what it says is of before it."""
    name = a_working_order(trader)
    trader.replace(name, quantity=20)
    trader.turn()
    trader.link.fail(0, after=False)
    trader.turn()
    trader.link.let_out()
    (answer,) = trader.link.inward
    trader.link.inward.clear()
    trader.cancel(name)
    trader.turn()

    say(trader, answer)

    assert asked(trader) == [Question.ORDER]


def test_an_order_that_appears_after_the_horizon_is_adopted_and_canceled(trader: Trader) -> None:
    name = trader.place()
    trader.turn()
    letter = trader.link.outward[0]
    trader.link.fail(0, after=False)
    trader.settle_for(100)
    assert trader.status(name) == "REJECTED"

    trader.link.say(letter.act(trader.venue, trader.now))
    trader.settle_for(5)

    assert "OrderAdopted" in trader.kinds()
    assert trader.status(name) == "CANCELED"
    assert trader.venue.lines[name].status is OrderStatus.CANCELED


def test_it_is_left_working_where_the_settings_say_so() -> None:
    trader = Trader(replace(SETTINGS, cancels_revived=False)).ready()
    name = trader.place()
    trader.turn()
    letter = trader.link.outward[0]
    trader.link.fail(0, after=False)
    trader.settle_for(100)

    letter.act(trader.venue, trader.now)
    trader.settle_for(400)

    assert trader.status(name) == "NEW"
    trader.assert_settled()


def test_a_fill_of_an_order_that_was_given_up_is_booked(trader: Trader) -> None:
    name = trader.place()
    trader.turn()
    letter = trader.link.outward[0]
    trader.link.fail(0, after=False)
    trader.settle_for(100)
    letter.act(trader.venue, trader.now)
    trader.fill(name, 10)

    trader.settle_for(5)

    assert (trader.status(name), trader.held()) == ("FILLED", 10)
    trader.assert_settled()


def test_an_order_that_the_venue_had_is_not_ended_because_it_does_not_know_it_any_more(trader: Trader) -> None:
    name = a_working_order(trader)
    forgotten = trader.venue.lines.pop(name)

    trader.settle_for(1200)

    assert trader.status(name) == "NEW"
    findings = [
        finding["finding"] for fact in trader.recorded if fact.kind == "Reconciled" for finding in fact.findings
    ]
    assert set(findings) == {"ORDER_MISSING"}
    trader.venue.lines[name] = forgotten
    trader.settle_for(700)
    trader.assert_settled()


def test_a_lost_cancel_is_sent_again_once_the_order_was_found_working(trader: Trader) -> None:
    name = a_working_order(trader)
    trader.cancel(name)
    trader.turn()
    trader.link.fail(0, after=False)

    trader.settle_for(5)

    assert trader.status(name) == "CANCELED"
    trader.assert_settled()


def test_a_lost_replace_is_not_sent_again(trader: Trader) -> None:
    name = a_working_order(trader)
    trader.replace(name, 8)
    trader.turn()
    trader.link.fail(0, after=False)
    trader.settle_for(30)
    assert trader.status(name) == "UNKNOWN"

    trader.settle_for(60)

    assert (trader.status(name), trader.venue.lines[name].quantity) == ("NEW", 10)
    assert trader.recorded[-1].kind == "ReplaceRejected"


def test_a_replace_waits_for_the_answer_to_the_one_before_it_and_only_the_newest_does(trader: Trader) -> None:
    name = a_working_order(trader)
    trader.replace(name, 20)
    trader.turn()
    for quantity in (19, 18):
        trader.replace(name, quantity)
    trader.turn()
    assert len(trader.link.outward) == 1

    trader.settle()

    assert trader.views.orders.working[name].quantity == trader.venue.lines[name].quantity == 18
    assert trader.status(name) == "NEW"


def test_a_refusal_that_is_told_twice_does_not_answer_the_next_request(trader: Trader) -> None:
    name = a_working_order(trader)
    (fill,) = fills(trader, name, 5)
    say(trader, fill)
    trader.replace(name, 5)
    trader.turn()
    trader.link.let_out()
    (refusal,) = trader.link.inward
    trader.settle()
    trader.replace(name, 7)
    trader.turn()

    say(trader, refusal)

    assert trader.status(name) == "PENDING_REPLACE"


def test_a_replace_whose_answer_was_lost_is_found_by_its_terms(trader: Trader) -> None:
    name = a_working_order(trader)
    trader.replace(name, 8, "99")
    trader.turn()
    trader.link.fail(0, after=True)
    trader.link.inward.clear()

    trader.settle_for(5)

    state = trader.views.orders.working[name]
    assert (state.status.name, state.quantity, state.limit_price) == ("NEW", 8, 99)


def test_a_cancel_of_an_order_in_doubt_waits_for_the_look_up(trader: Trader) -> None:
    name = trader.place()
    trader.turn()
    letter = trader.link.outward[0]
    trader.link.fail(0, after=False)
    trader.turn()
    trader.cancel(name)

    trader.settle_for(20)
    assert trader.status(name) == "UNKNOWN"
    letter.act(trader.venue, trader.now)
    trader.settle_for(60)

    assert trader.status(name) == "CANCELED"
    trader.assert_settled()


def test_a_replace_of_an_order_in_doubt_waits_for_the_look_up(trader: Trader) -> None:
    name = trader.place()
    trader.turn()
    trader.link.fail(0, after=True)
    trader.turn()
    trader.replace(name, 8)
    trader.turn()
    assert [letter.request for letter in trader.link.outward if letter.request] == []

    trader.settle_for(5)

    assert trader.views.orders.working[name].quantity == trader.venue.lines[name].quantity == 8
    trader.assert_settled()


def test_a_lost_replace_is_not_answered_by_what_is_asked_for_after_it(trader: Trader) -> None:
    """Made 15 without our hearing of it, and 10 asked for while that is in doubt: 10 that fill are not the end."""
    name = a_working_order(trader)
    trader.replace(name, 15)
    trader.turn()
    trader.link.fail(0, after=True)
    trader.link.inward.clear()
    trader.turn()
    trader.replace(name, 10)

    say(trader, *[replace(fill, leaves_quantity=Decimal(0)) for fill in fills(trader, name, 10)])

    assert trader.views.orders.states[name].status.is_working
    trader.settle_for(5)
    trader.assert_settled()


def test_a_lost_end_is_found_with_its_fills(trader: Trader) -> None:
    """4 of 10 filled, then canceled, and nothing of it was told; a refused second cancel says that it is over."""
    name = a_working_order(trader)
    trader.cancel(name)
    trader.turn()
    trader.fill(name, 4)
    trader.link.let_out()
    trader.link.inward.clear()

    say(trader, CancelRejected(trader.now, name, OrderStatus.CANCELED, "too late"))
    trader.settle_for(5)

    assert (trader.status(name), trader.held()) == ("CANCELED", 4)
    trader.assert_settled()


def test_orders_of_one_group_that_were_sent_together_are_in_doubt_together_and_no_others(trader: Trader) -> None:
    pair = [trader.place(side=Side.SELL, group="pair") for _ in range(2)]
    others = [trader.place(), trader.place(group="another")]
    trader.turn()

    say(trader, RequestFailed(trader.now, Request.SUBMIT, pair[0], "timed out"))

    assert [trader.status(name) for name in (*pair, *others)] == ["UNKNOWN", "UNKNOWN", "PENDING_NEW", "PENDING_NEW"]


def test_a_cancel_that_fails_puts_no_other_order_of_its_group_in_doubt(trader: Trader) -> None:
    name = a_working_order(trader, group="pair")
    other = trader.place(group="pair")
    trader.cancel(name)
    trader.turn()

    say(trader, RequestFailed(trader.now, Request.CANCEL, name, "timed out"))

    assert (trader.status(name), trader.status(other)) == ("UNKNOWN", "PENDING_NEW")


def test_replaces_that_waited_for_one_another_wait_again_after_a_restart(trader: Trader) -> None:
    """Of each one has left when the process dies; its answer comes from a look-up, then the newest is sent."""
    gone, *names = [a_working_order(trader) for _ in range(3)]
    trader.replace(gone, 20)
    trader.turn()
    trader.link.outward.clear()
    trader.replace(gone, 19)
    trader.fill(gone, 10)
    trader.settle()
    assert trader.status(gone) == "FILLED"
    for name in names:
        trader.replace(name, 20)
    trader.turn()
    for name in names:
        trader.replace(name, 19)
        trader.replace(name, 18)
    trader.stop()
    replaces = Replaces()
    for body in trader.journal:
        replaces.see(decode(body))

    trader.keeper.take_over(replaces.lines)
    trader.start()
    trader.settle_for(120)

    for name in names:
        assert trader.views.orders.working[name].quantity == trader.venue.lines[name].quantity == 18
    trader.assert_settled()


def test_a_cancel_and_a_replace_that_wait_are_not_lost_with_the_link_and_those_behind_one_that_left_are(
    trader: Trader,
) -> None:
    canceled, changed, in_line = (a_working_order(trader) for _ in range(3))
    trader.replace(in_line, 9)
    trader.turn()
    trader.cancel(canceled)
    trader.replace(changed, 8)
    trader.replace(in_line, 7)

    trader.link.lose(letters_arrive=False)
    trader.turn()

    assert [trader.status(name) for name in (canceled, changed, in_line)] == [
        "PENDING_CANCEL", "PENDING_REPLACE", "UNKNOWN",
    ]  # fmt: skip
    trader.link.restore()
    trader.settle_for(200)
    assert trader.status(canceled) == "CANCELED"
    assert [trader.venue.lines[name].quantity for name in (changed, in_line)] == [8, 7]
    trader.assert_settled()


def test_a_replace_does_not_wait_for_the_answer_about_another_order(trader: Trader) -> None:
    first, second = a_working_order(trader), a_working_order(trader)
    for quantity in (9, 8):
        trader.replace(first, quantity)
        trader.replace(second, quantity)
    trader.turn()
    assert [letter.name for letter in trader.link.outward] == [first, second]

    trader.link.let_out(1)
    trader.link.let_in()
    trader.turn()

    assert [(letter.name, letter.total) for letter in trader.link.outward] == [(first, 9), (second, 8)]


def test_a_second_cancel_waits_until_the_look_up_has_told_what_became_of_the_first(trader: Trader) -> None:
    name = a_working_order(trader)
    trader.cancel(name)
    trader.turn()
    trader.link.fail(0, after=False)
    trader.turn()
    assert trader.status(name) == "UNKNOWN"

    trader.cancel(name)
    trader.turn()
    assert [letter.request for letter in trader.link.outward] == [None]

    trader.settle_for(120)
    assert trader.status(name) == "CANCELED"
    trader.assert_settled()


def test_a_fill_waits_with_those_before_it_that_wait_for_their_order(trader: Trader) -> None:
    """What the second leaves rests on the first, which only the order as the venue has it can place."""
    name = a_working_order(trader, 10)
    first, second, third = fills(trader, name, 4, 5, 1)
    say(trader, first)
    trader.keeper.take([replace(first, execution=replace(second.execution, quantity=Decimal(7)))], trader.now)
    waiting = trader.held()

    say(trader, third)

    assert (waiting, trader.held(), trader.status(name)) == (4, 4, "PARTIALLY_FILLED")
