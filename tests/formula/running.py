"""Run programs in tests: whole, in chunks, and with all their tables collected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from tapeline.domain.panel import Panel
from tapeline.formula import Bars, Node, Program, compile_program


def compiled_for(panel: Panel, formulas: Mapping[str, Node], decision: Bars | None = None, **options: Any) -> Program:
    """Return a program with one table "t" for the panel."""
    return compile_program(
        {"t": (decision, formulas)},
        symbol_count=len(panel.symbols),
        base_frame_ns=panel.frame_ns,
        **options,
    )


def collected(program: Program, panel: Panel, cuts: Iterable[int] = ()) -> dict[str, dict[str, np.ndarray]]:
    """Advance a fresh program over the panel, cut at the given rows; return all tables, joined.

    "decision_row" is counted from the first row of the whole run.
    """
    program.reset()
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(panel)}), len(panel)]
    parts: dict[str, list[dict[str, np.ndarray]]] = {name: [] for name in program.tables}
    seen = dict.fromkeys(program.tables, 0)
    for first, last in pairwise(edges):
        program.advance(panel.rows(first, last))
        for name, table in program.tables.items():
            rows = np.where(table.decision_row >= 0, table.decision_row + seen[name], -1)
            seen[name] += len(table.end_ns)
            parts[name].append(
                {
                    "values": table.values.copy(),
                    "exists": table.exists.copy(),
                    "end_ns": table.end_ns.copy(),
                    "decision_row": rows,
                }
            )
    axis = {"values": 1, "exists": 0, "end_ns": 0, "decision_row": 0}
    return {
        name: {key: np.concatenate([part[key] for part in found], axis=axis[key]) for key in axis}
        for name, found in parts.items()
    }


def values_of(
    panel: Panel, node: Node, decision: Bars | None = None, cuts: Iterable[int] = (), **options: Any
) -> np.ndarray:
    """Return one formula's values [rows, N] in the rows of the decision frame."""
    program = compiled_for(panel, {"x": node}, decision, **options)
    return collected(program, panel, cuts)["t"]["values"][0]


def column_of(panel: Panel, node: Node, **options: Any) -> list[float | None]:
    """Return one formula's values for the first symbol, None for unknown."""
    return [None if np.isnan(value) else float(value) for value in values_of(panel, node, **options)[:, 0]]


def assert_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    """Require two collected runs to be equal bit for bit."""
    assert one.keys() == other.keys()
    for name in one:
        for key in one[name]:
            np.testing.assert_array_equal(one[name][key], other[name][key], err_msg=f"{name} {key}")
