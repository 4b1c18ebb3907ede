"""The files of a run: a numbered folder, a journal and a result, all of them whole or none of them there.

    with run_folder(Path("tapeline-work")) as folder:       run-0001, run-0002, ...
        finished = replay(strategies, panel, folder / JOURNAL)
        write_whole(folder / RESULT, finished.result.to_json())

A run that is refused, or that the disk or the user stops, leaves nothing behind that could be taken for a
result. A run that stops over a fault of ours keeps its journal: it is the evidence.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tapeline.domain.errors import DataError, InputError, LeaseLostError, StorageError
from tapeline.store.sqlite_journal import SqliteJournal

JOURNAL, RESULT = "journal.sqlite", "result.json"

_STOPPED = (InputError, StorageError, KeyboardInterrupt)
_SIDE_FILES = ("", "-wal", "-shm", ".writer", ".control", ".control-wal", ".control-shm")


@contextmanager
def run_folder(work: Path, *, keeps_records: bool = False) -> Iterator[Path]:
    """Give a new run folder; what a stopped run left in it is removed, and the folders that were made for it.

    keeps_records : a journal that holds anything stays all the same, as the run can go on over it
    Raises StorageError where none can be made.
    """
    made = [folder for folder in (work, *work.parents) if not folder.exists()]
    try:
        work.mkdir(parents=True, exist_ok=True)
        folder = _next_folder(work)
    except OSError as exc:
        _remove_empty(made)
        raise StorageError(f"Folder {work} cannot be written: {exc.strerror}. Name another one with --work.") from exc
    try:
        with whole_journal(folder / JOURNAL, keeps_records=keeps_records):
            yield folder
    except _STOPPED:
        with suppress(OSError):
            (folder / RESULT).unlink(missing_ok=True)
        _remove_empty([folder, *made])
        raise


def check_new_journal(path: Path) -> None:
    """Raise StorageError or DataError if no run can begin a journal there, before anything is done."""
    if not path.parent.is_dir():
        raise StorageError(f"Journal {path}: folder {path.parent} does not exist. Make it, or name another path.")
    if path.is_file() and path.stat().st_size:
        with SqliteJournal.reading(path) as journal:
            count = journal.head().count
        if count:
            raise DataError(
                f"Journal {path} already holds {count:,} records; a run begins a new one. Name another file."
            )


@contextmanager
def whole_journal(path: Path, *, keeps_records: bool = False) -> Iterator[None]:
    """Remove the journal that a run began if the run is stopped; one that was there before is not touched.

    keeps_records : nor one that holds anything
    """
    before = {ending for ending in _SIDE_FILES if Path(f"{path}{ending}").exists()}
    try:
        yield
    except LeaseLostError:
        raise  # it is another process's now
    except _STOPPED:
        if "" not in before and not (keeps_records and _has_records(path)):
            for ending in _SIDE_FILES:
                if ending not in before:
                    with suppress(OSError):
                        Path(f"{path}{ending}").unlink(missing_ok=True)
        raise


def _has_records(path: Path) -> bool:
    try:
        with SqliteJournal.reading(path) as journal:
            return journal.head().count > 0
    except StorageError:
        return path.is_file() and path.stat().st_size > 0  # what cannot be read now is not ours to remove


def journals(work: Path) -> list[Path]:
    """Return the journals of the runs below a work folder, the newest run's last."""
    found = [path for path in work.glob(f"run-*/{JOURNAL}") if path.parent.name[4:].isdigit()]
    return sorted(found, key=lambda path: int(path.parent.name[4:]))


def run_name(journal: Path) -> str:
    """Return what the run of a journal is called: its folder, or the name of a file outside of such a folder."""
    return journal.parent.name if journal.name == JOURNAL and journal.parent.name else journal.name


def newest_journal(work: Path, *, begin: str = "tapeline demo") -> Path:
    """Return the journal of the newest run below a work folder. Raises InputError if there is none.

    begin : the command that would make one of the kind that is wanted
    """
    found = journals(work)
    if not found:
        raise InputError(
            f"There is no run in {work.resolve()} yet. Run `{begin}` here first, or name a journal with --journal."
        )
    return found[-1]


def _next_folder(work: Path) -> Path:
    number = max((int(path.name[4:]) for path in work.glob("run-*") if path.name[4:].isdigit()), default=0)
    while True:
        number += 1
        folder = work / f"run-{number:04d}"
        with suppress(FileExistsError):  # another run, started at the same moment, took the number
            folder.mkdir()
            return folder


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()
