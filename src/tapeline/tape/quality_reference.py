"""A second source's closes against ours: is it the same security?

Two sources of one security differ by fractions of a day's move (the last trade against the official close) or, where
one is adjusted for splits and dividends, by a factor that is constant between their ex-dates. A close that is off by
more than `reference_move` and a usual day's move, while daily returns differ as well, is the price of something else: a
ticker that was used again, or two files mixed up. One wrong session is reported like a run of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tapeline.domain.panel import Floats
from tapeline.tape.quality_reasons import QualityRules
from tapeline.tape.quality_rows import Codes
from tapeline.tape.quality_sessions import usual_move

_APART_MAX = 10  # sessions in agreement that do not yet end a run of mismatches


@dataclass(frozen=True)
class Mismatch:
    """A run of sessions whose closes are not the reference's.

    at : positions of the sessions
    factor : median of our close to the reference's
    adjusted : the returns agree: the same security, otherwise adjusted
    """

    at: tuple[int, ...]
    factor: float
    adjusted: bool


def mismatches(code: Codes, close: Floats, reference: Floats, rules: QualityRules) -> list[Mismatch]:
    """Return the runs in which two sources disagree.

    code, close, reference : [K], sessions both sources have, sorted by symbol and time
    """
    if len(code) == 0:
        return []
    off = np.log(close / reference)
    rows = np.flatnonzero(np.abs(off) > rules.reference_move)
    # On wild days the last trade and the official close are far apart too.
    move = np.where(np.diff(code, prepend=-1) == 0, np.diff(np.log(reference), prepend=0.0), np.nan)
    rows = rows[np.abs(off[rows]) > rules.reference_scales * usual_move(code, move, rows)]
    if len(rows) == 0:
        return []
    apart = (np.diff(rows) > _APART_MAX) | (np.diff(code[rows]) != 0)
    found = []
    for run in np.split(rows, np.flatnonzero(apart) + 1):
        moves = np.abs(np.diff(off[run]))
        same = len(moves) > 0 and float(np.median(moves)) <= rules.reference_noise
        found.append(Mismatch(tuple(run.tolist()), float(np.exp(np.median(off[run]))), same))
    return found
