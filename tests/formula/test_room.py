"""Memory of results is used again, but never while anybody holds the result or a part of it."""

from __future__ import annotations

import gc

import numpy as np

from tapeline.formula.room import HUGE_PAGE, new_panel

ROWS, COLUMNS = 1024, 512  # two huge pages


def address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def test_a_large_panel_begins_at_a_huge_page_and_can_be_written() -> None:
    panel = new_panel(ROWS, COLUMNS)
    panel[...] = 3.0

    assert panel.shape == (ROWS, COLUMNS) and panel.dtype == np.float64
    assert panel.flags.c_contiguous and panel.flags.writeable
    assert address(panel) % HUGE_PAGE == 0
    assert (panel == 3.0).all()


def test_two_panels_never_share_memory() -> None:
    panels = [new_panel(ROWS, COLUMNS) for _ in range(4)]
    for number, panel in enumerate(panels):
        panel[...] = number

    assert [float(panel.min()) for panel in panels] == [float(panel.max()) for panel in panels] == [0.0, 1.0, 2.0, 3.0]


def test_a_part_of_a_panel_keeps_its_memory() -> None:
    panel = new_panel(ROWS, COLUMNS)
    panel[...] = 7.0
    row = panel[5, ::2]
    del panel
    gc.collect()

    for other in [new_panel(ROWS, COLUMNS) for _ in range(3)]:
        other[...] = 0.0

    assert (row == 7.0).all()


def test_the_memory_of_a_panel_that_is_gone_is_used_again() -> None:
    panel = new_panel(ROWS, COLUMNS)
    where = address(panel)
    del panel
    gc.collect()

    assert address(new_panel(ROWS, COLUMNS)) == where


def test_a_small_panel_is_an_ordinary_array() -> None:
    assert new_panel(3, 2).shape == (3, 2)
