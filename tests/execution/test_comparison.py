"""Comparisons of the books with the venue's: what is found, what is believed, and what locks a symbol."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from execution.by_hand import a_working_order, an_exit, fills, say, with_position
from execution.running import SETTINGS, T0, Trader
from tapeline.domain.adopted import NOT_SHOWN
from tapeline.domain.reports import EXTERNAL, PositionsAnswered, Question
from tapeline.domain.times import SECOND
from tapeline.domain.words import OrderStatus, Side


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


def test_an_order_that_was_placed_between_two_answers_hides_no_other_difference(trader: Trader) -> None:
    """It is in none of the lists yet, and asked for by name; what the venue holds besides is locked all the same."""
    trader.venue.positions["B"] = Decimal(13)
    trader.link.now += 300 * SECOND
    trader.turn()
    while trader.link.outward:
        trader.link.let_out()
    told, trader.link.inward = trader.link.inward, []
    name = a_working_order(trader)

    say(trader, *told)
    trader.settle_for(30)

    assert trader.status(name) == "NEW"
    assert [symbol for _, symbol in trader.views.control.locks] == ["B"]


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


def test_what_only_the_last_round_has_seen_changes_no_books() -> None:
    """Three rounds at most; the cash is another one in each, and in the third an execution is not listed any more."""
    trader = Trader(replace(SETTINGS, rounds_max=3)).ready()
    name = a_working_order(trader)
    say(trader, *fills(trader, name, 4, 3))
    rounds = trader.rounds
    trader.link.now += SECOND
    trader.keeper.compare(trader.now)
    trader.turn()

    while trader.kinds()[-1] != "Reconciled":
        trader.venue.cash += 5
        if trader.rounds - rounds == 3 and trader.held() == trader.venue.positions["A"]:
            took_back(trader, name, "E1")
        trader.link.pass_all()
        trader.turn()
        trader.link.now += SECOND
        trader.turn()

    (found,) = [one for one in trader.recorded[-1].findings if one["finding"] == "EXECUTION_VANISHED"]
    assert (found["name"], found["remedy"]) == ("E1", "REPORT")
    assert trader.held() == 7
    assert any("E1" in sentence for sentence in trader.views.control.unresolved)
    trader.settle_for(310)
    assert trader.held() == 4
    assert not any("E1" in sentence for sentence in trader.views.control.unresolved)


def test_executions_are_asked_for_from_the_newest_that_is_known_when_our_clock_is_ahead_of_the_venue_s(
    trader: Trader,
) -> None:
    name = a_working_order(trader)
    behind = trader.now - 7_200 * SECOND
    say(trader, *trader.venue.fill(name, behind, Decimal(4), Decimal(100)))
    lost = trader.venue.fill(name, behind + 60 * SECOND, Decimal(3), Decimal(100))
    assert lost and trader.held() == 4

    trader.link.now += 301 * SECOND
    trader.turn()
    assert since(trader) == behind - int(SETTINGS.overlap_s) * SECOND
    trader.settle()
    assert trader.held() == 7
