"""The calls of a program, ready to run any number of times without Python in between (`indicators/calls.py`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tapeline.domain.errors import InvariantError
from tapeline.indicators.calls import WIDTHS, run_calls
from tapeline.indicators.compiled import address_of_code


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
        if self._table is None:
            self._table = self._as_table()
        failed = run_calls(self._table, chunks)
        if failed:
            function, _ = self._calls[failed - 1]
            raise InvariantError(f"The compiled function {function.__name__} failed in a program's list of calls.")

    def _as_table(self) -> np.ndarray:
        known: dict[int, tuple[int, ...]] = {}
        self._words = np.zeros((len(self._calls), WIDTHS[-1]), dtype=np.int64)
        place = self._words.__array_interface__["data"][0]
        rows = []
        for row, (function, arguments) in zip(self._words, self._calls, strict=True):
            words = _words(arguments, known)
            row[: len(words)] = words
            rows.append((address_of_code(function), place, next(width for width in WIDTHS if width >= len(words))))
            place += row.nbytes
        return np.array(rows, dtype=np.int64).reshape(-1, 3)


def _words(arguments: tuple[Any, ...], known: dict[int, tuple[int, ...]]) -> list[int]:
    """Return the words of arguments; those of arrays are kept by the array's id."""
    words: list[int] = []
    for argument in arguments:
        if isinstance(argument, np.ndarray):
            found = known.get(id(argument))
            if found is None:
                # as Numba describes an array: no owner to count (two words), then sizes, place and steps
                address = argument.__array_interface__["data"][0]
                found = (0, 0, argument.size, argument.itemsize, address, *argument.shape, *argument.strides)
                known[id(argument)] = found
            words += found
        elif isinstance(argument, tuple):
            words += _words(argument, known)
        else:
            words.append(argument)
    return words
