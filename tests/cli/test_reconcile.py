"""`tapeline reconcile` waits for a comparison that takes its time, and its exit code says what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import typer

from tapeline.cli.reconcile import OPEN, reconcile
from tapeline.domain.errors import InputError
from tapeline.store.control_file import ControlFile
from tapeline.store.sqlite_file import WriterLock

QUIET: dict[str, Any] = {
    "has_ended": False, "time": "noon", "reconciled": "noon", "findings": [], "locks": [], "unresolved": [],
    "orders_working": 3, "positions": [{"symbol": "ABCD"}], "is_comparing": False,
}  # fmt: skip
LOCKED = {"finding": "POSITION_BREAK", "name": "ABCD", "ours": "100", "theirs": "80", "remedy": "LOCK", "text": ""}
BROKEN = {**QUIET, "findings": [LOCKED], "locks": ["ABCD"]}


@pytest.fixture(autouse=True)
def _writes(tmp_path: Path) -> Iterator[None]:
    writer = WriterLock(tmp_path / "journal")
    yield
    writer.release()


def engine(journal: Path, shown: Sequence[dict[str, Any]]) -> Thread:
    """Return what stands for a run: it has shown a state, answers one command, and shows states one after the other."""

    def play() -> None:
        with ControlFile.open(journal) as control:
            while not (commands := control.commands()):
                time.sleep(0.02)
            control.answer(commands[0], "The broker is being asked.", done=True)
            for body in shown:
                time.sleep(0.3)
                control.publish(0, lambda body=body: body, at_once=True)  # type: ignore[misc]  # a lambda with a default

    with ControlFile.open(journal) as control:
        control.publish(0, lambda: QUIET, at_once=True)
    thread = Thread(target=play)
    thread.start()
    return thread


def test_what_stays_open_is_shown_and_told_by_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was shown before, and while the broker is asked, is not taken for the outcome."""
    thread = engine(tmp_path / "journal", [{**QUIET, "is_comparing": True}, BROKEN])

    with pytest.raises(typer.Exit) as ended:
        reconcile(tmp_path / "journal", tmp_path, timeout="30s", as_json=False)
    thread.join()

    lines = capsys.readouterr().out.splitlines()
    assert ended.value.exit_code == OPEN
    assert max(map(len, lines)) <= 80
    assert "0 of 1 positions and 3 of 3 working orders agree, cash agrees." in " ".join(lines)
    assert any(line.split() == ["position", "break", "ABCD", "100", "80", "symbol", "locked"] for line in lines)
    assert "tapeline reconcile --accept" in " ".join(lines)


def test_books_that_agree_end_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    thread = engine(tmp_path / "journal", [{**BROKEN, "is_comparing": True}, QUIET])

    reconcile(tmp_path / "journal", tmp_path, timeout="30s", as_json=False)
    thread.join()

    assert "1 of 1 positions" in capsys.readouterr().out


def test_a_broker_that_does_not_answer_is_not_waited_for_without_end(tmp_path: Path) -> None:
    thread = engine(tmp_path / "journal", [{**QUIET, "is_comparing": True}])

    with pytest.raises(InputError, match="did not end within 1s"):
        reconcile(tmp_path / "journal", tmp_path, timeout="1s", as_json=False)
    thread.join()
