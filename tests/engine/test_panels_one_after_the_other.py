"""A backtest over panels that come one after the other is that over all of them at once, in the memory of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from engine.builders import SETTINGS, FreeCross, Reversal, simulated_panel
from tapeline import MovingAverageCross, Panel, RunSettings, Split, backtest
from tapeline.domain.errors import ConfigurationError, DataError
from tapeline.domain.sessions import session_rows


def by_session(panel: Panel) -> Iterator[Panel]:
    """Yield the panel session by session; each piece is copied, as one that was read would be."""
    index = session_rows(panel).index
    edges = [0, *(np.flatnonzero(np.diff(index)) + 1).tolist(), len(panel)]
    for first, last in pairwise(edges):
        piece = panel.rows(first, last)
        names = ("start_ns", "end_ns", "open", "high", "low", "close", "volume")
        yield replace(piece, **{name: getattr(piece, name).copy() for name in names})


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
def test_sessions_one_after_the_other_give_the_result_of_the_whole(settings: RunSettings) -> None:
    panel = simulated_panel()
    strategies = [Reversal(), FreeCross(), MovingAverageCross(frame="5min")]
    if not settings.account.short_allowed:
        strategies = strategies[1:]

    whole = backtest(strategies, panel, settings)
    pieces = backtest(strategies, by_session(panel), settings)

    assert len(whole.executions) > 20
    assert pieces.digest == whole.digest
    assert pieces.equity.tobytes() == whole.equity.tobytes()
    np.testing.assert_array_equal(pieces.times_ns, whole.times_ns)
    np.testing.assert_array_equal(pieces.session, whole.session)
    assert pieces.metrics == whole.metrics
    assert pieces.inputs is None


def test_panels_that_do_not_fit_are_refused() -> None:
    panel = simulated_panel(symbols=3)
    first, second, *_ = by_session(panel)
    cross = MovingAverageCross(frame="1min", fast_bars=2, slow_bars=3)

    with pytest.raises(DataError, match="There are no panels to run on"):
        backtest(cross, iter(()))
    with pytest.raises(DataError, match="A panel of 2 symbols and bars of 1min follows one of 3 and 1min"):
        backtest(cross, [first, second.columns(0, 2)])
    with pytest.raises(DataError, match="does not come after the rows read before it"):
        backtest(cross, [second, first])
    assert first.sessions is not None
    short = replace(first, sessions=first.sessions.cut(0, 1))
    with pytest.raises(DataError, match="after the last session of the run's calendar"):
        backtest(cross, [short, second])
    assert len(backtest(cross, [short, second], sessions=panel.sessions).equity) == len(first) + len(second)


def test_splits_need_the_history_of_one_panel() -> None:
    panel, split = simulated_panel(symbols=1), Split("SIM01", date(2024, 1, 3), Decimal(2))

    with pytest.raises(ConfigurationError, match="formulas could not be restated"):
        backtest(MovingAverageCross(), by_session(panel), corporate_actions=[split])
