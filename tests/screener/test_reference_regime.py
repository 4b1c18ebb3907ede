"""The referee's market regime against tables worked out by hand."""

from __future__ import annotations

import math

import pytest

from screener.readings import a_reading
from screener.reference.bars import MINUTE, BaseBar, Session
from screener.reference.profiles import SOURCE, TAPELINE
from screener.reference.regime import (
    Days,
    breadth,
    build_days,
    consensus,
    correlation,
    index_trend,
    percentile,
    regime,
    size_and_positions,
    volatility,
)

DAY = 24 * 60 * MINUTE
SESSIONS = [Session(day * DAY, day * DAY + 390 * MINUTE) for day in range(1, 60)]


def days_of(last: list[float], reach: float = 1.0) -> Days:
    """Return the days of a symbol: one base bar in each session, `reach` above and below its last price."""
    bars = [
        BaseBar(session.open, price, price + reach, price - reach, price, 1.0)
        for session, price in zip(SESSIONS, last, strict=False)
    ]
    return build_days(bars, SESSIONS)


@pytest.mark.parametrize(
    ("trend", "columns"),
    [
        ("strong_bull", {"close": 103, "sma20": 100, "sma50": 99, "sma200": 98, "rsi": 56}),
        ("bull", {"close": 102, "sma20": 100, "sma50": 99, "sma200": 98, "rsi": 56}),
        ("bull", {"close": 103, "sma20": 100, "sma50": 99, "sma200": 98, "rsi": 55}),
        ("bull", {"close": 103, "sma20": 100, "sma50": 99, "sma200": None, "rsi": 56}),
        ("strong_bear", {"close": 97, "sma20": 100, "sma50": 101, "sma200": 102, "rsi": 44}),
        ("bear", {"close": 98, "sma20": 100, "sma50": 101, "sma200": 102, "rsi": 44}),
        ("neutral", {"close": 103, "sma50": 99, "rsi": 50}),
        ("neutral", {"close": 97, "sma50": 99, "rsi": 51}),
        (None, {"sma50": None}),
        (None, {"rsi": None}),
    ],
)
def test_trend_of_an_index(trend: str | None, columns: dict) -> None:
    assert index_trend(a_reading(**columns).frame, 10**18) == trend


@pytest.mark.parametrize(
    ("trends", "agreed", "points"),
    [
        (["bull", "strong_bull", "bull", None], "bullish", 30),
        (["bear", "strong_bear", "bear", "bull"], "bearish", 0),
        (["bull", "bull", "bear", "bear"], "mixed", 15),
        (["bull", "bear", "neutral", None], "mixed", 15),
        (["bull", "bull", "neutral", None], "unknown", 15),
        (["bear", "bear", "neutral", None], "unknown", 0),
        ([None] * 4, "unknown", 0),
    ],
)
def test_consensus_of_the_four_indices(trends: list[str | None], agreed: str, points: int) -> None:
    assert consensus(dict(zip(("SPY", "QQQ", "IWM", "DIA"), trends, strict=True))) == (agreed, points)


@pytest.mark.parametrize(
    ("level", "bucket", "points"),
    [(14.9, "low", 25), (15, "normal", 20), (20, "elevated", 10), (30, "high", 5), (40, "extreme", 0)],
)
def test_volatility_reads_the_last_completed_session(level: float, bucket: str, points: int) -> None:
    vix = [(SESSIONS[0].close, level), (SESSIONS[1].close, 99.0)]

    found = volatility(vix, None, SESSIONS[1].close - 1, SOURCE)

    assert (found["level"], found["bucket"], found["points"], found["proxy"]) == (level, bucket, points, False)


def test_volatility_moves_against_its_mean_of_five_and_has_percentiles() -> None:
    def trend(newest: float) -> str:
        vix = [(session.close, value) for session, value in zip(SESSIONS, [20.0] * 4 + [newest], strict=False)]
        return volatility(vix, None, SESSIONS[10].close, SOURCE)["trend"]

    # The mean holds the newest: (80 + x) / 5, and x = 1.05 * mean at 21.2658, 0.95 * mean at 18.7654.
    assert [trend(21.27), trend(21.26), trend(18.77), trend(18.76)] == ["rising", "steady", "steady", "falling"]
    assert percentile([3.0, 1.0, 2.0, 2.0], 4) == 25
    assert math.isnan(percentile([1.0] * 29, 30))


def test_without_vix_the_spread_of_spy_stands_in_and_is_marked() -> None:
    # Returns of +-1 % by turns: 20 of them have mean 0 and sample deviation 0.01 * sqrt(20 / 19).
    prices = [100 * math.exp(0.01 * (day % 2)) for day in range(21)]
    level = 0.01 * math.sqrt(20 / 19) * 100 * math.sqrt(252)

    found = volatility([], days_of(prices), SESSIONS[20].close, SOURCE)

    assert found["level"] == pytest.approx(level)  # 16.3
    assert (found["proxy"], found["bucket"], found["points"]) == (True, "normal", 20)
    raised = volatility([], days_of(prices), SESSIONS[20].close, TAPELINE)
    assert raised["level"] == pytest.approx(1.25 * level)  # 20.4
    assert raised["bucket"] == "elevated"
    assert volatility([], days_of(prices), SESSIONS[20].close - 1, SOURCE)["level"] is None


def test_breadth_counts_prices_against_the_session_before_and_extremes_against_twenty() -> None:
    flat = [100.0] * 20
    universe = {
        "UP": days_of([*flat, 100.5]),
        "HIGH": days_of([*flat, 102]),
        "DOWN": days_of([*flat, 99.5]),
        "SAME": days_of([*flat, 100]),
        "GONE": days_of(flat),
    }

    found = breadth(universe, SESSIONS[20].close, SESSIONS[20])

    assert (found["advances"], found["declines"], found["ad_ratio"]) == (2, 1, 2.0)
    # UP reaches 101.5 and HIGH 103, above the 101 of the twenty sessions; DOWN reaches down to 98.5.
    assert (found["new_highs"], found["new_lows"]) == (2, 1)
    assert (found["strength"], found["points"]) == ("moderate", 15)


def test_breadth_needs_twenty_sessions_for_extremes_and_infinity_is_more_than_anything() -> None:
    young = {"NEW": days_of([100.0] * 19 + [110])}
    old = {"OLD": days_of([100.0] * 20 + [110])}

    first = breadth(young, SESSIONS[19].close, SESSIONS[19])
    second = breadth(old, SESSIONS[20].close, SESSIONS[20])

    assert (first["ad_ratio"], first["new_highs"], first["strength"]) == ("inf", 0, "weak")
    assert (second["new_highs"], second["strength"], second["points"]) == (1, "strong", 25)
    assert breadth({}, SESSIONS[0].close, SESSIONS[0])["strength"] == "unknown"
    still = breadth({"SAME": days_of([100.0, 100.0])}, SESSIONS[1].close, SESSIONS[1])
    assert (still["ad_ratio"], still["strength"], still["points"]) == (None, "negative", 0)


def test_correlation_is_the_mean_of_pairs_over_twenty_common_returns() -> None:
    # The returns of SPY and DIA are the same, those of QQQ their contrary: pairs 1, -1, -1.
    ups = [100 * math.exp(0.01 * (day % 2)) for day in range(25)]
    downs = [100 * math.exp(-0.01 * (day % 2)) for day in range(25)]
    indices = {"SPY": days_of(ups), "QQQ": days_of(downs), "DIA": days_of(ups)}

    found, pairs = correlation(indices, SESSIONS[24].close)

    assert (pairs, found["points"]) == (3, 5)  # IWM is missing
    assert found["mean"] == pytest.approx(-1 / 3)
    assert correlation(indices, SESSIONS[19].close)[0] == {"mean": None, "points": 0}


@pytest.mark.parametrize(
    ("favourability", "expected"), [(70, (1.5, 8)), (69, (1.0, 5)), (50, (1.0, 5)), (30, (0.75, 3)), (29, (0.5, 1))]
)
def test_size_and_positions_follow_favourability(favourability: float, expected: tuple) -> None:
    assert size_and_positions(favourability) == expected


def test_the_regime_adds_its_parts_and_names_what_is_missing() -> None:
    bull = a_reading(close=101, sma50=100, rsi=51).frame
    vix = [(SESSIONS[0].close, 16.0)]
    universe = {"OLD": days_of([100.0] * 20 + [110]), "FUND": days_of([100.0] * 20 + [90])}
    arguments = (dict.fromkeys(("SPY", "QQQ", "IWM"), bull), {}, vix, universe, SESSIONS[20].close, SESSIONS[20])

    found = regime(*arguments, SOURCE)
    without_funds = regime(*arguments, TAPELINE, funds=frozenset({"FUND"}))

    assert (found["label"], found["favourability"]) == ("BULL_LOW_VOL", 30 + 20 + 8 + 0)
    assert (found["size_multiplier"], found["max_positions"]) == (1.0, 5)
    assert found["missing"] == ["DIA", "correlation"]
    assert without_funds["favourability"] == 30 + 20 + 25 + 0


def test_nothing_known_is_neutral_with_high_volatility() -> None:
    found = regime({}, {}, [], {}, SESSIONS[0].close, SESSIONS[0], SOURCE)

    assert (found["label"], found["favourability"], found["max_positions"]) == ("NEUTRAL_HIGH_VOL", 0, 1)
    assert found["missing"] == ["SPY", "QQQ", "IWM", "DIA", "VIX", "volatility", "breadth", "correlation"]
    assert found["grades_traded"] == ["A+"]
