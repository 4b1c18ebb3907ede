"""What an evaluation counts: the published counts of the rules, returns from the close that was known, kills."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from screener.golden import a_market
from shared import shared_path
from tapeline.app.screen_evaluation import counts, evaluate, killed
from tapeline.app.screen_history import ScreenHistory, collect_history
from tapeline.app.screen_settings import ScreenerSettings, load_screener_settings
from tapeline.app.screen_validation import shortfall, validate
from tapeline.app.screening import screen_history
from tapeline.domain.errors import ConfigurationError
from tapeline.feeds.parquet import read_bars
from tapeline.screener.settings import SWITCHES

GOOD = ("A", "A+")


@pytest.fixture(scope="module")
def history() -> ScreenHistory:
    return collect_history(a_market(), ScreenerSettings())


@pytest.fixture(scope="module")
def rows() -> list[list[dict]]:
    """Every row of every report, as a user reads them."""
    reports = (one.as_dict(all_fine=True) for one in screen_history(a_market(), ScreenerSettings()))
    return [report["rows"] for report in reports]


def test_the_published_counts_of_the_rules_as_written_come_out() -> None:
    """Grades without symbols of fewer than 30 hourly bars: with them the published ones are A 3,662 and B 16,399."""
    panel = read_bars(shared_path("data/minute_us_2018.parquet"), calendar="XNYS").panel

    history = collect_history(panel, load_screener_settings(None, "source"))
    found = counts(history)

    assert int(history.present.sum()) == 226_018
    assert (found["confirmation_bars"], round(found["passed_share"], 3)) == (53_928, 0.151)
    assert round(found["handed_over_share"], 3) == 0.088
    names = ("trigger", "trigger_regime", "trigger_regime_confirmation", "good_and_handed_over")
    assert [found[name] for name in names] == [628, 202, 12, 170]
    assert (found["classes"]["A+"], found["classes"]["B"]) == (0, 101)
    assert (found["grades"]["A+"], found["grades"]["A"], found["grades"]["B"]) == (40, 3_657, 16_035)


def test_counts_and_kills_are_those_of_the_rows(history: ScreenHistory, rows: list[list[dict]]) -> None:
    flat = [row for report in rows for row in report]
    found, kills = counts(history), killed(history)

    assert found["grades"]["A"] == sum(row["grade"] == "A" for row in flat)
    assert found["trigger"] == sum(row["tree"]["trigger"] is True for row in flat)
    questions = ("q3", "q4", "q5", "q6")
    for left_out in questions:
        others = [name for name in questions if name != left_out]
        expected = sum(all(row["tree"][name] is True for name in others) for row in flat)
        assert kills["trigger"][f"without {left_out}"] == expected
    for left_out in "abcdv":
        expected = 0
        for row in flat:
            if row["coarse"]["score"] is None:
                continue
            true = {name: row["coarse"][name] is True or name == left_out for name in "abcdv"}
            expected += true["v"] and sum(true[name] for name in "abcd") >= 3
        assert kills["coarse"][f"without {left_out}"] == expected
    assert kills["coarse"]["accepted"] == sum(row["coarse"]["passed"] is True for row in flat)


def test_a_return_is_measured_from_the_close_that_was_known(history: ScreenHistory) -> None:
    panel = a_market()
    after = history.forward_return(8)
    step, column = 500, 3
    first, last = (
        panel.close[: int(np.searchsorted(panel.end_ns, history.time_ns[at], side="right")), column]
        for at in (step, step + 8)
    )

    assert after[step, column] == pytest.approx(last[~np.isnan(last)][-1] / first[~np.isnan(first)][-1] - 1)
    assert np.isnan(after[-8:]).all() and not np.isnan(after[-9]).all()
    with pytest.raises(ConfigurationError, match="horizon of 0"):
        history.forward_return(0)


def test_the_report_tells_horizon_overlap_and_a_verdict() -> None:
    found = evaluate(a_market(), ScreenerSettings(), horizon=16, switches=False)

    assert found["horizon"]["block_sessions"] == 2  # 16 of 26 closes reach into the next session
    everyone = found["groups"]["all rows"]
    assert everyone["rows"] == found["rows"] and everyone["excess"]["value"] == 0.0
    assert everyone["first_of_session"] <= found["sessions"] * found["symbols"]
    assert sum(found["groups"][f"grade {name}"]["rows"] for name in ("A+", "A", "B", "C")) <= found["rows"]
    for line in found["verdict"]:
        assert any(word in line for word in ("too few rows", "yes, better", "no: worse", "not to be told from chance"))
    for held in found["conditions"].values():
        assert sum(held.values()) == found["rows"]


def test_every_switch_is_turned_over_once() -> None:
    panel = a_market()
    found = evaluate(panel, ScreenerSettings(), switches=True)["switches"]

    assert list(found) == ["as it is", *(f"{name} off" for name in SWITCHES)]
    changed = {name for name, one in found.items() if one != found["as it is"]}
    assert {"touch_by_band off", "oversold_recently off", "one_stop off", "fine_on_all off"} <= changed
    assert not {"proxy_scaled off", "funds_left_out off"} & changed  # these act on the regime alone


def test_recall_and_precision_are_those_of_the_rows(rows: list[list[dict]]) -> None:
    flat = [row for report in rows for row in report]
    good = [row for row in flat if row["grade"] in GOOD]
    passed = [row for row in flat if row["coarse"]["passed"]]

    found = validate(a_market(), ScreenerSettings())

    assert found["recall"] == pytest.approx(sum(row["coarse"]["passed"] is True for row in good) / len(good))
    assert found["precision"] == pytest.approx(sum(row["grade"] in GOOD for row in passed) / len(passed))
    assert all(one["recall"] >= found["recall"] for one in found["conditions"].values())
    assert found["precision_of_all"] == pytest.approx(len(good) / len(flat))


def test_the_suggested_moves_do_what_is_said_of_them() -> None:
    """Screened again with the moved numbers, the filter has the recall and precision that were promised."""
    found = validate(a_market(), ScreenerSettings())
    first, last = found["suggested"][0], found["suggested"][-1]
    moved = {move["name"]: move["to"] for move in found["suggested"]}
    settings = ScreenerSettings()
    screen = replace(settings.screen, coarse=replace(settings.screen.coarse, **moved))

    again = validate(a_market(), replace(settings, screen=screen))

    assert (again["recall"], again["precision"]) == (last["recall"], last["precision"])
    assert f"Move coarse.{first['name']} from {first['from']:g} to {first['to']:g}: recall" in found["advice"]
    assert again["good"] == found["good"] and last["recall"] > found["recall"]
    assert min(found["moves"], key=shortfall) == first
    assert all(one["recall"] <= found["recall"] for one in found["moves"] if one["to"] == 4)


def test_how_far_a_filter_is_from_its_targets() -> None:
    assert shortfall({"recall": 0.8, "precision": 0.2}) == shortfall({"recall": 1.0, "precision": 0.9}) == 0.0
    assert shortfall({"recall": 0.4, "precision": 0.3}) == pytest.approx(0.5)
    assert shortfall({"recall": 0.0, "precision": None}) == 2.0
