"""The file of a checkpoint, beside its journal: `journal.sqlite.checkpoint`.

    tapeline checkpoint 1
    {"count": 120034, "hash": "9f...", "of": "3c...", "sha256": "b1..."}
    the state, pickled

It is there whole or not at all, and it is read only if it belongs: record `count` of the journal has that hash, what
reads it is the same code with the same settings as what wrote it (`of`), and the state has that digest. Anything else
is passed over as if there were none.

A pickle may name any function of the computer to be called. This one may make plain values, arrays, and the nouns of
`domain` and `ledger`, which do nothing when they are made; whatever else is named ends the reading. So does one that
gives a class, or a member of an enum, other attributes: these are put back as they were.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from tapeline.domain.errors import StorageError
from tapeline.ports.journal import Head, Journal
from tapeline.store.whole_file import remove_drafts, write_whole

_TITLE = b"tapeline checkpoint 1\n"
_NOUNS = ("tapeline.domain.", "tapeline.ledger.", "tapeline.formula.splits")
_VALUES = frozenset(
    {("decimal", "Decimal"), ("fractions", "Fraction"), ("random", "Random")}
    | {("datetime", name) for name in ("date", "datetime", "time", "timedelta", "timezone")}
    | {("collections", name) for name in ("deque", "Counter", "OrderedDict", "defaultdict")}
    | {("builtins", name) for name in ("set", "frozenset", "bytearray", "complex", "range", "slice")}
    | {("builtins", name) for name in ("bool", "int", "float", "str", "list", "dict", "tuple")}
    | {("numpy", "ndarray"), ("numpy", "dtype")}
    | {("numpy._core.multiarray", name) for name in ("_reconstruct", "scalar")}
    | {("numpy._core.numeric", "_frombuffer")}
)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What was kept. count : how many records of the journal it has behind it"""

    count: int
    state: Mapping[str, Any]


def checkpoint_path(journal: Path) -> Path:
    """Return where the checkpoint of a journal is."""
    return journal.with_name(f"{journal.name}.checkpoint")


def to_bytes(state: Mapping[str, Any]) -> bytes | None:
    """Return a state as bytes; None if something in it cannot be kept, or could not be made anew from them."""
    try:
        # what a strategy keeps may be anything; the rest is ours, and large
        from_bytes(pickle.dumps(state.get("free_form"), protocol=5))
        return pickle.dumps(state, protocol=5)
    except Exception:  # any class says in its own way that it cannot be pickled
        return None


def from_bytes(body: bytes) -> Any:
    """Return a state from its bytes. Raises pickle.UnpicklingError for one that names more than nouns and values."""
    reader = _Reader(io.BytesIO(body))
    try:
        state = reader.load()
    except pickle.UnpicklingError:
        raise
    except Exception as exc:  # a noun that is made of something else says so in its own way
        raise pickle.UnpicklingError(f"A checkpoint cannot be made anew from its bytes: {exc!r}.") from exc
    finally:
        changed = reader.put_right()
    if changed:
        raise pickle.UnpicklingError(f"A checkpoint changes what it names: {', '.join(changed)}.")
    return state


def write_checkpoint(journal: Path, head: Head, state: Mapping[str, Any], *, of: str) -> bool:
    """Write a checkpoint in the place of the one before. Returns False if it cannot be: a run goes on without.

    of : digest of the code and of all settings
    """
    body = to_bytes(state)
    if body is None:
        return False
    remove_drafts(checkpoint_path(journal))
    about = {"count": head.count, "hash": head.text, "of": of, "sha256": hashlib.sha256(body).hexdigest()}
    try:
        write_whole(checkpoint_path(journal), b"".join([_TITLE, json.dumps(about).encode(), b"\n", body]))
    except StorageError:
        return False
    return True


def read_checkpoint(path: Path, journal: Journal, of: str) -> Checkpoint | None:
    """Return the checkpoint of the journal at a path, None if there is none that belongs to it."""
    try:
        title, about, body = checkpoint_path(path).read_bytes().split(b"\n", 2)
        found = json.loads(about)
        if title + b"\n" != _TITLE or found["of"] != of or hashlib.sha256(body).hexdigest() != found["sha256"]:
            return None
        head = Head(int(found["count"]), bytes.fromhex(found["hash"]))
        return Checkpoint(head.count, from_bytes(body)) if stands_in(journal, head) else None
    except (OSError, ValueError, KeyError, TypeError, pickle.UnpicklingError):
        return None


def stands_in(journal: Journal, head: Head) -> bool:
    """Return whether a journal was once at this head."""
    record = next(journal.read(first=head.count, last=head.count), None)
    return record is not None and record.hash == head.hash


class _Reader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self._named: dict[str, tuple[Any, dict[str, Any]]] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith(_NOUNS) and "." not in name:
            found = getattr(importlib.import_module(module), name, None)
            if isinstance(found, type) and found.__module__ == module:
                return self._known(found)
        elif (module, name) in _VALUES:
            return self._known(super().find_class(module, name))
        raise pickle.UnpicklingError(f"A checkpoint names {module}.{name}, which is no noun of the books.")

    def put_right(self) -> list[str]:
        """Give what was named the attributes back that it had. Returns the names of what had got others."""
        changed = []
        for name, (found, before) in self._named.items():
            now = dict(vars(found))
            wrong = [key for key in now.keys() | before.keys() if now.get(key, self) is not before.get(key, self)]
            for key in wrong:
                if key in before:
                    setattr(found, key, before[key])
                else:
                    delattr(found, key)
            if wrong:
                changed.append(name)
        return changed

    def _known(self, found: Any) -> Any:
        # the instruction that fills an object's attributes takes a class, or what there is one of, just as well
        if isinstance(found, type):
            members = found if issubclass(found, Enum) else ()
            for one in (found, *members):
                self._named.setdefault(f"{found.__module__}.{one}", (one, dict(vars(one))))
        return found
