"""Groupings of symbols, such as sectors, for `demean(by=...)`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tapeline.domain.errors import FormulaError


def group_numbers(groups: Mapping[str, Sequence[Any]], symbol_count: int) -> dict[str, np.ndarray]:
    """Return for each grouping the group of each symbol, int64 [N], -1 for none.

    groups : by name a label for each symbol; None, "" and negative numbers are in no group
    Raises FormulaError if there is not one label for each symbol.
    """
    result = {}
    for name, labels in groups.items():
        if len(labels) != symbol_count:
            raise FormulaError(f"Grouping {name!r} has {len(labels)} labels for {symbol_count} symbols.")
        numbers: dict[Any, int] = {}
        column = []
        for label in labels:
            is_unknown = label is None or label == "" or (not isinstance(label, str) and label < 0)
            column.append(-1 if is_unknown else numbers.setdefault(label, len(numbers)))
        result[name] = np.array(column, dtype=np.int64)
    return result
