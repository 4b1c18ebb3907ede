"""Gaps, comparisons and starts: when nothing may be risked, what is asked, and what closes the gap again."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.running import SETTINGS, T0, Trader
from execution.test_order_keeper import a_working_order, fills, say
from tapeline.domain.adopted import NOT_SHOWN
from tapeline.domain.control import GapCause
from tapeline.domain.reports import EXTERNAL, LinkRestored, OpenOrdersAnswered, PositionsAnswered, Question
from tapeline.domain.times import SECOND
from tapeline.domain.words import OrderStatus, Purpose, Reason, Side


@pytest.fixture
def trader() -> Trader:
    """A trader whose first comparison is done, on a link without faults."""
    return Trader().ready()


def with_position(trader: Trader, quantity: int = 10) -> Trader:
    name = a_working_order(trader, quantity)
    trader.fill(name, quantity)
    trader.settle()
    assert trader.held() == quantity
    return trader


def an_exit(trader: Trader, quantity: int = 10) -> str:
    return trader.place(side=Side.SELL, quantity=quantity, purpose=Purpose.EXIT_RULE)


def asked(trader: Trader) -> list[Question]:
    """What is on its way to the venue, by asking it."""
    return [query.question for query in trader.questions_under_way()]


# A gap ----------------------------------------------------------------------------------------------------------


def test_a_start_opens_a_gap_that_closes_when_all_four_questions_are_answered() -> None:
    trader = Trader()
    trader.start()
    assert (trader.kinds(), trader.views.control.gap.cause) == (["GapOpened"], GapCause.START)
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

    assert [fact.kind for fact in recorded] == ["GapOpened"]


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


# Comparisons ----------------------------------------------------------------------------------------------------


def test_books_are_compared_every_five_minutes_without_a_gap(trader: Trader) -> None:
    before = len(trader.recorded)

    trader.settle_for(1000)

    assert trader.kinds()[before:] == ["Reconciled"] * 3
    assert all(fact.findings == [] for fact in trader.recorded[before:])


def test_a_fill_that_was_lost_without_any_sign_is_found_by_the_next_comparison(trader: Trader) -> None:
    name = a_working_order(trader)
    fills(trader, name, 4)
    assert trader.held() == 0

    trader.settle_for(310)

    assert trader.held() == 4
    (finding,) = trader.recorded[-1].findings
    assert (finding["finding"], finding["name"], finding["remedy"]) == ("EXECUTION_MISSING", "E0", "BOOK")


def test_an_execution_of_somebody_else_that_nobody_told_of_is_found(trader: Trader) -> None:
    trader.venue.place_by_hand("hand-1", "B", Side.SELL, 7, "50")
    fills(trader, "hand-1", 7)

    trader.settle_for(320)

    assert trader.views.position(EXTERNAL, "B").quantity == -7
    assert trader.keeper.may_risk("B")
    trader.assert_settled()


def test_an_end_that_was_lost_without_any_sign_is_found_by_the_next_comparison(trader: Trader) -> None:
    name = a_working_order(trader)
    trader.venue.cancel(name, trader.now)

    trader.settle_for(310)

    assert trader.status(name) == "CANCELED"


def test_a_position_that_executions_do_not_explain_locks_its_symbol_until_it_clears(trader: Trader) -> None:
    with_position(trader)
    trader.venue.positions["A"] = Decimal(13)
    trader.settle_for(310)

    assert not trader.keeper.may_risk("A")
    assert trader.keeper.may_risk("B")
    (lock,) = trader.views.control.locks.values()
    assert (lock.ours, lock.theirs) == (10, 13)

    trader.settle_for(600)
    assert trader.kinds().count("SymbolLocked") == 1
    trader.venue.positions["A"] = Decimal(10)
    trader.settle_for(310)
    assert trader.keeper.may_risk("A")


def took_back(trader: Trader, name: str, *ids: str) -> None:
    """Let the venue forget these executions of an order, with all that they did, and say nothing."""
    for execution in [one for one in trader.venue.executions if one.execution_id in ids]:
        trader.venue.executions.remove(execution)
        trader.venue.lines[name].filled -= execution.quantity
        trader.venue.lines[name].status = OrderStatus.PARTIALLY_FILLED
        trader.venue.positions["A"] -= execution.signed_quantity
        trader.venue.cash += execution.signed_quantity * execution.price + execution.commission


def findings_of(fact: Any) -> list[tuple[str, str]]:
    return [(finding["finding"], finding["name"]) for finding in fact.findings]


def test_executions_that_the_venue_took_back_without_a_word_are_taken_out(trader: Trader) -> None:
    """4, 3 and 2 were bought; the venue lists the 4 and the 2 no more, and holds 3."""
    name = a_working_order(trader)
    say(trader, *fills(trader, name, 4, 3, 2))
    trader.link.now += SECOND
    took_back(trader, name, "E0", "E2")

    trader.settle_for(310)

    first, second, reconciled = trader.recorded[-3:]
    assert [(fact.kind, fact.busted.execution_id, fact.grounds) for fact in (first, second)] == [
        ("ExecutionBusted", "E0", NOT_SHOWN), ("ExecutionBusted", "E2", NOT_SHOWN),
    ]  # fmt: skip
    assert {
        "finding": "EXECUTION_VANISHED", "name": "E0", "ours": "4", "remedy": "BUST",
        "text": f"BUY A at 100, order {name}", "theirs": None,
    } in reconciled.findings  # fmt: skip
    assert ("POSITION_BREAK", "A") not in findings_of(reconciled)
    assert (trader.held(), trader.views.orders.working[name].leaves_quantity) == (3, 7)
    trader.settle_for(310)
    assert trader.recorded[-1].findings == []


@pytest.mark.parametrize("is_started_anew", [False, True])
def test_what_two_books_of_the_venue_were_late_to_show_is_booked_again(trader: Trader, is_started_anew: bool) -> None:
    name = a_working_order(trader)
    say(trader, *fills(trader, name, 4, 3))
    trader.link.now += SECOND
    (execution,) = [one for one in trader.venue.executions if one.execution_id == "E1"]
    took_back(trader, name, "E1")
    trader.settle_for(310)
    assert trader.held() == 4
    if is_started_anew:
        trader.stop()
        trader.start()

    trader.venue.executions.append(execution)
    trader.venue.lines[name].filled += execution.quantity
    trader.venue.positions["A"] += execution.signed_quantity
    trader.venue.cash -= execution.signed_quantity * execution.price + execution.commission
    trader.settle_for(620)

    assert (trader.held(), trader.views.orders.working[name].leaves_quantity) == (7, 3)
    assert trader.views.cash_amount() == trader.venue.cash
    assert trader.keeper.may_risk("A")
    assert trader.recorded[-1].findings == []


def test_a_sale_that_the_venue_took_back_is_held_again(trader: Trader) -> None:
    """10 were bought and sold, and we are flat; without the sale the venue holds 10."""
    with_position(trader)
    name = an_exit(trader)
    trader.settle()
    say(trader, *fills(trader, name, 10))
    trader.link.now += SECOND
    assert trader.held() == 0
    took_back(trader, name, "E1")

    trader.settle_for(310)

    assert trader.held() == 10
    assert trader.keeper.may_risk("A")


def test_a_comparison_tells_what_it_found_itself_and_nothing_of_the_one_before(trader: Trader) -> None:
    name = a_working_order(trader)
    fills(trader, name, 4)
    trader.settle_for(310)
    first = trader.recorded[-1]

    trader.settle_for(310)

    assert (findings_of(first), trader.recorded[-1].findings) == ([("EXECUTION_MISSING", "E0")], [])


def test_a_comparison_that_is_begun_anew_tells_what_it_had_found_before(trader: Trader) -> None:
    """The link breaks when its executions were answered, and nothing else."""
    name = a_working_order(trader)
    fills(trader, name, 4)
    trader.keeper.compare(trader.now)
    trader.turn()
    asked = [query.question for query in trader.questions_under_way()]
    trader.link.let_out(asked.index(Question.EXECUTIONS))
    trader.link.let_in()
    trader.turn()
    trader.link.lose(letters_arrive=False)
    trader.turn()
    trader.link.restore()

    trader.settle_for(5)

    (reconciled,) = [fact for fact in trader.recorded[-3:] if fact.kind == "Reconciled"]
    assert findings_of(reconciled) == [("EXECUTION_MISSING", "E0")]


def test_what_was_found_is_looked_at_again_a_second_later_and_from_further_back() -> None:
    """Executions are asked for from 900 s before the last comparison, then 3,600, then 14,400."""
    trader = Trader()
    trader.start()
    assert since(trader) == T0 - 900 * SECOND
    trader.settle_for(5)
    compared_ns = trader.views.control.reconciled_ns
    trader.venue.positions["A"] = Decimal(3)
    trader.link.now += 100 * SECOND

    trader.keeper.compare(trader.now)
    trader.turn()
    times = [since(trader)]
    for held in (4, 5):
        trader.settle()
        assert trader.keeper.next_time_ns == trader.now + SECOND
        trader.link.now += SECOND
        trader.venue.positions["A"] = Decimal(held)
        trader.turn()
        times.append(since(trader))

    assert [(compared_ns - time) // SECOND for time in times] == [900, 3600, 14400]


def since(trader: Trader) -> int:
    """From when on executions are asked for by the question under way."""
    (asked_for,) = [query for query in trader.questions_under_way() if query.question is Question.EXECUTIONS]
    assert asked_for.since_ns is not None
    return asked_for.since_ns


def test_an_order_that_is_listed_and_not_known_by_name_keeps_no_lock_away(trader: Trader) -> None:
    trader.venue.place_by_hand("hand-1", "B", Side.SELL, 7, "50")
    trader.venue.positions["A"] = Decimal(3)
    trader.venue.hidden.add("hand-1")

    trader.settle_for(400)

    assert ("ORDER_EXTERNAL", "hand-1") in findings_of(trader.recorded[-1])
    assert not trader.keeper.may_risk("A")


def test_a_comparison_that_never_finds_the_same_twice_is_believed_in_the_end() -> None:
    """Three rounds at most, and the position is another one in each."""
    trader = Trader(replace(SETTINGS, rounds_max=3)).ready()
    rounds = trader.rounds
    trader.keeper.compare(trader.now)
    trader.turn()

    for _ in range(20):
        trader.venue.positions["A"] = trader.venue.positions.get("A", Decimal(0)) + 1
        trader.link.pass_all()
        trader.turn()
        trader.link.now += SECOND
        trader.turn()

    assert trader.rounds - rounds == 3
    assert trader.kinds()[-2:] == ["SymbolLocked", "Reconciled"]
    (finding,) = trader.recorded[-1].findings
    assert (finding["finding"], finding["ours"], finding["theirs"]) == ("POSITION_BREAK", "0", "3")


def test_an_answer_to_what_was_asked_before_is_not_taken_for_one_to_this_comparison(trader: Trader) -> None:
    """All but the positions are answered when positions of before arrive, under a number of before."""
    rounds = trader.rounds
    trader.keeper.compare(trader.now)
    trader.turn()
    for question in [*trader.questions_under_way()]:
        if question.question is not Question.POSITIONS:
            trader.link.let_out(trader.questions_under_way().index(question))
    trader.link.arrived += trader.link.inward
    trader.link.inward.clear()

    say(trader, PositionsAnswered(trader.now, 1, {"A": Decimal(99)}))
    trader.settle_for(5)

    assert trader.rounds == rounds + 1
    assert trader.recorded[-1].findings == []


def test_an_order_in_doubt_is_no_finding_of_a_comparison(trader: Trader) -> None:
    """The venue does not list it, and may do so yet: it is asked for by name anyway."""
    name = trader.place()
    trader.turn()
    trader.link.fail(0, after=False)
    trader.turn()
    trader.keeper.compare(trader.now)

    trader.settle_for(5)

    assert trader.status(name) == "UNKNOWN"
    assert trader.recorded[-1].findings == []


def test_a_position_that_is_missing_is_not_flat(trader: Trader) -> None:
    with_position(trader)
    del trader.venue.positions["A"]

    trader.settle_for(310)

    (lock,) = trader.views.control.locks.values()
    assert (lock.ours, lock.theirs, trader.held()) == (10, None, 10)


def test_a_lock_outlives_the_program(trader: Trader) -> None:
    trader.venue.positions["A"] = Decimal(3)
    trader.settle_for(310)

    trader.stop()
    trader.start()
    trader.settle_for(10)

    assert not trader.keeper.may_risk("A")
    assert trader.views.control.gap is None


def test_a_mismatch_that_passes_by_itself_locks_nothing(trader: Trader) -> None:
    """The venue's list of positions lags behind its executions for one round."""
    with_position(trader)
    trader.venue.positions["A"] = Decimal(7)
    trader.wait(300)
    trader.link.pass_all()
    trader.turn()
    trader.venue.positions["A"] = Decimal(10)

    trader.settle_for(10)

    assert "SymbolLocked" not in trader.kinds()
    assert trader.recorded[-1].findings == []


def test_a_fill_between_two_answers_is_no_mismatch(trader: Trader) -> None:
    """The positions are answered, then 4 execute and are told, then the rest is answered."""
    name = a_working_order(trader)
    trader.link.now += 300 * SECOND
    trader.turn()
    while trader.link.outward:
        trader.link.let_out()
    trader.link.now += SECOND
    trader.link.arrived += fills(trader, name, 4)
    trader.turn()
    rounds = trader.rounds

    trader.settle_for(5)

    assert trader.rounds == rounds
    assert trader.recorded[-1].findings == []


def test_cash_that_differs_is_reported_and_nothing_is_done(trader: Trader) -> None:
    trader.venue.cash -= Decimal("0.99")
    trader.settle_for(310)
    assert trader.recorded[-1].findings == []

    trader.venue.cash -= Decimal("0.02")
    trader.settle_for(310)

    (finding,) = trader.recorded[-1].findings
    assert [finding[name] for name in ("finding", "name", "ours", "theirs", "remedy", "text")] == [
        "CASH_BREAK", "main", "100000", "99998.99", "REPORT", "-1.01"
    ]  # fmt: skip
    assert trader.views.cash_amount() == 100_000
    assert trader.keeper.may_risk("A")


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
