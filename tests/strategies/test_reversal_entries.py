"""The reversal's entries: who may, how much, and what refuses them; by hand arithmetic.

An entry at a close of 100 with its stop at 95 risks 5 a share: 1 % of 100,000 are 200 shares, and these are 20 % of it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.acts import fills, journaled, orders
from strategies.told_reversal import (
    A_PLUS,
    CLASS_A,
    CLASS_B,
    CLASS_C,
    GRADE_A,
    GRADE_A_PLUS,
    GRADE_B,
    RICH,
    Told,
    chosen,
    market,
    notes,
    told,
)
from tapeline.domain.words import Limit
from tapeline.ledger.facts import SignalRaised
from tapeline.screener.settings import ScreenSettings
from tapeline.screener.strategy_settings import StrategySettings
from tapeline.simulation.limit_settings import Limits
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.strategies.reversal_size import size_of_entry

ONCE = {0: A_PLUS}


def bought(**values: Any) -> float:
    """Return the quantity that a setup in row 0 buys, 0 for none."""
    settings = values.pop("settings", None)
    result, _ = told([100, 100], settings, setup_class=values.pop("setup_class", ONCE), **values)
    return float(result.orders["quantity"][0]) if len(result.orders) else 0.0


def refusal(**values: Any) -> str:
    settings = values.pop("settings", None)
    result, log = told([100, 100], settings, setup_class=values.pop("setup_class", ONCE), **values)
    assert len(result.orders) == 0
    (found,) = notes(log, "refuse")
    return str(found["refused by"])


def test_a_setup_is_entered_at_the_next_open_with_stop_and_target_as_a_bracket() -> None:
    result, log = told([100, [101, 102, 100, 101], [101, 111, 100, 110]], setup_class=ONCE)

    assert orders(result) == [
        "14:45 BUY MARKET 200 A FILLED",
        "14:45 SELL STOP 200 A 95 CANCELED one_cancels_other",
        "14:45 SELL LIMIT 200 A 110 FILLED",
    ]
    assert fills(result)[0] == "15:00 open BUY 200 A 101.00 entry"
    assert notes(log, "enter") == [
        {
            "trade type": "scalp", "class": "A+", "grade": "A+", "state": "BottomActive", "score": 80.0,
            "aggressive": False, "conservative": False, "again": False, "regime": 60.0,
        }
    ]  # fmt: skip


def test_its_own_bound_on_one_trade_stands_in_place_of_the_accounts() -> None:
    usual = replace(RICH, limits=Limits(risk_per_trade=0.004))

    assert bought(run_settings=usual) == 200  # 1 % of 100,000 at 5 a share, not 0.4 %
    assert bought(run_settings=replace(usual, strategy_limits={Told.__name__: Limits(risk_per_trade=0.002)})) == 40
    assert bought(run_settings=replace(usual, strategy_limits={Told.__name__: Limits(positions=3)})) == 200
    assert Told(chosen(risk_per_trade_max=0.015)).limits == Limits(risk_per_trade=0.015)


def test_levels_are_put_on_the_tick_away_from_the_market() -> None:
    result, _ = told([100, 100], setup_class=ONCE, stop=95.009, target=110.001)

    assert [line.split()[5] for line in orders(result)[1:]] == ["95", "110.01"]


def test_an_entry_with_its_close_as_limit_waits_for_it_and_is_called_back_at_the_next_close() -> None:
    settings = chosen(entry="limit")
    filled, _ = told([100, [101, 101, 99, 100]], settings, setup_class=ONCE)
    missed, log = told([100, [101, 102, 101, 102], [100, 100, 90, 90]], settings, setup_class=ONCE)

    assert fills(filled) == ["15:00 inside BUY 200 A 100.00 entry"]
    assert orders(missed)[0] == "14:45 BUY LIMIT 200 A 100 CANCELED requested"
    assert notes(log, "exit") == [{"reason": "not filled"}]


@pytest.mark.parametrize(
    ("settings", "setup_class", "entered"),
    [
        (None, A_PLUS, 200.0),
        (None, CLASS_A, 100.0),
        (None, CLASS_B, 0.0),
        (None, CLASS_C, 0.0),
        (None, 1, 0.0),
        (None, math.nan, 0.0),
        (ScreenSettings().with_profile("source"), A_PLUS, 200.0),
        (ScreenSettings().with_profile("source"), CLASS_A, 0.0),
        (chosen(enter_class_b=True), CLASS_B, 200.0),
        (chosen({"entries_of_class_a": False}), CLASS_A, 0.0),
    ],
)
def test_classes_that_are_traded_and_half_the_size_for_class_a(
    settings: ScreenSettings | None, setup_class: float, entered: float
) -> None:
    assert bought(settings=settings, setup_class={0: setup_class}) == entered


def test_source_enters_only_what_the_coarse_screen_handed_over() -> None:
    source = ScreenSettings().with_profile("source")

    assert bought(settings=source, passed=0) == 0.0
    assert bought(settings=source, passed=math.nan) == 0.0
    assert bought(passed=0) == 200.0


def test_the_grade_must_be_one_that_the_regime_allows() -> None:
    assert bought(grade=GRADE_A) == 200.0
    assert refusal(grade=GRADE_B) == "grade"
    assert refusal(grade=math.nan) == "grade"
    # below 40 only A+ is traded; the bound itself is enough for A
    assert refusal(grade=GRADE_A, regime_favourability=39.9) == "grade"
    assert bought(grade=GRADE_A, regime_favourability=40) == 200.0
    assert bought(grade=GRADE_A_PLUS, regime_favourability=0) == 200.0
    assert bought(grade=GRADE_B, settings=chosen(grade_min="B")) == 200.0


@pytest.mark.parametrize("name", ["stop", "target", "is_volatile", "regime_size"])
def test_nothing_is_entered_when_a_number_of_the_size_is_unknown(name: str) -> None:
    assert refusal(**{name: math.nan}) == "unknown"


@pytest.mark.parametrize("name", ["regime_positions", "regime_favourability"])
def test_nothing_is_entered_in_an_unknown_regime(name: str) -> None:
    assert refusal(**{name: math.nan}) == "regime unknown"


def test_reward_must_be_one_and_a_half_times_the_risk() -> None:
    # 7.50 over 5 is enough, a cent less is not
    assert bought(target=107.5) == 200.0
    assert refusal(target=107.49) == "reward"
    assert refusal(stop=100) == "unknown"  # no risk, no ratio


def test_the_regime_and_volatility_multiply_the_size_and_class_a_halves_it() -> None:
    assert bought(regime_size=0.5) == 100.0
    assert bought(is_volatile=1) == 150.0
    # 200 * 0.75 * 0.75 * 0.5 = 56.25
    assert bought(regime_size=0.75, is_volatile=1, setup_class={0: CLASS_A}) == 56.0


def test_the_quantity_is_whole_before_it_is_multiplied() -> None:
    # floor(1,000 / 7) = 142; half of it is 71, while half of 142.86 would be 71.4; times 0.75: 106.5 against 107.1
    assert bought(stop=93, target=120, regime_size=0.5) == 71.0
    assert bought(stop=93, target=120, regime_size=0.75) == 106.0


def test_a_favourable_regime_only_makes_up_for_other_cuts() -> None:
    """Never more than 1 % at risk: at a stop of 90 that is 100 shares, which the multiplier cannot raise."""
    wide = {"stop": 90, "target": 120}

    assert bought(**wide, regime_size=1.5) == 100.0
    assert bought(**wide, regime_size=1.5, setup_class={0: CLASS_A}) == 75.0
    assert bought(**wide, regime_size=1.5, settings=chosen(risk_per_trade_max=0.015)) == 150.0


def test_one_entry_is_at_most_a_fifth_of_equity() -> None:
    # 1,000 / 2 would be 500 shares
    result, log = told([100, 100], setup_class=ONCE, stop=98)

    assert result.orders["quantity"][0] == 200.0
    assert notes(log, "enter")[0]["cut by notional"] == 200.0


def test_variants_choose_among_the_setups_and_the_aggressive_one_halves_the_size() -> None:
    aggressive, conservative = chosen(variant="aggressive"), chosen(variant="conservative")

    assert bought(aggressive=1) == 200.0  # recorded, nothing else
    assert bought(aggressive=1, settings=aggressive) == 100.0
    assert bought(conservative=1, settings=aggressive) == 0.0
    assert bought(conservative=1, settings=conservative) == 200.0
    assert bought(conservative=math.nan, settings=conservative) == 0.0


FOUR = [[100] * 4] * 3


def test_all_stops_together_may_lose_three_percent() -> None:
    """Stops 4.90 below: 200 shares each by notional, 980 at risk. Three take 2,940 of 3,000; 60 buy 12 of the last."""
    result, log = told(FOUR, symbols="A B C D", setup_class=ONCE, stop=95.1)

    assert result.orders["quantity"][result.orders["purpose"] == 1].tolist() == [200.0, 200.0, 200.0, 12.0]
    assert notes(log, "enter")[-1]["cut by open risk"] == pytest.approx(60 / 4.9)

    _, log = told(FOUR, symbols="A B C D", setup_class=ONCE)
    assert [one["refused by"] for one in notes(log, "refuse")] == ["open risk"]


def test_positions_are_those_of_the_regime_and_at_most_five() -> None:
    small = chosen(risk_per_trade=0.001)
    few, log = told(FOUR, small, symbols="A B C D", setup_class=ONCE, regime_positions=3)
    many, _ = told([[100] * 7] * 2, small, symbols="A B C D E F G", setup_class=ONCE, regime_positions=8)

    assert len(fills(few)) == 3
    assert [one["refused by"] for one in notes(log, "refuse")] == ["positions"]
    assert len(fills(many)) == 5


def test_the_best_score_goes_first_and_equal_ones_by_symbol() -> None:
    result, _ = told(
        [[100] * 4] * 2, symbols="D A C B", setup_class=ONCE, regime_positions=3, total={(0, 2): 90, (0, 1): 80},
        settings=chosen(risk_per_trade=0.001),
    )  # fmt: skip

    assert [line.split()[4] for line in fills(result)] == ["C", "A", "B"]


def test_without_a_bar_now_an_old_setup_is_not_entered() -> None:
    result, _ = told([[100, 100], [None, 100], [100, 100]], symbols="A B", setup_class={(1, 0): A_PLUS})

    assert len(result.orders) == 0


def test_cuts_and_refusals_are_in_the_journal(tmp_path: Path) -> None:
    """150 shares lose 5 each: 1 % of 99,250 are 198 shares again."""
    values = {"setup_class": {0: A_PLUS, 3: A_PLUS}, "is_volatile": {0: 1}, "target": {0: 110, 3: 101}}
    panel = market([100, 100, [100, 100, 94, 94], 100, 100], **values)
    intended, denied = journaled(Told(), panel, tmp_path, RICH)

    assert intended[0].order.quantity == 150
    assert [(fact.limit, fact.wanted_quantity) for fact in denied] == [(Limit.OWN_RULE, 198)]
    with SqliteJournal.reading(tmp_path / "run.journal") as journal:
        told_why = [
            {one["text"]: one["value"] for one in record.fact.signal.explanation["children"]}
            for record in journal.read(kind=SignalRaised.kind)
        ]
    assert (told_why[0]["class"], told_why[0]["grade"], told_why[0]["cut by volatility"]) == ("A+", "A+", 150.0)
    assert (told_why[0]["score.total"], told_why[0]["stop"]) == (80.0, 95.0)
    assert told_why[-1]["refused by"] == "reward"


def test_a_size_needs_equity_and_names_the_last_cut_that_left_nothing() -> None:
    usual = {"price": 100.0, "stop": 95.0, "target": 110.0, "step": 1.0, "open_risk": 0.0}

    assert size_of_entry(StrategySettings(), equity=0.0, factors={}, **usual).refusal == "unknown"
    tiny = size_of_entry(StrategySettings(), equity=600.0, factors={"regime": 0.5}, **usual)
    assert (tiny.wanted, tiny.quantity, tiny.cuts, tiny.refusal) == (1.0, 0.0, {"regime": 0.5}, "regime")
