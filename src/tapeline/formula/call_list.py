"""The calls of a program, ready to run any number of times without Python in between (`indicators/calls.py`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import config

from tapeline.domain.errors import InvariantError
from tapeline.indicators.calls import WIDTHS, run_calls
from tapeline.indicators.compiled import machine_address


class CallList:
    """Compiled functions with their arguments: arrays, tuples of arrays, whole numbers."""

    def __init__(self) -> None:
        self._calls: list[tuple[Any, tuple[Any, ...]]] = []
        self._table: np.ndarray | None = None

    def add(self, function: Any, *arguments: Any) -> None:
        """Append a call. Its arrays are kept alive and must not be replaced."""
        self._calls.append((function, arguments))
        self._table = None

    def extend(self, others: CallList) -> None:
        """Append the calls of another list."""
        self._calls += others._calls
        self._table = None

    def run(self, chunks: int = 1) -> None:
        """Make all calls, once for each chunk."""
        if config.DISABLE_JIT:
            for _ in range(chunks):
                for function, arguments in self._calls:
                    function(*arguments)
            return
        if self._table is None:
            self._table = self._as_table()
        failed = run_calls(self._table, chunks)
        if failed:
            function, _ = self._calls[failed - 1]
            raise InvariantError(f"The compiled function {function.__name__} failed in a program's list of calls.")

    def _as_table(self) -> np.ndarray:
        self._words = np.zeros((len(self._calls), WIDTHS[-1]), dtype=np.int64)
        table = np.zeros((len(self._calls), 3), dtype=np.int64)
        for row, place, (function, arguments) in zip(table, self._words, self._calls, strict=True):
            words = _words(arguments)
            place[: len(words)] = words
            width = next(width for width in WIDTHS if width >= len(words))
            row[:] = machine_address(function), place.ctypes.data, width
        return table


def _words(arguments: tuple[Any, ...]) -> list[int]:
    words: list[int] = []
    for argument in arguments:
        if isinstance(argument, tuple):
            words += _words(argument)
        elif isinstance(argument, np.ndarray):
            # as Numba describes an array: no owner to count (two words), then sizes, place and steps
            address = argument.__array_interface__["data"][0]
            words += (0, 0, argument.size, argument.itemsize, address, *argument.shape, *argument.strides)
        else:
            words.append(argument)
    return words
