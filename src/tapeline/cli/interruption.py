"""Ctrl-C: a run stops between two slices, never inside compiled code.

Python runs a signal's handler wherever the interpreter is next at work, and that may be while compiled code
hands objects over, which does not expect an exception there and would turn it into another one.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_asked = False


def was_asked() -> bool:
    """Say whether somebody pressed Ctrl-C since the program started."""
    return _asked


def watch() -> None:
    """Remember Ctrl-C and raise KeyboardInterrupt at once, from now on."""
    signal.signal(signal.SIGINT, _at_once)


@contextmanager
def between_slices() -> Iterator[Callable[[], None]]:
    """Put Ctrl-C off inside; gives the function that raises it where nothing is half done.

    A second Ctrl-C is not put off.
    """
    before = signal.signal(signal.SIGINT, _later)

    def check() -> None:
        if _asked:
            raise KeyboardInterrupt

    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


def _at_once(signum: int, frame: FrameType | None) -> None:
    global _asked
    _asked = True
    raise KeyboardInterrupt


def _later(signum: int, frame: FrameType | None) -> None:
    global _asked
    if _asked:
        raise KeyboardInterrupt
    _asked = True
