"""The lake's own history: one small file per commit, which names the version of every table that belongs to it.

A load changes several tables, and Delta commits them one by one. So no reader asks a table for its newest version: it
asks the newest commit of the lake which versions to read. The file appears in one step and never changes, so a reader
sees all of a load or nothing of it, at whatever point the writer was killed; and a snapshot is no copy but a name for
one of these files.

    commits/00000012.json   {"format": 1, "commit": 12, "time": "...", "what": "...", "tables": {"bars/1min": 4, ...}}
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tapeline import __version__
from tapeline.domain.errors import InputError, IntegrityError, StorageError, UnknownNameError
from tapeline.domain.times import from_iso, to_iso
from tapeline.lake.layout import FORMAT

LAKE, COMMITS = "lake.json", "commits"


@dataclass(frozen=True)
class Commit:
    """A moment of the lake: number, UTC nanoseconds, what was done, and the version of each table."""

    number: int
    time_ns: int
    what: str
    tables: dict[str, int] = field(default_factory=dict)


NOTHING = Commit(0, 0, "an empty lake")


def create_lake(folder: Path, calendar: str | None) -> None:
    """Make an empty lake. Raises InputError where something else is, StorageError where nothing can be written."""
    if (folder / LAKE).exists():
        raise InputError(f"Folder {folder} is a lake already. Import into it, or name another folder.")
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"Folder {folder} is not empty and no lake. Name an empty or a new folder.")
    try:
        (folder / COMMITS).mkdir(parents=True, exist_ok=True)
        described = {"format": FORMAT, "written_by": __version__, "calendar": calendar}
        _appear(folder / LAKE, json.dumps(described, indent=1))
    except OSError as exc:
        raise StorageError(f"Lake {folder} cannot be made: {exc.strerror}. Name a folder that can be written.") from exc


def read_lake(folder: Path) -> dict[str, Any]:
    """Return what lake.json says. Raises InputError for a folder that is no lake, or one of a newer layout."""
    try:
        described: dict[str, Any] = json.loads((folder / LAKE).read_text(encoding="utf-8"))
        found = int(described["format"])
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise InputError(
            f"There is no lake in {folder}: it has no {LAKE}. Name another folder, or make a lake there with "
            "`tapeline data import`."
        ) from exc
    except OSError as exc:
        raise StorageError(f"Lake {folder} cannot be read: {exc.strerror}. See its permissions.") from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise IntegrityError(f"{folder / LAKE} does not describe a lake ({exc}). Restore it from a copy.") from exc
    if found > FORMAT:
        raise InputError(
            f"Lake {folder} has format {found}, written by Tapeline {described.get('written_by', 'of a later time')}; "
            f"this is Tapeline {__version__}, which reads up to format {FORMAT}. Update Tapeline, or name another lake."
        )
    return described


def numbers(folder: Path) -> list[int]:
    """Return the numbers of the commits that are kept, in order."""
    with suppress(FileNotFoundError):
        names = [path.stem for path in (folder / COMMITS).glob("*.json")]
        return sorted(int(name) for name in names if name.isdigit())
    return []


def newest(folder: Path) -> Commit:
    """Return the newest commit, `NOTHING` in an empty lake."""
    known = numbers(folder)
    return read_commit(folder, known[-1]) if known else NOTHING


def read_commit(folder: Path, number: int) -> Commit:
    """Return a commit. Raises UnknownNameError for one that is gone or never was."""
    path = _path(folder, number)
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        tables = {str(name): int(version) for name, version in written["tables"].items()}
        return Commit(int(written["commit"]), from_iso(written["time"]), str(written["what"]), tables)
    except FileNotFoundError as exc:
        kept = numbers(folder)
        if kept and 0 < number < kept[-1]:
            raise InputError(
                f"Commit {number} of lake {folder} is gone: retention let go of it. Commits {kept[0]} to {kept[-1]} "
                "are there; give what must stay a name with `tapeline data snapshot`."
            ) from exc
        raise UnknownNameError("commit", str(number), [str(one) for one in kept], where=f"lake {folder}") from exc
    except OSError as exc:
        raise StorageError(f"{path} cannot be read: {exc.strerror}. See its permissions.") from exc
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise IntegrityError(f"{path} is no whole commit ({exc}). Restore the file from a copy.") from exc


def write_commit(folder: Path, commit: Commit) -> None:
    """Make a commit the newest, in one step. Raises StorageError if its number is taken."""
    written = {
        "format": FORMAT,
        "commit": commit.number,
        "time": to_iso(commit.time_ns),
        "what": commit.what,
        "tables": dict(sorted(commit.tables.items())),
    }
    try:
        _appear(_path(folder, commit.number), json.dumps(written, indent=1))
    except FileExistsError as exc:
        raise StorageError(
            f"Lake {folder} was written by another process in the meantime: commit {commit.number} is there already. "
            "Nothing of this load was kept; run it again."
        ) from exc


def forget(folder: Path, number: int) -> None:
    """Remove a commit; its files are swept later."""
    _path(folder, number).unlink(missing_ok=True)


def _path(folder: Path, number: int) -> Path:
    return folder / COMMITS / f"{number:08d}.json"


def _appear(path: Path, text: str) -> None:
    """Let a file appear whole, on the disk, unless one of the name is there. Raises FileExistsError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
