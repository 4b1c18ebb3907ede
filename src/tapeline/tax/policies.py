"""Where the law is open: every question has a name, a default, and is printed with every result.

A default is what the conformance cases expect. None of them is advice; `docs/tax-rules.md` has the authorities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from enum import Enum

from tapeline.domain.errors import ConfigurationError


class FractionFrom(Enum):
    """Which lot gives the fraction that a corporate action pays in cash."""

    EARLIEST = "earliest"
    LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Policies:
    """The answers a result was computed with.

    identical_groups : symbols the taxpayer has declared substantially identical; nothing is guessed
    replacement_must_be_held : shares bought in the window but sold before the loss replace nothing
    prior_lot_counts : shares bought before the sold ones, inside the window, may replace them
    cover_counts : a purchase that closes a short sale replaces a long loss
    options_identical_to_stock : options the taxpayer has declared identical to their stock
    successor_is_identical : the acquirer's stock in a reorganization is identical to the target's
    long_sale_washes_short_loss : a long sale disallows a loss on a short sale, IRC 1091(e)(1), with nothing to carry it
    tack_overlap_once : days on which sold and replacing shares were both held count once
    spouse_basis_carries : a spouse's replacement takes the disallowed loss into its basis; else it is lost for good
    same_day_sales_are_one : all sales of a security on one day are one disposition
    fraction_from : the lot that gives the fraction paid in cash
    digital_assets_wash_from : the day from which wash-sale rules cover digital assets; None under present law
    mark_to_market_account_replaces : a purchase in a section 475(f) account replaces an investment account's loss
    refuse_constructive_sales : shorting appreciated stock (IRC 1259) is refused; else it is flagged
    """

    identical_groups: tuple[frozenset[str], ...] = ()
    replacement_must_be_held: bool = True
    prior_lot_counts: bool = True
    cover_counts: bool = False
    options_identical_to_stock: frozenset[str] = frozenset()
    successor_is_identical: bool = False
    long_sale_washes_short_loss: bool = False
    tack_overlap_once: bool = False
    spouse_basis_carries: bool = True
    same_day_sales_are_one: bool = False
    fraction_from: FractionFrom = FractionFrom.EARLIEST
    digital_assets_wash_from: date | None = None
    mark_to_market_account_replaces: bool = False
    refuse_constructive_sales: bool = True

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for group in self.identical_groups:
            both = seen & group
            if both:
                raise ConfigurationError(
                    f"Policy identical_groups names {sorted(both)[0]!r} in two groups; join them into one."
                )
            seen |= group

    def as_text(self) -> Mapping[str, str]:
        """Return every policy by its name, in words that a page can print."""
        return {field.name: _words(getattr(self, field.name)) for field in fields(self)}


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "none"
    if isinstance(value, tuple):
        return "; ".join(" = ".join(sorted(group)) for group in value) or "none"
    return "never" if value is None else str(value)
