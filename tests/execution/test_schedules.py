"""When parts are due, and at what price: numbers by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from execution.running import T0
from tapeline.domain.errors import ConfigurationError, InputError
from tapeline.domain.panel import Panel, Sessions
from tapeline.domain.parent import Pricing
from tapeline.domain.times import DAY, MINUTE, from_iso
from tapeline.domain.words import Side
from tapeline.execution.algorithms.pricing import MarketNow, limit_price_of, offset_of
from tapeline.execution.algorithms.schedules import Plan, plan_from, plan_of
from tapeline.simulation.execution_settings import Algorithm, algorithm_of, limit, participation, twap, volume_weighted
from tapeline.tape.calendars import sessions

DAYS = sessions("XNYS", date(2024, 1, 2), date(2024, 1, 12))
OPEN, CLOSE = from_iso("2024-01-10T14:30:00Z"), from_iso("2024-01-10T21:00:00Z")


def plan(
    algorithm: Algorithm, decided: int, *, closes: bool = False, flat: int = 0, history: Panel | None = None
) -> Plan:
    return plan_of(
        algorithm, decided, DAYS, history, closes=closes, frame_ns=MINUTE, flat_before_close_ns=flat * MINUTE
    )


def minutes(found: Plan) -> tuple[float, float]:
    """Return begin and end of the window in minutes after the open of 10 January."""
    return (found.start_ns - OPEN) / MINUTE, (found.end_ns - OPEN) / MINUTE


def test_entries_keep_out_of_the_first_and_last_minutes_and_exits_use_them() -> None:
    """390 minutes; the last bar that can fill begins at 389."""
    assert minutes(plan(twap(30), OPEN + 60 * MINUTE)) == (60, 90)
    assert minutes(plan(twap(30), OPEN + 2 * MINUTE)) == (5, 35)
    assert minutes(plan(twap(30), OPEN + 370 * MINUTE)) == (370, 385)
    assert minutes(plan(twap(30), OPEN + 2 * MINUTE, closes=True)) == (2, 32)
    assert minutes(plan(twap(30), OPEN + 370 * MINUTE, closes=True)) == (370, 389)
    assert minutes(plan(limit(), OPEN + 60 * MINUTE)) == (60, 385)
    assert minutes(plan(twap(30, avoid_open_minutes=0, avoid_close_minutes=0), OPEN)) == (0, 30)


def test_an_exit_is_over_before_everything_is_closed_at_once() -> None:
    assert minutes(plan(twap(30), OPEN + 360 * MINUTE, closes=True, flat=15)) == (360, 375)


def test_a_decision_in_the_last_minutes_has_no_window_and_one_after_the_close_has_tomorrows() -> None:
    late = plan(twap(30), OPEN + 386 * MINUTE)
    assert late.end_ns <= late.start_ns
    tomorrow = from_iso("2024-01-11T14:30:00Z")
    assert plan(twap(30), CLOSE).start_ns == tomorrow + 5 * MINUTE
    assert plan(twap(30), CLOSE, closes=True).start_ns == tomorrow


def test_after_the_last_session_there_is_no_window() -> None:
    after = plan(twap(30), int(DAYS.close_ns[-1]))
    assert after.end_ns <= after.start_ns


def test_without_sessions_the_window_is_the_time_that_was_asked_for() -> None:
    found = plan_of(twap(30), T0, None, None, closes=False, frame_ns=MINUTE)
    assert (found.start_ns, found.end_ns) == (T0, T0 + 30 * MINUTE)


def test_on_daily_bars_everything_is_due_at_once() -> None:
    found = plan_of(twap(30), CLOSE, DAYS, None, closes=False, frame_ns=DAY)
    assert found.share_due(CLOSE) == 1
    assert found.start_ns < found.end_ns
    assert found.note == "at once: no bar ends within a session"


def test_twap_is_due_in_equal_parts_and_the_last_is_the_rest() -> None:
    found = plan(twap(minutes=30, every_minutes=7), OPEN + 60 * MINUTE)
    assert [(at - OPEN) / MINUTE for at, _ in found.curve] == [60, 67, 74, 81, 88]
    assert [share for _, share in found.curve] == [Decimal(k) / 5 for k in range(1, 6)]
    assert found.share_due(OPEN + 59 * MINUTE) == 0
    assert found.share_due(OPEN + 70 * MINUTE) == Decimal(2) / 5


def a_history(volumes: dict[str, dict[int, float]]) -> Panel:
    """Return minute bars of some days: volume by the minute after the open at which the bar ends, 0 elsewhere."""
    ends, volume = [], []
    for day, by_minute in volumes.items():
        at = from_iso(f"{day}T14:30:00Z")
        for minute in range(1, 391):
            ends.append(at + minute * MINUTE)
            volume.append(by_minute.get(minute, 0.0))
    price = np.full((len(ends), 1), 10.0)
    end_ns = np.array(ends)
    return Panel(("A",), MINUTE, end_ns - MINUTE, end_ns, price, price, price, price, np.array(volume)[:, None], DAYS)


def test_vwap_follows_the_mean_share_of_past_sessions_at_this_time_of_day() -> None:
    """Window 60 to 70, parts of 5. First day 100 and 300: 25 %; second day 50 and 50: 50 %. Mean 37.5 %.

    Volume outside the window, and the bar that ends as the window begins, do not count; the present day neither.
    """
    history = a_history(
        {
            "2024-01-08": {60: 999.0, 61: 60.0, 65: 40.0, 66: 300.0, 71: 999.0},
            "2024-01-09": {63: 50.0, 70: 50.0},
            "2024-01-10": {10: 5_000.0},
        }
    )
    algorithm = volume_weighted(minutes=10, every_minutes=5, sessions_min=2)

    found = plan(algorithm, OPEN + 60 * MINUTE, history=history)

    assert [share for _, share in found.curve] == [Decimal("0.375"), 1]
    assert found.note == ""


def test_vwap_uses_the_newest_sessions_only_and_tells_when_there_are_too_few() -> None:
    history = a_history({"2024-01-08": {61: 100.0, 66: 300.0}, "2024-01-09": {63: 50.0, 70: 50.0}})
    newest = plan(volume_weighted(minutes=10, sessions=1, sessions_min=1), OPEN + 60 * MINUTE, history=history)
    few = plan(volume_weighted(minutes=10, sessions_min=3), OPEN + 60 * MINUTE, history=history)

    assert [share for _, share in newest.curve] == [Decimal("0.5"), 1]
    assert [share for _, share in few.curve] == [Decimal("0.5"), 1]
    assert few.note == "equal parts: 2 past sessions have volume at this time, 3 are needed"


def test_no_volume_after_the_decision_is_in_the_profile() -> None:
    """Whatever comes later changes nothing: the present session and those after it are not looked at."""
    before = {"2024-01-08": {61: 100.0, 66: 300.0}, "2024-01-09": {63: 50.0, 70: 50.0}}
    algorithm = volume_weighted(minutes=10, sessions_min=1)
    known = plan(algorithm, OPEN + 60 * MINUTE, history=a_history(before))
    later = plan(
        algorithm, OPEN + 60 * MINUTE, history=a_history({**before, "2024-01-10": {61: 9e9}, "2024-01-11": {66: 9e9}})
    )

    assert known == later


@pytest.mark.parametrize("algorithm", [twap(30), participation(), limit(), volume_weighted(30)])
def test_a_plan_is_the_same_after_the_journal(algorithm: Algorithm) -> None:
    found = plan(algorithm, OPEN + 60 * MINUTE)
    assert plan_from(found.as_tree()) == found
    assert Algorithm(**algorithm.as_tree()) == algorithm


def a_market(price: str = "100", half_spread: str = "0", true_range: str = "0", **quote: str) -> MarketNow:
    return MarketNow(
        Decimal(price), Decimal(half_spread), Decimal(true_range), 60.0, Decimal(0), Decimal("0.01"), Decimal(1),
        **{name: Decimal(value) for name, value in quote.items()},
    )  # fmt: skip


def test_the_offset_is_the_largest_of_three_under_a_cap() -> None:
    """At 100: 5 bps are 0.05, at most 0.50; a quarter of a range of 0.40 is 0.10; four minutes make twice that."""
    assert offset_of(limit(), a_market()) == Decimal("0.05")
    assert offset_of(limit(), a_market(half_spread="0.08")) == Decimal("0.08")
    assert offset_of(limit(), a_market(true_range="0.40")) == Decimal("0.10")
    assert offset_of(limit(timeout_s=240), a_market(true_range="0.40")) == Decimal("0.20")
    assert offset_of(limit(), a_market(true_range="40")) == Decimal("0.50")


@pytest.mark.parametrize(
    ("side", "pricing", "expected"),
    [
        (Side.BUY, Pricing.PASSIVE, "99.95"), (Side.BUY, Pricing.MID, "100"), (Side.BUY, Pricing.CROSS, "100.05"),
        (Side.SELL, Pricing.PASSIVE, "100.05"), (Side.SELL, Pricing.MID, "100"), (Side.SELL, Pricing.CROSS, "99.95"),
    ],
)  # fmt: skip
def test_limits_without_quotes_stand_around_the_last_price(side: Side, pricing: Pricing, expected: str) -> None:
    assert limit_price_of(limit(), side, pricing, a_market()) == Decimal(expected)


@pytest.mark.parametrize(
    ("side", "pricing", "expected"),
    [
        (Side.BUY, Pricing.PASSIVE, "99.96"), (Side.BUY, Pricing.MID, "100"), (Side.BUY, Pricing.CROSS, "100.09"),
        (Side.SELL, Pricing.PASSIVE, "100.04"), (Side.SELL, Pricing.CROSS, "99.91"),
    ],
)  # fmt: skip
def test_limits_with_quotes_stand_at_the_quotes(side: Side, pricing: Pricing, expected: str) -> None:
    quoted = a_market(half_spread="0.04", bid="99.96", ask="100.04")
    assert limit_price_of(limit(), side, pricing, quoted) == Decimal(expected)


def test_limits_are_rounded_to_the_tick_and_are_never_nothing() -> None:
    """33.333 less and plus 0.0166665: passive away from filling, across toward it."""
    odd = a_market("33.333")
    assert limit_price_of(limit(), Side.BUY, Pricing.PASSIVE, odd) == Decimal("33.31")
    assert limit_price_of(limit(), Side.BUY, Pricing.CROSS, odd) == Decimal("33.35")
    assert limit_price_of(limit(), Side.SELL, Pricing.PASSIVE, odd) == Decimal("33.35")
    assert limit_price_of(limit(), Side.SELL, Pricing.CROSS, odd) == Decimal("33.31")
    assert limit_price_of(limit(), Side.BUY, Pricing.PASSIVE, a_market("0.01")) == Decimal("0.01")


def test_a_text_names_an_algorithm_and_its_settings() -> None:
    assert algorithm_of("twap") == twap()
    assert algorithm_of("twap:minutes=12,pricing=limit,leftover=abandon") == twap(
        12.0, pricing="limit", leftover="abandon"
    )
    assert algorithm_of("vwap:sessions=10") == volume_weighted(sessions=10)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("twop", "Did you mean 'twap'"),
        ("twap:minute=3", "Did you mean 'minutes'"),
        ("twap:minutes=soon", "must be a number, found 'soon'"),
        ("twap:minutes=0", "minutes must be above zero"),
        ("twap:minutes=nan", "minutes must be above zero"),
        ("participation:rate=1.5", "a share up to 1"),
        ("limit:accept=0", "above 0 and up to 1"),
        ("limit:offset_bps=90", "offset_bps or more"),
        ("twap:pricing=limits", "Did you mean 'limit'"),
        ("twap:schedule=vwap", "setting 'schedule'"),
        ("limit:timeout_s=-1", "timeout_s must be above zero"),
    ],
)
def test_what_is_no_algorithm_is_refused_with_the_nearest_word(text: str, words: str) -> None:
    with pytest.raises((ConfigurationError, InputError), match=words):
        algorithm_of(text)


def test_sessions_of_one_day_alone_are_enough_for_a_window() -> None:
    one: Sessions = DAYS.cut(0, 1)
    found = plan_of(twap(30), int(one.open_ns[0]) + 60 * MINUTE, one, None, closes=False, frame_ns=MINUTE)
    assert found.end_ns - found.start_ns == 30 * MINUTE
