"""Lot relief: which shares a sale charges.

    FIFO      earliest acquired first; also what is left when no identification is adequate, Reg. 1.1012-1(c)(1)
    LIFO      latest acquired first; lawful as a standing order only
    HIFO      highest wash-adjusted basis per share first; ties to the earliest acquired, then as listed
    SPECID    the lots that the sale names, what it does not name by FIFO
    AVERAGE   average basis of all shares, earliest acquired first; fund shares and reinvestment plans only

The shares are taken out of the position here; slices are (lot, shares taken).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from heapq import heappop

from tapeline.domain.errors import TaxRefusal
from tapeline.tax.accounts import Method
from tapeline.tax.amounts import Number, shares, to_quantity
from tapeline.tax.events import LotChoice
from tapeline.tax.lots import Lot, Position

Slice = tuple[Lot, Number]
What = tuple[str, str]
"""The event that asks, for a refusal: what it is, and its id."""


def take(
    position: Position | None, quantity: Number, method: Method, lots: Sequence[LotChoice], what: What
) -> list[Slice]:
    """Take shares out of a position and return the slices.

    Raises TaxRefusal: insufficient_lots where less is held than sold; unknown_lot, identification_exceeds_sale for an
    identification that does not fit; average_cost_not_allowed for stock at average basis.
    """
    held = 0 if position is None else position.quantity
    if position is None or held < quantity:
        raise TaxRefusal(
            "insufficient_lots",
            f"{what[0]} {what[1]} closes {shares(quantity)} shares where {shares(held)} are held; "
            "import the missing purchase, transfer or split.",
        )
    if method is Method.AVERAGE:
        if not position.instrument.allows_average_basis:
            raise TaxRefusal(
                "average_cost_not_allowed",
                f"{what[0]} {what[1]}: {position.symbol} is no fund share and in no reinvestment plan, so it "
                "has no average basis; choose another method for the account.",
            )
        position.spread()
    slices: list[Slice] = []
    if lots:
        quantity -= _take_identified(position, quantity, lots, what, slices)
    if method is Method.LIFO:
        _take_last(position, quantity, slices)
    elif method is Method.HIFO:
        _take_highest(position, quantity, slices)
    else:
        _take_first(position, quantity, slices)
    return slices


def _take_part(position: Position, lot: Lot, quantity: Number, slices: list[Slice]) -> Number:
    """Take up to a quantity of one lot and return how much that was."""
    held = lot.quantity
    if held <= quantity:
        lot.quantity = 0
        position.remove(lot)
        quantity = held
    else:
        lot.quantity = held - quantity
    position.quantity -= quantity
    slices.append((lot, quantity))
    return quantity


def _take_first(position: Position, quantity: Number, slices: list[Slice]) -> None:
    while quantity:
        assert position.first is not None
        quantity -= _take_part(position, position.first, quantity, slices)


def _take_last(position: Position, quantity: Number, slices: list[Slice]) -> None:
    while quantity:
        assert position.last is not None
        quantity -= _take_part(position, position.last, quantity, slices)


def _take_highest(position: Position, quantity: Number, slices: list[Slice]) -> None:
    ranks = position.ranks()
    while quantity:
        rank = ranks[0]
        lot = rank[5]
        if not lot.quantity or lot.position is not position or -rank[0] != lot.basis or rank[3] != lot.part:
            heappop(ranks)
            continue
        quantity -= _take_part(position, lot, quantity, slices)


def _take_identified(
    position: Position, quantity: Number, lots: Sequence[LotChoice], what: What, slices: list[Slice]
) -> Number:
    """Take the lots that were named, the first part of each first; return how many shares that was."""
    wanted: dict[tuple[str, int | None], Number] = {}
    for choice in lots:
        start = None if choice.holding_start is None else choice.holding_start.toordinal()
        wanted[choice.lot_id, start] = to_quantity(choice.quantity)
    named = {lot_id for lot_id, _ in wanted}
    if (
        sum(wanted.values()) > quantity
        or len(wanted) < len(lots)
        or any((name, None) in wanted for name, start in wanted if start)
    ):
        raise TaxRefusal(
            "identification_exceeds_sale",
            f"{what[0]} {what[1]} sells {shares(quantity)} shares and identifies {shares(sum(wanted.values()))}, each "
            "lot once; identify no more than was sold.",
        )
    parts: dict[tuple[str, int | None], list[Lot]] = {named_part: [] for named_part in wanted}
    for lot in position:
        if lot.id in named:
            for found in (parts.get((lot.id, None)), parts.get((lot.id, lot.holding_start))):
                if found is not None:
                    found.append(lot)
    for (name, start), part_lots in parts.items():
        held = sum(lot.quantity for lot in part_lots)
        part = "" if start is None else f" held from {date.fromordinal(start)}"
        if not part_lots:
            raise TaxRefusal(
                "unknown_lot",
                f"{what[0]} {what[1]} identifies lot {name!r}{part}, which account {position.account.name} does not "
                "hold; name the execution that acquired it.",
            )
        if held < wanted[name, start]:
            raise TaxRefusal(
                "insufficient_lots",
                f"{what[0]} {what[1]} identifies {shares(wanted[name, start])} shares of lot {name!r}{part}, which has "
                f"{shares(held)}; identify no more than it has.",
            )
    for key, left in wanted.items():
        for lot in parts[key]:
            if left:
                left -= _take_part(position, lot, left, slices)
    return sum(wanted.values())
