"""The planted setups and near misses, certified by the second reading of the rules before they judge anything."""

from __future__ import annotations

from collections import Counter

import pytest

from screener.planted import (
    ENOUGH,
    Case,
    conditions,
    path,
    question_of,
    sessions,
    stored_cases,
    symbol_of,
    what_breaks,
)
from screener.reference.bars import Symbol, build_symbol
from screener.reference.logic import both
from screener.reference.profiles import SOURCE, TAPELINE, Profile
from screener.reference.tree import Tree, tree

BOTH = pytest.mark.parametrize("profile", [TAPELINE, SOURCE], ids=lambda profile: profile.name)


def answers(symbol: Symbol, now: int, profile: Profile) -> Tree:
    return tree(symbol.t1.at(now), symbol.t2.at(now), symbol.t3.at(now), profile)


@pytest.fixture(scope="module")
def market() -> dict[int, Symbol]:
    # No path stands still, so that the one indicator that the profiles compute differently is the same in both.
    seeds = {case.seed for profile in (TAPELINE, SOURCE) for case in stored_cases(profile)}
    return {seed: build_symbol(symbol_of(seed), path(seed), sessions()) for seed in seeds}


@BOTH
def test_every_planted_setup_is_one_and_every_near_miss_breaks_its_one_condition(
    profile: Profile, market: dict[int, Symbol]
) -> None:
    for case in stored_cases(profile):
        broken = what_breaks(market[case.seed], case.at, profile)
        expected = {None: (), "calm": ("q1", "calm")}.get(case.broken, (case.broken,))

        assert broken == expected, case
        assert answers(market[case.seed], case.at, profile).kind == case.kind, case


def test_there_are_twenty_planted_setups_and_twenty_near_misses_of_each_question() -> None:
    found = Counter(question_of(case.broken) for case in stored_cases(TAPELINE))

    assert found == dict.fromkeys(("planted", "q1", "q2", "q3", "q4", "q5", "q6", "calm", "clear"), ENOUGH)


@BOTH
def test_a_near_miss_is_never_of_the_class_of_a_planted_setup(profile: Profile) -> None:
    cases = stored_cases(profile)

    assert {case.kind for case in cases if case.broken is None} == {"A+"}
    assert "A+" not in {case.kind for case in cases if case.broken is not None}


@BOTH
def test_the_single_conditions_are_those_of_the_tree(profile: Profile, market: dict[int, Symbol]) -> None:
    for case in stored_cases(profile):
        symbol = market[case.seed]
        found = answers(symbol, case.at, profile)
        parts = conditions(symbol.t1.at(case.at), symbol.t2.at(case.at), symbol.t3.at(case.at), profile)
        for question in ("q1", "q2", "q3", "q4", "q5", "q6"):
            truths = [truth for name, truth in parts.items() if question_of(name) == question]
            assert both(*truths) == getattr(found, question), (case, question)
        assert (parts["clear"], parts["calm"]) == (found.overhead_clear, not found.hostile)


def test_a_path_is_made_of_possible_bars_and_is_the_same_every_time() -> None:
    bars = path(7)

    assert bars == path(7) != path(8)
    assert len(sessions()) == 45 and len(bars) == 45 * 26
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)
    assert all(round(price, 2) == price > 0 for bar in bars for price in bar[1:5])


def test_a_path_that_ends_at_the_case_gives_the_same_answers(market: dict[int, Symbol]) -> None:
    cases: list[Case] = [case for case in stored_cases(TAPELINE) if case.broken in (None, "clear")][::10]
    for case in cases:
        cut = build_symbol(case.symbol, [bar for bar in path(case.seed) if bar.start < case.at], sessions())

        assert answers(cut, case.at, TAPELINE) == answers(market[case.seed], case.at, TAPELINE)
