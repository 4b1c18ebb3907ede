"""The universe of a day equals the referee's, and what changed from one day to the next is told with reasons."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.reference import universe as referee
from tapeline.domain.errors import DataError
from tapeline.screener.sessions import SessionBars
from tapeline.screener.universe import SymbolFacts, UniverseSettings, build_universe, difference

DAY = date(2024, 2, 1)
TIERS = {"core": "Core", "extended": "Extended", None: None}
BUCKETS = {"low": "low", "middle": "medium", "high": "high", None: None}


def some_days(seed: int, symbols: int, count: int = 25) -> SessionBars:
    """Return sessions of invented symbols, prices from 0.5 to 700 dollars, some that do not trade, some young."""
    rng = np.random.default_rng(seed)
    level = rng.choice([0.9, 20.0, 80.0, 200.0, 495.0, 600.0], symbols)
    last = level * np.exp(np.cumsum(rng.normal(0, rng.uniform(0.005, 0.03, symbols), (count, symbols)), axis=0))
    volume = rng.choice([4e5, 5e5, 2e6], symbols) * rng.uniform(0.9, 1.1, (count, symbols))
    absent = rng.random((count, symbols)) < 0.05
    absent[: rng.integers(0, 12), : symbols // 4] = True
    last[absent], volume[absent] = np.nan, np.nan
    number = np.arange(count, dtype=np.int64)
    return SessionBars(number, number, last, last, last, volume, complete=True)


def candidates(days: SessionBars, names: list[str], facts: dict[str, SymbolFacts]) -> list[referee.Member]:
    found = []
    for column, name in enumerate(names):
        there = ~np.isnan(days.last[:, column])
        closes, volumes = days.last[there, column].tolist(), days.volume[there, column].tolist()
        fact = facts.get(name, SymbolFacts())
        enough = len(closes) >= 20
        found.append(
            referee.Member(
                name,
                price=closes[-1] if closes else math.nan,
                volume_mean=sum(volumes[-20:]) / 20 if enough else math.nan,
                dollar_volume_mean=sum(p * v for p, v in zip(closes[-20:], volumes[-20:], strict=True)) / 20
                if enough
                else math.nan,
                volatility=referee.realised_volatility(closes),
                spread=math.nan if fact.spread is None else fact.spread,
                market_cap=math.nan if fact.market_cap is None else fact.market_cap,
                exchange=fact.exchange,
            )
        )
    return found


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), symbols=st.integers(1, 30))
def test_members_tiers_scores_and_reasons_equal_the_referees(seed: int, symbols: int) -> None:
    days, names = some_days(seed, symbols), [f"S{number:02}" for number in range(symbols)]
    rng = np.random.default_rng(seed + 1)
    facts = {
        name: SymbolFacts(
            market_cap=rng.choice([5e7, 1e8, 1e12]),
            spread=rng.choice([0.0001, 0.005, 0.02]) if rng.random() < 0.7 else None,
            exchange=str(rng.choice(["NYSE", "OTC", "PINK"], p=[0.8, 0.1, 0.1])),
        )
        for name in names
        if rng.random() < 0.6
    }
    numbers = UniverseSettings(core_size=4, extended_size=5)

    ours = build_universe(DAY, names, names, days, facts, numbers)
    members = candidates(days, names, facts)
    kept = [member for member in members if referee.reason_to_drop(member) is None]
    scores = referee.liquidity_scores(kept)
    tiers, buckets = referee.tiers(scores, 4, 5), referee.volatility_buckets(kept)

    assert [member.symbol for member in ours.kept] == [member.symbol for member in kept]
    for member in ours.kept:
        assert member.liquidity == pytest.approx(scores[member.symbol], abs=1e-12)
        assert TIERS[member.tier] == tiers[member.symbol]
        assert BUCKETS[member.volatility_bucket] == buckets[member.symbol]
    word = {
        "price": "price",
        "volume": "volume",
        "market cap": "market cap",
        "spread": "spread",
        "exchange": "exchange",
    }
    reasons = {member.symbol: referee.reason_to_drop(member) for member in members}
    assert all(word[reasons[member.symbol] or ""] in member.reason for member in ours.dropped)


@pytest.mark.parametrize("distance", range(-4, 5))
def test_the_blackout_is_counted_in_sessions_as_the_referee_does(distance: int) -> None:
    trading = [date(2024, 1, day) for day in (2, 3, 4, 5, 8, 9, 10, 11, 12)]
    announced = (trading[4 + distance],)
    days = some_days(1, 1)

    found = build_universe(
        trading[4], ["S00"], ["S00"], days, {"S00": SymbolFacts(earnings=announced)}, sessions=trading
    )

    assert found.members[0].in_blackout == referee.in_blackout(trading[4], announced, trading)


def test_earnings_beyond_the_sessions_that_are_known_are_far() -> None:
    trading = [date(2024, 1, day) for day in (2, 3, 4)]
    for day, announced in ((trading[1], date(2024, 4, 25)), (trading[0], date(2023, 10, 26))):
        found = build_universe(
            day, ["S00"], ["S00"], some_days(1, 1), {"S00": SymbolFacts(earnings=(announced,))}, sessions=trading
        )
        assert found.members[0].in_blackout is False


def test_what_is_not_known_is_never_fine() -> None:
    (member,) = build_universe(DAY, ["S00"], ["S00"], some_days(1, 1)).members

    assert (member.in_blackout, member.is_shortable, member.market_cap) == (None, None, None)


def test_members_without_bars_are_dropped_and_changes_are_told_with_reasons() -> None:
    days = some_days(8, 8)
    names = [f"S{number:02}" for number in range(8)]
    before = build_universe(DAY, [*names, "NONE"], names, days)
    cheap = SessionBars(**{**vars(days), "last": np.where(np.arange(8) == 0, 0.5, days.last)})
    first = before.kept[0].symbol
    cheap.last[-1, names.index(first)] = 0.5
    after = build_universe(date(2024, 2, 2), names[:-1] if first != names[-1] else names, names, cheap)

    change = difference(before, after)

    assert [member.reason for member in before.dropped if member.symbol == "NONE"] == ["no bars"]
    assert "NONE" in before.expected and first not in after.expected
    assert dict(change.removed)[first] == "price 0.50 outside 1 to 500"
    assert {symbol for symbol, _ in change.removed} | {m.symbol for m in after.kept} >= {m.symbol for m in before.kept}


def test_a_universe_without_a_session_before_it_is_refused() -> None:
    days = some_days(1, 1)
    empty = SessionBars(
        **{name: value[:0] if isinstance(value, np.ndarray) else value for name, value in vars(days).items()}
    )

    with pytest.raises(DataError, match="needs sessions before that day"):
        build_universe(DAY, ["S00"], ["S00"], empty)
