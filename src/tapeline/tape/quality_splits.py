"""Splits against prices: one that no corporate action tells of, and one that stands at the wrong session.

A split of 2 for 1 halves the price overnight and leaves the traded value and the day's range as they were. A crash by
half does not stop at so simple a ratio, and is traded and fought over. So a split is missing where an overnight move
comes near a simple ratio, lasts, on a day of no more than the usual value and range, and no action says so. The larger
the ratio the less it looks like news, and the wider the day may range.

An action is misplaced where its move is not seen at its ex-date: it is then searched in the sessions around.
In a file of adjusted prices no action shows, and one that does was not adjusted for. Which of both a file is, is
seen in the actions themselves, or told by `rules.prices`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tapeline.domain.panel import Floats
from tapeline.tape.quality_reasons import QualityRules, Reason
from tapeline.tape.quality_rows import Bars
from tapeline.tape.quality_sessions import SessionTable, median_around, range_to_usual, usual_move

# New shares per old one, as companies choose them; the reverse of each as well.
SIMPLE_RATIOS = (5 / 4, 4 / 3, 3 / 2, 2, 5 / 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100)
_LOG_RATIOS = np.log(np.sort([*SIMPLE_RATIOS, *(1 / ratio for ratio in SIMPLE_RATIOS)]))
_LASTS_SESSIONS = 3
_APART_SESSIONS_MAX = 10  # a symbol that was away for longer may come back as another security
_UNTOLD_APART_MAX = 3
_CLEAR = np.log(1.4)  # splits that no usual overnight move can hide


@dataclass(frozen=True)
class SplitFinding:
    """A split that prices and actions do not agree on.

    reason : SPLIT_MISSING or SPLIT_MISPLACED
    at : positions in the session table of the sessions to be marked
    ratio : new shares per old one, as told or as seen
    seen : position of the session where a misplaced split shows; -1 where it shows nowhere near
    """

    reason: Reason
    at: tuple[int, ...]
    ratio: float
    seen: int = -1


def split_findings(
    table: SessionTable, bars: Bars, told: Mapping[tuple[int, int], float], rules: QualityRules, *, raw: bool = False
) -> tuple[list[SplitFinding], str]:
    """Return what does not agree, and whether prices are "raw", "adjusted" or, for want of actions, "".

    bars : those the table was made of
    told : ratio by symbol and session, both as the table has them; the ex-date is moved to the first session on it
    raw : the prices are known to be raw
    """
    if len(table) == 0:
        return [], ""
    jump = table.jump
    jump[1:][np.diff(table.session) > _APART_SESSIONS_MAX] = np.nan
    actions = _Actions(table, told, jump, rules)
    prices = "raw" if raw else rules.prices or actions.prices
    found = actions.misplaced() if prices != "adjusted" else actions.not_adjusted()
    explained = {at + shift for at in actions.known for shift in range(-rules.split_sessions, rules.split_sessions + 1)}
    found += [one for one in _missing(table, bars, jump, rules) if one.at[0] not in explained]
    return sorted(found, key=lambda one: one.at), prices


class _Actions:
    """The actions that can be judged: with a bar before them and a ratio larger than the usual overnight move."""

    def __init__(
        self, table: SessionTable, told: Mapping[tuple[int, int], float], jump: Floats, rules: QualityRules
    ) -> None:
        self._table, self._jump, self._reach = table, jump, rules.split_sessions
        key = table.code * (int(table.session.max()) + 2) + table.session
        self.known: dict[int, float] = {}
        for (code, session), ratio in told.items():
            at = int(np.searchsorted(key, code * (int(table.session.max()) + 2) + session))
            inside = at < len(table) and table.code[at] == code
            if inside and not np.isnan(jump[at]) and abs(np.log(ratio)) > np.log1p(1e-3):
                self.known[at] = ratio
        ats = np.array(list(self.known), dtype=np.int64)
        usual = usual_move(table.code, jump, ats)
        size = np.abs(np.log(list(self.known.values()))) if len(ats) else np.empty(0)
        judged = (size >= np.log(rules.split_ratio)) & (size >= rules.split_scales * usual)
        self._judged = ats[judged].tolist()
        self._shown = {at: self._shows(at, self.known[at]) for at in self._judged}
        self._seen = {at: self._search(at) for at in self._judged if not self._shown[at]}

    @property
    def prices(self) -> str:
        clear = [at for at in self._judged if abs(np.log(self.known[at])) >= _CLEAR]
        if not clear:
            return ""
        visible = sum(self._shown[at] or self._seen[at] >= 0 for at in clear)
        return "raw" if 2 * visible >= len(clear) else "adjusted"

    def misplaced(self) -> list[SplitFinding]:
        """Return the actions whose move is not at their ex-date."""
        return [
            SplitFinding(Reason.SPLIT_MISPLACED, (at - 1, at) if seen < 0 else (at, seen), self.known[at], seen)
            for at, seen in self._seen.items()
        ]

    def not_adjusted(self) -> list[SplitFinding]:
        """Return the actions that show in prices which should not show them."""
        return [SplitFinding(Reason.SPLIT_MISSING, (at,), self.known[at], at) for at in self._judged if self._shown[at]]

    def _shows(self, at: int, ratio: float) -> bool:
        expected = -np.log(ratio)
        return bool(abs(self._jump[at] - expected) < 0.5 * abs(expected))

    def _search(self, at: int) -> int:
        """Return the session near `at` that moves by its ratio, the nearest one; -1 for none."""
        ratio = self.known[at]
        expected = -np.log(ratio)
        near = range(max(0, at - self._reach), min(len(self._table), at + self._reach + 1))
        fits = [
            k
            for k in near
            if self._table.code[k] == self._table.code[at]
            and k not in self.known
            and abs(self._jump[k] - expected) < 0.25 * abs(expected)
        ]
        return min(fits, key=lambda k: (abs(k - at), k), default=-1)


def _missing(table: SessionTable, bars: Bars, jump: Floats, rules: QualityRules) -> list[SplitFinding]:
    # Over a week without trading prices may go anywhere.
    near = np.diff(table.session, prepend=table.session[0]) <= _UNTOLD_APART_MAX
    rows = np.flatnonzero(near & (np.abs(jump) >= 0.9 * np.log(rules.split_ratio_untold)))
    if len(rows) == 0:
        return []
    usual = usual_move(table.code, jump, rows)
    nearest = _LOG_RATIOS[np.argmin(np.abs(-jump[rows][:, None] - _LOG_RATIOS), axis=1)]
    size = np.abs(nearest)
    allowed = np.minimum(np.maximum(0.02, rules.split_scales * usual), 0.2 * size)
    fits = (np.abs(-jump[rows] - nearest) <= allowed) & (size >= rules.split_scales * usual)
    fits &= size >= np.log(rules.split_ratio_untold)
    lasting = np.ones(len(rows), dtype=np.bool_)
    for ahead in range(_LASTS_SESSIONS):
        later = np.minimum(rows + ahead, len(table) - 1)
        same = table.code[later] == table.code[rows]
        back = np.log(table.close[later] / table.close[np.maximum(rows - 1, 0)])
        lasting &= ~same | (np.abs(back - jump[rows]) < 0.5 * np.abs(jump[rows]))
    level = median_around(table.code, table.value, rows, ahead=False)
    quiet = ~(table.value[rows] - level > rules.split_volume)
    likely = fits & lasting & quiet
    return [
        SplitFinding(Reason.SPLIT_MISSING, (at,), float(np.exp(log_ratio)), at)
        for at, log_ratio in zip(rows[likely].tolist(), nearest[likely].tolist(), strict=True)
        if range_to_usual(table, bars, at, 1) <= rules.split_range * max(1.0, abs(log_ratio) / np.log(1.5))
    ]
