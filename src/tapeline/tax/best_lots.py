"""Which lots a sale should charge to owe the least tax on it, at given rates.

Without wash sales each share has its own tax, gain x rate, and the cheapest shares are taken. A loss that a purchase
replaces saves nothing now, and which losses are replaced depends on the choice: the losses of one sale are offered the
free shares of the window one after the other, in order of acquisition, and free shares that are sold are free no more.

    held, oldest first: 100 at a loss of 4, 100 at a loss of 5, 60 bought last week at a gain of 1; sell 100; rate 30 %
    40 of the second, all of the last     no share is left to replace a loss: 60 are saved, but the gain costs 18
    100 of the second                     60 of them are replaced: 40 x 5 x 30 % = 60 are saved, the best

Let part k be the one in which the replacements run out: losses acquired before it are replaced whole, those after it
not at all. For a fixed k the tax is linear in the shares sold of each part, and the place of k is two linear bounds. So
the best choice for k is the cheapest one, if it keeps the bounds, or it lies on one of the two: then some parts count
for the bound and the others do not, and each group is filled cheapest first. The best over all k is the answer: exact,
and whole shares where all quantities are whole, in about n^2 log n steps for n parts.

One thing is outside: shares do not replace losses of their own acquisition. Where a part of the window stands at a loss
itself, the answer is the best of those tried; `lot_choice.py` says so then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Part:
    """Shares of one lot that can be chosen.

    tax : per share, as long as a loss is not replaced; below zero for a loss
    is_free : acquired in the window and not used, so that what is kept of it replaces a loss
    """

    quantity: Fraction
    tax: Fraction
    is_loss: bool
    is_free: bool = False


def cheapest(parts: Sequence[Part], quantity: Fraction, replacements: Fraction = ZERO) -> list[Fraction]:
    """Return how many shares of each part to sell.

    parts : in order of acquisition; together at least `quantity`
    replacements : shares that would replace a loss and are not among the parts
    """
    return min(_candidates(parts, quantity, replacements), key=lambda chosen: tax_of(parts, chosen, replacements))


def tax_of(parts: Sequence[Part], chosen: Sequence[Fraction], replacements: Fraction) -> Fraction:
    """Return the tax of a choice; a replaced loss counts for nothing."""
    kept = (part.quantity - sold for part, sold in zip(parts, chosen, strict=True) if part.is_free)
    left, tax = sum(kept, replacements), ZERO
    for part, sold in zip(parts, chosen, strict=True):
        replaced = min(left, sold) if part.is_loss else ZERO
        left -= replaced
        tax += part.tax * (sold - replaced)
    return tax


def _candidates(parts: Sequence[Part], quantity: Fraction, replacements: Fraction) -> Iterator[list[Fraction]]:
    bound = sum((part.quantity for part in parts if part.is_free), replacements)
    everything = range(len(parts))
    # every loss is replaced: then a loss costs nothing
    costs = [ZERO if part.is_loss else part.tax for part in parts]
    yield _filled(parts, costs, everything, quantity)
    yield from _on_bound(parts, costs, len(parts), quantity, bound)
    for k in (at for at in everything if parts[at].is_loss):
        # a share sold of an earlier loss, or of a free part, leaves one more share of part k unreplaced
        edge = parts[k].tax
        costs = [
            (edge if part.is_loss and at <= k else part.tax) + (edge if part.is_free else ZERO)
            for at, part in enumerate(parts)
        ]
        yield _filled(parts, costs, everything, quantity)
        yield from _on_bound(parts, costs, k, quantity, bound)
        yield from _on_bound(parts, costs, k + 1, quantity, bound)


def _on_bound(
    parts: Sequence[Part], costs: Sequence[Fraction], end: int, quantity: Fraction, bound: Fraction
) -> Iterator[list[Fraction]]:
    """Yield the cheapest choice for which losses before a part, and what is sold of free parts, add up to the bound."""
    counting = [at for at, part in enumerate(parts) if part.is_free or (part.is_loss and at < end)]
    others = sorted({*range(len(parts))} - {*counting})
    rooms = (sum((parts[at].quantity for at in group), ZERO) for group in (counting, others))
    if all(0 <= shares <= room for shares, room in zip((bound, quantity - bound), rooms, strict=True)):
        first, second = _filled(parts, costs, counting, bound), _filled(parts, costs, others, quantity - bound)
        yield [a + b for a, b in zip(first, second, strict=True)]


def _filled(
    parts: Sequence[Part], costs: Sequence[Fraction], places: Sequence[int], quantity: Fraction
) -> list[Fraction]:
    """Take shares of some parts where they are cheapest, the earliest acquired first among equals."""
    chosen = [ZERO] * len(parts)
    for at in sorted(places, key=costs.__getitem__):
        chosen[at] = min(parts[at].quantity, quantity)
        quantity -= chosen[at]
    return chosen
