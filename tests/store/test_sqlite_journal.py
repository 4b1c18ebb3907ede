"""The journal in SQLite: what is committed stays, what is refused is a sentence."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from tests.ledger.builders import MINUTE, T0, a_deposit, a_fill, a_run, a_signal, traded
from tests.ledger.facts_at_random import trading

from tapeline.domain.errors import IntegrityError, InvariantError, StorageError
from tapeline.ledger.canonical import encode
from tapeline.ledger.chain import GENESIS, link
from tapeline.ledger.order_facts import OrderAccepted
from tapeline.ledger.views import Views, rebuild
from tapeline.ports.journal import Fact, Journal
from tapeline.store.sqlite_file import APPLICATION_ID
from tapeline.store.sqlite_journal import PAGE, SqliteJournal


def accepted(number: int) -> OrderAccepted:
    return OrderAccepted(T0 + number * MINUTE, f"O-{number}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.journal"


@pytest.fixture
def journal(path: Path) -> Iterator[SqliteJournal]:
    with SqliteJournal.writing(path) as journal:
        yield journal


def names(journal: Journal, **conditions: object) -> list[str]:
    return [record.fact.client_order_id for record in journal.read(**conditions)]  # type: ignore[attr-defined,arg-type]


def test_facts_come_back_in_order_with_their_numbers_bytes_and_hashes(journal: SqliteJournal) -> None:
    facts = [a_run(), a_signal(), a_deposit()]

    bodies = [journal.append(fact) for fact in facts]
    journal.commit()

    records = list(journal.read())
    assert [record.fact for record in records] == facts
    assert [record.sequence for record in records] == [1, 2, 3]
    assert [record.body for record in records] == bodies == [encode(fact) for fact in facts]
    first = link(GENESIS, 1, "RunStarted", bodies[0])
    assert records[0].hash == first
    assert records[1].hash == link(first, 2, "SignalRaised", bodies[1])
    assert journal.head().hash == records[2].hash


def test_nothing_is_there_for_others_before_the_commit(journal: SqliteJournal, path: Path) -> None:
    journal.append(accepted(1))
    with SqliteJournal.reading(path) as reader:
        assert list(reader.read()) == []
        assert reader.head().count == 0

        journal.commit()

        assert names(reader) == ["O-1"]


def test_a_journal_goes_on_where_it_was_closed(path: Path) -> None:
    with SqliteJournal.writing(path) as journal:
        journal.append(accepted(1))
        journal.commit()
        journal.append(accepted(2))
        lost = journal.head()
    with SqliteJournal.writing(path) as journal:
        assert journal.head().count == 1
        journal.append(accepted(2))
        journal.commit()
        assert journal.head() == lost
        assert names(journal) == ["O-1", "O-2"]


def test_a_closed_journal_is_one_file_and_the_empty_one_of_its_writer(path: Path) -> None:
    with SqliteJournal.writing(path) as journal:
        journal.append(accepted(1))
        journal.commit()

    assert sorted(file.name for file in path.parent.iterdir()) == ["run.journal", "run.journal.writer"]
    assert Path(f"{path}.writer").stat().st_size == 0


def test_records_are_found_by_kind_order_execution_signal_symbol_time_and_number(
    journal: SqliteJournal,
) -> None:
    for fact in [a_run(), a_signal(), *traded("BUY 1 ABCD at 10 costs 0\nBUY 2 WXYZ at 10 costs 0")]:
        journal.append(fact)
    journal.commit()

    def found(**conditions: object) -> list[int]:
        return [record.sequence for record in journal.read(**conditions)]  # type: ignore[arg-type]

    assert found(kind="OrderFilled") == [5, 8]
    assert found(client_order_id="Dip-ABCD-1") == [3, 4, 5]
    assert found(execution_id="E-Dip-WXYZ-2") == [8]
    assert found(signal_id=a_signal().signal_id) == [2]
    assert found(symbol="ABCD") == [2, 3, 5]
    assert found(symbol="ABCD", from_ns=T0 + MINUTE, until_ns=T0 + MINUTE) == [3, 5]
    assert found(first=7) == [7, 8]
    assert found(first=2, last=3) == [2, 3]
    assert found(kind="OrderFilled", symbol="NONE") == []


def test_reading_goes_on_over_the_end_of_a_page(journal: SqliteJournal) -> None:
    for number in range(10_000):
        journal.append(accepted(number))
    journal.commit()

    assert names(journal) == [f"O-{number}" for number in range(10_000)]
    assert names(journal, kind="OrderAccepted", first=9_999) == ["O-9998", "O-9999"]


def test_facts_alone_are_those_of_the_records_over_the_end_of_a_page(journal: SqliteJournal) -> None:
    for number in range(10_000):
        journal.append(a_deposit() if number % 4_096 == 0 else accepted(number))
    journal.commit()

    assert list(journal.facts()) == [record.fact for record in journal.read()]
    others = list(journal.facts(passing_over=["CashMoved", "SignalRaised"]))
    assert others == [record.fact for record in journal.read(kind="OrderAccepted")]
    assert len(others) == 10_000 - 3


def test_facts_alone_are_those_of_a_journal_that_ends_with_a_page(journal: SqliteJournal) -> None:
    for number in range(PAGE):
        journal.append(accepted(number))
    journal.commit()

    assert len(list(journal.facts())) == PAGE


def test_a_journal_in_memory_works_alike() -> None:
    with SqliteJournal.writing(":memory:") as journal:
        journal.append(accepted(1))
        journal.commit()
        assert names(journal) == ["O-1"]


def test_the_file_writes_ahead_with_full_sync_and_says_what_it_is(journal: SqliteJournal) -> None:
    def pragma(name: str) -> object:
        return journal.connection.execute(f"PRAGMA {name}").fetchone()[0]

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2  # FULL
    assert pragma("application_id") == APPLICATION_ID


def test_sqlite_itself_refuses_to_change_or_remove_a_record(journal: SqliteJournal) -> None:
    journal.append(accepted(1))
    journal.commit()

    for statement in ("UPDATE facts SET body = '{}'", "DELETE FROM facts"):
        with pytest.raises(sqlite3.IntegrityError, match="a journal is never changed"):
            journal.connection.execute(statement)


def test_a_second_writer_is_refused_and_a_reader_is_not(journal: SqliteJournal, path: Path) -> None:
    with pytest.raises(StorageError, match="another process is writing it, and a journal has one writer"):
        SqliteJournal.writing(path)

    SqliteJournal.reading(path).close()


def test_a_second_process_is_refused_until_the_first_lets_go(path: Path) -> None:
    program = "import sys; from tapeline.store.sqlite_journal import PAGE, SqliteJournal as J; J.writing(sys.argv[1])"
    attempt = [sys.executable, "-c", program, str(path)]
    with SqliteJournal.writing(path):
        refused = subprocess.run(attempt, capture_output=True, text=True, check=False)
    allowed = subprocess.run(attempt, capture_output=True, text=True, check=False)

    assert "another process is writing it" in refused.stderr
    assert allowed.returncode == 0


def test_a_writer_that_got_past_the_lock_writes_nothing(journal: SqliteJournal) -> None:
    journal.append(accepted(1))
    journal.connection.execute("UPDATE head SET count = 5")

    with pytest.raises(IntegrityError, match="Somebody else wrote to it; nothing of this batch was written"):
        journal.commit()
    assert list(journal.read()) == []


def test_an_execution_is_booked_once(journal: SqliteJournal) -> None:
    for fact in (a_fill(50), a_fill(0)):
        journal.append(fact)

    with pytest.raises(InvariantError, match="an execution would be booked twice"):
        journal.commit()
    assert list(journal.read()) == []


def test_a_full_disk_is_a_sentence_and_the_batch_can_be_committed_later(path: Path) -> None:
    with SqliteJournal.writing(path) as journal:
        pages = journal.connection.execute("PRAGMA page_count").fetchone()[0]
        journal.connection.execute(f"PRAGMA max_page_count = {pages + 1}")
        for number in range(2_000):
            journal.append(accepted(number))

        with pytest.raises(StorageError, match="could not commit 2000 facts: the disk is full"):
            journal.commit()
        assert list(journal.read()) == []

        journal.connection.execute("PRAGMA max_page_count = 1000000")
        journal.commit()
        assert len(list(journal.read())) == 2_000


def test_a_database_that_stays_locked_is_a_sentence(path: Path) -> None:
    with SqliteJournal.writing(path, busy_timeout_s=0.01) as journal:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        journal.append(accepted(1))

        with pytest.raises(StorageError, match="another program holds it locked"):
            journal.commit()

        other.execute("ROLLBACK")
        other.close()
        journal.commit()
        assert names(journal) == ["O-1"]


def test_a_missing_file_cannot_be_read(path: Path) -> None:
    with pytest.raises(StorageError, match="there is no such file"):
        SqliteJournal.reading(path)
    assert not path.exists()


def test_a_missing_folder_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="See whether its folder exists"):
        SqliteJournal.writing(tmp_path / "none" / "run.journal")


@pytest.mark.parametrize("open_journal", [SqliteJournal.writing, SqliteJournal.reading])
def test_a_file_of_another_kind_is_left_alone(path: Path, open_journal: type[SqliteJournal]) -> None:
    path.write_text("Dear diary, today I bought too much. " * 100)
    before = path.read_bytes()

    with pytest.raises(StorageError, match="it is no journal but a file of another kind"):
        open_journal(path)  # type: ignore[call-arg]
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("open_journal", [SqliteJournal.writing, SqliteJournal.reading])
def test_another_sqlite_file_is_left_alone(path: Path, open_journal: type[SqliteJournal]) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE songs (name TEXT)")
    other.close()
    before = path.read_bytes()

    with pytest.raises(StorageError, match="another SQLite file, without a journal in it"):
        open_journal(path)  # type: ignore[call-arg]
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_journal_but_is_none_to_read(path: Path) -> None:
    path.touch()
    with pytest.raises(StorageError, match="without a journal in it"):
        SqliteJournal.reading(path)

    with SqliteJournal.writing(path) as journal:
        assert journal.head().count == 0


@pytest.mark.parametrize("open_journal", [SqliteJournal.writing, SqliteJournal.reading])
def test_a_journal_of_a_newer_version_is_refused(path: Path, open_journal: type[SqliteJournal]) -> None:
    SqliteJournal.writing(path).close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 3")
    other.close()

    with pytest.raises(StorageError, match=r"newer version \(schema 3; this program knows up to 2\)"):
        open_journal(path)  # type: ignore[call-arg]


def test_a_journal_whose_end_was_cut_off_is_not_continued(path: Path) -> None:
    with SqliteJournal.writing(path) as journal:
        for number in range(3):
            journal.append(accepted(number))
        journal.commit()
    with sqlite3.connect(path) as other:
        other.execute("DROP TRIGGER facts_are_not_removed")
        other.execute("DELETE FROM facts WHERE sequence = 3")
    other.close()

    with pytest.raises(IntegrityError, match="its head is record 3, but its last record is 2"):
        SqliteJournal.writing(path)


def test_a_reader_sees_whole_batches_while_another_thread_writes(path: Path) -> None:
    SqliteJournal.writing(path).close()

    def write() -> None:
        with SqliteJournal.writing(path) as journal:
            for batch in range(60):
                for number in range(10):
                    journal.append(accepted(batch * 10 + number))
                journal.commit()

    writer = threading.Thread(target=write)
    writer.start()
    seen = []
    while writer.is_alive():
        with SqliteJournal.reading(path) as reader:
            seen.append(reader.head().count)
    writer.join()

    assert all(count % 10 == 0 for count in seen)
    assert seen == sorted(seen)


@given(trading())
@settings(max_examples=30)
def test_views_rebuilt_from_the_journal_are_the_same_bytes(facts: list[Fact]) -> None:
    views = Views()
    with SqliteJournal.writing(":memory:") as journal:
        for fact in facts:
            journal.append(fact)
            views.apply(fact)
        journal.commit()

        assert rebuild(journal).to_bytes() == views.to_bytes()
