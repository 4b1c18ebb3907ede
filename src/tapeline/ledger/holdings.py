"""What a change without a trade does to the positions of the books, at average cost.

Shares that become other shares take their cost along; shares that end are realized against the cash they brought, as
the premium of an option is when it ends; shares that come from or go to another broker bring or take their cost. These
are the books' measures of profit; what the tax rules make of the same change is `tax/corporate_actions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from tapeline.domain.adopted import EXTERNAL, HoldingCause
from tapeline.domain.position import ZERO, Position, part_of
from tapeline.ledger.adopted_facts import HoldingChanged
from tapeline.ledger.round_trips import Key


def changed(positions: Mapping[Key, Position], fact: HoldingChanged) -> dict[Key, Position]:
    """Return the positions that a change leaves different; all of it is booked under EXTERNAL."""
    key = fact.account, EXTERNAL, fact.symbol
    before = positions.get(key) or Position(*key)
    after = replace(before, quantity=before.quantity + fact.quantity)
    if fact.cause is HoldingCause.RETURN_OF_CAPITAL:
        return {key: replace(after, cost=before.cost - fact.cash)}
    if fact.cause is HoldingCause.SPLIT:
        # Cash for a fraction is its price; its cost stays with the rest until the position is closed.
        return {key: replace(after, realized=before.realized + fact.cash)}
    if fact.cause is HoldingCause.TRANSFER_IN:
        return {key: replace(after, cost=before.cost + (fact.basis or ZERO))}
    if fact.cause is HoldingCause.SPIN_OFF:
        taken = part_of(before.cost, fact.basis_fraction or ZERO, Decimal(1))
    else:
        taken = _cost_of(before, fact.quantity)
    left = replace(after, cost=before.cost - taken)
    if fact.cause is HoldingCause.TRANSFER_OUT:
        return {key: left}
    if fact.new_symbol is None:
        return {key: replace(left, realized=before.realized + fact.cash - taken)}
    new_key = fact.account, EXTERNAL, fact.new_symbol
    new = positions.get(new_key) or Position(*new_key)
    new = replace(new, quantity=new.quantity + fact.new_quantity, cost=new.cost + taken)
    return {key: replace(left, realized=before.realized + fact.cash), new_key: new}


def _cost_of(position: Position, change: Decimal) -> Decimal:
    leaves = change and (change > 0) != (position.quantity > 0) and abs(change) <= abs(position.quantity)
    return part_of(position.cost, -change, position.quantity) if leaves else ZERO
