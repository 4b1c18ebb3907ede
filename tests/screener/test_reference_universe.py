"""The referee's universe against members written by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from screener.reference.universe import (
    Member,
    in_blackout,
    liquidity_scores,
    ranks,
    realised_volatility,
    reason_to_drop,
    tiers,
    universe,
    volatility_buckets,
)

FIT = Member("FIT", 50.0, 600_000, 30e6, 0.02, 0.001, 1e9, "NYSE")


@pytest.mark.parametrize(
    ("reason", "changed"),
    [
        (None, {}),
        (None, {"price": 1}),
        ("price", {"price": 0.99}),
        ("price", {"price": 500.01}),
        ("price", {"price": float("nan")}),
        (None, {"volume_mean": 500_000}),
        ("volume", {"volume_mean": 499_999}),
        ("market cap", {"market_cap": 99e6}),
        (None, {"market_cap": float("nan")}),
        (None, {"spread": 0.005}),
        ("spread", {"spread": 0.0051}),
        (None, {"spread": float("nan")}),
        ("exchange", {"exchange": "PINK"}),
        (None, {"exchange": None}),
    ],
)
def test_each_candidate_is_kept_or_has_its_reason(reason: str | None, changed: dict) -> None:
    assert reason_to_drop(replace(FIT, **changed)) == reason


def test_ranks_go_from_0_to_1_and_unknown_is_in_the_middle() -> None:
    assert ranks({"A": 3, "B": 1, "C": 2, "D": float("nan")}) == {"A": 1, "B": 0, "C": 0.5, "D": 0.5}
    assert ranks({"A": 1, "B": 1, "C": 2}) == {"A": 0.25, "B": 0.25, "C": 1}
    assert ranks({"A": 7}) == {"A": 0.5}


def test_the_liquidity_score_weighs_three_ranks() -> None:
    kept = [
        replace(FIT, symbol="A", dollar_volume_mean=3, spread=0.003, volatility=0.02),
        replace(FIT, symbol="B", dollar_volume_mean=2, spread=0.002, volatility=0.03),
        replace(FIT, symbol="C", dollar_volume_mean=1, spread=float("nan"), volatility=0.05),
    ]

    # Dollar volume 1, 0.5, 0; spread 0, 1, unknown; distance from the median 0.03: 0.01, 0, 0.02.
    assert liquidity_scores(kept) == pytest.approx({"A": 0.6 + 0 + 0.075, "B": 0.3 + 0.25 + 0.15, "C": 0 + 0.125 + 0})


def test_tiers_are_filled_by_score_ties_by_symbol() -> None:
    assert tiers({"C": 0.5, "B": 0.5, "A": 0.1, "D": 0.9}, core=2, extended=1) == {
        "D": "Core",
        "B": "Core",
        "C": "Extended",
        "A": None,
    }


def test_volatility_buckets_are_terciles() -> None:
    kept = [replace(FIT, symbol=str(i), volatility=i) for i in range(6)]
    kept.append(replace(FIT, symbol="X", volatility=float("nan")))

    assert list(volatility_buckets(kept).values()) == ["low", "low", "medium", "medium", "high", "high", None]


def test_the_blackout_reaches_from_two_sessions_before_to_one_after() -> None:
    sessions = [date(2024, 1, day) for day in (2, 3, 4, 5, 8, 9, 10)]
    found = [in_blackout(day, [date(2024, 1, 5)], sessions) for day in sessions]

    assert found == [False, True, True, True, True, False, False]
    assert in_blackout(sessions[0], None, sessions) is None


def test_realised_volatility_needs_twenty_returns() -> None:
    assert realised_volatility([100.0] * 21) == 0
    assert realised_volatility([100.0] * 20) != realised_volatility([100.0] * 20)


def test_the_day_names_members_dropped_and_the_change() -> None:
    found = universe([FIT, replace(FIT, symbol="NEW"), replace(FIT, symbol="DEAR", price=501)], ["FIT", "DEAR"])

    assert sorted(found["members"]) == ["FIT", "NEW"]
    assert found["members"]["FIT"]["tier"] == "Core"
    assert found["dropped"] == [{"symbol": "DEAR", "reason": "price"}]
    assert (found["entered"], found["left"]) == (["NEW"], ["DEAR"])
