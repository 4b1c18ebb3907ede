"""Parent orders: never more than was wanted, whatever happens, and what each algorithm does when nothing goes wrong."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from execution.parents_by_hand import closing, fill_all, fill_parts, parts, ready, state_of, told
from execution.parents_machine import ParentTroubles
from tapeline.domain.parent import ParentEnd, Pricing
from tapeline.domain.words import Purpose
from tapeline.execution.algorithms.working import Work
from tapeline.ledger.order_facts import CancelIntended, ReplaceIntended
from tapeline.simulation.execution_settings import adaptive, limit, participation, twap

PLANTED = settings(
    max_examples=5_000, stateful_step_count=40, deadline=None, database=None, phases=[Phase.generate],
    report_multiple_bugs=False, print_blob=False, suppress_health_check=list(HealthCheck),
)  # fmt: skip
SEARCH = settings(
    max_examples=settings.default.max_examples * 3 // 2, stateful_step_count=40, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def test_no_course_of_events_fills_a_parent_order_beyond_its_quantity_and_each_one_ends() -> None:
    """Fills, partial fills, refusals, cancels that cross fills, lost outcomes, denials, broken links, restarts."""
    run_state_machine_as_test(ParentTroubles, settings=SEARCH)


def test_the_search_finds_a_keeper_that_forgets_what_is_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_doubt(work: Work) -> Decimal:
        known = [state for _, state in work.working if True not in state.asked.values()]
        return sum((state.exposed_quantity for state in known), Decimal(0))

    monkeypatch.setattr(Work, "exposed_quantity", property(without_doubt))

    with pytest.raises(AssertionError, match="than was wanted"):
        run_state_machine_as_test(ParentTroubles, settings=PLANTED)


def test_twap_sends_equal_parts_at_equal_times() -> None:
    """100 over 10 minutes in steps of 2: 20 each, the first at once; the numbers are the definition's."""
    trader = ready()
    name = trader.place_parent(twap(minutes=10, every_minutes=2), 100)
    sent = []
    for _ in range(10):
        trader.work()
        trader.settle()
        sent.append(sum(quantity for quantity, _, _ in parts(trader, name)))
        fill_all(trader)
        trader.settle_for(60)
    trader.work_for(1)

    assert sent == [20, 20, 40, 40, 60, 60, 80, 80, 100, 100]
    ended = state_of(trader, name).ended
    assert ended is not None
    assert (ended.reason, ended.end_price, ended.market_average_price) == (ParentEnd.FILLED, 100, 100)
    assert ended.market_volume == 24  # three in each minute before the last part, which fills at once
    assert state_of(trader, name).filled_quantity == 100


def test_a_limit_goes_from_passive_over_the_middle_across_and_then_to_the_market() -> None:
    """Last price 100, offset 5 bps = 0.05, above half the spread and a quarter of the range: 99.95, 100, 100.05."""
    trader = ready()
    name = trader.place_parent(limit(minutes=30), 10)
    seen = []
    trader.work()
    for _ in range(6):
        trader.settle_for(1)
        seen.append(parts(trader, name))
        trader.settle_for(59)
        trader.work()
        trader.settle()

    assert seen[0] == [(10, "PASSIVE", "99.95")]
    assert seen[1] == [(10, "MID", "100")]
    assert seen[2] == [(10, "CROSS", "100.05")]
    assert seen[4] == [(10, "CROSS", "100.05"), (10, "MARKET", None)]  # called back first, then the rest anew
    assert {fact.purpose for fact in told(trader, CancelIntended, ReplaceIntended)} == {Purpose.ENTRY}
    fill_all(trader)
    trader.work_for(1)
    ended = state_of(trader, name).ended
    assert ended is not None
    assert ended.reason is ParentEnd.FILLED


@pytest.mark.parametrize(
    ("filled", "leftover", "reason", "quantity"),
    [
        (8, "cross", ParentEnd.ACCEPTED, 8),
        (7, "cross", ParentEnd.FILLED, 10),
        (8, "abandon", ParentEnd.ACCEPTED, 8),
        (7, "abandon", ParentEnd.TIMED_OUT, 7),
        (0, "abandon", ParentEnd.TIMED_OUT, 0),
    ],
)
def test_after_the_last_time_out_four_fifths_are_enough(
    filled: int, leftover: str, reason: ParentEnd, quantity: int
) -> None:
    trader = ready()
    name = trader.place_parent(limit(minutes=30, leftover=leftover), 10)
    trader.work()
    trader.settle_for(1)
    if filled:
        (line,) = [line for line in trader.venue.lines.values() if line.works]
        trader.fill(line.name, filled)
    for _ in range(6):
        trader.work_for(1)
        if parts(trader, name)[-1][1] == "MARKET":
            fill_all(trader)

    state = state_of(trader, name)
    assert state.ended is not None
    assert (state.ended.reason, state.filled_quantity) == (reason, quantity)


def test_participation_follows_the_volume() -> None:
    """Three trade each minute; half of it is 1.5: 0, 1, 3, 4, 6 after 0 to 4 minutes."""
    trader = ready()
    name = trader.place_parent(participation(rate=0.5, minutes=30), 100)
    sent = []
    for _ in range(5):
        trader.work()
        trader.settle()
        sent.append(sum(quantity for quantity, _, _ in parts(trader, name)))
        fill_all(trader)
        trader.link.now += 60 * 10**9 - (trader.now - trader.views.parents.states[name].order.decision_time_ns) % (
            60 * 10**9
        )

    assert sent == [0, 1, 3, 4, 6]


def test_adaptive_waits_at_first_and_crosses_when_the_market_runs_away() -> None:
    trader = ready()
    name = trader.place_parent(adaptive(minutes=10, every_minutes=5), 10)
    trader.work()
    trader.settle()
    before = parts(trader, name)
    trader.settle_for(20)
    trader.markets.last = Decimal("100.06")  # more than the offset of 0.05 away, before the time-out
    trader.work()
    trader.settle()

    assert before == [(5, "PASSIVE", "99.95")]
    assert parts(trader, name) == [(5, "MID", "100.06")]


def test_a_refused_part_is_sent_anew_after_a_wait_that_doubles() -> None:
    trader = ready()
    trader.is_denied = True
    name = trader.place_parent(twap(minutes=60, every_minutes=60, jitter=0.0), 10)
    times = []
    for _ in range(16):
        trader.work()
        if len(state_of(trader, name).children) > len(times):
            times.append(trader.now)
        trader.settle_for(60)
    trader.is_denied = False
    trader.work_for(6)

    waits = [(later - earlier) // 10**9 for earlier, later in itertools.pairwise(times)]
    assert waits == [60, 120, 240, 300]
    assert trader.views.denied_count == 5
    fill_all(trader)
    trader.work_for(1)
    assert state_of(trader, name).filled_quantity == 10


def test_what_an_exit_has_not_sent_waits_behind_its_stop() -> None:
    """10 in five parts of two minutes: the stop lets two go at each time, and they leave a minute later."""
    trader = ready()
    name = closing(trader, twap(minutes=10, every_minutes=2), stop="95")
    seen = []
    for _ in range(12):
        trader.work()
        trader.settle()
        orders = trader.views.orders
        stop = sum(int(s.leaves_quantity) for s in orders.working.values() if s.stop_price is not None)
        seen.append((trader.held(), stop))
        assert trader.held() - stop <= 2
        assert sum(line.leaves for line in trader.venue.lines.values()) <= trader.held()
        fill_parts(trader, name)
        trader.settle_for(59)

    assert seen[:7] == [(10, 8), (8, 8), (8, 6), (8, 6), (6, 4), (6, 4), (4, 2)]
    assert trader.held() == 0
    assert len(state_of(trader, name).children) == 6  # one stop and five parts
    assert {fact.purpose for fact in told(trader, CancelIntended, ReplaceIntended)} == {Purpose.EXIT_RULE}
    ended = state_of(trader, name).ended
    assert ended is not None
    assert ended.reason is ParentEnd.FILLED


def test_a_stop_that_is_reached_ends_the_window_of_an_exit_for_good() -> None:
    """The stop sells a part of what it is for, and the price recovers: the rest goes to the market all the same."""
    trader = ready()
    name = closing(trader, twap(minutes=60, every_minutes=30), stop="95")
    trader.work()
    trader.settle()
    fill_parts(trader, name)
    (stop,) = [line for line in trader.venue.lines.values() if line.works]
    trader.fill(stop.name, 2)
    for _ in range(3):
        trader.work_for(1)
        fill_parts(trader, name)

    state = state_of(trader, name)
    assert state.hurried is not None
    assert "stop" in state.hurried.text
    assert trader.held() == 0
    assert state.filled_quantity == 10


def test_limits_of_an_exit_cross_when_the_price_falls_through_its_stop() -> None:
    trader = ready()
    name = closing(trader, limit(minutes=60, timeout_s=3600), stop="99.50")
    trader.work()
    trader.settle()
    trader.markets.last = Decimal("99.40")
    trader.work_for(1)
    trader.markets.last = Decimal("99.90")
    trader.work_for(2)

    assert parts(trader, name)[-1] == (10, "MARKET", None)


def test_a_part_that_is_called_back_returns_behind_the_stop() -> None:
    """A refused part has to wait before it is sent anew: meanwhile the stop is for it as well."""
    trader = ready()
    name = closing(trader, twap(minutes=60, every_minutes=30, jitter=0.0), stop="95")
    trader.work()
    trader.settle()
    part = next(it for it in state_of(trader, name).children.values() if it.priced.pricing is Pricing.MARKET)
    trader.cancel(part.client_order_id)
    trader.settle()
    trader.is_denied = True
    seen = []
    for _ in range(4):
        trader.work_for(1)
        seen += [int(line.leaves) for line in trader.venue.lines.values() if line.works]

    assert 10 in seen


def test_an_exit_whose_time_is_over_is_sent_at_each_slice_until_it_is_taken() -> None:
    """No wait after refusals: 4 minutes of window, in which waiting doubles, and then one part a minute."""
    trader = ready()
    name = closing(trader, twap(minutes=4, every_minutes=4, jitter=0.0))
    trader.is_denied = True
    counts = []
    for _ in range(9):
        trader.work()
        counts.append(len(state_of(trader, name).children))
        trader.settle_for(60)
    trader.is_denied = False
    trader.work()
    trader.settle()
    fill_all(trader)
    trader.work_for(1)

    assert counts == [1, 2, 2, 3, 4, 5, 6, 7, 8]
    assert trader.held() == 0
