"""The hash chain: each record's hash depends on its place, its content, and everything before it.

    hash(n) = SHA-256( hash(n - 1) | n as 8 bytes, big endian | kind in UTF-8 | 0x00 | canonical bytes )
    hash(0) = SHA-256("tapeline journal 1")

What it detects: any record altered, removed, inserted, moved or renumbered while a later record stands,
because every later hash would have to change. What it cannot detect by itself: records taken off the end by
someone who also sets the stored head back, and a journal rewritten whole by someone who computes the chain
anew. Against both helps one thing only: a head kept elsewhere (64 hexadecimal digits, printed at the end of a
run), which no shorter or rewritten journal contains.
"""

from __future__ import annotations

import hashlib

GENESIS = hashlib.sha256(b"tapeline journal 1").digest()


def link(previous: bytes, sequence: int, kind: str, body: bytes) -> bytes:
    """Return the hash of a record at its place behind the record whose hash is `previous`."""
    return hashlib.sha256(b"".join((previous, sequence.to_bytes(8, "big"), kind.encode(), b"\x00", body))).digest()
