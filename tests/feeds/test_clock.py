"""The computer's clock: set ahead, set back, also over a restart."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.domain.times import SECOND
from tapeline.feeds.clock import SystemClock

HOUR = 3_600 * SECOND
NOW = 1_700_000_000 * SECOND


class Computer:
    """A computer's two clocks: one that people set, and one that only runs."""

    def __init__(self) -> None:
        self.wall_ns, self.running_ns = NOW, 5

    def new_process(self, floor_ns: int = 0) -> SystemClock:
        return SystemClock(floor_ns, wall_ns=lambda: self.wall_ns, running_ns=lambda: self.running_ns)

    def passes(self, span_ns: int) -> None:
        self.wall_ns += span_ns
        self.running_ns += span_ns


@pytest.fixture
def computer() -> Computer:
    return Computer()


def test_it_shows_the_computers_time_and_follows_it_ahead(computer: Computer) -> None:
    clock = computer.new_process()
    assert clock.now_ns() == NOW

    computer.passes(7)
    assert clock.now_ns() == NOW + 7
    computer.wall_ns += HOUR
    assert clock.now_ns() == NOW + 7 + HOUR


def test_set_back_an_hour_it_goes_on_at_half_the_pace_and_catches_up(computer: Computer) -> None:
    clock = computer.new_process()
    clock.now_ns()

    computer.wall_ns -= HOUR
    computer.passes(60 * SECOND)
    assert clock.now_ns() == NOW + 30 * SECOND

    computer.passes(2 * HOUR)
    assert clock.now_ns() == computer.wall_ns


def test_a_process_that_starts_an_hour_early_goes_on_from_the_latest_moment_of_the_one_before(
    computer: Computer,
) -> None:
    """No moment of the first process comes again, and a timer of ten seconds is due after twenty."""
    first = computer.new_process()
    computer.passes(5 * SECOND)
    latest_ns = first.now_ns()

    computer.wall_ns -= HOUR
    second = computer.new_process(floor_ns=latest_ns)

    due_ns = second.now_ns() + 10 * SECOND
    assert due_ns >= latest_ns + 10 * SECOND
    computer.passes(19 * SECOND)
    assert second.now_ns() < due_ns
    computer.passes(SECOND)
    assert second.now_ns() >= due_ns


def test_time_adds_up_however_often_it_is_asked(computer: Computer) -> None:
    clock = computer.new_process(floor_ns=NOW + HOUR)
    for _ in range(1_000):
        computer.passes(1)
        clock.now_ns()

    assert clock.now_ns() == NOW + HOUR + 500


@given(st.lists(st.tuples(st.integers(-HOUR, HOUR), st.integers(0, HOUR)), max_size=20))
def test_whatever_is_done_to_the_computer_time_goes_on_and_never_back(steps: list[tuple[int, int]]) -> None:
    computer = Computer()
    clock = computer.new_process()
    before_ns = clock.now_ns()
    for set_by_ns, span_ns in steps:
        computer.wall_ns += set_by_ns
        computer.passes(span_ns)

        now_ns = clock.now_ns()

        assert now_ns - before_ns >= span_ns // 2
        assert now_ns >= computer.wall_ns
        assert now_ns == computer.wall_ns or now_ns - before_ns <= (span_ns + 1) // 2
        assert clock.steady_ns() == computer.running_ns
        before_ns = now_ns


def test_without_others_it_reads_this_computers_clocks() -> None:
    earlier_ns, steady_ns = time.time_ns(), time.monotonic_ns()
    clock = SystemClock()

    assert earlier_ns <= clock.now_ns() <= time.time_ns()
    assert steady_ns <= clock.steady_ns() <= time.monotonic_ns()
