"""Splits, dividends and members of an index, given to the command line: both ways trade by them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from cli.bar_files import write_bars
from cli.running import run

MEMBERS = '''from tapeline import RuleStrategy, bars, fixed_quantity, series


class Members(RuleStrategy):
    """Hold a hundred of what is in the index."""

    enter_long = (series("member") == 1) & (bars().close > 0)
    exit_long = series("member") == 0
    size = fixed_quantity(100)
'''


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_bars(tmp_path / "bars.parquet")
    (tmp_path / "members.py").write_text(MEMBERS)
    stays = {"symbol": ["ALFA", "BETA"], "start_date": [date(2023, 1, 3)] * 2, "end_date": [None, date(2024, 1, 4)]}
    pl.DataFrame(stays).write_parquet(tmp_path / "stays.parquet")
    actions = {"symbol": ["ALFA"], "date": [date(2024, 1, 3)], "dividend": [0.25], "split_ratio": [2.0]}
    pl.DataFrame(actions).write_parquet(tmp_path / "actions.parquet")
    return tmp_path


GIVEN = ("--data", "bars.parquet", "--membership", "stays.parquet", "--actions", "actions.parquet")


def test_members_are_held_and_actions_happen_to_them_both_ways() -> None:
    """100 ALFA get 25.00 and become 200; BETA leaves the index on the third day, GAMA never was in it."""
    compiled = json.loads(run("backtest", "members.py", *GIVEN, "--json").out)
    looped = json.loads(run("backtest", "members.py", *GIVEN, "--json", "--journal", "run.sqlite").out)

    assert compiled["positions"] == {"ALFA": 200.0}
    assert [trip["symbol"] for trip in compiled["round_trips"]] == ["BETA"]
    assert compiled["round_trips"][0]["exit_time"].startswith("2024-01-04T14:3")
    assert compiled["financing"] == 25.0
    assert looped["digest"] == compiled["digest"]


def test_what_happened_by_the_first_session_happens_to_nothing() -> None:
    done = run("backtest", "members.py", *GIVEN, "--from", "2024-01-03", "--json")

    assert json.loads(done.out)["financing"] == 0.0


def test_a_strategy_that_asks_for_members_says_which_file_it_needs() -> None:
    for name in ("members.py", "cross-sectional-momentum"):
        refused = run("backtest", name, "--data", "bars.parquet")

        assert refused.code == 2
        assert "nothing says who they are. Give --membership a Parquet file with symbol, start_date" in refused.sentence
    assert run("backtest", "swing-trend", "--to", "2024-01-12", "--json").code == 0


def test_files_that_are_not_there_are_refused_with_the_nearest() -> None:
    for option in ("--actions", "--membership"):
        words = dict(zip(GIVEN[::2], GIVEN[1::2], strict=True)) | {option: "stay.parquet"}
        refused = run("backtest", "members.py", *(word for pair in words.items() for word in pair))

        assert refused.code == 2
        assert "Did you mean 'stays.parquet'?" in refused.sentence
