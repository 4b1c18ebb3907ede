"""Groups of symbols from a file: labels by symbol, and rules that compare within a group trade the same both ways."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from engine.builders import simulated_panel
from tapeline import RuleStrategy, RunSettings, backtest, bars, replay, roc, sweep
from tapeline.domain.errors import DataError, InputError
from tapeline.feeds.groups import read_groups


def table(folder: Path, **columns: list[str | None]) -> Path:
    path = folder / "sectors.parquet"
    pl.DataFrame(columns).write_parquet(path)
    return path


def test_each_symbol_has_its_label_and_a_stranger_none(tmp_path: Path) -> None:
    path = table(tmp_path, symbol=["B", "A", "C"], sector=["Energy", "Banks", None], country=["US", "US", "CA"])

    assert read_groups(path, ["A", "B", "C", "D"]) == {
        "sector": ["Banks", "Energy", None, None],
        "country": ["US", "US", "CA", None],
    }


def test_files_that_tell_no_groups_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no grouping: no column of text beside symbol"):
        read_groups(table(tmp_path, symbol=["A"]), ["A"])
    with pytest.raises(DataError, match="has A in several rows"):
        read_groups(table(tmp_path, symbol=["A", "A"], sector=["x", "y"]), ["A"])
    with pytest.raises(InputError, match="missing"):
        read_groups(tmp_path / "missing.parquet", ["A"])


class BestOfItsSector(RuleStrategy):
    """Hold what rises more than the mean of its sector."""

    ahead = roc(bars("15min").close, 4).demean(by="sector")
    enter_long = ahead > 0.05
    exit_long = ahead < 0


def test_rules_within_groups_trade_the_same_both_ways_and_need_their_groups() -> None:
    panel = simulated_panel()
    groups = {"sector": [("odd", "even")[column % 2] for column in range(len(panel.symbols))]}

    compiled = backtest(BestOfItsSector, panel, groups=groups)
    replayed = replay([BestOfItsSector()], panel, groups=groups).result
    (swept,) = sweep(BestOfItsSector, panel, [{}], groups=groups)

    assert len(compiled.executions) > 20
    assert compiled.digest == replayed.digest
    assert len(swept.executions) == len(compiled.executions)
    one = backtest(BestOfItsSector, panel, groups={"sector": ["all"] * len(panel.symbols)})
    assert one.digest != compiled.digest
    with pytest.raises(InputError, match="sector"):
        backtest(BestOfItsSector, panel, RunSettings())
