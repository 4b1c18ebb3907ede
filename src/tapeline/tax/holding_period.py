"""Holding periods: when a year is over, and how days are added to it.

Counting starts the day after the acquisition and includes the day of sale; long-term is more than one year (IRC 1222).
Months are calendar months (Rev. Rul. 66-7), so neither 365 days nor the same day next year is right for the last day of
a month:

    29 Feb 2024 -> long from 1 Mar 2025      28 Feb 2023 -> long from 1 Mar 2024, not on the leap day
    30 Apr 2024 -> long from 1 May 2025      14 Mar 2024 -> long from 15 Mar 2025

Days are proleptic Gregorian ordinals (`date.toordinal`): additions are the inner loop of the wash rules.
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from functools import lru_cache

_T1_FROM = date(2024, 5, 28)
_T2_FROM = date(2017, 9, 5)


@lru_cache(maxsize=1 << 16)
def last_short_term_day(start_day: int) -> int:
    """Return the last day on which a sale of what was acquired on `start_day` is still short-term."""
    start = date.fromordinal(start_day)
    year = start.year + 1
    month_end = calendar.monthrange(year, start.month)[1]
    is_month_end = start.day == calendar.monthrange(start.year, start.month)[1]
    return date(year, start.month, month_end if is_month_end else start.day).toordinal()


def is_long_term(start_day: int, end_day: int) -> bool:
    """Return whether a holding that began on `start_day` and ended on `end_day` lasted more than one year."""
    # no year is shorter than 365 days, so most sales need no calendar
    return end_day - start_day > 365 and end_day > last_short_term_day(start_day)


def tacked(start_day: int, sold_start_day: int, sold_day: int, *, overlap_once: bool = False) -> int:
    """Return where the holding of a replacement starts after the days of the sold shares are added, IRC 1223(3).

    overlap_once : days on which both were held count once; no authority does that, it is a policy of its own
    """
    days = sold_day - sold_start_day
    if overlap_once:
        days -= max(0, sold_day - max(start_day, sold_start_day))
    return start_day - days


def settlement_cycle(trade_date: date) -> int:
    """Return in how many business days a stock trade settles: one, two before 28 May 2024, three before 5 September
    2017."""
    return 1 if trade_date >= _T1_FROM else 2 if trade_date >= _T2_FROM else 3


def settlement_date(trade_date: date) -> date:
    """Return the regular settlement of a stock trade, by `settlement_cycle`.

    Used only to place a short sale's loss on one side of a year's end when the event does not say it, so of the
    holidays it knows those that lie there: Christmas and New Year's Day, as observed.
    """
    days = settlement_cycle(trade_date)
    day = trade_date
    while days:
        day += timedelta(days=1)
        days -= _is_business_day(day)
    return day


def _is_business_day(day: date) -> bool:
    if day.weekday() >= 5:
        return False
    holidays = {(12, 25), (1, 1)}
    sunday_before = day.weekday() == 0 and _month_day(day - timedelta(days=1)) in holidays
    # a Christmas on Saturday is observed on Friday; a New Year's Day on Saturday is not observed in the old year
    saturday_after = day.weekday() == 4 and _month_day(day + timedelta(days=1)) == (12, 25)
    return _month_day(day) not in holidays and not sunday_before and not saturday_after


def _month_day(day: date) -> tuple[int, int]:
    return day.month, day.day
