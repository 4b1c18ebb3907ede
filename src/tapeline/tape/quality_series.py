"""The rules that compare a bar with its neighbours: spikes, and prices that stand still.

A spike is a price that no neighbour knows of. What a market really does in a bar it does by trading: the next
bar opens about where this one closed. A bad tick is gone between two bars, by a jump back that is as large as
the jump there. Both are asked for, together with a size far outside the local volatility, so that a crash, news
or an opening gap are no spikes.

    close 100.00  100.10  112.00  100.20     spike: +11.3 %, then -11.1 % between close and next open
    close 100.00  100.10  112.00  111.50     news

A stale run is a price that is repeated bar after bar. A thin name does that honestly, so a run counts only where
the symbol's own habit makes it less likely than `chance`. A single frozen bar (open, high, low and close all at
the close before) is doubtful where the symbol usually moves many ticks in a bar, and traded about as much as
usual: few shares may well change hands at one price, many do not.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tapeline.domain.panel import Floats, Times
from tapeline.tape.quality_reasons import QualityRules
from tapeline.tape.quality_rows import Bars, Flags

# A window of 2 x 20 returns is looked up for candidates only. These stand off by at least this many mean absolute
# returns of the whole symbol, which costs one pass.
_CANDIDATE_SCALES = 3.0
_NORMAL_SCALE = 1.4826  # median absolute deviation of a normal distribution to its standard deviation


def spikes(bars: Bars, rules: QualityRules) -> tuple[Flags, Flags]:
    """Return which bars are spikes, and which of them stand apart as a whole by more than the gross move.

    bars : sound ones, sorted by symbol and start
    Returns two bool [R]. The first and last bar of a symbol have one neighbour only, and are never spikes.
    """
    spike = np.zeros(len(bars), dtype=np.bool_)
    gross = np.zeros(len(bars), dtype=np.bool_)
    if len(bars) < 3:
        return spike, gross
    follows = bars.follows[1:]
    # Step r leads from row r to row r + 1; zero where it would lead to another symbol.
    change = np.log(bars.close)
    change = np.where(follows, np.diff(change), 0.0)
    gap = np.where(follows, np.log(bars.open[1:] / bars.close[:-1]), 0.0)
    size = np.abs(change)
    floor = np.maximum(rules.spike_move, _CANDIDATE_SCALES * _mean_by_symbol(size, bars.code))
    volatility = _LocalMedian(size, bars, rules)

    for length in range(1, rules.spike_bars + 1):
        # There: the change into the first bar, or for a longer excursion the gap into it. Back: the gap after it.
        there = (change if length == 1 else gap)[: len(gap) - length]
        back = gap[length:]
        far = np.flatnonzero(np.abs(back) >= floor[length:-1])
        far = far[np.abs(there[far]) >= floor[1 + far]]
        first = far + 1
        net = np.log(bars.open[first + length] / bars.close[first - 1])
        one = bars.code[first - 1] == bars.code[first + length]
        least = np.minimum(np.abs(there[far]), np.abs(back[far]))
        returned = np.abs(net) <= (1.0 - rules.spike_reversal) * least
        opposite = there[far] * back[far] < 0.0
        first, least = first[one & returned & opposite], least[one & returned & opposite]
        sure = least >= rules.spike_scales * volatility.around(first, length)
        for step in range(length):
            spike[first[sure] + step] = True
        _mark_gross(gross, bars, first[sure], length, rules)
    spike |= _wicks(bars, volatility, rules)
    return spike, gross & spike


def stale_bars(bars: Bars, rules: QualityRules) -> Flags:
    """Return which bars repeat a price beyond chance, bool [R].

    bars : sound ones, sorted by symbol and start
    """
    stale = np.zeros(len(bars), dtype=np.bool_)
    if len(bars) < 2:
        return stale
    # Repeating or freezing, a bar closes where the one before closed; most do not, so look closer at these only.
    near = np.flatnonzero(bars.close[1:] == bars.close[:-1]) + 1
    near = near[bars.code[near] == bars.code[near - 1]]
    same = np.ones(len(near), dtype=np.bool_)
    flat = np.ones(len(near), dtype=np.bool_)
    for values in (bars.open, bars.high, bars.low, bars.close):
        same &= values[near] == values[near - 1]
        flat &= values[near] == bars.close[near - 1]
    frozen = near[same | flat]
    if len(frozen) == 0:
        return stale
    code = bars.code[frozen]
    begin = np.flatnonzero(np.diff(frozen, prepend=-2) != 1)
    # Neighbouring rows of two symbols are no run: a symbol's first row is never frozen.
    length = np.diff([*begin, len(frozen)])
    total = np.bincount(bars.code)
    habit = np.bincount(code, minlength=len(total))
    others = habit[code[begin]] - length + 1
    luck = np.log(total[code[begin]]) + length * np.log(np.minimum(others / total[code[begin]], 1.0))
    beyond = (length >= rules.stale_bars) & (luck <= np.log(rules.chance))
    stale[frozen[np.repeat(beyond, length)]] = True

    alone = near[flat & (bars.volume[near] > 0.0)]
    if len(alone):
        median_range = _LocalMedian(bars.high - bars.low, bars, rules, steps=False).around(alone, 1, scaled=False)
        median_volume = _LocalMedian(bars.volume, bars, rules, steps=False).around(alone, 1, scaled=False)
        moving = median_range >= rules.stale_range_ticks * rules.tick
        stale[alone[moving & (bars.volume[alone] >= rules.stale_volume * median_volume)]] = True
    return stale


class _LocalMedian:
    """The median of a quantity over the bars around a few rows of the same symbol, the rows themselves left out."""

    def __init__(self, values: Floats, bars: Bars, rules: QualityRules, *, steps: bool = True) -> None:
        self._values, self._code, self._close = values, bars.code, bars.close
        self._width, self._tick, self._steps = rules.neighbours, rules.tick, steps

    def around(self, first: Times, length: int, *, scaled: bool = True) -> Floats:
        """Return the median around rows first .. first + length - 1, float64 [rows]; infinite without neighbours.

        scaled : as a standard deviation, and not below half a tick
        """
        if len(first) == 0:
            return np.empty(0)
        # Step r ends in row r + 1: a row's own steps are the one into it and the one out of the last row.
        shift = -1 if self._steps else 0
        away = np.arange(1, self._width + 1)
        own_last = first + length - 1 + (0 if not self._steps else 1) + shift
        index = np.concatenate([(first + shift)[:, None] - away, own_last[:, None] + away], axis=1)
        row = index - shift
        known = (index >= 0) & (index < len(self._values))
        if self._steps:
            known &= self._code[np.clip(row - 1, 0, len(self._code) - 1)] == self._code[first][:, None]
        known &= self._code[np.clip(row, 0, len(self._code) - 1)] == self._code[first][:, None]
        values = np.where(known, self._values[np.clip(index, 0, len(self._values) - 1)], np.inf)
        values.sort(axis=1)
        count = known.sum(axis=1)
        middle = np.maximum(count - 1, 0)
        rows = np.arange(len(first))
        median: Floats = 0.5 * (values[rows, middle // 2] + values[rows, (middle + 1) // 2])
        if not scaled:
            return np.where(count > 0, median, 0.0)
        return np.maximum(_NORMAL_SCALE * median, 0.5 * self._tick / self._close[first])


def _wicks(bars: Bars, volatility: _LocalMedian, rules: QualityRules) -> Flags:
    """Return bars whose high or low stands alone: beyond the body, both neighbours, and what others do."""
    spike = np.zeros(len(bars), dtype=np.bool_)
    body_high, body_low = np.maximum(bars.open, bars.close), np.minimum(bars.open, bars.close)
    inner = slice(1, -1)
    one = (bars.code[2:] == bars.code[1:-1]) & (bars.code[:-2] == bars.code[1:-1])
    span = _LocalMedian(np.log(bars.high / bars.low), bars, rules, steps=False)
    least = np.exp(rules.wick_move)
    for outer, body, sign in ((bars.high, body_high, 1), (bars.low, body_low, -1)):
        beyond = outer[inner] >= body[inner] * least if sign > 0 else outer[inner] * least <= body[inner]
        row = np.flatnonzero(beyond & one) + 1
        pick = np.maximum if sign > 0 else np.minimum
        level = pick(pick(outer[row - 1], outer[row + 1]), body[row])
        move = sign * np.log(outer[row] / level)
        scale = np.maximum(volatility.around(row, 1), span.around(row, 1, scaled=False))
        row = row[(move >= rules.wick_move) & (move >= rules.wick_scales * scale)]
        # Where several symbols do it in the same bar and direction, the market did it: 2010-05-06, 2015-08-24.
        _, which, together = np.unique(bars.start_ns[row], return_inverse=True, return_counts=True)
        spike[row[together[which] < rules.wick_symbols]] = True
    return spike


def _mark_gross(gross: Flags, bars: Bars, first: Times, length: int, rules: QualityRules) -> None:
    before, after = first - 1, first + length
    factor = np.exp(rules.spike_quarantine_move)
    for step in range(length):
        row = first + step
        above = bars.low[row] >= factor * np.maximum(bars.high[before], bars.high[after])
        below = bars.high[row] * factor <= np.minimum(bars.low[before], bars.low[after])
        gross[row] |= above | below


def _mean_by_symbol(size: Floats, code: npt.NDArray[np.int64]) -> Floats:
    """Return the mean of the steps of each row's symbol, float64 [R]."""
    begin = np.flatnonzero(np.diff(code, prepend=-1))
    count = np.diff([*begin, len(code)])
    total = np.add.reduceat(np.append(size, 0.0), begin)
    return np.repeat(total / np.maximum(count - 1, 1), count)
