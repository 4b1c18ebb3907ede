"""The desk between a running system and the people around it."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tapeline.domain.control import Trigger
from tapeline.domain.errors import StorageError
from tapeline.domain.times import SECOND
from tapeline.ports.control import Latch
from tapeline.store.control_file import ControlFile
from tapeline.store.latch import read_latch, set_latch

VERSION_1 = f"""
CREATE TABLE commands (
    command_id INTEGER PRIMARY KEY, given_ns INTEGER NOT NULL, name TEXT NOT NULL, who TEXT NOT NULL,
    reason TEXT NOT NULL, arguments TEXT NOT NULL, is_taken INTEGER NOT NULL DEFAULT 0, done INTEGER, answer TEXT
) STRICT;
CREATE TABLE status (only INTEGER PRIMARY KEY CHECK (only = 1), written_ns INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE latch (only INTEGER PRIMARY KEY CHECK (only = 1), set_ns INTEGER NOT NULL, why TEXT NOT NULL) STRICT;
INSERT INTO commands (given_ns, name, who, reason, arguments) VALUES (5, 'halt', 'anna', 'news', '{{}}');
INSERT INTO status VALUES (1, 7, '{{}}');
PRAGMA application_id = {0x54415043};
PRAGMA user_version = 1;
"""


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


def test_what_a_process_took_and_did_not_answer_is_handed_to_the_next_that_asks_for_it(tmp_path: Path) -> None:
    with ControlFile.open(tmp_path / "journal") as first:
        for name in ("pause", "halt"):
            give(first, name)
        answered, _ = first.commands()
        first.answer(answered, "It is paused.", done=True)
    with ControlFile.open(tmp_path / "journal") as second:
        give(second, "flatten")

        assert [command.name for command in second.commands(unanswered=True)] == ["halt", "flatten"]
        assert second.commands() == []


def test_what_a_process_of_version_3_took_and_did_not_answer_is_not_done_by_another(tmp_path: Path) -> None:
    """The journals of then do not tell whether it was done."""
    with ControlFile.open(tmp_path / "journal") as desk:
        number = give(desk, "halt")
        desk.commands()
        waiting = give(desk, "pause")
    with sqlite3.connect(tmp_path / "journal.control") as old:
        old.execute("PRAGMA user_version = 3")
    old.close()

    with ControlFile.open(tmp_path / "journal") as desk:
        assert [command.command_id for command in desk.commands(unanswered=True)] == [waiting]
        answer = desk.answer_of(number)
        assert answer is not None
        assert (answer.done, "see the journal" in answer.text) == (False, True)


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

        desk.publish(7, lambda: {"state": "ACTIVE"})
        desk.publish(8, lambda: {"state": "HALTED"}, at_once=True)

        status = desk.status()
        assert status is not None
        assert (status.number, status.written_ns, status.body) == (2, 8, {"state": "HALTED"})
        assert abs(time.time_ns() - status.shown_ns) < 60 * SECOND


def test_the_status_is_not_made_more_often_than_it_is_shown(tmp_path: Path) -> None:
    made: list[int] = []

    def status() -> dict[str, int]:
        made.append(1)
        return {}

    with ControlFile.open(tmp_path / "journal") as desk:
        for now_ns in range(100):
            desk.publish(now_ns, status)

    assert len(made) < 100


def test_a_control_file_of_version_1_is_taken_over(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "journal.control") as old:
        old.executescript(VERSION_1)
    old.close()

    with ControlFile.open(tmp_path / "journal") as desk:
        assert [command.name for command in desk.commands()] == ["halt"]
        desk.publish(9, dict, at_once=True)
        status = desk.status()
        assert status is not None
        assert (status.number, status.written_ns) == (2, 9)


def a_latch(why: str = "no sign of life for 10 s", set_ns: int = 1) -> Latch:
    return Latch(Trigger.LOOP_STALLED, "watchdog", why, set_ns)


def test_the_latch_keeps_its_first_cause_until_it_is_released(tmp_path: Path) -> None:
    with ControlFile.open(tmp_path / "journal") as desk:
        assert desk.halted() is None

        desk.set_latch(a_latch())
        desk.set_latch(a_latch("another", 2))
        assert desk.halted() == a_latch()

        desk.release(a_latch("another", 2))
        assert desk.halted() == a_latch()
        desk.release(a_latch())
        assert desk.halted() is None


def test_the_latch_is_set_where_files_have_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on exFAT and many network shares; it keeps its first cause there, too, and leaves no other file."""

    def no_link(source: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_link)
    journal = tmp_path / "journal"

    set_latch(journal, a_latch())
    set_latch(journal, a_latch("another", 2))

    assert read_latch(journal) == a_latch()
    assert [path.name for path in tmp_path.iterdir()] == ["journal.halted"]


def test_the_latch_is_set_though_a_hung_process_holds_the_control_file(tmp_path: Path) -> None:
    with ControlFile.open(tmp_path / "journal") as desk:
        hung = sqlite3.connect(desk.path, isolation_level=None)
        hung.execute("BEGIN IMMEDIATE")

        desk.set_latch(a_latch())

        assert desk.halted() == a_latch()
        hung.close()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"trigger": "NONE"}', bytes([255, 254])])
def test_a_latch_that_nobody_understands_is_set_all_the_same(tmp_path: Path, content: bytes) -> None:
    with ControlFile.open(tmp_path / "journal") as desk:
        (tmp_path / "journal.halted").write_bytes(content)

        latch = desk.halted()

        assert latch is not None
        assert (latch.trigger, latch.who) == (Trigger.PERSON, "somebody")
        desk.release(latch)
        assert desk.halted() is None


def test_a_latch_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    with ControlFile.open(tmp_path / "journal"), pytest.raises(StorageError, match="End the process that trades"):
        set_latch(tmp_path / "none" / "journal", a_latch())


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
        connection.execute("PRAGMA user_version = 5")
    connection.close()

    with pytest.raises(StorageError, match="newer version"), ControlFile.open(tmp_path / "journal"):
        pass


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageError, match="See whether its folder exists"),
        ControlFile.open(tmp_path / "none" / "journal"),
    ):
        pass
