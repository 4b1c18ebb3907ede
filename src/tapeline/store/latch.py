"""The latch beside a journal: a small file, and while it is there nothing is sent.

It is a file of its own and no row of the control file: a process that hangs may hold that one locked. Whoever sets it
needs no lock; the engine sees it by one look at the folder, before each message that leaves. It stands until a process
has taken HALTED into its journal. `touch JOURNAL.halted` sets it, too.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from tapeline.domain.control import Trigger
from tapeline.domain.errors import StorageError
from tapeline.ports.control import Latch

ENDING = ".halted"


def latch_path(journal: Path | str) -> Path:
    """Return where the latch of a journal stands while it is set."""
    return Path(f"{journal}{ENDING}")


def read_latch(journal: Path | str) -> Latch | None:
    """Return the latch of a journal, None if it is not set. One that cannot be understood is set all the same."""
    path = latch_path(journal)
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as exc:
        return _by_somebody(path, str(exc))
    try:
        told = json.loads(text)
        return Latch(Trigger[told["trigger"]], str(told["who"]), str(told["why"]), int(told["set_ns"]))
    except (ValueError, KeyError, TypeError):
        return _by_somebody(path, "the file stands there")


def set_latch(journal: Path | str, latch: Latch) -> None:
    """Set the latch of a journal, durable when this returns; one that is set keeps its first cause.

    Raises StorageError if the file cannot be written.
    """
    path = latch_path(journal)
    if path.exists():
        return
    told = {"trigger": latch.trigger.name, "who": latch.who, "why": latch.why, "set_ns": latch.set_ns}
    draft, text = path.with_name(f"{path.name}.{os.getpid()}"), json.dumps(told, sort_keys=True)
    try:
        _write(draft, text, "w")
        with suppress(FileExistsError):
            try:
                os.link(draft, path)  # whole or not at all, and never in place of the first
            except FileExistsError:
                raise
            except OSError:  # no hard links here: one that is read while it is half written is set all the same
                _write(path, text, "x")
        draft.unlink()
        _make_durable(path.parent)
    except OSError as exc:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise StorageError(
            f"Latch {path} cannot be set: {exc.strerror}. End the process that trades, or make that file by hand."
        ) from exc


def release_latch(journal: Path | str, latch: Latch) -> None:
    """Take a latch away; another one, set since, stays. Raises StorageError if it cannot be."""
    path = latch_path(journal)
    if read_latch(journal) != latch:
        return
    try:
        path.unlink(missing_ok=True)
        _make_durable(path.parent)
    except OSError as exc:
        raise StorageError(f"Latch {path} cannot be taken away: {exc.strerror}. Remove that file by hand.") from exc


def _write(path: Path, text: str, mode: str) -> None:
    with path.open(mode) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _by_somebody(path: Path, why: str) -> Latch:
    return Latch(Trigger.PERSON, "somebody", f"{path.name}: {why}", 0)


def _make_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
