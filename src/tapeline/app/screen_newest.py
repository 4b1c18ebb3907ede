"""The newest close of many symbols: blocks of symbols on all cores, and no close of before that nobody asked for.

No rule looks at another symbol, and a block of few keeps what it computes near the processor.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tapeline.app.screen_settings import ScreenerSettings
from tapeline.domain.panel import Panel
from tapeline.formula import bars, compile_program
from tapeline.screener.screen import Screen, Snapshot

BLOCK_SYMBOLS = 80

Newest = tuple[Snapshot, Snapshot | None]
"""The last snapshot, and the last at a close of the confirmation frame."""


def newest_of(past: Panel, settings: ScreenerSettings) -> Newest | None:
    """Return the newest snapshots of all symbols, None if the trigger frame did not close."""
    first_read = _first_row_to_read(past, settings)
    if first_read is None:
        return None
    size = min(BLOCK_SYMBOLS, len(past.symbols))
    blocks = range(0, len(past.symbols), size)
    workers = min(os.cpu_count() or 1, len(blocks))

    def work(worker: int) -> list[Newest]:
        screen = Screen(past.symbols[:size], past.frame_ns, settings.screen, settings.regime)
        return [_newest_of_block(screen, past, first, first_read) for first in blocks[worker::workers]]

    with ThreadPoolExecutor(workers) as pool:
        found = list(pool.map(work, range(workers)))
    ordered = [found[number % workers][number // workers] for number in range(len(blocks))]
    last, *others = [newest for newest, _ in ordered]
    confirmations = [confirmation for _, confirmation in ordered if confirmation is not None]
    return last.beside(others), confirmations[0].beside(confirmations[1:]) if confirmations else None


def _newest_of_block(screen: Screen, past: Panel, first: int, first_read: int) -> Newest:
    # The last block reaches back to symbols of the one before, so that one screen does for all.
    begin = min(first, len(past.symbols) - len(screen.symbols))
    screen.begin(past.symbols[begin : begin + len(screen.symbols)], begin)
    screen.pass_over(past.rows(0, first_read))
    last = confirmation = None
    for row in range(first_read, len(past), screen.chunk_rows):
        for last in screen.advance(past.rows(row, min(row + screen.chunk_rows, len(past)))):
            confirmation = last if last.closes_confirmation else confirmation
    assert last is not None
    own = past.symbols[first : begin + len(screen.symbols)]
    return last.of(own), None if confirmation is None else confirmation.of(own)


def _first_row_to_read(past: Panel, settings: ScreenerSettings) -> int | None:
    """Return the row that makes the last close of the confirmation frame readable, or else of the trigger frame."""
    frames = settings.screen.frames
    tables = {name: (bars(name), {"close": bars(name).close}) for name in (frames.confirmation, frames.trigger)}
    program = compile_program(tables, symbol_count=1, base_frame_ns=past.frame_ns)
    found: dict[str, int] = {}
    for first in range(0, len(past), program.chunk_rows):
        program.advance(past.rows(first, min(first + program.chunk_rows, len(past))), column=0)
        for name, table in program.tables.items():
            closing = np.flatnonzero(table.decision_row >= 0)
            if len(closing):
                found[name] = first + int(closing[-1])
    return min(found.values()) if frames.trigger in found else None
