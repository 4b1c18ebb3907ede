"""What a disk has for good of the files that SQLite writes: what was flushed, and nothing of what a flush lost.

A flush that fails marks what it was to keep as kept, as Linux does: a later flush that succeeds says nothing of it, and
only what is written once more has another chance. A file never flushed is there and empty; names are kept at once.
"""

from __future__ import annotations

import shutil
from pathlib import Path

_Change = tuple[int, bytes | None]
"""An offset and what was written there; None: the file ends there."""


class Medium:
    """By the names of files: what is kept, and the changes that no flush has met yet."""

    def __init__(self) -> None:
        self._kept: dict[str, bytearray] = {}
        self._waiting: dict[str, list[_Change]] = {}

    def write(self, path: str, offset: int, content: bytes) -> None:
        """Take in what was written."""
        self._waiting.setdefault(path, []).append((offset, content))

    def truncate(self, path: str, size: int) -> None:
        """Take in that a file ends earlier, or later."""
        self._waiting.setdefault(path, []).append((size, None))

    def remove(self, path: str) -> None:
        """Take in that a name is gone."""
        self._kept.pop(path, None)
        self._waiting.pop(path, None)

    def flush(self, path: str, *, fails: bool) -> None:
        """Keep what was written into a file since its last flush, or lose it."""
        waiting = self._waiting.pop(path, [])
        if fails:
            return
        kept = self._kept.setdefault(path, bytearray())
        for offset, content in waiting:
            end = offset if content is None else offset + len(content)
            if content is None:
                del kept[end:]
            kept.extend(bytes(max(0, end - len(kept))))
            if content is not None:
                kept[offset:end] = content

    def load(self, place: Path, folder: Path) -> None:
        """Begin with what `lay` left in a place, of the files of a folder."""
        self._waiting.clear()
        self._kept = {str(folder / file.name): bytearray(file.read_bytes()) for file in place.iterdir()}

    def lay(self, place: Path, folder: Path) -> None:
        """Leave in a place what a machine finds in a folder after it has lost its power."""
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for file in folder.iterdir():
            if file.name.endswith("-shm"):
                continue
            if str(file) in self._kept or str(file) in self._waiting:
                (place / file.name).write_bytes(self._kept.get(str(file), b""))
            else:
                shutil.copy(file, place / file.name)
