"""Straddles, IRC 1092: positions that stand against each other. Flagged and never computed.

Stock, bought calls and written puts gain when the stock rises; short stock, written calls and bought puts when it
falls. Where a taxpayer holds one of each on the same security, in whatever accounts, a loss on the one may have to wait
for the gain on the other. Two pairs have names of their own: a put on stock that is held (IRC 1233(c)), and a call
written on it (qualified covered calls, IRC 1092(c)(4)). Stock against short stock is IRC 1259, in `shorts.py`.
"""

from __future__ import annotations

from tapeline.tax.book import Book, is_put
from tapeline.tax.lots import Position, Treatment

MARRIED_PUT, COVERED_CALL, STRADDLE = "married_put_1233c", "qualified_covered_call_1092", "straddle_1092"


def flag_straddle(book: Book, position: Position, event_id: str) -> None:
    """Raise a flag for what a position that is being opened stands against."""
    security = position.underlying or position.security
    if not security.options and position.underlying is None:
        return
    rises = _rises(position)
    found: set[str] = set()
    for other in (*security.positions, *security.options):
        if other.quantity and _rises(other) != rises and _counts(other) and _counts(position):
            rule = _rule(position, other)
            if rule:
                found.add(rule)
    for rule in sorted(found):
        book.flags.up(rule, position.symbol, event_id)


def _counts(position: Position) -> bool:
    # marked contracts are 1256's own matter (1092(d)(5)), and nothing is deducted in a retirement account
    return position.treatment in (Treatment.CAPITAL, Treatment.ORDINARY)


def _rises(position: Position) -> bool:
    """Return whether a position gains when the stock rises."""
    return position.is_short == is_put(position)


def _rule(one: Position, other: Position) -> str:
    stock, option = (one, other) if one.underlying is None else (other, one)
    if stock.underlying is not None or stock.is_short:
        return STRADDLE
    if option.underlying is None:
        return ""
    return MARRIED_PUT if is_put(option) else COVERED_CALL
