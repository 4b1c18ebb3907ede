"""Wash sales, IRC 1091: a state machine over shares, not a filter over trades.

    buy  100 at 10   lot b1
    sell 100 at  7   a loss of 3 a share: are unused shares of another acquisition held, bought in the 30 days before?
                     none: the loss stays open until day +30
    buy   40 at  8   its 40 shares replace the first 40 sold: 120 of the loss is disallowed, basis 8 + 3 = 11 a share,
                     the days b1 was held are added to their holding period, and they can replace nothing else
                     the loss on 60 shares stays open

Losses are offered a replacement in the order of disposition (inside one by acquisition), replacements are taken in the
order of acquisition. One pass is enough: a loss never needs a purchase that an earlier loss could still claim, because
that one was offered it first. The same machine serves short sales under 1091(e), where a new short sale replaces the
closed one and carries the loss until it is closed itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from tapeline.tax.amounts import Number, cents, divided, dollars, shares
from tapeline.tax.flags import Flags
from tapeline.tax.gains import Gain
from tapeline.tax.holding_period import tacked
from tapeline.tax.lots import Lot
from tapeline.tax.policies import Policies
from tapeline.tax.securities import WINDOW_DAYS, OpenLoss, Security, Side, SoldSlice

REPLACED = "IRC 1091(a), (d)"
REPLACED_BY_OPTION = "IRC 1091(a), contract or option to acquire"
REPLACED_IN_RETIREMENT_ACCOUNT = "Rev. Rul. 2008-5"
REPLACED_BY_SPOUSE_FOR_GOOD = "IRC 1091(a), spouse, policy spouse_basis_carries"
REPLACED_SHORT_SALE = "IRC 1091(e)(2)"
REPLACED_BY_LONG_SALE = "IRC 1091(e)(1), policy long_sale_washes_short_loss"
REPLACED_BY_SOLD_SHARES = "IRC 1091(a), policy replacement_must_be_held"
REPLACED_BY_COVER = "IRC 1091(a), policy cover_counts"


@dataclass(slots=True, eq=False)
class Disallowance:
    """One loss, disallowed by one replacement under one rule.

    row : whose loss it is
    account, symbol, lot_id : of the replacement; quantity_units of the loss's shares that it replaces
    amount_units : what was disallowed; is_permanent : no basis anywhere was increased
    basis_before, basis_after : per share or contract of the replacement, in units
    start_before, start_after : its holding start as a day
    """

    row: Gain
    account: str
    symbol: str
    lot_id: str
    rule: str
    quantity_units: Number
    amount_units: Number
    is_permanent: bool
    basis_before: int
    basis_after: int
    start_before: int
    start_after: int

    @property
    def quantity(self) -> Decimal:
        """Shares sold at a loss that were replaced."""
        return shares(self.quantity_units)

    @property
    def amount(self) -> Decimal:
        """The disallowed loss."""
        return dollars(cents(self.amount_units))

    @property
    def holding_start_before(self) -> date:
        """Where the replacement's holding period began on its own."""
        return date.fromordinal(self.start_before)

    @property
    def holding_start_after(self) -> date:
        """Where it begins with the days of the sold shares added."""
        return date.fromordinal(self.start_after)


class WashSales:
    """Matches losses and replacements, and records what was disallowed.

    permanent : of all disallowances, what no basis has taken up; carried : the rest
    adjusted : rows changed since somebody last looked
    """

    def __init__(self, policies: Policies, flags: Flags) -> None:
        self.policies, self.flags = policies, flags
        self.disallowances: list[Disallowance] = []
        self.permanent: Number = 0
        self.carried: Number = 0
        self.adjusted: list[Gain] = []

    def offer(self, lot: Lot, side: Side, factor: Number = 1) -> bool:
        """Offer a new acquisition to the open losses, oldest first; return whether any of it is left unused.

        factor : shares of the security that one unit of the lot stands for
        """
        losses, day = side.losses, lot.acquired
        while losses and losses[0].last_day < day:
            losses.popleft()
        at = 0
        while at < len(losses):
            loss = losses[at]
            if not self._can_replace(lot, loss) or loss.day - day > WINDOW_DAYS:
                at += 1
                continue
            is_whole = self._replace(loss, lot, factor)
            if not loss.quantity:
                del losses[at]
            if is_whole:
                return False
        return True

    def settle(self, losses: list[OpenLoss], security: Security, side: Side) -> None:
        """Match the losses of one disposition with what is held; what is left stays open until its window ends."""
        if len(losses) > 1:
            losses.sort(key=lambda loss: loss.place[:2])  # shares of one acquisition stay as they were sold
        for loss in losses:
            side.forget_before(loss.day - WINDOW_DAYS)
            self._match_held(loss, security, side)
            if loss.quantity:
                side.losses.append(loss)

    def _match_held(self, loss: OpenLoss, security: Security, side: Side) -> None:
        spent, at = 0, side.head
        sold = self._sold_before(loss, security) if security.sold_slices else []
        while loss.quantity and at < len(side.recent):
            lot = side.recent[at]
            at += 1
            if not lot.quantity or lot.used:
                spent += 1
                continue
            if not self._can_replace(lot, loss):
                continue
            while sold and sold[0].place < lot.place and loss.quantity:
                self._replace_by_sold(loss, sold.pop(0))
            if not loss.quantity:
                break
            if lot.order < loss.place[1] and not lot.position.is_short:
                self.flags.up("prior_lot", loss.symbol, loss.row.close_id)
            self._replace(loss, lot, factor_of(lot, security))
        while sold and loss.quantity:
            self._replace_by_sold(loss, sold.pop(0))
        if spent > 32:
            side.drop_spent()

    def _can_replace(self, lot: Lot, loss: OpenLoss) -> bool:
        if lot.acquisition == loss.acquisition:
            return False
        if loss.option is not None and lot.position.multiplier != 1 and lot.position.symbol != loss.option:
            return False
        return self.policies.prior_lot_counts or lot.position.is_short or lot.place > loss.place

    def _replace(self, loss: OpenLoss, lot: Lot, factor: Number) -> bool:
        """Let a lot replace as much of a loss as it can; return whether the whole lot is used."""
        room = lot.quantity if factor == 1 else lot.quantity * factor
        taken = room if room <= loss.quantity else loss.quantity
        is_whole = taken == room
        position = lot.position
        part = lot if is_whole else position.cut(lot, taken if factor == 1 else divided(taken, factor))
        part.used = True
        basis_before, start_before = part.basis, part.holding_start
        amount = taken * loss.per_share
        if not position.absorbs:
            self.permanent += amount
            retired = position.account.owner.value == "taxpayer"
            rule = REPLACED_IN_RETIREMENT_ACCOUNT if retired else REPLACED_BY_SPOUSE_FOR_GOOD
        else:
            self.carried += amount
            added = loss.per_share if factor == 1 else int(loss.per_share * factor)
            if position.is_short:
                part.deferred += added
                rule = REPLACED_SHORT_SALE
            else:
                part.basis += added
                part.holding_start = tacked(
                    part.holding_start, loss.held_from, loss.day, overlap_once=self.policies.tack_overlap_once
                )
                position.rank(part)
                rule = REPLACED if factor == 1 else REPLACED_BY_OPTION
        loss.quantity -= taken
        row = loss.row
        row.disallowed_units += amount
        self.adjusted.append(row)
        self.disallowances.append(
            Disallowance(
                row,
                position.account.name,
                position.symbol,
                part.id,
                rule,
                taken,
                amount,
                not position.absorbs,
                basis_before,
                part.basis + part.deferred,
                start_before,
                part.holding_start,
            )
        )
        return is_whole

    def _disallow(self, loss: OpenLoss, taken: Number, amount: Number) -> None:
        loss.quantity -= taken
        loss.row.disallowed_units += amount
        self.adjusted.append(loss.row)

    def forgo(self, loss: OpenLoss, taken: Number, lot_id: str, rule: str) -> None:
        """Disallow a loss for good: there is nothing that could carry it."""
        amount = taken * loss.per_share
        self.permanent += amount
        self._disallow(loss, taken, amount)
        row = loss.row
        self.disallowances.append(
            Disallowance(
                row, row.account, row.symbol, lot_id, rule, taken, amount, True, 0, 0, row.start_day, row.start_day
            )
        )

    def add_to_row(self, loss: OpenLoss, taken: Number, row: Gain, rule: str) -> None:
        """Disallow a loss and add it to the cost of shares that are already gone again."""
        amount = taken * loss.per_share
        self.carried += amount
        self._disallow(loss, taken, amount)
        row.cost_units += amount
        self.adjusted.append(row)
        start = row.start_day
        self.disallowances.append(
            Disallowance(loss.row, row.account, row.symbol, row.open_id, rule, taken, amount, False, 0, 0, start, start)
        )

    def _sold_before(self, loss: OpenLoss, security: Security) -> list[SoldSlice]:
        """Return purchases of the window that were sold before the loss, earliest first."""
        first_day = loss.day - WINDOW_DAYS
        security.sold_slices = [
            piece for piece in security.sold_slices if piece.acquired >= first_day and piece.quantity
        ]
        found = [
            piece
            for piece in security.sold_slices
            if piece.acquisition != loss.acquisition
            and piece.row is not loss.row
            and (self.policies.prior_lot_counts or piece.place > loss.place)
        ]
        return sorted(found, key=lambda piece: piece.place)

    def _replace_by_sold(self, loss: OpenLoss, piece: SoldSlice) -> None:
        taken = min(piece.quantity, loss.quantity)
        piece.quantity -= taken
        if piece.row is None:
            self.forgo(loss, taken, "", REPLACED_IN_RETIREMENT_ACCOUNT)
        else:
            self.add_to_row(loss, taken, piece.row, REPLACED_BY_SOLD_SHARES)


def factor_of(lot: Lot, security: Security) -> Number:
    """Return the shares of a security that one unit of a lot stands for: 1, or a call's multiplier on its stock."""
    return 1 if lot.position.security is security else lot.position.multiplier
