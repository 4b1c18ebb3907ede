"""Checkpoints of a live run: what it has come to when a session is over, so that a restart begins there.

A checkpoint follows from the journal and adds nothing to it: it can be lost at any time, and a restart without one goes
through all facts instead (`restart.py`). With one it goes through those after it, and its slices are shown to the
formulas alone.

Kept is the state of every part that a restart brings back, at a moment at which there is no gap and no flatten, and
nothing waits to leave. Free-form code is kept by its attributes; where it changed something besides (`elsewhere.py`),
or where a part follows the facts and cannot say what its state is, none is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

from tapeline.domain.keeping import Keeps
from tapeline.domain.slice import Slice
from tapeline.engine.elsewhere import kept_elsewhere
from tapeline.engine.guard import Guard
from tapeline.engine.loop import EventLoop
from tapeline.ports.journal import Head

LEAST_FACTS = 20_000
"""Fewer facts are gone through in less than a second."""
SHARE = 8
"""One part in so many of a journal is gone through at most; to write checkpoints costs a multiple of the last alone."""

Write = Callable[[Head, Mapping[str, Any]], bool]


class Checkpoints:
    """When a run keeps its state.

    write : makes it durable beside the head of the journal that it belongs to, False if it cannot be
    besides : parts that the engine does not know, such as a venue that lives in this process
    least : how many facts are worth a checkpoint
    """

    def __init__(self, write: Write, besides: Mapping[str, Keeps] | None = None, least: int = LEAST_FACTS) -> None:
        self._write, self._besides, self._least = write, besides or {}, least
        self._count = 0
        self._elsewhere: dict[tuple[str, str], bytes | None] = {}

    def watch(self, loop: EventLoop) -> None:
        """Know what free-form code finds beside its attributes before it was shown anything."""
        self._elsewhere = kept_elsewhere(loop.free_form)

    def begin(self, count: int) -> None:
        """Know how many facts the last checkpoint has behind it."""
        self._count = count

    def see(self, loop: EventLoop, guard: Guard) -> bool:
        """Keep the state if enough has come since the last one. Returns whether it was written."""
        head = loop.journal.head()
        if head.count - self._count < max(self._least, head.count // SHARE):
            return False
        state = state_of(loop, guard)
        if state is None or kept_elsewhere(loop.free_form) != self._elsewhere:
            return False
        self._count = head.count  # one that cannot be written is tried again when as much has come
        return self._write(head, {**state, **{name: part.state() for name, part in self._besides.items()}})


def state_of(loop: EventLoop, guard: Guard) -> dict[str, Any] | None:
    """Return the state of a live loop, not copied; None where a part of it cannot be kept."""
    parts = _parts(loop, guard)
    if parts is None:
        return None
    free = {name: vars(strategy) for name, strategy in loop.free_form.items()}
    return {"parts": {name: part.state() for name, part in parts.items()}, "free_form": free}


def put_back(
    loop: EventLoop, guard: Guard, kept: Mapping[str, Any], slices: Iterator[Slice]
) -> tuple[Slice | None, Iterator[Slice]]:
    """Let a loop that was made for the same run go on from a state.

    slices : of the run, from the first on
    Returns the last slice before the checkpoint, and those after it.
    """
    parts = _parts(loop, guard)
    assert parts is not None
    for name, state in kept["parts"].items():
        parts[name].take_state(state)
    for name, strategy in loop.free_form.items():
        vars(strategy).clear()
        vars(strategy).update(kept["free_form"][name])
    later: list[Slice] = []
    last = loop.recall(_until(loop.newest_ns, slices, later))
    return last, chain(later, slices)


def _until(end_ns: int, slices: Iterator[Slice], later: list[Slice]) -> Iterator[Slice]:
    """Yield what ended by then; the first that did not is added to `later`."""
    for now in slices:
        if now.end_ns > end_ns:
            later.append(now)
            return
        yield now


def _parts(loop: EventLoop, guard: Guard) -> dict[str, Keeps] | None:
    """Return the parts in the order in which they are put back."""
    following = [getattr(follow, "__self__", None) for follow in loop.on_fact if follow != guard.see]
    parts = [loop.views, loop.desk, loop, loop.formulas, loop.reasons, loop.parents, guard, guard.monitors, *following]
    if not all(isinstance(part, Keeps) for part in parts):
        return None
    return {f"{number} {type(part).__name__}": part for number, part in enumerate(parts) if isinstance(part, Keeps)}
