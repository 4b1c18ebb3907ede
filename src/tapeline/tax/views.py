"""Views of what the engine computed: gains by term, open lots, disallowed losses, the year's netting.

Each is built from a `TaxResult` and rounds nothing: rows and lots are in cents already, so totals tie to the cent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from tapeline.tax.carryover import Carryover, Netting, net_year
from tapeline.tax.gains import Gain, Term
from tapeline.tax.result import PendingLoss, TaxResult

ZERO = Decimal(0)
CENT = Decimal("0.01")
SECTION_1256_SHORT = Decimal("0.4")


@dataclass(frozen=True, slots=True)
class Total:
    """The sum of rows of one term; gain = proceeds - cost + adjustment."""

    term: Term
    rows: int
    proceeds: Decimal
    cost: Decimal
    adjustment: Decimal
    gain: Decimal


def totals(rows: Iterable[Gain]) -> list[Total]:
    """Return the totals of the terms that have rows: short, long, 60/40, ordinary."""
    by_term: dict[Term, list[Gain]] = {term: [] for term in Term}
    for row in rows:
        by_term[row.term].append(row)
    return [
        Total(
            term,
            len(found),
            sum((row.proceeds for row in found), ZERO),
            sum((row.cost for row in found), ZERO),
            sum((row.adjustment for row in found), ZERO),
            sum((row.gain for row in found), ZERO),
        )
        for term, found in by_term.items()
        if found
    ]


def netting(found: Iterable[Total], carried_in: Carryover | None = None, *, limit: Decimal | None = None) -> Netting:
    """Net the totals of a year; 60/40 results (Form 6781) count 40 % as short-term, ordinary ones not at all."""
    gains = {total.term: total.gain for total in found}
    mixed = gains.get(Term.SECTION_1256, ZERO)
    mixed_short = (mixed * SECTION_1256_SHORT).quantize(CENT, ROUND_HALF_UP)
    short = gains.get(Term.SHORT, ZERO) + mixed_short
    long = gains.get(Term.LONG, ZERO) + mixed - mixed_short
    return net_year(short, long, carried_in) if limit is None else net_year(short, long, carried_in, limit=limit)


def provisional(result: TaxResult, as_of: date) -> dict[int, PendingLoss]:
    """Return the losses that a purchase after a day may still disallow, by the identity of their row.

    Parts of one row are added; `last_day` is that of the last of them.
    """
    found: dict[int, PendingLoss] = {}
    for pending in result.pending_losses(as_of):
        known = found.get(id(pending.row))
        found[id(pending.row)] = (
            pending
            if known is None
            else PendingLoss(
                pending.row,
                known.quantity + pending.quantity,
                known.amount + pending.amount,
                max(known.last_day, pending.last_day),
            )
        )
    return found
