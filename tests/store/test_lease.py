"""One writer for each journal: who came later writes, who was there before commits nothing any more."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.domain.errors import LeaseLostError, StorageError
from tapeline.ledger.order_facts import OrderAccepted
from tapeline.store import lease
from tapeline.store.lease import Holder
from tapeline.store.sqlite_file import APPLICATION_ID, WriterLock, lease_of
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.store.verification import verify

WITHIN_S = 60.0

# Appends and commits one fact for each line it is told, and says what came of it.
WRITER = """
import sys
from tapeline.domain.errors import StorageError
from tapeline.ledger.order_facts import OrderAccepted
from tapeline.store.sqlite_journal import SqliteJournal

journal = SqliteJournal.writing(sys.argv[1], wait_s=float(sys.argv[2]))
print("opened", flush=True)
for line in sys.stdin:
    try:
        journal.append(OrderAccepted(1, line.strip()))
        journal.commit()
        print("done", flush=True)
    except StorageError as exc:
        print(type(exc).__name__, exc, flush=True)
journal.close()
"""


class Writer:
    """A process that writes a journal."""

    def __init__(self, path: Path, wait_s: float = 0.0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(wait_s)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def says(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def write(self, name: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{name}\n")
        self.process.stdin.flush()

    def end(self) -> str:
        _, told = self.process.communicate(timeout=WITHIN_S)
        return told


def lose_the_lock(path: Path) -> None:
    """Do what a network disk without locks does: whoever comes next is let in."""
    Path(f"{path}.writer").unlink()


def names(path: Path) -> list[str]:
    with SqliteJournal.reading(path) as journal:
        return [record.fact.client_order_id for record in journal.read()]  # type: ignore[attr-defined]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.journal"


def test_a_paused_process_that_comes_back_after_another_took_over_commits_nothing(path: Path) -> None:
    first = Writer(path)
    assert first.says() == "opened"
    first.write("before")
    assert first.says() == "done"
    os.kill(first.process.pid, signal.SIGSTOP)
    lose_the_lock(path)
    second = Writer(path)
    assert second.says() == "opened"

    first.write("too late")
    os.kill(first.process.pid, signal.SIGCONT)
    told = first.says()
    second.write("after")

    assert second.says() == "done"
    assert told.startswith("LeaseLostError")
    assert f"belongs to process {second.process.pid} on {socket.gethostname()}, since 20" in told
    assert "Nothing of this batch was written" in told
    first.end(), second.end()
    assert names(path) == ["before", "after"]
    assert verify(path).is_sound


def test_a_second_process_is_told_who_writes_and_since_when(path: Path) -> None:
    first = Writer(path)
    assert first.says() == "opened"

    told = Writer(path).end()

    assert re.search(
        rf"one writer: process {first.process.pid} on {socket.gethostname()}, since \S+Z\. Stop that", told
    )
    first.end()
    assert names(path) == []


def test_a_second_process_waits_as_long_as_it_is_told(path: Path) -> None:
    first = Writer(path)
    assert first.says() == "opened"
    impatient = Writer(path, wait_s=0.3)
    patient = Writer(path, wait_s=WITHIN_S)

    assert "also after a wait of 0.3 s" in impatient.end()
    first.end()

    assert patient.says() == "opened"
    patient.end()


def test_a_writer_that_has_written_nothing_yet_keeps_the_one_before_it_out(path: Path) -> None:
    """The head alone would not show that there is another."""
    with SqliteJournal.writing(path) as first:
        first.append(OrderAccepted(1, "too late"))
        lose_the_lock(path)
        with SqliteJournal.writing(path):
            with pytest.raises(LeaseLostError, match="lease 1 is over, lease 2 belongs to process"):
                first.commit()
            assert names(path) == []


def test_also_with_nothing_to_commit_a_writer_learns_that_it_is_none_any_more(path: Path) -> None:
    with SqliteJournal.writing(path) as first:
        first.commit()
        lose_the_lock(path)
        with SqliteJournal.writing(path), pytest.raises(LeaseLostError):
            first.commit()


FILES = ("", "-wal", "-shm")
SUBSETS = [subset for count in (1, 2, 3) for subset in combinations(FILES, count)]
AND_THE_LOCK = [(*subset, *lock) for subset in SUBSETS for lock in ((), (".writer",))]


def remove(path: Path, endings: Iterable[str]) -> None:
    for ending in endings:
        Path(f"{path}{ending}").unlink()


def assert_it_learns(journal: SqliteJournal) -> None:
    """With something to commit, with nothing, and asked by itself."""
    for batch in ("", "lost"):
        if batch:
            journal.append(OrderAccepted(1, batch))
        for act in (journal.commit, journal.see_lease):
            with pytest.raises(LeaseLostError, match="was removed or replaced"):
                act()


@pytest.mark.parametrize("endings", AND_THE_LOCK)
def test_a_writer_that_loses_any_of_its_files_learns_it(path: Path, endings: tuple[str, ...]) -> None:
    with SqliteJournal.writing(path) as journal:
        journal.append(OrderAccepted(1, "kept"))
        journal.commit()
        remove(path, endings)
        assert_it_learns(journal)


@pytest.mark.parametrize("ending", FILES)
def test_a_writer_whose_file_was_replaced_by_a_copy_learns_it(path: Path, ending: str) -> None:
    with SqliteJournal.writing(path) as journal:
        file = Path(f"{path}{ending}")
        copy = path.with_name("copy")
        copy.write_bytes(file.read_bytes())
        copy.rename(file)
        assert_it_learns(journal)


def test_a_writer_by_a_link_watches_the_log_where_the_link_leads(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    path.symlink_to(tmp_path / "elsewhere" / "run.journal")
    with SqliteJournal.writing(path) as journal:
        journal.append(OrderAccepted(1, "kept"))
        journal.commit()
        remove(tmp_path / "elsewhere" / "run.journal", ["-wal"])
        assert_it_learns(journal)


@pytest.mark.parametrize("endings", [subset for subset in AND_THE_LOCK if "" not in subset])
def test_a_log_that_lost_its_name_is_saved_by_an_end_in_order(path: Path, endings: tuple[str, ...]) -> None:
    with SqliteJournal.writing(path) as journal:
        journal.append(OrderAccepted(1, "kept"))
        journal.commit()
        remove(path, endings)
    assert names(path) == ["kept"]
    assert verify(path).is_sound


@pytest.mark.parametrize("endings", [subset for subset in AND_THE_LOCK if ".writer" in subset and "" not in subset])
@pytest.mark.parametrize("first_ends", ["before", "after"])
def test_who_lost_its_log_undoes_nothing_of_who_came_after(
    path: Path, endings: tuple[str, ...], first_ends: str
) -> None:
    """What was moved into the journal before is what the second one goes on from."""
    first = Writer(path)
    assert first.says() == "opened"
    first.write("before")
    assert first.says() == "done"
    remove(path, endings)
    second = Writer(path)
    if second.says() != "opened":  # a log without its index, or the other way round, is refused with a sentence
        assert "Journal" in second.end()
        first.end()
        return

    second.write("after")
    assert second.says() == "done"
    first.write("too late")
    assert first.says().startswith("LeaseLostError")
    for writer in (first, second) if first_ends == "before" else (second, first):
        writer.end()

    assert names(path)[-1] == "after"
    assert "too late" not in names(path)
    assert verify(path).is_sound


def test_a_writer_may_go_to_another_folder(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    with SqliteJournal.writing(path.name) as journal:
        monkeypatch.chdir("/")
        journal.append(OrderAccepted(1, "kept"))
        journal.commit()
    assert names(path) == ["kept"]


def test_every_writer_has_a_higher_token(path: Path) -> None:
    for number in (1, 2, 3):
        with SqliteJournal.writing(path, holder=Holder(number, "trader", number * 10**9)):
            pass
        found = lease_of(path)
        assert found is not None
        assert (found.token, found.holder.process_id) == (number, number)


def test_whether_anybody_writes_is_seen_without_disturbing(path: Path) -> None:
    assert not WriterLock.is_held(path)
    with SqliteJournal.writing(path) as journal:
        assert WriterLock.is_held(path)
        journal.append(OrderAccepted(1, "kept"))
        journal.commit()
    assert not WriterLock.is_held(path)


ACTS = st.sampled_from(["open", "commit", "commit nothing", "close"])


@given(st.lists(st.tuples(ACTS, st.integers(0, 3)), max_size=25))
@settings(max_examples=40)
def test_whatever_the_order_only_the_newest_writer_commits(course: list[tuple[str, int]]) -> None:
    """The lock lets everybody in; four processes share the file."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder, ExitStack() as opened:
        path = Path(folder) / "run.journal"
        writers: dict[int, SqliteJournal] = {}
        newest: int | None = None
        expected: list[str] = []
        for number, (act, who) in enumerate(course):
            if act == "open":
                Path(f"{path}.writer").unlink(missing_ok=True)
                writers[who] = opened.enter_context(SqliteJournal.writing(path, holder=Holder(who, "trader", number)))
                newest = who
            elif who in writers and act == "close":
                writers.pop(who).close()
            elif who in writers:
                if act == "commit":
                    writers[who].append(OrderAccepted(number + 1, f"{number}"))
                if who == newest:
                    writers[who].commit()
                    expected += [f"{number}"] if act == "commit" else []
                else:
                    with pytest.raises(LeaseLostError):
                        writers[who].commit()
                    writers.pop(who).close()
        if path.exists():
            assert names(path) == expected
            assert verify(path).is_sound


def test_a_commit_that_forgets_the_token_is_noticed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted fault: the tests above would see it."""
    from tapeline.store import sqlite_journal

    forgets = sqlite_journal._MOVE_HEAD.replace("AND (SELECT token FROM lease) = ?", "AND ? > 0")
    monkeypatch.setattr(sqlite_journal, "_MOVE_HEAD", forgets)

    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        test_a_writer_that_has_written_nothing_yet_keeps_the_one_before_it_out(path)


VERSION_1 = f"""
CREATE TABLE facts (
    sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, event_time_ns INTEGER NOT NULL, client_order_id TEXT,
    execution_id TEXT, signal_id TEXT, symbol TEXT, body TEXT NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE TABLE head (only INTEGER PRIMARY KEY CHECK (only = 1), count INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;
INSERT INTO head VALUES (1, 0, x'');
CREATE INDEX facts_by_kind ON facts (kind);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = 1;
"""


def test_a_journal_of_version_1_is_read_as_it_is_and_gets_a_lease_from_its_next_writer(path: Path) -> None:
    with SqliteJournal.writing(":memory:") as made:
        made.append(OrderAccepted(1, "old"))
        made.commit()
        rows = made.connection.execute("SELECT * FROM facts").fetchall()
        (head,) = made.connection.execute("SELECT * FROM head").fetchall()
    old = sqlite3.connect(path, isolation_level=None)
    old.executescript(VERSION_1)
    old.executemany("INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    old.execute("UPDATE head SET count = ?, hash = ?", head[1:])
    old.close()
    before = path.read_bytes()

    assert names(path) == ["old"]
    assert lease_of(path) is None
    assert verify(path).is_sound
    assert path.read_bytes() == before

    with SqliteJournal.writing(path) as journal:
        journal.append(OrderAccepted(2, "new"))
        journal.commit()
    assert names(path) == ["old", "new"]
    assert verify(path).is_sound
    found = lease_of(path)
    assert found is not None and (found.token, found.holder.process_id) == (1, os.getpid())


def test_a_journal_that_cannot_be_continued_keeps_its_lease(path: Path) -> None:
    """Who cannot write does not keep another one from it."""
    with SqliteJournal.writing(path) as first:
        first.append(OrderAccepted(1, "kept"))
        first.commit()
        first.connection.execute("UPDATE head SET count = 7")
        lose_the_lock(path)

        with pytest.raises(StorageError, match="its head is record 7, but its last record is 1"):
            SqliteJournal.writing(path)

        assert lease.stored(first.connection) == lease_of(path)
        first.connection.execute("UPDATE head SET count = 1")
        first.append(OrderAccepted(1, "goes on"))
        first.commit()
    assert names(path) == ["kept", "goes on"]
