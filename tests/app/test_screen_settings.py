"""The screener's settings file: only what differs, checked, and what it may not hold refused with the nearest name."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from tapeline.app.screen_settings import ScreenerSettings, load_screener_settings
from tapeline.domain.errors import ConfigurationError, InputError, UnknownNameError
from tapeline.screener.settings import FRAME_SETS, SWITCHES, ScreenSettings

SHIPPED = Path(__file__).parents[2] / "config" / "reversal.yaml"


def load(tmp_path: Path, text: str, **options: str) -> ScreenerSettings:
    path = tmp_path / "screen.yaml"
    path.write_text(text)
    return load_screener_settings(path, **options)


def test_the_shipped_file_holds_every_number_at_its_default() -> None:
    told = yaml.safe_load(SHIPPED.read_text())
    settings = ScreenerSettings()
    sections = {entry.name: getattr(settings.screen, entry.name) for entry in fields(ScreenSettings)}
    sections |= {"regime": settings.regime, "universe": settings.universe}

    assert load_screener_settings(SHIPPED) == settings
    assert {name: set(section) for name, section in told.items()} == {
        name: {entry.name for entry in fields(section)} for name, section in sections.items()
    }


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        "score: {grade_a_plus_low: 72}\nswitches: {class_a: false}\nregime: {funds: [XLE]}\nuniverse: {price_max: 900}",
    )
    usual = ScreenerSettings()

    assert (found.screen.score.grade_a_plus_low, usual.screen.score.grade_a_plus_low) == (72.0, 70.0)
    assert [name for name in SWITCHES if not getattr(found.screen.switches, name)] == ["class_a"]
    assert found.regime.funds == ("XLE",) and found.regime.sizes == usual.regime.sizes
    assert found.universe.price_max == 900.0 and found.screen.tree == usual.screen.tree


def test_a_profile_is_a_state_of_all_switches_and_a_file_comes_after_it(tmp_path: Path) -> None:
    source = load_screener_settings(None, "source")
    mixed = load(tmp_path, "switches: {one_stop: true}", profile="source")

    assert not any(getattr(source.screen.switches, name) for name in SWITCHES)
    assert [name for name in SWITCHES if getattr(mixed.screen.switches, name)] == ["one_stop"]
    assert all(getattr(ScreenerSettings().screen.switches, name) for name in SWITCHES)


@pytest.mark.parametrize("name", FRAME_SETS)
def test_the_shipped_sets_of_frames_can_be_named(tmp_path: Path, name: str) -> None:
    assert load_screener_settings(None, frames=name).screen.frames == FRAME_SETS[name]
    assert load(tmp_path, f"frames: {name}").screen.frames == FRAME_SETS[name]


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("scores: {}", UnknownNameError, "Did you mean 'score'?"),
        ("score: {grade_a_pluss: 72}", UnknownNameError, "Did you mean 'grade_a_plus'?"),
        ("switches: {clas_a: true}", UnknownNameError, "Did you mean 'class_a'?"),
        ("frames: 15min/1h", UnknownNameError, "15min/1h/4h"),
        ("score: {grade_a: high}", ConfigurationError, "score.grade_a must be a number, found 'high'"),
        ("switches: {class_a: 1}", ConfigurationError, "switches.class_a must be true or false, found 1"),
        ("coarse: {bars_min: 2.5}", ConfigurationError, "coarse.bars_min must be a whole number, found 2.5"),
        ("coarse: {rsi_inner: [30]}", ConfigurationError, "coarse.rsi_inner must be a list of 2, found 1"),
        ("coarse: 5", ConfigurationError, "coarse must be a section of settings, found 5"),
        ("[1, 2]", ConfigurationError, "must hold sections with settings"),
        ("score: {grade_a: [", InputError, "is not YAML"),
    ],
)
def test_what_a_file_may_not_hold_is_refused(tmp_path: Path, text: str, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error) as caught:
        load(tmp_path, text)

    assert sentence in str(caught.value)
    assert "screen.yaml" in str(caught.value)


def test_unknown_profiles_frames_and_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'source'"):
        load_screener_settings(None, "sauce")
    with pytest.raises(ConfigurationError, match="15min/1h/4h"):
        load_screener_settings(None, frames="5min")
    with pytest.raises(InputError, match="cannot be read"):
        load_screener_settings(tmp_path / "none.yaml")
