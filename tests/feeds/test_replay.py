"""A panel played back: in order, complete, and without a way to what comes later."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from tapeline.domain.errors import InvariantError
from tapeline.domain.panel import Panel
from tapeline.domain.sessions import session_rows
from tapeline.domain.slice import Slice
from tapeline.feeds.clock import VirtualClock
from tapeline.feeds.replay import Replay
from tapeline.feeds.simulated import simulate_market
from tapeline.ports.clock import Clock
from tapeline.ports.market_data import MarketData
from tapeline.tape.calendars import sessions


@pytest.fixture(scope="module")
def panel() -> Panel:
    # A half day and a full one; blocks of a replay end in the middle of both.
    return simulate_market(7, sessions=sessions("XNYS", date(2018, 11, 23), date(2018, 11, 26)), symbols=21).panel


def reachable(one: Slice) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """Every array that can be reached from a slice by following `.base`."""
    found = []
    for array in (one.bars, one.open, one.high, one.low, one.close, one.volume):
        step: object = array
        while isinstance(step, np.ndarray):
            found.append(step)
            step = step.base
        assert step is None  # memory owned by anything else would be a door as well
    return found


def test_slices_come_in_order_and_together_are_the_panel(panel: Panel) -> None:
    feed: MarketData = Replay(panel)

    slices = list(feed.slices())

    assert [s.end_ns for s in slices] == panel.end_ns.tolist()
    assert [s.start_ns for s in slices] == panel.start_ns.tolist()
    for name in ("open", "high", "low", "close", "volume"):
        joined = np.concatenate([getattr(s, name) for s in slices])
        assert np.array_equal(joined, getattr(panel, name), equal_nan=True)
    assert feed.symbols == panel.symbols == slices[0].symbols
    assert feed.frame_ns == panel.frame_ns


def test_a_slice_is_one_row_that_kernels_take_as_a_chunk(panel: Panel) -> None:
    first = next(Replay(panel).slices())

    assert first.close.shape == (1, 21)
    assert first.close.dtype == np.float64
    assert first.close.flags.c_contiguous
    assert first.has_bar.tolist() == (~np.isnan(panel.close[0])).tolist()


def test_a_slice_names_its_session(panel: Panel) -> None:
    where = session_rows(panel)

    for row, one in enumerate(Replay(panel).slices()):
        assert (one.session, one.session_open_ns, one.session_close_ns) == (
            where.ordinal[row],
            where.open_ns[row],
            where.close_ns[row],
        )


def test_nothing_that_can_be_reached_from_a_slice_is_larger_than_the_slice(panel: Panel) -> None:
    for one in Replay(panel).slices():
        assert all(array.size <= 5 * 21 for array in reachable(one))


def test_slices_keep_their_values_after_the_replay_has_gone_on(panel: Panel) -> None:
    first, *_ = Replay(panel).slices()

    assert np.array_equal(first.close[0], panel.close[0], equal_nan=True)


def test_a_slice_cannot_be_written_to(panel: Panel) -> None:
    first = next(Replay(panel).slices())

    with pytest.raises(ValueError, match="read-only"):
        first.close[0, 0] = 1.0


def test_a_replay_can_be_played_again_from_the_beginning(panel: Panel) -> None:
    feed = Replay(panel)
    started = feed.slices()
    next(started)

    assert next(feed.slices()).end_ns == panel.end_ns[0]


def test_the_virtual_clock_moves_forward_only() -> None:
    clock = VirtualClock(1_000)
    present: Clock = clock
    clock.advance(2_000)
    clock.advance(2_000)

    assert present.now_ns() == 2_000
    with pytest.raises(InvariantError, match="asked to go back"):
        clock.advance(1_999)
    assert present.now_ns() == 2_000
