"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from tapeline.domain.errors import StorageError

PAGE_BEGINS = b"<!doctype html>"


def check_page_place(path: Path) -> None:
    """Raise StorageError if no page can be written there: no folder, a folder, or a file that is something else.

    A page may take the place of an older one; a mistyped name must not take the place of data or a journal.
    """
    if path.is_dir() or not path.name:
        raise StorageError(f"Page {path} is a folder. Name a file in it, such as {path / 'report.html'}.")
    if not path.parent.is_dir():
        raise StorageError(f"Page {path}: folder {path.parent} does not exist. Make it, or name another path.")
    try:
        with path.open("rb") as file:
            is_page = file.read(len(PAGE_BEGINS)).lower() == PAGE_BEGINS
    except FileNotFoundError:
        return
    except OSError as exc:
        raise StorageError(f"Page {path} cannot be replaced: {exc.strerror}. Name another file.") from exc
    if not is_page:
        raise StorageError(f"File {path} exists and is no page of HTML, so it is not replaced. Name another file.")


def remove_drafts(path: Path) -> None:
    """Remove what is left of a file whose writers died; for one that nobody else writes now."""
    with suppress(OSError):
        for draft in path.parent.iterdir():
            begin, _, number = draft.name.rpartition(".")
            if begin == f".{path.name}" and number.isdigit() and draft.is_file():
                draft.unlink()


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file that is there whole or not at all; a text is written as UTF-8.

    Raises StorageError where it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as exc:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise StorageError(
            f"File {path} cannot be written: {exc.strerror}. Free some space or name another folder;"
            " nothing of it was kept."
        ) from exc
