"""Time, chance and clock of the drill."""

from __future__ import annotations

import pytest

from tapeline.domain.errors import InvariantError
from tapeline.domain.times import SECOND
from tapeline.drill.virtual_time import Chance, ComputerClocks, VirtualTime


def test_events_happen_in_order_of_time_and_then_of_asking() -> None:
    time, heard = VirtualTime(0), list[tuple[int, str]]()

    def hear(word: str) -> None:
        heard.append((time.now_ns, word))

    time.at(5, hear, "third")
    time.at(1, hear, "first")
    time.at(1, hear, "second")
    time.at(9, hear, "too late")
    time.run(until_ns=8)

    assert heard == [(1, "first"), (1, "second"), (5, "third")]
    assert time.now_ns == 8


def test_what_an_event_asks_for_at_its_own_moment_still_happens() -> None:
    time, heard = VirtualTime(0), list[str]()

    time.at(3, lambda: time.at(3, heard.append, "within"))
    time.run(until_ns=3)

    assert heard == ["within"]


def test_the_past_cannot_be_asked_for() -> None:
    time = VirtualTime(10)

    with pytest.raises(InvariantError, match="was asked to happen at"):
        time.at(9, lambda: None)


def test_a_stream_depends_on_seed_and_name_and_on_no_other_stream() -> None:
    alone = [Chance(7, "venue").share() for _ in range(3)]
    other = Chance(7, "link")
    other.share()

    assert [Chance(7, "venue").share() for _ in range(3)] == alone
    assert Chance(7, "link").share() != alone[0]
    assert Chance(8, "venue").share() != alone[0]


def test_the_numbers_of_a_stream_are_the_same_on_every_machine() -> None:
    """They were written down once: a change would give every seed that was ever reported another meaning."""
    chance = Chance(7, "venue")

    assert [chance.whole(1, 1_000) for _ in range(6)] == STREAM_OF_SEVEN


STREAM_OF_SEVEN = [236, 356, 864, 268, 595, 812]


def test_whole_numbers_reach_both_bounds() -> None:
    chance = Chance(1, "bounds")

    assert {chance.whole(-1, 1) for _ in range(200)} == {-1, 0, 1}


def test_a_process_sees_its_computers_clock_as_a_live_run_does() -> None:
    """Set back, it goes on at half the pace; set ahead, it follows; what only runs is not touched."""
    time = VirtualTime(100 * SECOND)
    computer = ComputerClocks(time)
    clock = computer.new_process()
    assert clock.now_ns() == 100 * SECOND

    computer.offset_ns = -10 * SECOND
    time.run(104 * SECOND)
    assert clock.now_ns() == 102 * SECOND
    computer.offset_ns = 50 * SECOND
    time.run(105 * SECOND)

    assert clock.now_ns() == 155 * SECOND
    assert clock.steady_ns() == 105 * SECOND


def test_a_new_process_is_told_the_earlier_time_but_for_what_its_journal_knows() -> None:
    time = VirtualTime(100 * SECOND)
    computer = ComputerClocks(time)
    computer.offset_ns = -10 * SECOND

    assert computer.new_process().now_ns() == 90 * SECOND
    assert computer.new_process(floor_ns=98 * SECOND).now_ns() == 98 * SECOND
