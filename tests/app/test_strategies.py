"""Strategies by name: parameters go to those that declare them, frames to those that have none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tapeline import BuyAndHold, CrossSectionalMomentum, IntradayMeanReversion, MovingAverageCross, SwingTrend
from tapeline.app.screen_settings import ScreenerSettings
from tapeline.app.strategies import find_strategy, make_strategies
from tapeline.domain.errors import InputError, UnknownNameError
from tapeline.screener.settings import ScreenSettings
from tapeline.strategies.catalogue import SHIPPED
from tapeline.strategies.reversal import MomentumReversal

OWN = '''
from tapeline import RuleStrategy, bars


class Own(RuleStrategy):
    """Always in."""

    frame = "15min"
    enter_long = bars().close > 0
'''


def test_each_shipped_strategy_is_found_by_its_name() -> None:
    classes = [
        MovingAverageCross,
        IntradayMeanReversion,
        SwingTrend,
        CrossSectionalMomentum,
        MomentumReversal,
        BuyAndHold,
    ]

    assert [find_strategy(name) for name in SHIPPED] == classes


def test_a_parameter_goes_to_every_strategy_that_declares_it() -> None:
    cross, swing = make_strategies(["moving-average-cross", "swing-trend"], ["fast_bars=10", " trail_atr = 2.5 "])

    assert cross.parameters == {"fast_bars": 10.0, "slow_bars": 50.0}
    assert swing.parameters == {"trail_atr": 2.5, "strength_low": 20.0}


def test_a_frame_goes_to_strategies_that_have_none_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)

    cross, own = make_strategies(["moving-average-cross", str(tmp_path / "own.py")], frame="30min")

    assert (cross.frame, own.frame) == ("30min", "15min")


def test_the_same_strategy_may_be_asked_for_twice() -> None:
    first, second = make_strategies(["swing-trend", "swing-trend"])

    assert first is not second
    assert first.version == second.version


def test_the_screeners_settings_go_to_those_that_trade_its_rules_and_to_no_other() -> None:
    settings = replace(ScreenerSettings(), screen=ScreenSettings().with_profile("source"))

    cross, reversal = make_strategies(["moving-average-cross", "momentum-reversal"], screener=settings)

    assert isinstance(reversal, MomentumReversal) and reversal.screen == settings.screen
    assert cross.version == make_strategies(["moving-average-cross"])[0].version
    with pytest.raises(InputError, match="Leave --settings, --profile, --vix and --filters out"):
        make_strategies(["swing-trend"], screener=settings)


def test_two_files_of_one_name_are_two_strategies(tmp_path: Path) -> None:
    for folder, words in (("a", "Always in."), ("b", "Never out.")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "own.py").write_text(OWN.replace("Always in.", words))

    found = [find_strategy(str(tmp_path / folder / "own.py")) for folder in ("a", "b")]

    assert [strategy.__doc__ for strategy in found] == ["Always in.", "Never out."]


@pytest.mark.parametrize("text", ["fast_bars", "fast_bars=", "fast_bars=ten", "=3"])
def test_what_is_no_assignment_is_refused(text: str) -> None:
    with pytest.raises((InputError, UnknownNameError)):
        make_strategies(["moving-average-cross"], [text])


def test_a_parameter_that_none_of_the_strategies_has_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'trail_atr'"):
        make_strategies(["moving-average-cross", "swing-trend"], ["trial_atr=3"])
