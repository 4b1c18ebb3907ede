"""The lots of an account as a choice: which of them a sale had best charge, as identifications that can be given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from tapeline.tax.accounts import Method
from tapeline.tax.amounts import SHARE, Number, per_share, shares, to_amount, to_price, to_quantity
from tapeline.tax.best_lots import Part, cheapest
from tapeline.tax.book import Book
from tapeline.tax.dispositions import of_contract
from tapeline.tax.estimate import Rates, tax_on_rows
from tapeline.tax.events import LotChoice, Sell, day_of
from tapeline.tax.gains import Term
from tapeline.tax.holding_period import is_long_term
from tapeline.tax.lots import Lot, Position, Treatment
from tapeline.tax.securities import WINDOW_DAYS, Security
from tapeline.tax.wash_sales import factor_of
from tapeline.tax.what_if import Consequence, WhatIf


@dataclass(frozen=True, slots=True)
class BestLots:
    """The choice with the least estimated tax on a sale.

    lots : to be identified by settlement; empty where the account's method is as good
    is_exact : no other choice is better; else it is the best of those tried
    """

    lots: tuple[LotChoice, ...]
    consequence: Consequence
    tax: Decimal
    is_exact: bool


def best_lots(what_if: WhatIf, sale: Sell, rates: Rates) -> BestLots | None:
    """Return the best choice of lots for a sale; None where none can be made.

    None can be made at average basis, where nothing is reported, or before other events of the symbol: those after the
    sale were made with other lots at hand.
    Raises TaxRefusal for a sale of more than is held.
    """
    if any(day_of(event) > sale.trade_date for event in what_if.events_of(sale.symbol)):
        return None
    by_method = what_if.trade(replace(sale, lots=()))
    book = what_if.engine_of(sale.symbol).book
    position = book.position(sale.account, sale.symbol)
    if position.treatment is Treatment.NOT_REPORTED or book.method(position) is Method.AVERAGE:
        return None
    best = BestLots((), by_method, tax_on_rows(by_method.rows, rates), is_exact=True)
    groups = _groups(position)
    parts, exact = _parts(book, position, groups, sale, rates)
    chosen = cheapest(parts, _fraction(to_quantity(sale.quantity)), _replacements(book, position, sale.trade_date))
    lots = tuple(
        LotChoice(lots[0].id, shares(int(count * SHARE)), date.fromordinal(lots[0].holding_start))
        for lots, count in zip(groups, chosen, strict=True)
        if count
    )
    found = what_if.trade(replace(sale, lots=lots))
    tax = tax_on_rows(found.rows, rates)
    if tax < best.tax:
        return BestLots(lots, found, tax, exact)
    return replace(best, is_exact=exact)


def _groups(position: Position) -> list[list[Lot]]:
    """Return the lots that an identification can tell apart, in order of acquisition."""
    groups: dict[tuple[str, int], list[Lot]] = {}
    for lot in position:
        groups.setdefault((lot.id, lot.holding_start), []).append(lot)
    return list(groups.values())


def _parts(
    book: Book, position: Position, groups: Sequence[list[Lot]], sale: Sell, rates: Rates
) -> tuple[list[Part], bool]:
    """Return the groups as parts, and whether the choice among them is exact."""
    day, policies = sale.trade_date.toordinal(), book.policies
    costs = to_amount(sale.commission + sale.fees)
    price = of_contract(to_price(sale.price), position.multiplier) - per_share(costs, to_quantity(sale.quantity))
    washes = position.treatment is Treatment.CAPITAL and day >= position.washes_from
    parts, exact = [], True
    for lots in groups:
        first, count = lots[0], sum((_fraction(lot.quantity) for lot in lots), Fraction(0))
        gain = sum((_fraction(lot.quantity) * (price - lot.basis) for lot in lots), Fraction(0)) / count
        is_free = washes and _is_free(first, day)
        parts.append(Part(count, gain * Fraction(rates.of(_term(position, first, day))), gain < 0 and washes, is_free))
        # parts that an identification cannot tell apart are sold in their order, not in the best one
        exact &= len({(lot.basis, lot.used) for lot in lots}) == 1
        exact &= not (gain < 0 and washes and first.acquired >= day - WINDOW_DAYS)
    exact &= policies.prior_lot_counts and policies.replacement_must_be_held
    return parts, exact and sale.symbol not in policies.options_identical_to_stock


def _term(position: Position, lot: Lot, day: int) -> Term:
    if position.treatment is not Treatment.CAPITAL:
        return Term.SECTION_1256 if position.treatment is Treatment.SECTION_1256 else Term.ORDINARY
    is_long = lot.inherited or (lot.opening is None and is_long_term(lot.holding_start, day))
    return Term.LONG if is_long else Term.SHORT


def _is_free(lot: Lot, day: int) -> bool:
    return lot.eligible and not lot.used and lot.acquired >= day - WINDOW_DAYS


def _replacements(book: Book, sold: Position, on: date) -> Fraction:
    """Return the shares outside a position that would replace its losses."""
    day = on.toordinal()
    if sold.treatment is not Treatment.CAPITAL or day < sold.washes_from:
        return Fraction(0)
    security = book.dispositions.security_of_losses(sold)
    found = Fraction(0)
    for lot in free_lots(security, day):
        if lot.position is not sold:
            found += _fraction(lot.quantity * factor_of(lot, security))
    return found


def free_lots(security: Security, day: int) -> Iterator[Lot]:
    """Yield the lots that can replace a loss on a security on a day, calls on it included, earliest acquired first."""
    side = security.long
    for lot in side.recent[side.head :]:
        if lot.quantity and _is_free(lot, day):
            yield lot


def _fraction(value: Number) -> Fraction:
    return Fraction(value, SHARE)
