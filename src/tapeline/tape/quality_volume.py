"""Volume-unit breaks: from one session on a source counts volume in other units, such as lots in place of shares.

Nothing in a single bar shows it. What shows is the level of the traded value (price x volume, so that a split
changes nothing), session by session: it jumps by a large factor, to stay. Markets do that too, in one name, when
news changes who trades it, but then its price jumps or ranges more widely as well. And they never do it in most
names at once. Hence two ways to be sure:

- common: most symbols of the source jump together, the same way, by `volume_common_factor`. Then those of them
  whose own level moved along are flagged, noisy ones too.
- alone: one symbol jumps by `volume_factor` and many standard deviations of its own level, at a quiet price, with a
  whole window of sessions on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tapeline.domain.panel import Floats, Times
from tapeline.tape.quality_reasons import QualityRules
from tapeline.tape.quality_rows import Bars, Codes, Flags
from tapeline.tape.quality_sessions import SessionTable, range_to_usual, usual_move

_BEFORE_MIN, _AFTER_MIN = 6, 2
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


def volume_breaks(table: SessionTable, bars: Bars, rules: QualityRules) -> list[VolumeBreak]:
    """Return the breaks of all symbols, in the order of the table. Symbols with an unknown level are passed over."""
    known = np.flatnonzero(~np.isnan(table.value))
    code, level = table.code[known], table.value[known]
    if len(known) == 0:
        return []
    begin = np.flatnonzero(np.diff(code, prepend=-1))
    count = np.diff([*begin, len(code)])
    place = np.arange(len(code)) - np.repeat(begin, count)
    remaining = np.repeat(count, count) - place
    judged = np.flatnonzero((place >= _BEFORE_MIN) & (remaining >= _AFTER_MIN))
    if len(judged) == 0:
        return []
    step = _mean_step(level, judged, place, remaining, rules)
    # Means are cheap and sharp in time; medians decide.
    wide = np.abs(step) >= 0.5 * np.log(rules.volume_common_factor)
    rows = judged[wide]
    before, scale, after, least = _robust(level, rows, place, remaining, rules)
    jump = after - before
    large = np.abs(jump) >= np.log(rules.volume_common_factor)
    lasting = least >= 0.5 * np.abs(jump)

    clear = large & lasting
    common = _common_sessions(table.session[known], judged, rows[clear], step[wide][clear], rules)
    alone = (
        (np.abs(jump) >= np.log(rules.volume_factor))
        & (np.abs(jump) >= rules.volume_scales * scale)
        & lasting
        & (np.abs(level[rows] - level[rows - 1]) >= 0.5 * np.abs(jump))
        & (place[rows] >= rules.volume_before)
        & (remaining[rows] >= rules.volume_after)
    )
    sides = np.array([common.get(int(s), (0, 0))[0] for s in table.session[known[rows]]], dtype=np.int64)
    together = (sides != 0) & (np.sign(jump) == sides) & (np.abs(jump) >= 0.5 * np.log(rules.volume_common_factor))

    found: list[VolumeBreak] = []
    sharpness = np.abs(step[wide]) + np.where(together, np.inf, 0.0)
    alone[alone] = _quiet_price(table, known[rows[alone]], rules)
    for k in np.flatnonzero(alone).tolist():
        alone[k] = range_to_usual(table, bars, int(known[rows[k]]), rules.volume_after) <= rules.volume_range
    for chosen in _one_per_break(rows, sharpness, code, together | alone, rules.volume_after):
        row = int(rows[chosen])
        count_common = common[int(table.session[known[row]])][1] if together[chosen] else 1
        found.append(VolumeBreak(int(known[row]), 0, float(np.exp(jump[chosen])), count_common))
    return _with_ends(found, table.code)


def _mean_step(level: Floats, judged: Times, place: Times, remaining: Times, rules: QualityRules) -> Floats:
    total = np.concatenate([[0.0], np.cumsum(level)])
    back = np.minimum(place[judged], rules.volume_before)
    ahead = np.minimum(remaining[judged], rules.volume_after)
    after = (total[judged + ahead] - total[judged]) / ahead
    before = (total[judged] - total[judged - back]) / back
    difference: Floats = after - before
    return difference


def _robust(
    level: Floats, rows: Times, place: Times, remaining: Times, rules: QualityRules
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the median before, its scale, the median after, and the least distance of the sessions after."""
    away = np.arange(1, rules.volume_before + 1)
    back = np.where(away <= place[rows][:, None], level[np.maximum(rows[:, None] - away, 0)], np.nan)
    ahead = np.arange(rules.volume_after)
    beyond = level[np.minimum(rows[:, None] + ahead, len(level) - 1)]
    forth = np.where(ahead < remaining[rows][:, None], beyond, np.nan)
    before, after = np.nanmedian(back, axis=1), np.nanmedian(forth, axis=1)
    scale = np.maximum(_NORMAL_SCALE * np.nanmedian(np.abs(back - before[:, None]), axis=1), _SCALE_MIN)
    side = np.sign(after - before)[:, None]
    least = np.nanmin(np.where(np.isnan(forth), np.nan, side * (forth - before[:, None])), axis=1)
    return before, scale, after, least


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


def _quiet_price(table: SessionTable, at: Times, rules: QualityRules) -> Flags:
    """Return whether prices went on as usual: no large move overnight or within a session around the break."""
    overnight = np.nan_to_num(table.jump)
    within = np.log(table.close / table.open)
    quiet = np.ones(len(at), dtype=np.bool_)
    for move in (overnight, within):
        largest = np.max([np.abs(move[np.clip(at + shift, 0, len(move) - 1)]) for shift in (-1, 0, 1)], axis=0)
        quiet &= largest <= rules.volume_price_scales * usual_move(table, move, at)
    return quiet


def _one_per_break(rows: Times, sharpness: Floats, code: Codes, jumps: Flags, reach: int) -> list[int]:
    """Return the candidate at which each break is sharpest; sessions close to it see the same break."""
    groups: list[list[int]] = []
    for k in np.flatnonzero(jumps).tolist():
        apart = not groups or code[rows[k]] != code[rows[groups[-1][-1]]] or rows[k] - rows[groups[-1][-1]] > reach
        if apart:
            groups.append([])
        groups[-1].append(k)
    return [max(group, key=lambda k: float(sharpness[k])) for group in groups]


def _with_ends(found: list[VolumeBreak], code: Codes) -> list[VolumeBreak]:
    ended = []
    for k, one in enumerate(found):
        until = int(np.searchsorted(code, code[one.at], side="right"))
        if k + 1 < len(found) and code[found[k + 1].at] == code[one.at]:
            until = found[k + 1].at
        ended.append(VolumeBreak(one.at, until, one.factor, one.common))
    return ended
