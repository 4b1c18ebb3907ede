"""Months and years are compounded from sessions, and what has no session is unknown."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.analysis.calendar_returns import calendar_returns
from tapeline.domain.errors import DataError


def days(*dates):
    return np.array([(date.fromisoformat(text) - date(1970, 1, 1)).days for text in dates], dtype=np.int64)


def test_sessions_of_a_month_are_compounded():
    # December: 1.01 x 1.02 - 1 = 3.02 %; January: 0.99 - 1 = -1 %; March: 1.5 x 0.5 - 1 = -25 %
    found = calendar_returns(
        days("2023-12-28", "2023-12-29", "2024-01-02", "2024-03-01", "2024-03-28"),
        np.array([0.01, 0.02, -0.01, 0.5, -0.5]),
    )

    assert found.years == (2023, 2024)
    assert found.months[0, 11] == pytest.approx(0.0302, abs=1e-12)
    assert found.months[1, [0, 2]] == pytest.approx([-0.01, -0.25], abs=1e-12)
    # 2024: 0.99 x 0.75 - 1 = -25.75 %
    assert found.totals == pytest.approx([0.0302, -0.2575], abs=1e-12)


def test_a_month_and_a_year_without_a_session_are_unknown():
    found = calendar_returns(days("2020-06-30", "2022-07-01"), np.array([0.1, 0.2]))

    assert found.years == (2020, 2021, 2022)
    assert np.isnan(found.totals).tolist() == [False, True, False]
    assert np.count_nonzero(~np.isnan(found.months)) == 2


def test_days_before_1970_have_their_own_months():
    found = calendar_returns(days("1969-12-31", "1970-01-02"), np.array([0.1, 0.2]))

    assert found.years == (1969, 1970)
    assert (found.months[0, 11], found.months[1, 0]) == pytest.approx((0.1, 0.2))


@given(st.lists(st.tuples(st.integers(0, 3_000), st.floats(-0.5, 0.5)), min_size=1, max_size=60))
def test_months_and_years_together_earn_what_the_sessions_earned(sessions):
    sessions.sort()
    returns = np.array([value for _, value in sessions])

    found = calendar_returns(np.array([day for day, _ in sessions], dtype=np.int64), returns)

    whole = np.prod(1 + returns)
    assert np.nanprod(1 + found.totals) == pytest.approx(whole, rel=1e-9)
    assert np.nanprod(1 + found.months) == pytest.approx(whole, rel=1e-9)


def test_no_session_gives_no_year():
    assert calendar_returns(days(), np.array([])).years == ()


def test_a_return_without_its_date_is_refused():
    with pytest.raises(DataError, match="found 1 dates and 2 returns"):
        calendar_returns(days("2024-01-02"), np.array([0.1, 0.2]))
