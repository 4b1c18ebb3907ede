"""A difference between the journal and a statement: what it is, what it does to the totals, and what would mend it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum

from tapeline.ports.journal import Fact

ZERO = Decimal(0)


class Cause(Enum):
    """What is wrong. HERE is our journal, THERE the statement."""

    MISSING_HERE = "missing here"
    MISSING_THERE = "missing in the statement"
    DOUBLED_HERE = "doubled here"
    DOUBLED_THERE = "doubled in the statement"
    BUSTED = "busted by the broker"
    SIDE = "different side"
    QUANTITY = "different quantity"
    PRICE = "different price"
    FEE = "different fee"
    DATE = "different date"
    CASH_MISSING_HERE = "cash missing here"
    CASH_MISSING_THERE = "cash missing in the statement"
    CASH_DOUBLED_HERE = "cash doubled here"
    CASH_AMOUNT = "different amount of cash"
    CASH_DATE = "different date of cash"
    ACTION_MISSING_HERE = "corporate action missing here"
    ACTION_MISSING_THERE = "corporate action missing in the statement"
    ACTION = "different corporate action"
    POSITION = "different end position"
    BALANCE = "different end cash"
    WASH_SALE = "different wash sale"
    LOTS = "different lots"


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One difference.

    causes : what differs, the weightiest first
    sentence : both sides with their numbers, why, and what to do
    ours, theirs : ids, empty where there is none; where : place in the statement
    suggestion : the facts that would make the journal agree; empty where only a person can tell
    quantity_effect, cash_effect : what it makes of the difference between the end totals, theirs less ours
    """

    causes: tuple[Cause, ...]
    account: str
    symbol: str
    day: date
    sentence: str
    ours: str = ""
    theirs: str = ""
    where: str = ""
    suggestion: tuple[Fact, ...] = field(default=(), repr=False)
    quantity_effect: Decimal = ZERO
    cash_effect: Decimal = ZERO

    @property
    def cause(self) -> Cause:
        """The weightiest of the causes."""
        return self.causes[0]

    @property
    def key(self) -> str:
        """Eight hexadecimal digits by which it is named; the same difference has the same ones every time."""
        words = "|".join(
            (*[c.value for c in self.causes], self.account, self.symbol, self.ours, self.theirs, self.sentence)
        )
        return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def place(found: Discrepancy) -> tuple[object, ...]:
    """Return where a discrepancy stands among others: by account, day, symbol, cause."""
    return found.account, found.day, found.symbol, found.cause.value, found.ours, found.theirs
