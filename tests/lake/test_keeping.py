"""Compaction, removal and retention: fewer files, older bars let go, and snapshots that lose nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from lake.builders import NOW, WEDNESDAY, bars_file, minutes
from tapeline.domain.errors import InputError
from tapeline.domain.times import DAY
from tapeline.feeds.digest import panel_digest
from tapeline.lake.commits import numbers
from tapeline.lake.keeping import compact, remove_bars, retain
from tapeline.lake.lake import Lake, open_lake
from tapeline.lake.snapshots import drop_snapshot, take_snapshot


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Three files of one period, one of them a correction, and a snapshot before it."""
    place = tmp_path / "lake"
    minutes(place, bars_file(tmp_path, "a.parquet", {"ALFA": [10.0, 11.0], "BETA": [20.0, 21.0]}))
    minutes(place, bars_file(tmp_path, "b.parquet", {"ALFA": [12.0]}, WEDNESDAY), days=1)
    take_snapshot(place, "before", NOW + DAY)
    minutes(place, bars_file(tmp_path, "c.parquet", {"ALFA": [10.5]}), days=2, correct=True)
    return place


def digest(lake: Path | str | Lake) -> str:
    return panel_digest((lake if isinstance(lake, Lake) else open_lake(lake)).read().panel)


def test_compaction_changes_no_bar_and_leaves_one_file_for_each_period(lake: Path) -> None:
    before = digest(lake)

    done = compact(lake, NOW + 3 * DAY)

    assert (done.files_before, done.files_after, done.folded) == (3, 1, 1)
    assert digest(lake) == before
    assert len(open_lake(lake).files("1min")) == 1
    # How often a bar was corrected, and by whom, is not forgotten.
    assert open_lake(lake).bars(["ALFA"], last="2023-07-03").select("close", "revision", "load").rows() == [
        (10.5, 1, 3),
        (11.0, 0, 1),
    ]
    assert compact(lake, NOW + 3 * DAY).files_after == 1


def test_a_bar_is_corrected_again_after_compaction(tmp_path: Path, lake: Path) -> None:
    compact(lake, NOW + 3 * DAY)

    minutes(lake, bars_file(tmp_path, "d.parquet", {"ALFA": [10.7]}), days=4, correct=True)

    assert open_lake(lake).bars(["ALFA"]).select("close", "revision").row(0) == (10.7, 2)


def test_retention_removes_what_nobody_needs_and_nothing_that_a_snapshot_needs(lake: Path) -> None:
    snapshot, now = digest(f"{lake}@before"), digest(lake)
    compact(lake, NOW + 3 * DAY)

    done = retain(lake, NOW + 100 * DAY, keep_days=30)

    assert (done.forgotten, done.kept_for_snapshots) == (3, 1)
    assert done.files_removed > 0
    assert numbers(lake) == [2, 5]
    assert digest(f"{lake}@before") == snapshot
    assert digest(lake) == now

    drop_snapshot(lake, "before", NOW + 100 * DAY)
    retain(lake, NOW + 200 * DAY, keep_days=30)

    assert numbers(lake) == [6]
    assert digest(lake) == now
    assert len(list((lake / "bars").rglob("period=*/*.parquet"))) == 1


def test_files_that_are_not_the_lakes_are_left_alone(lake: Path) -> None:
    for place in ("export.parquet", "bars/1min/mine.parquet", "other/00000001-0123456789abcdef.parquet"):
        (lake / place).parent.mkdir(exist_ok=True)
        (lake / place).write_bytes(b"mine")

    retain(lake, NOW + 100 * DAY, keep_days=0)

    assert len([path for path in lake.rglob("*.parquet") if path.read_bytes() == b"mine"]) == 3


def test_commits_within_the_days_are_kept(lake: Path) -> None:
    done = retain(lake, NOW + 3 * DAY, keep_days=30)

    assert (done.forgotten, done.files_removed) == (0, 0)
    assert numbers(lake) == [1, 2, 3, 4]


def test_bars_before_a_day_are_let_go_from_now_on_only(lake: Path) -> None:
    snapshot = digest(f"{lake}@before")

    count = remove_bars(lake, NOW + 3 * DAY, frame="1min", before=date(2023, 7, 5))

    assert count == 5  # two symbols x two minutes, and the row of the correction
    assert open_lake(lake).read().panel.close.tolist() == [[12.0]]
    assert digest(f"{lake}@before") == snapshot


def test_bars_of_a_security_are_let_go(lake: Path) -> None:
    remove_bars(lake, NOW + 3 * DAY, frame="1min", securities=["ALFA"])

    assert open_lake(lake).read().panel.symbols == ("BETA",)


def test_nothing_to_remove_and_no_days_are_refused(lake: Path) -> None:
    with pytest.raises(InputError, match="Nothing was said to remove"):
        remove_bars(lake, NOW, frame="1min")
    with pytest.raises(InputError, match="no bars of 1h"):
        remove_bars(lake, NOW, frame="1h", before=date(2023, 7, 5))
    with pytest.raises(InputError, match="-1 days is not possible"):
        retain(lake, NOW, keep_days=-1)


def test_a_lake_of_many_commits_reads_every_one_of_them(tmp_path: Path) -> None:
    """More than two checkpoints of the tables' logs: old versions are still opened from the log before them."""
    place = tmp_path / "lake"
    for number in range(45):
        minutes(place, bars_file(tmp_path, "load.parquet", {"ALFA": [10.0 + number]}), days=number, correct=True)

    checkpoints = list((place / "bars" / "1min" / "_delta_log").glob("*.checkpoint.parquet"))
    found = [open_lake(place, number).read().panel.close[0, 0] for number in range(1, 46)]

    assert len(checkpoints) >= 2
    assert found == [10.0 + number for number in range(45)]
    retain(place, NOW + 45 * DAY, keep_days=10)
    assert open_lake(place, 44).read().panel.close.tolist() == [[53.0]]


class LongLivedLake(RuleBasedStateMachine):
    """Whatever happens to a lake, it holds the last word on each bar, and every snapshot what it held when taken."""

    folder: Path

    @initialize()
    def begin(self) -> None:
        self.place = self.folder / f"lake-{len(list(self.folder.iterdir()))}"
        self.day, self.bars, self.snapshots = 0, {}, {}

    @rule(symbol=st.sampled_from(["ALFA", "BETA"]), first=st.integers(0, 3), closes=st.lists(st.integers(5, 9), min_size=1, max_size=3))  # noqa: E501  # fmt: skip
    def load(self, symbol: str, first: int, closes: list[int]) -> None:
        self.day += 1
        prices = [float(close) for close in closes]
        path = bars_file(self.folder, "load.parquet", {symbol: prices}, f"2023-07-05T13:{30 + first}:00Z")
        minutes(self.place, path, days=self.day, correct=True)
        self.bars |= {(symbol, first + number): price for number, price in enumerate(prices)}
        path.unlink()

    @precondition(lambda self: self.bars)
    @rule()
    def snapshot(self) -> None:
        name = f"s{len(self.snapshots)}"
        take_snapshot(self.place, name, NOW + self.day * DAY)
        self.snapshots[name] = dict(self.bars)

    @precondition(lambda self: self.bars)
    @rule()
    def compact(self) -> None:
        compact(self.place, NOW + self.day * DAY)

    @precondition(lambda self: self.bars)
    @rule(days=st.integers(0, 3))
    def retain(self, days: int) -> None:
        retain(self.place, NOW + self.day * DAY, days)

    def teardown(self) -> None:
        if self.bars:
            for place, held in [
                (str(self.place), self.bars),
                *((f"{self.place}@{n}", b) for n, b in self.snapshots.items()),
            ]:
                rows = open_lake(place).bars()
                minute = (rows["start"].dt.minute() - 30).to_list()
                assert dict(zip(zip(rows["security"], minute, strict=True), rows["close"], strict=True)) == held


def test_a_long_lived_lake_keeps_every_last_word_and_every_snapshot(tmp_path: Path) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    machine = type("InThisFolder", (LongLivedLake,), {"folder": tmp_path})

    run_state_machine_as_test(machine, settings=settings(max_examples=8, stateful_step_count=12, deadline=None))
