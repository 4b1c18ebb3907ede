"""Volume-unit breaks: from one session on a source counts volume in other units, such as lots in place of shares.

Nothing in a single bar shows it. What shows is the level of the traded value (price x volume, so that a split
changes nothing), session by session: it jumps by a large factor, to stay. Markets do that too, in one name, when
news changes who trades it, but then its price jumps or ranges more widely as well. And they never do it in most
names at once, nor fall silent overnight. Hence two ways to be sure:

- common: most symbols of the source jump together, the same way, by `volume_common_factor`. Then those of them
  whose own level moved along are flagged, noisy ones too.
- alone: one symbol falls by `volume_factor`, or rises by `volume_rise_factor`, and by many standard deviations of its
  own level. A rise must be larger than its prices explain: a move three times beyond the usual may come with nine
  times the volume. Others that jump with it, the same way by `volume_common_factor`, are believed too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tapeline.domain.panel import Floats, Times
from tapeline.tape.quality_reasons import QualityRules
from tapeline.tape.quality_rows import Bars, Codes, Flags
from tapeline.tape.quality_sessions import SessionTable, range_to_usual, usual_move

_BEFORE_MIN, _AFTER_MIN = 6, 2
_FALL_SESSIONS = 3  # after a rise the whole window is asked for; falls have fewer natural causes
_PASSES = 8  # breaks of one symbol that are told apart
_NORMAL_SCALE = 1.4826
_SCALE_MIN = 0.25  # the level of a liquid share moves by so much from day to day anyway, in logarithms


@dataclass(frozen=True)
class VolumeBreak:
    """A session of the table from which on volume is counted otherwise.

    at : position in the session table; until : position after the last session it holds for
    factor : new level to old level
    common : how many symbols jumped with it, itself included; 1 where it stands alone
    """

    at: int
    until: int
    factor: float
    common: int


@dataclass(frozen=True, eq=False)
class _Levels:
    """The known levels: where they stand in the table, and how many sessions of the symbol lie before and ahead."""

    at: Times
    code: Codes
    session: Times
    level: Floats
    place: Times
    remaining: Times


def volume_breaks(table: SessionTable, bars: Bars, rules: QualityRules) -> list[VolumeBreak]:
    """Return the breaks of all symbols, in the order of the table. Sessions in which nothing traded are passed over.

    bars : those the table was made of
    """
    at = np.flatnonzero(~np.isnan(table.value))
    code = table.code[at]
    begin = np.flatnonzero(np.diff(code, prepend=-1))
    count = np.diff([*begin, len(code)])
    place = np.arange(len(code)) - np.repeat(begin, count)
    levels = _Levels(at, code, table.session[at], table.value[at].copy(), place, np.repeat(count, count) - place)
    found: dict[int, VolumeBreak] = {}
    for _ in range(_PASSES):
        # What lies behind a break is seen against the wrong level: take each symbol's first one out and look again.
        new = _first_of_each(_breaks(levels, table, bars, rules), table.code, found)
        for one in new:
            after = slice(
                int(np.searchsorted(at, one.at)), int(np.searchsorted(code, table.code[one.at], side="right"))
            )
            levels.level[after] -= np.log(one.factor)
        found |= {one.at: one for one in new}
        if not new:
            break
    return _with_ends([found[k] for k in sorted(found)], table.code)


def _breaks(levels: _Levels, table: SessionTable, bars: Bars, rules: QualityRules) -> list[VolumeBreak]:
    place, remaining, level = levels.place, levels.remaining, levels.level
    judged = np.flatnonzero((place >= _BEFORE_MIN) & (remaining >= _AFTER_MIN))
    if len(judged) == 0:
        return []
    step = _mean_step(levels, judged, rules)
    # Means are cheap and sharp in time; medians decide.
    least_step = np.log(rules.volume_common_factor)
    wide = np.abs(step) >= 0.8 * least_step
    jump, _, least = _robust_jump(levels, judged[wide], rules)
    clear = (least >= 0.5 * np.abs(jump)) & (np.abs(jump) >= least_step)
    common = _common_sessions(levels.session, judged, judged[wide][clear], step[wide][clear], rules)
    if common:  # where most jump, the others are asked more gently
        wide |= np.isin(levels.session[judged], list(common)) & (np.abs(step) >= 0.5 * least_step)
    rows, step = judged[wide], step[wide]
    jump, scale, least = _robust_jump(levels, rows, rules)
    size = np.abs(jump)
    lasting = least >= 0.5 * size
    sides = np.array([common.get(int(s), (0, 0))[0] for s in levels.session[rows]], dtype=np.int64)
    together = (sides != 0) & (np.sign(jump) == sides) & (size >= 0.5 * least_step)

    alone = lasting & (size >= np.log(rules.volume_factor)) & (size >= rules.volume_scales * scale)
    alone &= np.abs(level[rows] - level[rows - 1]) >= 0.5 * size
    alone &= place[rows] >= rules.volume_before // 2
    falls = alone & (jump < 0.0) & (remaining[rows] >= _FALL_SESSIONS)
    alone &= remaining[rows] >= rules.volume_after
    alone[alone] = size[alone] >= np.log(rules.volume_rise_factor * _news(table, bars, levels.at[rows[alone]], rules))
    alone |= falls
    # What is sure in one symbol makes the same jump of another in that session believable.
    session = levels.session[rows]
    beside = lasting & (size >= least_step)
    for side in (-1.0, 1.0):
        alone |= beside & (np.sign(jump) == side) & np.isin(session, session[alone & (np.sign(jump) == side)])

    found: list[VolumeBreak] = []
    sharpness = np.abs(step) + np.where(together, np.inf, 0.0)
    for k in _one_per_break(rows, sharpness, levels.code, together | alone, rules.volume_after):
        symbols = common[int(levels.session[rows[k]])][1] if together[k] else 1
        found.append(VolumeBreak(int(levels.at[rows[k]]), 0, float(np.exp(jump[k])), symbols))
    return found


def _mean_step(levels: _Levels, judged: Times, rules: QualityRules) -> Floats:
    total = np.concatenate([[0.0], np.cumsum(levels.level)])
    back = np.minimum(levels.place[judged], rules.volume_before)
    ahead = np.minimum(levels.remaining[judged], rules.volume_after)
    after = (total[judged + ahead] - total[judged]) / ahead
    before = (total[judged] - total[judged - back]) / back
    difference: Floats = after - before
    return difference


def _robust_jump(levels: _Levels, rows: Times, rules: QualityRules) -> tuple[Floats, Floats, Floats]:
    """Return the jump of the median, the scale of the level before, and the least jump of the sessions after."""
    level, place, remaining = levels.level, levels.place[rows], levels.remaining[rows]
    away = np.arange(1, rules.volume_before + 1)
    back = np.where(away <= place[:, None], level[np.maximum(rows[:, None] - away, 0)], np.nan)
    ahead = np.arange(rules.volume_after)
    beyond = level[np.minimum(rows[:, None] + ahead, len(level) - 1)]
    forth = np.where(ahead < remaining[:, None], beyond, np.nan)
    before = np.nanmedian(back, axis=1)
    jump = np.nanmedian(forth, axis=1) - before
    scale = np.maximum(_NORMAL_SCALE * np.nanmedian(np.abs(back - before[:, None]), axis=1), _SCALE_MIN)
    least = np.nanmin(np.sign(jump)[:, None] * (forth - before[:, None]), axis=1)
    return jump, scale, least


def _common_sessions(
    session: Times, judged: Times, rows: Times, step: Floats, rules: QualityRules
) -> dict[int, tuple[int, int]]:
    """Return the sessions at which most symbols jump: on which side, and how many of them."""
    if len(rows) == 0:
        return {}
    judges = np.bincount(session[judged])
    found: dict[int, tuple[int, int]] = {}
    for side in (-1, 1):
        mine = np.sign(step) == side
        many = np.bincount(session[rows[mine]], minlength=len(judges))
        size = np.bincount(session[rows[mine]], np.abs(step[mine]), minlength=len(judges))
        enough = np.flatnonzero((many >= rules.volume_common_symbols) & (many >= rules.volume_common_share * judges))
        # The sessions around a break see it too, blurred: only the sharpest of them is it.
        for s in sorted(enough.tolist(), key=lambda s: -float(size[s])):
            if all(abs(s - other) > rules.volume_after for other in found):
                found[s] = (side, int(many[s]))
    return found


def _news(table: SessionTable, bars: Bars, at: Times, rules: QualityRules) -> Floats:
    """Return by which factor news may raise volume around sessions: the square of what they do to prices.

    Moves up to `volume_price_scales` volatilities, and ranges up to `volume_range` times the usual, explain nothing.
    """
    overnight = np.nan_to_num(table.jump)
    within = np.log(table.close / table.open)
    news = np.ones(len(at))
    for move in (overnight, within):
        largest = np.max([np.abs(move[np.clip(at + shift, 0, len(move) - 1)]) for shift in (-1, 0, 1)], axis=0)
        usual = np.maximum(usual_move(table.code, move, at), 1e-6)
        news = np.maximum(news, largest / usual / rules.volume_price_scales)
    wide = [range_to_usual(table, bars, k, rules.volume_after) / rules.volume_range for k in at.tolist()]
    factor: Floats = np.maximum(news, np.array(wide, dtype=np.float64)) ** 2
    return factor


def _one_per_break(rows: Times, sharpness: Floats, code: Codes, jumps: Flags, reach: int) -> list[int]:
    """Return the candidate at which each break is sharpest; sessions close to it see the same break."""
    groups: list[list[int]] = []
    for k in np.flatnonzero(jumps).tolist():
        apart = not groups or code[rows[k]] != code[rows[groups[-1][-1]]] or rows[k] - rows[groups[-1][-1]] > reach
        if apart:
            groups.append([])
        groups[-1].append(k)
    return [max(group, key=lambda k: float(sharpness[k])) for group in groups]


def _first_of_each(breaks: list[VolumeBreak], code: Codes, found: Mapping[int, VolumeBreak]) -> list[VolumeBreak]:
    first: dict[int, VolumeBreak] = {}
    for one in breaks:
        if one.at not in found:
            first.setdefault(int(code[one.at]), one)
    return list(first.values())


def _with_ends(found: list[VolumeBreak], code: Codes) -> list[VolumeBreak]:
    ended = []
    for k, one in enumerate(found):
        until = int(np.searchsorted(code, code[one.at], side="right"))
        if k + 1 < len(found) and code[found[k + 1].at] == code[one.at]:
            until = found[k + 1].at
        ended.append(VolumeBreak(one.at, until, one.factor, one.common))
    return ended
