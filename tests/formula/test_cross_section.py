"""Symbols compared with each other, row by row."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from formula.builders import FIRST_DAY, a_market
from formula.reference import Reference
from formula.running import values_of
from tapeline.domain.panel import Panel
from tapeline.domain.times import MINUTE
from tapeline.formula import Node, bars

CLOSE = bars().close
NAN = float("nan")


def a_row(*close: float) -> Panel:
    values = np.array([close])
    end_ns = np.array([FIRST_DAY + MINUTE], dtype=np.int64)
    names = tuple(f"S{column}" for column in range(len(close)))
    return Panel(names, MINUTE, end_ns - MINUTE, end_ns, values, values, values, values, values)


def row_of(node: Node, *close: float, **options: object) -> list[float]:
    return list(values_of(a_row(*close), node, **options)[0])


def test_rank_runs_from_lowest_to_highest_and_shares_places_on_ties() -> None:
    np.testing.assert_equal(row_of(CLOSE.rank(), 30, 10, NAN, 20), [1.0, 0.0, NAN, 0.5])
    np.testing.assert_equal(row_of(CLOSE.rank(), 10, 20, 20, 40, 50), [0.0, 0.375, 0.375, 0.75, 1.0])
    np.testing.assert_equal(row_of(CLOSE.rank(), 7, 7, 7), [0.5, 0.5, 0.5])
    np.testing.assert_equal(row_of(CLOSE.rank(), NAN, 7), [NAN, 0.5])


def test_zscore_is_of_the_population() -> None:
    # mean 3, deviation sqrt((4 + 0 + 4) / 3)
    np.testing.assert_allclose(row_of(CLOSE.zscore(), 1, 3, 5), np.array([-2, 0, 2]) / np.sqrt(8 / 3))
    np.testing.assert_equal(row_of(CLOSE.zscore(), 4, 4, NAN), [NAN, NAN, NAN])
    np.testing.assert_equal(row_of(CLOSE.zscore(flat="zero"), 0.1, 0.1, NAN), [0.0, 0.0, NAN])


def test_demean_takes_the_mean_of_all_or_of_the_group() -> None:
    groups = {"sector": ["tech", "oil", "tech", ""], "numbers": [7, 7, -1, 7]}

    assert row_of(CLOSE.demean(), 1, 2, 3, 6) == [-2, -1, 0, 3]
    np.testing.assert_equal(row_of(CLOSE.demean(by="sector"), 1, 2, 3, 6, groups=groups), [-1, 0, 1, NAN])
    np.testing.assert_equal(row_of(CLOSE.demean(by="numbers"), 1, 2, 3, 6, groups=groups), [-2, -1, NAN, 3])


@given(st.integers(0, 99), st.sampled_from((0.0, 0.4)), st.sampled_from(("", "15min", "1h")))
def test_cross_sections_equal_the_reference(seed: int, missing: float, frame: str) -> None:
    panel = a_market(seed, symbols=7, missing=missing)
    groups = {"sector": [0, 1, 0, 1, -1, 2, 0]}
    close = bars(frame).close
    reference = Reference(panel, groups)

    for node in (
        close.rank(),
        close.zscore(),
        close.zscore(flat="zero"),
        close.demean(),
        close.demean(by="sector"),
    ):
        found = values_of(panel, node, groups=groups)
        np.testing.assert_allclose(found, reference.values(node, 0), rtol=1e-12, atol=1e-12)
