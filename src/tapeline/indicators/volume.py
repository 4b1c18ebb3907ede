"""Volume: on-balance volume, the session's average price, and volume by the time of day.

Volumes are shares (a bar without trades has volume 0), prices are in quote currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt
from typing import Any

import numpy as np

from tapeline.indicators.compiled import compiled
from tapeline.indicators.kernel import Kernel, Panels, signature


@compiled()
def compensated(total: float, rest: float, value: float) -> tuple[float, float]:
    """Return the sum of total and value, and the rest that it lost to rounding.

    Source: Knuth (1997), The Art of Computer Programming, volume 2, section 4.2.2, theorem B (two-sum).
    """
    grown = total + value
    part = grown - total
    return grown, rest + ((total - (grown - part)) + (value - part))


@compiled(signature(3, 1))
def advance_obv(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Add the volume of rising bars and subtract that of falling ones, from the first bar's volume on.

    value : the price; volume : shares; output `obv` in shares, exact for whole shares.
    Warm-up: none. A bar of which one of the two is unknown is passed over.
    Source: Granville (1963), Granville's New Key to Stock Market Profits; start as in TA-Lib.
    """
    exists, values, volumes = inputs
    (out,) = outputs
    for t in range(exists.shape[0]):
        for j in range(exists.shape[1]):
            value, volume = values[t, j], volumes[t, j]
            known = exists[t, j] == exists[t, j] and value == value and volume == volume
            begun, previous, total, rest = state[0, j], state[1, j], state[2, j], state[3, j]
            falls = begun > 0.0 and value < previous
            stays = begun > 0.0 and value == previous
            signed = 0.0 if stays else (-volume if falls else volume)
            total, rest = compensated(total, rest, signed if known else 0.0)
            state[0, j] = 1.0 if known else begun
            state[1, j] = value if known else previous
            state[2, j], state[3, j] = total, rest
            out[t, j] = total + rest if known else np.nan


@compiled(signature(6, 2))
def advance_session_vwap(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Average the typical price (high + low + close) / 3 by volume since the session's open.

    high, low, close : one unit; volume : shares; clock "session".
    Outputs `vwap` and `deviation` (the population's, weighted by volume) in the unit of the prices, unknown
    until the session has volume. Equal prices give that price and a deviation of exactly 0.
    A bar of which one value is unknown is passed over.
    Warm-up: none.
    Source: Berkowitz, Logue and Noser (1988), The Total Cost of Transactions on the NYSE; deviation by West
    (1979), Updating Mean and Variance Estimates.
    """
    exists, highs, lows, closes, volumes, sessions = inputs
    vwap, deviation = outputs
    for t in range(exists.shape[0]):
        session = sessions[t, 0] if sessions[t, 0] == sessions[t, 0] else 0.0
        for j in range(exists.shape[1]):
            price, volume = (highs[t, j] + lows[t, j] + closes[t, j]) / 3.0, volumes[t, j]
            bar = exists[t, j] == exists[t, j]
            known = bar and price == price and volume == volume
            same = state[0, j] > 0.0 and state[1, j] == session
            # the mean is the first price of the session plus the mean difference to it
            pivot = state[2, j] if same else price
            weight, weight_rest = (state[3, j], state[4, j]) if same else (0.0, 0.0)
            moment, moment_rest = (state[5, j], state[6, j]) if same else (0.0, 0.0)
            squares = state[7, j] if same else 0.0
            before = pivot + (moment + moment_rest) / (weight + weight_rest) if weight > 0.0 else pivot
            weight, weight_rest = compensated(weight, weight_rest, volume)
            moment, moment_rest = compensated(moment, moment_rest, volume * (price - pivot))
            after = pivot + (moment + moment_rest) / (weight + weight_rest)
            if known:
                squares += volume * (price - before) * (price - after) if volume > 0.0 else 0.0
                state[0, j], state[1, j], state[2, j] = 1.0, session, pivot
                state[3, j], state[4, j] = weight, weight_rest
                state[5, j], state[6, j] = moment, moment_rest
                state[7, j] = squares
            traded = known and weight > 0.0
            vwap[t, j] = after if traded else np.nan
            deviation[t, j] = sqrt(max(squares, 0.0) / weight) if traded else np.nan


@compiled(signature(4, 2))
def advance_relative_volume_by_minute(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Divide the volume by its mean at the same minute of the sessions before.

    volume : shares; clocks "session" and "minute"; outputs `ratio` without unit, NaN where the mean is 0, and
    `expected`, that mean, in shares.
    sessions : the mean is over the last so many sessions in which the symbol had a bar at that minute, the
        present one not among them; bar_minutes : length of a bar; slots : bars in a full session.
    A bar outside the slots, at an unknown time or of unknown volume is passed over. Of a minute that comes
    twice in a session the latest volume is kept.
    Warm-up: `sessions` sessions; the lookback counts full ones.
    """
    exists, volumes, session_clock, minute_clock = inputs
    out, expected = outputs
    length, minutes, slots = int(parameters[0]), parameters[1], int(parameters[2])
    for t in range(exists.shape[0]):
        minute = minute_clock[t, 0]
        session = session_clock[t, 0] if session_clock[t, 0] == session_clock[t, 0] else 0.0
        slot = ceil(minute / minutes) - 1 if minute == minute else -1
        if slot < slots - 1 and minute % minutes != 0.0:
            slot = -1  # cut short by an early close: there is no such bar on other days
        for j in range(exists.shape[1]):
            out[t, j], expected[t, j] = np.nan, np.nan
        if slot < 0 or slot >= slots:
            continue
        # of each slot: the number of sessions seen, the session seen last, then a ring of length + 1 volumes
        row = slot * (length + 3)
        ring = row + 2
        for j in range(exists.shape[1]):
            volume, seen = volumes[t, j], state[row, j]
            if exists[t, j] == exists[t, j] and volume == volume:
                if seen == 0.0 or state[row + 1, j] != session:
                    # up to 2 * (length + 1), then back by length + 1: the place in the ring goes on
                    seen = seen + 1.0 if seen < 2.0 * length + 2.0 else seen - length
                    state[row, j], state[row + 1, j] = seen, session
                state[ring + int(_place(seen, length)), j] = volume
                if seen > length:
                    out[t, j] = 0.0
        # along the rows of the ring, which lie far apart; NaN stays NaN
        for i in range(length + 1):
            for j in range(exists.shape[1]):
                out[t, j] += state[ring + i, j] if _place(state[row, j], length) != i else 0.0
        for j in range(exists.shape[1]):
            total = out[t, j]
            expected[t, j] = total / length
            out[t, j] = volumes[t, j] / (total / length) if total > 0.0 else np.nan


@compiled()
def _place(seen: float, length: int) -> float:
    return seen - 1.0 if seen <= length + 1.0 else seen - length - 2.0


def _by_minute_rows(parameters: Sequence[float]) -> int:
    return int(parameters[2]) * (int(parameters[0]) + 3)


def _by_minute_lookback(parameters: Sequence[float]) -> tuple[int, ...]:
    return (int(parameters[0]) * int(parameters[2]),) * 2


OBV = Kernel(
    name="obv",
    advance=advance_obv,
    values=("value", "volume"),
    outputs=("obv",),
    parameters=(),
    state_rows=lambda parameters: 4,
    lookback=lambda parameters: (0,),
)
SESSION_VWAP = Kernel(
    name="session_vwap",
    advance=advance_session_vwap,
    values=("high", "low", "close", "volume"),
    outputs=("vwap", "deviation"),
    parameters=(),
    state_rows=lambda parameters: 8,
    lookback=lambda parameters: (0, 0),
    clock_inputs=("session",),
)
RELATIVE_VOLUME_BY_MINUTE = Kernel(
    name="relative_volume_by_minute",
    advance=advance_relative_volume_by_minute,
    values=("volume",),
    outputs=("ratio", "expected"),
    parameters=("sessions", "bar_minutes", "slots"),
    state_rows=_by_minute_rows,
    lookback=_by_minute_lookback,
    clock_inputs=("session", "minute"),
)
