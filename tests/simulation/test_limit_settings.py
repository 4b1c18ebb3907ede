"""Bounds that contradict each other are refused before a run begins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulation.test_limits import ACCOUNT, First
from tapeline import Limits, RunSettings, usual_limits
from tapeline.domain.errors import ConfigurationError
from tapeline.domain.times import MINUTE
from tapeline.engine.assembly import assemble
from tapeline.simulation.limit_settings import check_consistent

CONTRADICTIONS = {
    "a position above all": (Limits(position=0.6, gross=0.5), "position may be 0.6 of equity and gross only 0.5"),
    "shorts above all": (Limits(short=0.6, gross=0.5), "short may be 0.6"),
    "the balance above all": (Limits(net=0.6, gross=0.5), "net may be 0.6"),
    "a sector above all": (Limits(sector=0.6, gross=0.5), "sector may be 0.6"),
    "a position above its sector": (Limits(position=0.3, sector=0.25), "sector only 0.25, of which it is a part"),
    "one trade above all": (Limits(risk_per_trade=0.05, open_risk=0.03), "Lower risk_per_trade or raise open_risk"),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_a_part_that_may_be_more_than_its_whole_is_refused(case: str) -> None:
    limits, sentence = CONTRADICTIONS[case]

    with pytest.raises(ConfigurationError, match=sentence):
        check_consistent(limits, "The account's limits")


@pytest.mark.parametrize("limits", [usual_limits(overnight=True), usual_limits(overnight=False), ACCOUNT, Limits()])
def test_bounds_that_fit_pass(limits: Limits) -> None:
    check_consistent(limits, "The account's limits")


def test_a_run_is_refused_with_whose_limits_they_are() -> None:
    bad = Limits(position=0.6, gross=0.5)
    for settings, whose in (
        (RunSettings(limits=bad), "The account's limits: position"),
        (RunSettings(strategy_limits={"First": bad}), "The limits of First: position"),
    ):
        with pytest.raises(ConfigurationError, match=whose):
            assemble([First()], symbol_count=1, base_frame_ns=MINUTE, settings=settings)


def test_a_bound_stands_in_place_of_a_usual_one_and_what_is_part_of_it_is_lowered() -> None:
    usual = usual_limits(overnight=True)

    assert usual_limits(overnight=True, trades_per_day=20) == replace(usual, trades_per_day=20)
    assert usual_limits(overnight=False, pause_minutes=30.0).losses_in_row == 3
    small = usual_limits(overnight=True, gross=0.2)
    assert small == replace(usual, gross=0.2, short=0.1, sector=0.2)
    check_consistent(small, "The account's limits")
    assert usual_limits(overnight=True, gross=3.0) == replace(usual, gross=3.0), "none is raised that was not named"
    with pytest.raises(ConfigurationError, match="gross must be above zero"):
        usual_limits(overnight=True, gross=-1.0)


def test_what_settings_give_stands_over_what_a_strategy_declares_bound_by_bound() -> None:
    declared = Limits(risk_per_trade=0.01, positions=5, gross=0.3)
    settings = RunSettings(strategy_limits={"First": Limits(positions=4, position=0.1)})

    assert settings.limits_of("First", declared) == Limits(risk_per_trade=0.01, positions=4, gross=0.3, position=0.1)
    assert settings.limits_of("First", None) == Limits(positions=4, position=0.1)
    assert settings.limits_of("Second", declared) is declared and settings.limits_of("Second", None) is None
