"""A thinned line is a part of the line, as short as asked, with the extremes of every stretch still in it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tapeline.analysis.thinning import thin_cloud, thin_line

VALUES = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), max_size=400).map(np.array)


def test_a_short_line_is_kept_whole_without_its_gaps():
    line = np.array([3.0, np.nan, 1.0, 2.0])

    assert thin_line(line, 4).tolist() == [0, 2, 3]


def test_a_long_line_keeps_the_lowest_and_the_highest_of_each_bucket():
    # most = 6 leaves two buckets of four values: 0 5 1 2 and 9 3 -4 8; their extremes are 0, 5 and -4, 9
    line = np.array([0.0, 5.0, 1.0, 2.0, 9.0, 3.0, -4.0, 8.0])

    assert thin_line(line, 6).tolist() == [0, 1, 4, 6, 7]


def test_one_spike_among_a_million_minutes_survives():
    line = np.zeros(1_000_000)
    line[654_321] = -1.0

    rows = thin_line(line, 3_000)

    assert 654_321 in rows
    assert len(rows) <= 3_000


@given(VALUES, st.integers(4, 60))
def test_a_thinned_line_is_a_part_of_the_line_with_its_ends_and_extremes(line, most):
    rows = thin_line(line, most)
    known = np.flatnonzero(~np.isnan(line))

    assert len(rows) <= most
    assert np.isin(rows, known).all()
    assert (np.diff(rows) > 0).all()
    if len(known):
        assert {known[0], known[-1]} <= set(rows.tolist())
        assert line[rows].min() == line[known].min()
        assert line[rows].max() == line[known].max()


def test_a_cloud_keeps_one_point_for_each_cell_and_the_outermost_ones():
    # a grid of 2 x 2 over [0, 4]: the cells hold (0,0) (1,1) | (4,0) | (1,4) (0.5,3)
    x, y = np.array([0.0, 1.0, 4.0, 1.0, 0.5]), np.array([0.0, 1.0, 0.0, 4.0, 3.0])

    assert thin_cloud(x, y, columns=2, rows=2).tolist() == [0, 2, 3]


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=200).map(np.array))
def test_a_thinned_cloud_reaches_as_far_as_the_cloud(points):
    rows = thin_cloud(points[:, 0], points[:, 1], columns=5, rows=5)

    assert len(rows) <= 5 * 5 + 4
    assert (points[rows].min(axis=0) == points.min(axis=0)).all()
    assert (points[rows].max(axis=0) == points.max(axis=0)).all()


def test_points_with_a_gap_and_equal_points_are_no_trouble():
    x, y = np.array([1.0, np.nan, 1.0]), np.array([2.0, 2.0, 2.0])

    assert thin_cloud(x, y).tolist() == [0]
    assert thin_cloud(np.array([np.nan]), np.array([1.0])).tolist() == []
