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

from collections.abc import Callable

import numpy as np

from tapeline.domain.panel import Floats, Times
from tapeline.tape.quality_reasons import QualityRules
from tapeline.tape.quality_rows import Bars, Flags

# The upper quartile of absolute returns, not their median: of a thin name half the returns are zero. A quarter of the
# neighbours may be wild without a change. Of a normal distribution it is 1.1503 standard deviations.
_QUARTILE, _QUARTILE_SCALE = 0.75, 1.1503


def spikes(bars: Bars, rules: QualityRules) -> tuple[Flags, Flags]:
    """Return which bars are spikes, and which of them stand apart as a whole by more than the gross move.

    bars : sound ones, sorted by symbol and start
    Returns two bool [R]. The first and last bar of a symbol have one neighbour only, and are never spikes.
    """
    spike = np.zeros(len(bars), dtype=np.bool_)
    gross = np.zeros(len(bars), dtype=np.bool_)
    if len(bars) < 3:
        return spike, gross
    # Every spike ends in a large gap between a close and the next open, and few bars do: look closer at these only.
    factor = np.exp(rules.spike_move)
    opened = bars.open[1:]
    wide = opened >= bars.close[:-1] * factor
    wide |= opened * factor <= bars.close[:-1]
    last = np.flatnonzero(wide)
    for length in range(1, rules.spike_bars + 1):
        first = last - length + 1
        first = first[(first > 0) & (bars.code[first - 1] == bars.code[first + length])]
        before, after = first - 1, first + length
        # There: the change into the bar, or for a longer excursion the gap into it. Back: the gap after it.
        there = np.log((bars.close if length == 1 else bars.open)[first] / bars.close[before])
        back = np.log(bars.open[after] / bars.close[after - 1])
        net = np.log(bars.open[after] / bars.close[before])
        least = np.minimum(np.abs(there), np.abs(back))
        likely = (there * back < 0.0) & (np.abs(net) <= (1.0 - rules.spike_reversal) * least)
        likely &= least >= rules.spike_move
        first, least = first[likely], least[likely]
        first = first[least >= rules.spike_scales * _volatility_around(bars, first, length, rules)]
        for step in range(length):
            spike[first + step] = True
        _mark_gross(gross, bars, first, length, rules)
    spike[_wicks(bars, rules)] = True
    return spike, gross


def stale_bars(bars: Bars, rules: QualityRules) -> Flags:
    """Return which bars repeat a price beyond chance, bool [R].

    bars : sound ones, sorted by symbol and start
    """
    stale = np.zeros(len(bars), dtype=np.bool_)
    if len(bars) < 2:
        return stale
    still = bars.close[:-1]
    frozen_flags = bars.close[1:] == still
    for values in (bars.open, bars.high, bars.low):
        same = values[1:] == values[:-1]
        same |= values[1:] == still
        frozen_flags &= same
    near = np.flatnonzero(frozen_flags) + 1
    near = near[bars.code[near] == bars.code[near - 1]]
    repeated = np.ones(len(near), dtype=np.bool_)
    flat = np.ones(len(near), dtype=np.bool_)
    for values in (bars.open, bars.high, bars.low):
        repeated &= values[near] == values[near - 1]
        flat &= values[near] == bars.close[near - 1]
    frozen = near[repeated | flat]
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
    median_range = _quantile_around(bars, lambda row: bars.high[row] - bars.low[row], alone, 1, rules)
    alone = alone[median_range >= rules.stale_range_ticks * rules.tick]
    median_volume = _quantile_around(bars, lambda row: bars.volume[row], alone, 1, rules)
    stale[alone[bars.volume[alone] >= rules.stale_volume * median_volume]] = True
    return stale


def _volatility_around(bars: Bars, first: Times, length: int, rules: QualityRules) -> Floats:
    """Return the robust standard deviation of the returns around rows, at least half a tick; infinite without any."""

    def change(row: Times) -> Floats:
        move: Floats = np.abs(np.log(bars.close[row] / bars.close[row - 1]))
        return np.where(bars.code[row] == bars.code[row - 1], move, np.nan)

    # The change out of the last bar belongs to the excursion: one row more is left out.
    quartile = _quantile_around(bars, change, first, length + 1, rules, _QUARTILE)
    scale: Floats = np.maximum(quartile / _QUARTILE_SCALE, 0.5 * rules.tick / bars.close[first])
    return np.where(np.isnan(quartile), np.inf, scale)


def _quantile_around(
    bars: Bars,
    quantity: Callable[[Times], Floats],
    first: Times,
    length: int,
    rules: QualityRules,
    share: float = 0.5,
) -> Floats:
    """Return the median, or another quantile, of a quantity over the bars around rows first .. first + length - 1.

    quantity : its values in some rows, NaN where it has none
    Only bars of the same symbol count, the rows themselves not; NaN without any.
    """
    if len(first) == 0:
        return np.empty(0)
    away = np.arange(1, rules.neighbours + 1)
    row = np.concatenate([first[:, None] - away, first[:, None] + (length - 1) + away], axis=1)
    inside = (row >= 0) & (row < len(bars))
    row = np.clip(row, 0, len(bars) - 1)
    inside &= bars.code[row] == bars.code[first][:, None]
    values = np.where(inside, quantity(row), np.nan)
    values.sort(axis=1)  # NaN last
    count = np.count_nonzero(~np.isnan(values), axis=1)
    place = share * np.maximum(count - 1, 0)
    below = place.astype(np.int64)
    rows = np.arange(len(first))
    low, high = values[rows, below], values[rows, np.minimum(below + 1, np.maximum(count - 1, 0))]
    quantile: Floats = low + (place - below) * (high - low)
    return quantile


def _wicks(bars: Bars, rules: QualityRules) -> Times:
    """Return bars whose high or low stands alone: beyond the body, both neighbours, and what others do."""
    ranging = np.flatnonzero(bars.high[1:-1] >= bars.low[1:-1] * np.exp(rules.wick_move)) + 1
    ranging = ranging[bars.code[ranging - 1] == bars.code[ranging + 1]]
    found = []
    for outer, pick, sign in ((bars.high, np.maximum, 1), (bars.low, np.minimum, -1)):
        level = pick(pick(outer[ranging - 1], outer[ranging + 1]), pick(bars.open[ranging], bars.close[ranging]))
        move = sign * np.log(outer[ranging] / level)
        row, move = ranging[move >= rules.wick_move], move[move >= rules.wick_move]
        span = _quantile_around(bars, lambda near: np.log(bars.high[near] / bars.low[near]), row, 1, rules)
        scale = np.fmax(_volatility_around(bars, row, 1, rules), span)
        row = row[move >= rules.wick_scales * scale]
        # Where several symbols do it in the same bar and direction, the market did it: 2010-05-06, 2015-08-24.
        _, which, together = np.unique(bars.start_ns[row], return_inverse=True, return_counts=True)
        found.append(row[together[which] < rules.wick_symbols])
    return np.concatenate(found)


def _mark_gross(gross: Flags, bars: Bars, first: Times, length: int, rules: QualityRules) -> None:
    before, after = first - 1, first + length
    factor = np.exp(rules.spike_quarantine_move)
    for step in range(length):
        row = first + step
        above = bars.low[row] >= factor * np.maximum(bars.high[before], bars.high[after])
        below = bars.high[row] * factor <= np.minimum(bars.low[before], bars.low[after])
        gross[row] |= above | below
