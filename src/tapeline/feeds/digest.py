"""One hash for the contents of a panel: the identity of the data a run has seen."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tapeline.domain.panel import Floats, Panel, Times

_NAN_BITS = np.array([np.nan]).view(np.int64)[0]


def panel_digest(panel: Panel) -> str:
    """Return the SHA-256 of a panel's contents, 64 hexadecimal digits.

    Covered are symbols, frame, times, the five fields, the sessions and every series beside the bars. Equal panels
    have equal digests on every machine: numbers are hashed as little-endian bytes, every NaN as the same NaN. File,
    compression and row order of the source do not matter.
    """
    parts: list[Floats | Times] = [panel.start_ns, panel.end_ns]
    parts += [panel.open, panel.high, panel.low, panel.close, panel.volume]
    if panel.sessions is not None:
        parts += [panel.sessions.open_ns, panel.sessions.close_ns]
    parts += [panel.series[name] for name in sorted(panel.series)]
    head: dict[str, object] = {
        "version": 1,
        "symbols": panel.symbols,
        "frame_ns": panel.frame_ns,
        "shape": panel.close.shape,
        "calendar": None if panel.sessions is None else [panel.sessions.name, panel.sessions.ordinal],
    }
    if panel.series:
        head["series"] = sorted(panel.series)
    # hashlib lets go of the interpreter lock, so the fields are hashed side by side.
    with ThreadPoolExecutor(max_workers=4) as pool:
        hashes = list(pool.map(_hash, parts))
    whole = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    for one in hashes:
        whole.update(one)
    return whole.hexdigest()


def _hash(part: Floats | Times) -> bytes:
    if part.dtype == np.float64:
        bits = part.view(np.int64)
        odd = np.isnan(part) & (bits != _NAN_BITS)
        if odd.any():
            part = np.where(odd, np.nan, part)
    little = np.ascontiguousarray(part, dtype=part.dtype.newbyteorder("<"))
    return hashlib.sha256(little.data).digest()
