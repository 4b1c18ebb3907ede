"""What the screener found is kept whole or not at all, and read back as of any moment."""

from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tapeline.domain.errors import DataError, InputError
from tapeline.store.screen_store import SCHEMA_VERSION, ScreenStore

REGIME = {"label": "BULL_LOW_VOL", "favourability": 70.0}


def a_row(symbol: str, total: float = 80.0, grade: str = "A") -> dict[str, Any]:
    return {"symbol": symbol, "grade": grade, "sabr20": {"total": total}, "rr": "inf", "stop": None}


def test_the_newest_refresh_up_to_a_moment_is_read_in_its_order(tmp_path: Path) -> None:
    with ScreenStore.open(tmp_path / "s.sqlite") as store:
        store.save_refresh(10, "tapeline", [a_row("B"), a_row("A")], REGIME, [("new A+", "B", "B is A+.")])
        store.save_refresh(20, "tapeline", [])
        store.save_refresh(15, "source", [a_row("C")])
    with ScreenStore.open(tmp_path / "s.sqlite") as store:
        assert store.watchlist("tapeline") == (20, [])
        assert store.watchlist("tapeline", 19) == (10, [a_row("B"), a_row("A")])
        assert store.watchlist("tapeline", 9) is None
        assert store.watchlist("source") == (15, [a_row("C")])
        assert store.regime(9) is None and store.regime() == (10, REGIME)
        assert store.history("A", "tapeline") == [(10, "A", 80.0)]
        assert store.alerts(10) == [(10, "new A+", "B", "B is A+.")] and store.alerts(11) == []


def test_a_refresh_that_is_repeated_replaces_the_one_before(tmp_path: Path) -> None:
    with ScreenStore.open(tmp_path / "s.sqlite") as store:
        store.save_refresh(10, "tapeline", [a_row("A"), a_row("B"), a_row("C")])
        store.save_refresh(10, "tapeline", [a_row("D", 91.0)])

        assert store.watchlist("tapeline") == (10, [a_row("D", 91.0)])
        assert store.history("A", "tapeline") == []


def test_a_refresh_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    with ScreenStore.open(tmp_path / "s.sqlite") as store:
        store.save_refresh(10, "tapeline", [a_row("A")], REGIME)
        with pytest.raises(ValueError, match="Out of range float"):
            store.save_refresh(10, "tapeline", [a_row("B"), a_row("C", float("nan"))])
        with pytest.raises(KeyError):
            store.save_refresh(20, "tapeline", [a_row("B")], {"label": "without favourability"})

        assert store.watchlist("tapeline") == (10, [a_row("A")])
        assert store.regime() == (10, REGIME)


def test_the_universe_of_a_day_is_the_last_one_kept_by_then(tmp_path: Path) -> None:
    with ScreenStore.open(tmp_path / "s.sqlite") as store:
        store.save_universe(date(2024, 1, 3), {"day": "2024-01-03"})
        store.save_universe(date(2024, 1, 5), {"day": "2024-01-05"})

        assert store.universe(date(2024, 1, 2)) is None
        assert store.universe(date(2024, 1, 4)) == {"day": "2024-01-03"}
        assert store.universe(date(2024, 1, 9)) == {"day": "2024-01-05"}


def test_files_of_another_kind_or_a_newer_program_are_refused(tmp_path: Path) -> None:
    with ScreenStore.open(tmp_path / "newer.sqlite"):
        pass
    newer = sqlite3.connect(tmp_path / "newer.sqlite")
    newer.execute(f"pragma user_version={SCHEMA_VERSION + 1}")
    newer.close()
    other = sqlite3.connect(tmp_path / "other.sqlite")
    other.execute("create table songs (name text)")
    other.commit()
    other.close()
    (tmp_path / "text.sqlite").write_text("not a database, whatever its name, but long enough to be looked at" * 20)

    for name, sentence in (
        ("newer.sqlite", f"has version {SCHEMA_VERSION + 1}"),
        ("other.sqlite", "is a database of something else"),
        ("text.sqlite", "is no store of the screener"),
    ):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(DataError, match=sentence), ScreenStore.open(tmp_path / name):
            pass
        assert (tmp_path / name).read_bytes() == before
    with pytest.raises(InputError, match="cannot be opened"), ScreenStore.open(tmp_path / "no" / "s.sqlite"):
        pass


def test_a_reader_beside_a_writer_sees_whole_refreshes(tmp_path: Path) -> None:
    with ScreenStore.open(tmp_path / "s.sqlite") as writer, ScreenStore.open(tmp_path / "s.sqlite") as reader:
        writer.save_refresh(10, "tapeline", [a_row("A")])
        assert reader.watchlist("tapeline") == (10, [a_row("A")])
        writer.save_refresh(20, "tapeline", [a_row("B")])
        assert reader.watchlist("tapeline") == (20, [a_row("B")])
