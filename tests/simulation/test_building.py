"""What a market refuses before anything is simulated, and how it grows."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tapeline.domain.corporate import CashDividend, Split
from tapeline.domain.errors import ConfigurationError, UnknownNameError
from tapeline.domain.instrument import Instrument
from tapeline.domain.panel import Sessions
from tapeline.domain.times import MINUTE
from tapeline.domain.words import OrderStatus, OrderType, Side, TimeInForce
from tapeline.simulation.arrivals import cancel, submit
from tapeline.simulation.building import cash_amount, new_market
from tapeline.simulation.market import NO_ORDER
from tapeline.simulation.run import finish, play_rows
from tapeline.simulation.settings import Account, RunSettings

NAN = float("nan")


def a_market(**changes: Any) -> Any:
    given: dict[str, Any] = {"settings": RunSettings(), "instruments": [Instrument("X")], "frame_ns": MINUTE}
    given |= changes
    return new_market(given.pop("settings"), given.pop("instruments"), **given)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"instruments": []}, "needs at least one instrument"),
        ({"instruments": [Instrument("X"), Instrument("X")]}, "X is given twice"),
        ({"instruments": [Instrument("X", multiplier=Decimal(100))]}, "multiplier of 100"),
        ({"instruments": [Instrument("X", tick_size=Decimal("0.00000000001"))]}, "multiple of 1e-9"),
        ({"frame_ns": 0}, "length above zero"),
        ({"columns": [0, 1]}, "1 symbols need 1 column numbers"),
        ({"columns": [-1]}, "of zero or more"),
        ({"sessions": Sessions("odd", np.array([5, 8]), np.array([10, 12]))}, "before the next one opens"),
    ],
)
def test_contradictions_are_refused_with_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        a_market(**changes)


def test_corporate_actions_name_known_symbols_and_amounts_above_zero() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'X'"):
        a_market(corporate_actions=[Split("x", date(2025, 3, 3), Decimal(2))])
    with pytest.raises(ConfigurationError, match="no ratio of amounts above zero"):
        Split("X", date(2025, 3, 3), Decimal(0))
    with pytest.raises(ConfigurationError, match="must be above zero"):
        CashDividend("X", date(2025, 3, 3), Decimal(-1))


def test_cash_is_exact_after_a_million_cents() -> None:
    """0.1 is no float64: after 10,000 round trips that lose 0.10 each, exactly 1,000.00 is gone."""
    trips = 10_000
    market = a_market(settings=RunSettings(account=Account(cash=100_000.07)))
    rows = 2 * trips
    end_ns = np.arange(1, rows + 1) * MINUTE
    open_price = np.where(np.arange(rows) % 2 == 0, 10.1, 10.0).reshape(rows, 1)
    bars = [open_price, open_price, open_price, open_price, np.full((rows, 1), 100.0)]
    for row in range(rows):
        side = Side.BUY if row % 2 == 0 else Side.SELL
        time_ns = row * MINUTE
        submit(
            market, 0, side.value, OrderType.MARKET.value, TimeInForce.DAY.value, 1.0,
            NAN, NAN, NAN, NAN, -1, time_ns, time_ns, NO_ORDER, 0, -1,
        )  # fmt: skip

    play_rows(market, end_ns - MINUTE, end_ns, *bars, 0, rows)

    assert cash_amount(market) == Decimal("99000.07")
    assert len(market.orders) == rows
    assert set(market.orders["status"]) == {OrderStatus.FILLED}


def test_playing_in_pieces_changes_nothing() -> None:
    """Rows in one call, in three, or one by one: the same log."""
    logs = []
    rng = np.random.default_rng(1)
    rows = 60
    end_ns = np.arange(1, rows + 1) * MINUTE
    close = 100 + np.cumsum(rng.integers(-3, 4, (rows, 1)), axis=0) * 0.01
    bars = [close, close + 0.03, close - 0.03, close, np.where(rng.random((rows, 1)) < 0.2, 0.0, 50.0)]
    for pieces in (1, 3, rows):
        market = a_market()
        for row in range(0, rows, 7):
            time_ns = row * MINUTE
            number = submit(
                market, 0, Side.BUY.value, OrderType.LIMIT.value, TimeInForce.GTC.value, 120.0, 100.0,
                NAN, NAN, NAN, -1, time_ns, time_ns, NO_ORDER, 0, -1,
            )  # fmt: skip
            cancel(market, number, time_ns, time_ns + 5 * MINUTE)
        bounds = np.linspace(0, rows, pieces + 1).astype(int)
        for first, last in pairwise(bounds):
            play_rows(market, end_ns - MINUTE, end_ns, *bars, int(first), int(last))
        finish(market, int(end_ns[-1]))
        logs.append(market.events.tobytes())

    assert logs[0] == logs[1] == logs[2]
