"""Flags: where a rule may matter that the engine does not apply by itself; never silence, never a guess."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

SENTENCES = {
    "sold_before": "shares bought in the window were sold before the loss; by the policy in force they replace nothing",
    "prior_lot": "shares bought before those sold replaced them; some authors disregard older shares",
    "cover": "a purchase in the window of a loss closed a short sale; by the policy in force it replaces nothing",
    "option_to_stock": "stock was bought within 30 days of a loss on an option on it; identical only if declared",
    "option_to_option": "another option on the stock was bought within 30 days of a loss; facts decide",
    "short_put_to_stock": "a put was written in the window of a loss; deep in the money it may count (Rev. Rul. 85-87)",
    "successor": "losses on a target are still open; the acquirer's stock is identical to it only if declared",
    "long_sale_washes_short_loss": "a long sale lies within 30 days of a loss on a short sale, IRC 1091(e)(1)",
    "mark_to_market_account_replaces": "a section 475(f) account bought what was sold at a loss elsewhere",
    "constructive_sale_1259": "a short sale and appreciated stock stand against each other",
    "married_put_1233c": "a put was bought on stock that is held: a short sale in IRC 1233(b) unless married to it",
    "straddle_1092": "offsetting positions are held; losses may be deferred as a straddle",
    "qualified_covered_call_1092": "a call was written on stock that is held; see the rules of qualified covered calls",
    "identification_after_settlement": "an identification came after settlement or was not confirmed; FIFO was applied",
    "gift_basis": "a gift's basis for a loss is the lower of the donor's basis and the value when given",
    "option_adjustment": "options are open on a security whose shares changed; give the adjusted contracts as events",
    "payment_in_lieu": "a distribution was paid on a short position; its treatment depends on 45 days, IRC 263(h)",
    "section_1256_mark_missing": "a section 1256 contract or 475(f) position went over a year's end without a mark",
}
"""What each rule's flag says."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One rule that may matter for one symbol: where it was met first, and how often."""

    rule: str
    symbol: str
    event_id: str
    count: int

    @property
    def meaning(self) -> str:
        """What its rule says, whatever the symbol."""
        return SENTENCES[self.rule]

    @property
    def sentence(self) -> str:
        """What it says."""
        times = "" if self.count == 1 else f", {self.count} times"
        return f"{self.symbol}: {self.meaning} (first at {self.event_id}{times})."


class Flags:
    """Collects flags, one for each rule and symbol."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], str] = {}
        self._count: Counter[tuple[str, str]] = Counter()

    def up(self, rule: str, symbol: str, event_id: str) -> None:
        """Raise a flag."""
        self._first.setdefault((rule, symbol), event_id)
        self._count[rule, symbol] += 1

    def all(self) -> list[Flag]:
        """Return every flag, by rule and symbol."""
        return [Flag(*key, first, self._count[key]) for key, first in sorted(self._first.items())]
