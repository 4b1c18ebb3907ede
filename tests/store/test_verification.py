"""Planted corruption: every change of a record is found, and named by its position."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ledger.builders import MINUTE, T0, a_run, a_signal, traded

from tapeline.domain.errors import InputError, StorageError
from tapeline.ledger.chain import GENESIS, link
from tapeline.ledger.order_facts import OrderAccepted
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.store.verification import FaultKind, Verification, verify

COUNT = 20


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "run.journal"
    rows = "\n".join(f"BUY {number + 1} ABCD at 10.00 costs 1.00" for number in range(6))
    with SqliteJournal.writing(path) as journal:
        for fact in [a_run(), a_signal(), *traded(rows)]:
            journal.append(fact)
        journal.commit()
        assert journal.head().count == COUNT
    return path


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    shutil.copy(sound, tmp_path / "run.journal")
    return tmp_path / "run.journal"


def tamper(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.create_function("link", 4, link)
    connection.execute("DROP TRIGGER facts_are_not_changed")
    connection.execute("DROP TRIGGER facts_are_not_removed")
    for statement in statements:
        connection.execute(statement)
    connection.close()


def fault(path: Path, expected_head: str | None = None) -> tuple[FaultKind, int, str]:
    found = verify(path, expected_head).fault
    assert found is not None
    return found.kind, found.sequence, found.sentence


def test_a_journal_that_nobody_touched_is_sound(path: Path) -> None:
    verification = verify(path)

    assert verification.is_sound
    assert verification.head.count == COUNT


def test_an_empty_journal_is_sound(tmp_path: Path) -> None:
    SqliteJournal.writing(tmp_path / "j").close()

    assert verify(tmp_path / "j") == Verification(head=verify(tmp_path / "j").head, fault=None)
    assert verify(tmp_path / "j").head.hash == GENESIS


def test_a_journal_is_verified_while_it_is_written(path: Path) -> None:
    with SqliteJournal.writing(path) as journal:
        journal.append(OrderAccepted(T0, "late"))
        assert verify(path).head.count == COUNT
        journal.commit()
        assert verify(path).head.count == COUNT + 1


@pytest.mark.parametrize("number", [1, 7, COUNT])
def test_an_altered_byte_is_found_in_its_record(path: Path, number: int) -> None:
    tamper(
        path,
        f"UPDATE facts SET body = replace(body, '\"schema\":1', '\"schema\":2') WHERE sequence = {number}",
    )

    kind, sequence, sentence = fault(path)
    assert (kind, sequence) == (FaultKind.ALTERED, number)
    assert f"Record {number} does not fit its hash" in sentence
    assert verify(path).head.count == number - 1


def test_an_altered_kind_is_found_in_its_record(path: Path) -> None:
    tamper(path, "UPDATE facts SET kind = 'OrderRejected' WHERE sequence = 4")

    assert fault(path)[:2] == (FaultKind.ALTERED, 4)


def test_an_altered_record_with_its_hash_computed_anew_shows_in_the_next(path: Path) -> None:
    tamper(
        path,
        "UPDATE facts SET body = replace(body, '\"10\"', '\"11\"') WHERE sequence = 8",
        "UPDATE facts SET hash = link((SELECT hash FROM facts WHERE sequence = 7), 8, kind, "
        "CAST(body AS BLOB)) WHERE sequence = 8",
    )

    kind, sequence, sentence = fault(path)
    assert (kind, sequence) == (FaultKind.ALTERED, 9)
    assert "or record 8 together with its hash" in sentence


@pytest.mark.parametrize(
    "change",
    [
        "client_order_id = 'other'", "symbol = 'WXYZ'", "event_time_ns = 5", "execution_id = 'E'",
        "signal_id = 'S'",
    ],
)  # fmt: skip
def test_an_altered_column_by_which_records_are_found_is_found(path: Path, change: str) -> None:
    tamper(path, f"UPDATE facts SET {change} WHERE sequence = 6")

    kind, sequence, sentence = fault(path)
    assert (kind, sequence) == (FaultKind.ALTERED, 6)
    assert "the columns by which it is found were altered" in sentence


@pytest.mark.parametrize(("numbers", "text"), [("9", "Record 9 is"), ("9, 10, 11", "Record 9 to 11 is")])
def test_missing_records_are_named(path: Path, numbers: str, text: str) -> None:
    tamper(path, f"DELETE FROM facts WHERE sequence IN ({numbers})")

    kind, sequence, sentence = fault(path)
    assert (kind, sequence) == (FaultKind.MISSING, 9)
    assert text in sentence


def test_a_missing_first_record_is_named(path: Path) -> None:
    tamper(path, "DELETE FROM facts WHERE sequence = 1")

    assert fault(path)[:2] == (FaultKind.MISSING, 1)


@pytest.mark.parametrize("removed", [1, 3])
def test_records_removed_with_the_rest_renumbered_are_missing(path: Path, removed: int) -> None:
    tamper(
        path,
        f"DELETE FROM facts WHERE sequence >= 9 AND sequence < 9 + {removed}",
        *[f"UPDATE facts SET sequence = {n - removed} WHERE sequence = {n}" for n in range(9, COUNT + 1)],
    )

    kind, sequence, sentence = fault(path)
    assert (kind, sequence) == (FaultKind.MISSING, 9)
    assert "renumbered to close the gap" in sentence


@pytest.mark.parametrize(("first", "second"), [(5, 6), (5, 14), (1, COUNT)])
def test_two_records_that_changed_places_are_reordered(path: Path, first: int, second: int) -> None:
    tamper(
        path,
        f"UPDATE facts SET sequence = -1 WHERE sequence = {first}",
        f"UPDATE facts SET sequence = {first} WHERE sequence = {second}",
        f"UPDATE facts SET sequence = {second} WHERE sequence = -1",
    )

    assert fault(path)[:2] == (FaultKind.REORDERED, first)


def test_two_contents_that_changed_places_under_their_hashes_are_reordered(path: Path) -> None:
    tamper(
        path,
        "CREATE TEMP TABLE two AS SELECT 19 - sequence AS sequence, kind, body FROM facts WHERE sequence IN (6, 13)",
        "UPDATE facts SET (kind, body) = (SELECT kind, body FROM two WHERE two.sequence = facts.sequence) "
        "WHERE sequence IN (6, 13)",
    )

    kind, sequence, sentence = fault(path)
    assert (kind, sequence) == (FaultKind.REORDERED, 6)
    assert "what belongs there stands at 13" in sentence


def test_a_record_moved_far_back_is_reordered(path: Path) -> None:
    tamper(
        path,
        "UPDATE facts SET sequence = -1 WHERE sequence = 15",
        *[f"UPDATE facts SET sequence = {n + 1} WHERE sequence = {n}" for n in range(14, 4, -1)],
        "UPDATE facts SET sequence = 5 WHERE sequence = -1",
    )

    assert fault(path)[:2] == (FaultKind.REORDERED, 5)


def test_a_record_put_before_the_first_is_found(path: Path) -> None:
    tamper(path, "INSERT INTO facts SELECT -3, kind, 0, NULL, NULL, NULL, NULL, body, hash FROM facts LIMIT 1")

    assert fault(path)[:2] == (FaultKind.ALTERED, 1)


def test_a_journal_cut_off_at_its_end_is_truncated(path: Path) -> None:
    tamper(path, "DELETE FROM facts WHERE sequence > 15")

    kind, sequence, sentence = fault(path)
    assert (kind, sequence) == (FaultKind.TRUNCATED, 16)
    assert "ends at record 15, but its head was 20" in sentence


def cut_with_head(path: Path) -> None:
    tamper(
        path,
        "DELETE FROM facts WHERE sequence > 15",
        "UPDATE head SET count = 15, hash = (SELECT hash FROM facts WHERE sequence = 15)",
    )


def test_a_journal_cut_off_with_its_head_set_back_is_found_by_a_head_that_was_kept(path: Path) -> None:
    kept = verify(path).head.text
    cut_with_head(path)

    assert verify(path).is_sound  # the chain alone cannot tell
    kind, sequence, sentence = fault(path, kept)
    assert (kind, sequence) == (FaultKind.TRUNCATED, 16)
    assert "The head that was kept is none of the 15 records" in sentence


def test_a_journal_that_has_grown_since_its_head_was_kept_is_sound(path: Path) -> None:
    kept = verify(path).head.text
    with SqliteJournal.writing(path) as journal:
        journal.append(OrderAccepted(T0, "more"))
        journal.commit()

    assert verify(path, kept).is_sound


def test_a_record_added_by_other_means_is_found(path: Path) -> None:
    tamper(
        path,
        "INSERT INTO facts SELECT 21, kind, event_time_ns, client_order_id, NULL, NULL, NULL, body, "
        "link(hash, 21, kind, CAST(body AS BLOB)) FROM facts WHERE sequence = 4",
        "UPDATE facts SET hash = link((SELECT hash FROM facts WHERE sequence = 20), 21, kind, "
        "CAST(body AS BLOB)) WHERE sequence = 21",
    )

    kind, sequence, sentence = fault(path)
    assert (kind, sequence) == (FaultKind.ALTERED, 21)
    assert "added by other means than a commit" in sentence


def test_an_altered_head_is_found(path: Path) -> None:
    tamper(path, "UPDATE head SET hash = zeroblob(32)")

    assert fault(path)[0] is FaultKind.ALTERED


def test_a_missing_head_is_found(path: Path) -> None:
    tamper(path, "DELETE FROM head")

    assert fault(path)[:2] == (FaultKind.TRUNCATED, COUNT + 1)


def test_a_missing_table_is_unreadable(path: Path) -> None:
    tamper(path, "DROP TABLE head")

    assert fault(path)[0] is FaultKind.UNREADABLE


@pytest.mark.parametrize("head", ["", "xyz", "ab" * 31])
def test_a_head_that_is_no_hash_is_refused(path: Path, head: str) -> None:
    with pytest.raises(InputError, match="64 hexadecimal digits"):
        verify(path, head)


@given(place=st.integers(0, 2**30), flip=st.integers(1, 255))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_byte_of_the_file_changed_is_found_or_changes_no_record(
    sound: Path, tmp_path: Path, place: int, flip: int
) -> None:
    """Bytes of free space and of bookkeeping that SQLite does not use hold nothing that could be wrong."""
    damaged = tmp_path / "damaged.journal"
    content = bytearray(sound.read_bytes())
    content[place % len(content)] ^= flip
    damaged.write_bytes(content)

    with SqliteJournal.reading(sound) as journal:
        records = list(journal.read())
    try:
        is_sound = verify(damaged).is_sound
        if is_sound:
            with SqliteJournal.reading(damaged) as journal:
                assert list(journal.read()) == records
                assert list(journal.facts()) == [record.fact for record in records]
                assert [r.sequence for r in journal.read(symbol="ABCD")] == [
                    r.sequence for r in records if getattr(r.fact, "symbol", None) == "ABCD"
                ]
    except StorageError:
        pass  # it is no journal any more, and says so
    finally:
        for file in tmp_path.glob("damaged.*"):
            file.unlink()


def test_in_a_long_journal_the_first_fault_is_still_named(tmp_path: Path) -> None:
    path = tmp_path / "long.journal"
    with SqliteJournal.writing(path) as journal:
        for number in range(12_000):
            journal.append(OrderAccepted(T0 + number * MINUTE, f"O-{number}"))
        journal.commit()
    tamper(path, "UPDATE facts SET body = replace(body, 'O-11998', 'O-11999') WHERE sequence = 11999")

    assert fault(path)[:2] == (FaultKind.ALTERED, 11_999)
