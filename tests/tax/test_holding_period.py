"""Holding periods: section 3 of the rules."""

from __future__ import annotations

from datetime import date

import pytest

from tapeline.tax.holding_period import is_long_term, settlement_date, tacked
from tax.tables import rows, taxed


@pytest.mark.parametrize(
    ("acquired", "first_long_term_day"),
    [
        (date(2024, 3, 14), date(2025, 3, 15)),
        (date(2024, 2, 29), date(2025, 3, 1)),
        (date(2023, 2, 28), date(2024, 3, 1)),
        (date(2024, 2, 28), date(2025, 3, 1)),
        (date(2024, 4, 30), date(2025, 5, 1)),
        (date(2023, 6, 5), date(2024, 6, 6)),
        (date(2024, 12, 31), date(2026, 1, 1)),
    ],
)
def test_long_term_begins_the_day_after_the_anniversary_in_calendar_months(
    acquired: date, first_long_term_day: date
) -> None:
    start, day = acquired.toordinal(), first_long_term_day.toordinal()

    assert is_long_term(start, day)
    assert not is_long_term(start, day - 1)


def test_no_count_of_days_gives_the_same_answer() -> None:
    # 366 days over a leap day are exactly one year, 366 days without one are more
    assert not is_long_term(date(2023, 6, 5).toordinal(), date(2023, 6, 5).toordinal() + 366)
    assert is_long_term(date(2024, 6, 5).toordinal(), date(2024, 6, 5).toordinal() + 366)


def test_trade_dates_count_and_settlement_does_not() -> None:
    result = taxed("""
        2023-12-29  buy   b1  10 XYZ @ 10  settles=2024-01-03
        2024-12-30  sell  s1   5 XYZ @ 12  settles=2024-12-31
        2025-12-31  sell  s2   5 XYZ @ 12  settles=2026-01-02
    """)

    assert [row.term.value for row in result.rows] == ["long", "long"]
    assert [row.tax_year for row in result.rows] == [2024, 2025]


def test_a_gift_takes_the_donors_period_and_an_inheritance_is_long_term() -> None:
    result = taxed("""
        2025-03-03  buy   g1  10 XYZ @ 10  how=gift  from=2020-01-02
        2025-03-03  buy   i1  10 ABC @ 10  how=inheritance
        2025-04-01  sell  s1  10 XYZ @ 12
        2025-04-01  sell  s2  10 ABC @ 12
    """)

    assert [row.term.value for row in result.rows] == ["long", "long"]


def test_the_days_of_the_sold_shares_are_added_and_days_without_a_position_are_not() -> None:
    # bought 2023-06-20, sold 2024-01-16: 210 days; bought again 2024-01-30: 2023-07-04, not 2023-06-20
    start = tacked(date(2024, 1, 30).toordinal(), date(2023, 6, 20).toordinal(), date(2024, 1, 16).toordinal())

    assert date.fromordinal(start) == date(2023, 7, 4)


def test_tacked_days_can_make_a_short_holding_long_term() -> None:
    result = taxed("""
        2023-01-10  buy   b1  100 XYZ @ 40
        2024-06-03  sell  s1  100 XYZ @ 30
        2024-06-20  buy   b2  100 XYZ @ 31
        2024-09-03  sell  s2  100 XYZ @ 45
    """)

    assert rows(result).endswith("s2 b2 100 4500.00 - 4100.00 + 0.00 = 400.00 long")


@pytest.mark.parametrize(
    ("trade", "settles"),
    [
        (date(2025, 12, 31), date(2026, 1, 2)),
        (date(2025, 12, 30), date(2025, 12, 31)),
        (date(2027, 12, 23), date(2027, 12, 27)),  # Christmas 2027 is a Saturday, observed on Friday
        (date(2022, 12, 30), date(2023, 1, 4)),  # T+2; New Year's Day 2023 is a Sunday, observed on Monday
        (date(2016, 12, 28), date(2017, 1, 3)),  # T+3
    ],
)
def test_regular_settlement_around_a_years_end(trade: date, settles: date) -> None:
    assert settlement_date(trade) == settles
