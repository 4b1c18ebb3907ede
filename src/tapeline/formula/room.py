"""Memory for large results: whole huge pages, used again when nobody holds the result any more.

The system hands out memory page by page and clears each page at its first use. For ten indicators over a
panel that takes as long as computing them, and longer where small pages are handed out: 120 MB cost 27 ms
to write the first time and 8 ms the second. So results begin at a huge page and fill whole ones, and the
memory of results that are gone waits for the next ones. While it waits the system may take it back: it is
marked as free.

Rejected: one block for all results of a call (keeping one of them would keep all); an `out` argument (faster
only for those who know of it).
"""

from __future__ import annotations

import mmap
import weakref

import numpy as np

from tapeline.domain.panel import Floats

HUGE_PAGE = 2 * 1024 * 1024
WAITING_BYTES_MAX = 512 * 1024 * 1024

_waiting: dict[int, list[mmap.mmap]] = {}
"""Memory of results that are gone, by its size."""


def new_panel(rows: int, columns: int) -> Floats:
    """Return float64 [rows, columns] with any content."""
    size = rows * columns * 8
    if size < HUGE_PAGE:
        return np.empty((rows, columns))
    memory = _memory(-(-size // HUGE_PAGE) * HUGE_PAGE + HUGE_PAGE)
    address = np.frombuffer(memory, dtype=np.uint8).__array_interface__["data"][0]
    panel = np.frombuffer(memory, dtype=np.float64, count=rows * columns, offset=-address % HUGE_PAGE)
    # Every view of the panel keeps this array, so it goes when the last of them has gone.
    weakref.finalize(panel, _put_back, memory).atexit = False
    return panel.reshape(rows, columns)


def _memory(size: int) -> mmap.mmap:
    try:
        return _waiting[size].pop()
    except (KeyError, IndexError):
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def _put_back(memory: mmap.mmap) -> None:
    if hasattr(mmap, "MADV_FREE"):
        memory.madvise(mmap.MADV_FREE)
    if sum(size * len(same) for size, same in list(_waiting.items())) + len(memory) > WAITING_BYTES_MAX:
        _waiting.clear()
    _waiting.setdefault(len(memory), []).append(memory)
