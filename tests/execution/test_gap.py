"""Gaps and starts: when nothing may be risked, what is asked, and what closes the gap again."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.by_hand import a_working_order, an_exit, asked, fills, say, with_position
from execution.running import SETTINGS, Trader
from tapeline.domain.control import GapCause
from tapeline.domain.reports import LinkRestored, OpenOrdersAnswered, OrderAnswered, PositionsAnswered, Question
from tapeline.domain.times import SECOND
from tapeline.domain.words import Purpose, Reason, Side
from tapeline.ledger.control_facts import GapOpened
from tapeline.ledger.order_facts import CancelIntended

# A gap ----------------------------------------------------------------------------------------------------------


def test_a_start_opens_a_gap_that_closes_when_all_four_questions_are_answered() -> None:
    trader = Trader()
    trader.start()
    assert trader.recorded == [GapOpened(trader.now, GapCause.START, "")]
    assert sorted(asked(trader)) == [
        Question.OPEN_ORDERS, Question.EXECUTIONS, Question.POSITIONS, Question.CASH,
    ]  # fmt: skip
    assert not trader.keeper.may_risk("A")

    for _ in range(3):
        trader.link.let_out()
        trader.link.let_in()
        trader.turn()
        assert not trader.keeper.may_risk("A")
    trader.settle()

    assert trader.kinds() == ["GapOpened", "Reconciled", "GapClosed"]
    assert trader.keeper.may_risk("A")


def test_what_happened_while_the_link_was_lost_is_found_before_the_gap_closes(trader: Trader) -> None:
    name = a_working_order(trader)
    trader.link.lose(letters_arrive=False)
    trader.turn()
    trader.fill(name, 4)
    trader.venue.expire(name, trader.now)
    trader.wait(30)
    assert (trader.status(name), trader.held()) == ("NEW", 0)

    trader.link.restore()
    trader.settle_for(5)

    assert (trader.status(name), trader.held()) == ("EXPIRED", 4)
    assert trader.kinds()[-1] == "GapClosed"
    trader.assert_settled()


def test_requests_under_way_are_in_doubt_when_the_link_is_lost(trader: Trader) -> None:
    name = trader.place()
    trader.turn()
    trader.link.lose(letters_arrive=True)
    trader.turn()
    assert trader.status(name) == "UNKNOWN"
    (lost,) = [fact for fact in trader.recorded if fact.kind == "OutcomeLost"]
    assert lost.text == "The link was lost before an answer came."

    trader.link.restore()
    trader.settle_for(5)

    assert trader.status(name) == "NEW"


def test_nothing_leaves_without_a_link(trader: Trader) -> None:
    trader.link.lose(letters_arrive=False)
    trader.turn()
    an_exit(trader)

    trader.wait(1000)  # the link asserts that nothing is sent

    assert trader.link.outward == []


def test_news_of_a_link_that_was_never_missed_open_a_gap_too(trader: Trader) -> None:
    recorded = say(trader, LinkRestored(trader.now))

    assert recorded == [GapOpened(trader.now, GapCause.LINK_LOST, "")]


def test_a_lost_link_opens_a_gap_that_tells_why(trader: Trader) -> None:
    trader.link.lose(letters_arrive=False)

    assert trader.turn() == [GapOpened(trader.now, GapCause.LINK_LOST, "socket closed")]


def test_the_answer_about_one_order_tells_of_the_clocks_too(trader: Trader) -> None:
    name = trader.place()
    trader.turn()
    trader.link.fail(0, after=True)
    trader.turn()
    assert trader.status(name) == "UNKNOWN"
    trader.link.now += SECOND
    while trader.link.outward:
        trader.link.let_out()
    (answer,) = [told for told in trader.link.inward if isinstance(told, OrderAnswered)]

    say(trader, replace(answer, event_time_ns=trader.now + 7 * SECOND))

    assert trader.keeper.clocks_apart_ns() == 7 * SECOND
    assert trader.keeper.clocks_apart_ns() == 0


def test_an_exit_waits_for_the_gap_to_close_and_leaves_then(trader: Trader) -> None:
    with_position(trader)
    trader.link.lose(letters_arrive=False)
    trader.turn()
    name = an_exit(trader)
    trader.link.restore()
    trader.turn()
    assert [letter for letter in trader.link.outward if letter.request] == []

    trader.settle_for(5)

    assert trader.status(name) == "NEW"
    trader.assert_settled()


def test_an_exit_of_a_short_holding_leaves_after_the_gap_too(trader: Trader) -> None:
    sold = a_working_order(trader, side=Side.SELL)
    trader.fill(sold, 10)
    trader.settle()
    trader.link.lose(letters_arrive=False)
    trader.turn()
    cover, more = (trader.place(side=Side.BUY, quantity=10, purpose=Purpose.EXIT_RULE) for _ in range(2))

    trader.link.restore()
    trader.settle_for(5)

    assert (trader.status(cover), trader.status(more)) == ("NEW", "REJECTED")
    trader.assert_settled()


def test_of_two_exits_that_waited_one_closes_what_is_held(trader: Trader) -> None:
    """Ten are held, and two exits of ten wait: the first takes all, the second would sell what is not held."""
    with_position(trader)
    trader.link.lose(letters_arrive=False)
    trader.turn()
    first, second = an_exit(trader), an_exit(trader)

    trader.link.restore()
    trader.settle_for(5)

    assert (trader.status(first), trader.status(second)) == ("NEW", "REJECTED")
    trader.assert_settled()


@pytest.mark.parametrize(("is_called_back", "status"), [(True, "NEW"), (False, "REJECTED")])
def test_an_exit_that_waited_counts_the_stop_that_works(trader: Trader, is_called_back: bool, status: str) -> None:
    with_position(trader)
    stop = trader.place(side=Side.SELL, quantity=10, price="90", purpose=Purpose.STOP)
    trader.settle()
    trader.link.lose(letters_arrive=False)
    trader.turn()
    if is_called_back:
        trader.cancel(stop)
    name = an_exit(trader)

    trader.link.restore()
    trader.settle_for(5)

    assert trader.status(name) == status
    trader.assert_settled()


@given(st.lists(st.tuples(st.integers(1, 12), st.booleans()), max_size=6), st.integers(1, 20))
def test_exits_that_waited_never_close_more_than_is_held(wishes: list[tuple[int, bool]], held: int) -> None:
    """Some work when the link is lost, the others are asked for meanwhile; then everything that left is filled."""
    trader = with_position(Trader().ready(), held)
    room = held
    for quantity, waits in wishes:
        if not waits and quantity <= room:
            room -= quantity
            an_exit(trader, quantity)
    trader.settle()
    trader.link.lose(letters_arrive=False)
    trader.turn()
    late = [an_exit(trader, quantity) for quantity, waits in wishes if waits]
    trader.link.restore()
    trader.settle_for(5)

    for quantity, name in zip([quantity for quantity, waits in wishes if waits], late, strict=True):
        fits = quantity <= room
        room -= quantity if fits else 0
        assert trader.status(name) == ("NEW" if fits else "REJECTED")
    for name, state in [*trader.views.orders.working.items()]:
        trader.fill(name, int(state.leaves_quantity))
    trader.settle()
    assert trader.held() == room >= 0


@pytest.mark.parametrize(("theirs", "quantity", "status"), [(2, 10, "REJECTED"), (2, 2, "NEW"), (13, 10, "NEW")])
def test_of_a_symbol_that_the_gap_locked_an_exit_leaves_for_what_the_venue_confirms(
    trader: Trader, theirs: int, quantity: int, status: str
) -> None:
    with_position(trader)
    trader.link.lose(letters_arrive=False)
    trader.turn()
    trader.venue.positions["A"] = Decimal(theirs)
    name = an_exit(trader, quantity)
    trader.link.restore()
    trader.settle_for(5)

    assert trader.views.control.locks
    assert trader.status(name) == status


def test_a_closing_order_of_a_flatten_that_waited_is_not_sent(trader: Trader) -> None:
    """The flatten makes it anew, over the books as the gap leaves them: the venue holds two of ten by now."""
    with_position(trader)
    trader.link.lose(letters_arrive=False)
    trader.turn()
    trader.venue.positions["A"] = Decimal(2)
    name = trader.place(side=Side.SELL, quantity=10, purpose=Purpose.FLATTEN)
    trader.link.restore()
    trader.settle_for(5)

    assert trader.views.control.locks
    assert trader.status(name) == "REJECTED"
    assert name not in trader.venue.lines


def test_an_exit_of_what_was_closed_in_the_gap_is_not_sent(trader: Trader) -> None:
    """The stop filled while the link was down: an exit would sell what is not held any more."""
    with_position(trader)
    stop = trader.place(side=Side.SELL, quantity=10, price="90", purpose=Purpose.STOP)
    trader.settle()
    trader.link.lose(letters_arrive=False)
    trader.turn()
    trader.fill(stop, 10)
    name = an_exit(trader)

    trader.link.restore()
    trader.settle_for(5)

    assert (trader.held(), trader.status(name)) == (0, "REJECTED")
    assert trader.recorded[-1].reason is Reason.NEVER_ARRIVED
    assert name not in trader.venue.lines


def test_an_entry_that_waited_is_not_sent_at_all(trader: Trader) -> None:
    trader.link.lose(letters_arrive=False)
    trader.turn()
    name = trader.place()

    trader.link.restore()
    trader.settle_for(5)

    assert trader.status(name) == "REJECTED"
    assert trader.venue.lines == {}


def test_what_waits_is_not_taken_for_lost(trader: Trader) -> None:
    with_position(trader)
    trader.link.lose(letters_arrive=False)
    trader.turn()
    name = an_exit(trader)
    trader.link.restore()
    trader.turn()
    trader.link.lose(letters_arrive=False)
    trader.turn()

    assert trader.status(name) == "PENDING_NEW"


def test_the_cancel_of_an_entry_does_not_wait_for_the_gap_to_close(trader: Trader) -> None:
    name = a_working_order(trader)
    trader.link.lose(letters_arrive=False)
    trader.turn()
    trader.link.restore()
    trader.turn()
    trader.cancel(name, purpose=Purpose.ENTRY)
    trader.turn()

    assert [letter.name for letter in trader.link.outward if letter.request] == [name]


def test_the_cancel_of_a_stop_waits_for_the_gap_to_close_unless_nobody_decided_it(trader: Trader) -> None:
    """It may have filled, or what it protects may be gone; a cancel without a purpose repeats one that was lost."""
    with_position(trader)
    stops = [trader.place(side=Side.SELL, quantity=5, price="90", purpose=Purpose.STOP) for _ in range(2)]
    trader.settle()
    trader.link.lose(letters_arrive=False)
    trader.turn()
    trader.link.restore()
    trader.turn()
    for name, purpose in zip(stops, (Purpose.EXIT_RULE, None), strict=True):
        trader.wishes.add(name)
        trader.keeper.cancel(trader.record(CancelIntended(trader.now, name, purpose=purpose)))
    trader.turn()

    assert [letter.name for letter in trader.link.outward if letter.request] == stops[1:]
    trader.settle_for(5)
    assert [trader.status(name) for name in stops] == ["CANCELED", "CANCELED"]


def test_questions_are_asked_until_they_are_answered_less_and_less_often() -> None:
    """First after 5 s, lengthened by at most half, then after twice as long, up to 60 s."""
    trader = Trader()
    trader.start()
    times = []
    for _ in range(8):
        trader.link.outward.clear()
        due = trader.keeper.next_time_ns
        times.append(due - trader.now)
        trader.link.now = due + 30 * SECOND  # those of the other three questions besides
        trader.turn()

    assert 5 * SECOND <= times[0] <= 7.5 * SECOND
    assert max(times) <= 90 * SECOND
    assert asked(trader)


def test_a_late_answer_to_a_question_that_was_asked_again_does_no_harm(trader: Trader) -> None:
    """The list of open orders is from before the order; its second asking is what counts."""
    trader.link.now += 300 * SECOND
    trader.turn()
    old = [trader.venue.answer(query, trader.now) for query in trader.questions_under_way()]
    name = a_working_order(trader)
    trader.link.outward.clear()
    trader.wait(8)

    say(trader, *old)

    (still_open,) = [fact for fact in old if isinstance(fact, OpenOrdersAnswered)]
    assert still_open.orders == ()
    assert trader.status(name) == "NEW"
    trader.settle_for(10)
    trader.assert_settled()


# Starts ---------------------------------------------------------------------------------------------------------


def test_an_order_intended_before_a_stop_is_unknown_until_it_was_looked_up(trader: Trader) -> None:
    """One had left, the other had not; nobody can tell them apart."""
    left = trader.place()
    trader.turn()
    trader.link.let_out()
    never_left = trader.place("B")

    trader.stop()
    trader.start()

    assert {trader.status(left), trader.status(never_left)} == {"UNKNOWN"}
    trader.settle_for(100)
    assert (trader.status(left), trader.status(never_left)) == ("NEW", "REJECTED")
    assert trader.venue.submits == {left: 1}


def test_after_a_start_replaces_wait_behind_one_that_may_have_left_and_the_newest_of_them_leaves(
    trader: Trader,
) -> None:
    name = a_working_order(trader)
    trader.replace(name, price="99")
    trader.turn()
    trader.stop()
    trader.start()
    sent = []
    send = trader.link.replace

    def replace_seen(name: str, decided_ns: int, **terms: Any) -> None:
        sent.append(terms["limit_price"])
        send(name, decided_ns, **terms)

    trader.link.replace = replace_seen  # type: ignore[method-assign]
    for price in ("98", "97"):
        trader.replace(name, price=price)
    trader.settle_for(120)

    assert sent == [97]
    assert trader.views.orders.states[name].limit_price == 97
    trader.assert_settled()


def test_starting_twice_changes_nothing(trader: Trader) -> None:
    trader.place()
    trader.turn()
    trader.stop()
    trader.start()
    before = trader.views.to_bytes()

    assert trader.start() == []
    trader.stop()
    assert trader.start() == []

    assert trader.views.to_bytes() == before


def test_what_executed_while_the_program_was_down_is_booked_after_it(trader: Trader) -> None:
    name = a_working_order(trader)
    trader.stop()
    trader.link.now += 3 * 3600 * SECOND
    fills(trader, name, 4)

    trader.start()
    trader.settle_for(5)

    assert trader.held() == 4
    trader.assert_settled()


def test_books_from_the_journal_are_those_that_were_kept(trader: Trader) -> None:
    with_position(trader)
    trader.link.lose(letters_arrive=True)
    trader.turn()
    trader.link.restore()
    trader.settle_for(5)
    kept = trader.views.to_bytes()

    trader.stop()

    assert trader.views.to_bytes() == kept


def test_a_perfect_venue_is_taken_at_its_word() -> None:
    perfect = Trader(replace(SETTINGS, is_perfect=True))
    perfect.start()
    name = perfect.place()
    perfect.turn()
    perfect.link.let_out()
    named = [replace(fill, execution=replace(fill.execution, strategy="Dip")) for fill in fills(perfect, name, 4, 6)]
    perfect.link.arrived += [*perfect.link.inward, *named]
    perfect.turn()

    assert perfect.kinds() == ["OrderAccepted", "OrderFilled", "OrderFilled"]
    assert perfect.keeper.next_time_ns is None
    assert perfect.keeper.may_risk("A")


@pytest.mark.parametrize("apart_s", [0, -7, 7])
def test_answers_tell_how_far_the_clocks_are_apart_however_long_they_travel(apart_s: int) -> None:
    """Three seconds under way: only what lies outside of the time between question and answer counts."""
    trader = Trader().ready()
    assert trader.keeper.clocks_apart_ns() == 0
    trader.keeper.compare(trader.now)
    trader.turn()
    query = next(one for one in trader.questions_under_way() if one.question is Question.POSITIONS)
    asked_ns = trader.now
    trader.link.now += 3 * SECOND
    told_ns = asked_ns + apart_s * SECOND if apart_s < 0 else trader.now + apart_s * SECOND
    trader.link.arrived += [PositionsAnswered(told_ns, query.query_id, {})]
    trader.turn()

    assert trader.keeper.clocks_apart_ns() == apart_s * SECOND
    assert trader.keeper.clocks_apart_ns() == 0, "told once"
