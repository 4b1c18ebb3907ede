"""Returns of calendar months and years, compounded from session returns.

Sessions of +1 % and +2 % in one month make 1.01 x 1.02 - 1 = +3.02 %. A month that the run only touches has the
return of the sessions that it has. A month without a session is NaN: nothing is known of it, which is not 0 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tapeline.analysis.returns import NAN
from tapeline.domain.errors import DataError
from tapeline.domain.panel import Floats, Times

MONTHS = 12


@dataclass(frozen=True, eq=False)
class CalendarReturns:
    """Returns by year and month.

    years : the Y calendar years from the first session to the last
    months : float64 [Y, 12], January first; totals : float64 [Y]; NaN where there is no session
    """

    years: tuple[int, ...]
    months: Floats
    totals: Floats


def calendar_returns(days: Times, returns: Floats) -> CalendarReturns:
    """Return the compounded returns of each month and year.

    days : int64 of shape (n,), session dates as days since 1970-01-01, never falling
    returns : float64 of shape (n,), of the sessions; one that is NaN makes its month and year NaN
    Raises DataError where the two differ in length.
    """
    if len(days) != len(returns):
        raise DataError(f"Each session return needs its date; found {len(days)} dates and {len(returns)} returns.")
    if not len(days):
        return CalendarReturns((), np.empty((0, MONTHS)), np.empty(0))
    month = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)  # since January 1970
    first_year, last_year = int(month[0]) // MONTHS, int(month[-1]) // MONTHS
    months = np.full((last_year - first_year + 1, MONTHS), NAN)
    totals = np.full(len(months), NAN)
    _compound(month - first_year * MONTHS, returns, months.reshape(-1))
    _compound(month // MONTHS - first_year, returns, totals)
    return CalendarReturns(tuple(range(1970 + first_year, 1970 + last_year + 1)), months, totals)


def _compound(place: Times, returns: Floats, out: Floats) -> None:
    found, first = np.unique(place, return_index=True)
    out[found] = np.multiply.reduceat(1.0 + returns, first) - 1.0
