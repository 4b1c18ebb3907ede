"""The digest names the contents of a panel: every change shows, and nothing but the contents counts."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import replace

import numpy as np
import pytest

from tapeline.domain.panel import Panel, Sessions
from tapeline.domain.times import MINUTE
from tapeline.feeds.digest import panel_digest


def small_panel() -> Panel:
    end = np.array([1, 2], dtype=np.int64) * MINUTE
    values = np.array([[1.0, 2.0], [3.0, np.nan]])
    return Panel(("A", "B"), MINUTE, end - MINUTE, end, values, values, values, values, values)


def test_the_digest_is_the_hash_of_a_head_and_of_the_little_endian_fields() -> None:
    """Built here by hand with struct, so that another program can check a journal's data hash."""
    values = struct.pack("<3d", 1.0, 2.0, 3.0) + bytes.fromhex("000000000000f87f")
    parts = [struct.pack("<2q", 0, MINUTE), struct.pack("<2q", MINUTE, 2 * MINUTE), *[values] * 5]
    head = {"version": 1, "symbols": ["A", "B"], "frame_ns": MINUTE, "shape": [2, 2], "calendar": None}
    whole = json.dumps(head, sort_keys=True).encode() + b"".join(hashlib.sha256(p).digest() for p in parts)

    assert panel_digest(small_panel()) == hashlib.sha256(whole).hexdigest()


@pytest.mark.parametrize("field", ["open", "high", "low", "close", "volume"])
def test_the_smallest_change_of_one_number_changes_the_digest(field: str) -> None:
    panel = small_panel()
    changed = getattr(panel, field).copy()
    changed[1, 0] = np.nextafter(changed[1, 0], 4.0)

    assert panel_digest(replace(panel, **{field: changed})) != panel_digest(panel)


def test_names_frame_times_and_sessions_count() -> None:
    panel = small_panel()
    one = Sessions("XNYS", panel.start_ns[:1], panel.end_ns[1:])
    others = [
        replace(panel, symbols=("A", "C")),
        replace(panel, frame_ns=2 * MINUTE),
        replace(panel, end_ns=panel.end_ns + 1),
        replace(panel, sessions=one),
        replace(panel, sessions=replace(one, ordinal=5)),
    ]

    assert len({panel_digest(p) for p in [panel, *others]}) == 6


def test_quotes_count_where_there_are_any() -> None:
    panel = small_panel()
    bid, ask = replace(panel, bid=panel.close), replace(panel, ask=panel.close)
    dearer = replace(panel, bid=panel.close + 0.01)

    assert len({panel_digest(p) for p in (panel, bid, ask, dearer)}) == 4


def test_every_nan_is_the_same_nan() -> None:
    panel = small_panel()
    odd = panel.close.copy()
    odd.view(np.uint64)[1, 1] = 0xFFF8_0000_0000_BEEF  # a NaN with a sign and a payload

    assert np.isnan(odd[1, 1])
    assert panel_digest(replace(panel, close=odd)) == panel_digest(panel)
