"""The file of a checkpoint: whole or not at all, of this journal and this code, and with nothing in it that acts."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tapeline.domain.cash import CashCause
from tapeline.domain.words import Side
from tapeline.ledger.facts import CashMoved
from tapeline.ledger.order_state import OrderState
from tapeline.store.checkpoint_file import (
    checkpoint_path,
    from_bytes,
    read_checkpoint,
    stands_in,
    to_bytes,
    write_checkpoint,
)
from tapeline.store.sqlite_journal import SqliteJournal

STATE = {"parts": {"cash": Decimal("1.50"), "side": Side.SELL, "rows": np.arange(5.0)}, "free_form": {"A": {"n": 3}}}
DEPOSIT = CashMoved(1, CashCause.DEPOSIT, Decimal(1000))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of three facts, with a checkpoint at the second."""
    path = tmp_path / "journal"
    with SqliteJournal.writing(path) as journal:
        journal.append(DEPOSIT)
        journal.append(DEPOSIT)
        journal.commit()
        assert write_checkpoint(path, journal.head(), STATE, of="this")
        journal.append(DEPOSIT)
        journal.commit()
    return path


def found(path: Path, of: str = "this") -> Any:
    with SqliteJournal.reading(path) as journal:
        return read_checkpoint(path, journal, of)


def test_what_was_kept_comes_back(path: Path) -> None:
    checkpoint = found(path)

    assert checkpoint.count == 2
    assert checkpoint.state["parts"]["cash"] == Decimal("1.50") and checkpoint.state["parts"]["side"] is Side.SELL
    np.testing.assert_array_equal(checkpoint.state["parts"]["rows"], np.arange(5.0))
    assert checkpoint.state["free_form"] == {"A": {"n": 3}}
    assert [file.name for file in path.parent.glob("*checkpoint*")] == ["journal.checkpoint"]


def test_one_of_other_code_or_settings_is_passed_over(path: Path) -> None:
    assert found(path, of="that") is None


def test_one_of_another_journal_is_passed_over(path: Path) -> None:
    other = path.with_name("other")
    with SqliteJournal.writing(other) as journal:
        for _ in range(3):
            journal.append(CashMoved(2, CashCause.DEPOSIT, Decimal(1)))
        journal.commit()
    checkpoint_path(other).write_bytes(checkpoint_path(path).read_bytes())

    assert found(other) is None


def test_one_that_the_journal_never_came_to_is_passed_over(path: Path) -> None:
    """As after a restore of an older copy of the journal alone."""
    short = path.with_name("short")
    with SqliteJournal.writing(short) as journal:
        journal.append(DEPOSIT)
        journal.commit()
        with SqliteJournal.reading(path) as whole:
            record = next(whole.read(first=2, last=2))
        assert not stands_in(journal, type(journal.head())(2, record.hash))
    checkpoint_path(short).write_bytes(checkpoint_path(path).read_bytes())

    assert found(short) is None


def test_none_is_none(path: Path) -> None:
    checkpoint_path(path).unlink()

    assert found(path) is None


def test_one_that_is_cut_off_or_damaged_anywhere_is_passed_over(path: Path) -> None:
    file = checkpoint_path(path)
    whole = file.read_bytes()
    for place in range(len(whole)):
        file.write_bytes(whole[:place])
        assert found(path) is None, f"cut off after {place} bytes"
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        kept = found(path)
        # the digests cover the state and where it belongs; a blank within the line about it changes nothing
        assert kept is None or kept.state["free_form"] == {"A": {"n": 3}}, f"byte {place} is another one"


class Acts:
    """Something whose making does something."""

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> Any:
        return self.call, self.arguments


@pytest.mark.parametrize(
    "acting",
    [
        Acts(os.system, "touch {}"),
        Acts(eval, "open('{}', 'w')"),
        Acts(getattr, "text", "upper"),
        Acts(SqliteJournal, None, "{}", None),
        Acts(__import__, "this"),
    ],
    ids=["system", "eval", "getattr", "a journal", "import"],
)
def test_a_file_that_would_act_is_not_read(path: Path, acting: Acts) -> None:
    target = path.with_name("made")
    acting.arguments = tuple(str(text).format(target) if isinstance(text, str) else text for text in acting.arguments)
    body = pickle.dumps({"free_form": {}, "parts": acting})

    with pytest.raises(pickle.UnpicklingError, match="is no noun of the books"):
        from_bytes(body)
    assert not target.exists()


def test_a_name_cannot_lead_out_of_the_nouns() -> None:
    """Of a module of the books only its own classes can be named, not what it imports."""
    for module, name in (
        ("tapeline.ledger.views", "hashlib"),
        ("tapeline.ledger.views", "gc.collect"),
        ("tapeline.ledger.views", "rebuild"),
        ("tapeline.ledger.views", "Callable"),
        ("tapeline.store.sqlite_journal", "SqliteJournal"),
        ("tapeline.ledger", "views"),
        ("builtins", "eval"),
    ):
        body = b"\x80\x04c" + module.encode() + b"\n" + name.encode() + b"\n."
        with pytest.raises(pickle.UnpicklingError, match=f"names {module}.{name}"):
            from_bytes(body)
    assert from_bytes(pickle.dumps(OrderState)) is OrderState


NAMED = b"\x80\x04c%s\n%s\n"
"""The beginning of a pickle that names something of a module."""


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (NAMED % (b"tapeline.ledger.order_state", b"OrderState") + b"N}\x8c\x03ask" + b"c%s\n%s\ns\x86b.", OrderState),
        (NAMED % (b"tapeline.ledger.order_state", b"OrderState") + b"N}\x8c\x03new" + b"c%s\n%s\ns\x86b.", OrderState),
        (NAMED % (b"fractions", b"Fraction") + b"N}\x8c\x03new" + b"c%s\n%s\ns\x86b.", Fraction),
        (NAMED % (b"tapeline.domain.words", b"Side") + b"K\x01\x85R}\x8c\x07_value_" + b"c%s\n%s\nsb.", Side.BUY),
    ],
    ids=["a method", "a new attribute", "of a class of Python", "a member of an enum"],
)
@pytest.mark.parametrize("ends", [b"", b"c"], ids=["whole", "cut off"])
def test_a_file_that_changes_what_it_names_is_not_read(body: bytes, named: Any, ends: bytes) -> None:
    """The instruction that gives an object its attributes can give them to a class that the whole program uses."""
    before = dict(vars(named))
    body = body % (b"builtins", b"dict") if not ends else body[:-1] % (b"builtins", b"dict") + ends

    with pytest.raises(pickle.UnpicklingError):
        from_bytes(body)
    assert dict(vars(named)) == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x80\x09.",
        NAMED % (b"tapeline.ledger.none", b"None") + b".",
        NAMED % (b"decimal", b"Decimal") + b"]\x85R.",
    ],
    ids=["nothing", "a later protocol", "a module that is not there", "no decimal"],
)
def test_what_cannot_be_made_anew_is_passed_over(path: Path, body: bytes) -> None:
    """Though its digest is right: whoever wrote it, the restart goes through the journal."""
    with pytest.raises(pickle.UnpicklingError):
        from_bytes(body)
    title, about, _ = checkpoint_path(path).read_bytes().split(b"\n", 2)
    known = json.loads(about) | {"sha256": hashlib.sha256(body).hexdigest()}
    checkpoint_path(path).write_bytes(b"\n".join([title, json.dumps(known).encode(), body]))

    assert found(path) is None


def test_what_could_not_be_made_anew_is_not_written(path: Path) -> None:
    """Free-form code keeps what it likes. What of it is plain comes back; for the rest there is no checkpoint."""

    class Own:
        """A class of a user's file."""

    before = checkpoint_path(path).read_bytes()
    with SqliteJournal.reading(path) as journal:
        for kept in (lambda: 0, Own(), open, path.open):  # never opened
            assert not write_checkpoint(path, journal.head(), {"parts": {}, "free_form": {"A": {"n": kept}}}, of="this")
    assert checkpoint_path(path).read_bytes() == before

    plain = {
        "a": [1, 2.5, "b", None],
        "b": {3: (4, True)},
        "c": deque([1], maxlen=3),
        "d": {1, 2},
        "e": np.float64(1.5),
    }
    body = to_bytes({"parts": {}, "free_form": {"A": plain}})
    assert body is not None and from_bytes(body)["free_form"]["A"] == plain


def test_where_it_cannot_be_written_the_one_before_stays(path: Path) -> None:
    before = checkpoint_path(path).read_bytes()
    draft = path.with_name(f".journal.checkpoint.{os.getpid()}")
    draft.mkdir()  # where the new one would be drafted

    with SqliteJournal.reading(path) as journal:
        assert not write_checkpoint(path, journal.head(), STATE, of="this")

    assert checkpoint_path(path).read_bytes() == before


def test_what_a_writer_left_that_was_killed_goes_with_the_next_one(path: Path) -> None:
    """A checkpoint of a long run is large, and a process may be killed in the middle of each."""
    left = [path.with_name(f".journal.checkpoint.{number}") for number in (1, 77)]
    others = [path.with_name(name) for name in (".journal.checkpoint.note", ".other.checkpoint.77", ".journal.77")]
    for file in (*left, *others):
        file.write_bytes(b"a part")

    with SqliteJournal.reading(path) as journal:
        assert write_checkpoint(path, journal.head(), STATE, of="this")

    assert not any(file.exists() for file in left) and all(file.exists() for file in others)
