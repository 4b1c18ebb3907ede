"""The desk between a running system and the people around it."""

from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tapeline.domain.errors import StorageError
from tapeline.store.control_file import ControlFile


def give(desk: ControlFile, name: str = "pause", **options: object) -> int:
    return desk.give(name, who="anna", reason="news", now_ns=5, arguments=options or None)


def test_a_command_is_taken_once_and_answered(tmp_path: Path) -> None:
    with ControlFile.open(tmp_path / "journal") as person, ControlFile.open(tmp_path / "journal") as engine:
        number = give(person, "override", limit="gross", value="0.6")
        assert person.answer_of(number) is None

        (command,) = engine.commands()
        engine.answer(command, "The limit gross is 0.6.", done=True)

        assert (command.command_id, command.name, command.who, command.reason) == (number, "override", "anna", "news")
        assert command.arguments == {"limit": "gross", "value": "0.6"}
        assert list(engine.commands()) == []
        answer = person.answer_of(number)
        assert answer is not None
        assert (answer.done, answer.text) == (True, "The limit gross is 0.6.")


def test_commands_come_in_the_order_in_which_they_were_given(tmp_path: Path) -> None:
    with ControlFile.open(tmp_path / "journal") as desk:
        names = ["pause", "resume", "halt", "flatten"]
        for name in names:
            give(desk, name)

        assert [command.name for command in desk.commands()] == names


def test_a_command_waits_for_an_engine_that_is_not_there_yet(tmp_path: Path) -> None:
    with ControlFile.open(tmp_path / "journal") as person:
        give(person, "halt")

    with ControlFile.open(tmp_path / "journal") as engine:
        assert [command.name for command in engine.commands()] == ["halt"]


def test_the_status_is_the_latest_one(tmp_path: Path) -> None:
    with ControlFile.open(tmp_path / "journal") as desk:
        assert desk.status() is None

        desk.publish(7, {"state": "ACTIVE"})
        desk.publish(8, {"state": "HALTED"})

        status = desk.status()
        assert status is not None
        assert (status.written_ns, status.body) == (8, {"state": "HALTED"})


def test_the_latch_keeps_its_first_cause_until_it_is_released(tmp_path: Path) -> None:
    with ControlFile.open(tmp_path / "journal") as desk:
        assert desk.halted() is None

        desk.set_latch("no sign of life for 10 s", 1)
        desk.set_latch("another", 2)
        assert desk.halted() == "no sign of life for 10 s"

        desk.release_latch()
        assert desk.halted() is None


def test_only_its_owner_may_read_or_write_it(tmp_path: Path) -> None:
    with ControlFile.open(tmp_path / "journal") as desk:
        assert stat.S_IMODE(desk.path.stat().st_mode) == 0o600


def test_processes_may_open_a_new_desk_at_the_same_moment(tmp_path: Path) -> None:
    def open_and_give(number: int) -> None:
        with ControlFile.open(tmp_path / "journal") as desk:
            give(desk, f"command {number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(open_and_give, range(16)))

    with ControlFile.open(tmp_path / "journal") as desk:
        assert sorted(command.name for command in desk.commands()) == sorted(f"command {n}" for n in range(16))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.control").write_text("no database at all" * 100)
    with sqlite3.connect(tmp_path / "other.control") as other:
        other.execute("CREATE TABLE t (x)")
    other.close()

    for name in ("text", "other"):
        with pytest.raises(StorageError, match="something else"), ControlFile.open(tmp_path / name):
            pass


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    with ControlFile.open(tmp_path / "journal") as desk:
        path = desk.path
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()

    with pytest.raises(StorageError, match="newer version"), ControlFile.open(tmp_path / "journal"):
        pass


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageError, match="See whether its folder exists"),
        ControlFile.open(tmp_path / "none" / "journal"),
    ):
        pass
