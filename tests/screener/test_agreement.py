"""Two programs that share no line read the rules alike: the screener equals its referee on real bars."""

from __future__ import annotations

import polars as pl
import pytest

from screener.agreement import decision_times, differences, reports
from screener.reference.files import sessions_between
from shared import shared_path

MINUTES_2018, FIVE_MINUTES_2025 = "data/minute_us_2018.parquet", "data/bars_5min_us_2025.parquet"
INDICES = ["DIA", "IWM", "QQQ", "SPY"]


def some_symbols(name: str, step: int, first: int) -> list[str]:
    """Return every `step`-th symbol of a file, and the indices where it has them."""
    symbols = pl.read_parquet(shared_path(name), columns=["symbol"])["symbol"].unique().sort().to_list()
    return sorted({*symbols[first::step], *(symbol for symbol in INDICES if symbol in symbols)})


@pytest.mark.parametrize(
    ("name", "profile", "step", "first"),
    [
        (MINUTES_2018, "source", 8, 0),
        (MINUTES_2018, "tapeline", 8, 3),
        (FIVE_MINUTES_2025, "source", 6, 0),
        (FIVE_MINUTES_2025, "tapeline", 6, 1),
    ],
)
def test_every_row_and_the_regime_equal_those_of_the_referee(name: str, profile: str, step: int, first: int) -> None:
    rows = 0
    for ours, theirs in reports(
        shared_path(name), profile, some_symbols(name, step, first), shared_path("data/vix_daily.parquet")
    ):
        assert differences(ours, theirs) == [], ours["at"]
        rows += len(ours["rows"])

    assert rows > 250


def test_the_last_close_of_a_half_day_is_among_the_decision_times() -> None:
    table = pl.scan_parquet(shared_path(FIVE_MINUTES_2025)).select(
        pl.col("ts").min().alias("first"), pl.col("ts").max().alias("last")
    )
    first, last = table.collect().row(0)
    sessions = sessions_between(first.date(), last.date())
    half = next(session for session in reversed(sessions) if session.close - session.open < 5 * 3600 * 10**9)

    assert half.close in decision_times(sessions)


def test_the_comparison_sees_a_difference() -> None:
    report = {"at": "2024", "rows": [{"total": 61.5, "q1": True, "class": None}]}

    assert differences(report, {"at": "2024", "rows": [{"total": 61.5 + 1e-11, "q1": True, "class": None}]}) == []
    for other in ({"total": 61.6, "q1": True, "class": None}, {"total": 61.5, "q1": None, "class": None}):
        assert len(differences(report, {"at": "2024", "rows": [other]})) == 1
    assert differences(True, 1) and differences(0, False) and differences([1], [1, 2]) and differences({"a": 1}, {})
