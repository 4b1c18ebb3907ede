"""Words for what a broker reports and no order of ours caused: where it came from and what it changed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from tapeline.domain.reports import EXTERNAL as EXTERNAL


class Origin(IntEnum):
    """What made an execution.

    EXERCISE and ASSIGNMENT deliver the shares of an option that ended. SHORT_SALE is a sale of which the broker says
    that it opens a short position, in part at least; without that word a sale of more than is held lacks a purchase.
    """

    TRADE = 0
    REINVESTMENT = 1
    EXERCISE = 2
    ASSIGNMENT = 3
    SHORT_SALE = 4


class HoldingCause(IntEnum):
    """Why a holding changed without a trade."""

    SPLIT = 1
    SYMBOL_CHANGE = 2
    STOCK_MERGER = 3
    CASH_MERGER = 4
    SPIN_OFF = 5
    RETURN_OF_CAPITAL = 6
    WORTHLESS = 7
    OPTION_EXERCISE = 10
    OPTION_ASSIGNMENT = 11
    OPTION_EXPIRY = 12
    TRANSFER_IN = 20
    TRANSFER_OUT = 21

    @property
    def word(self) -> str:
        """The cause in words."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why somebody else's word was taken into the journal.

    source : where it stands, such as "flex U1234567" or "alpaca"
    reason, who : for what a person decided; empty for what an import took as it stood
    """

    source: str
    reason: str = ""
    who: str = ""


NOT_SHOWN = Grounds("comparison", "neither the venue's executions nor its position show it")
"""Of a bust that nobody told: concluded from what the venue shows, and withdrawn where it shows the execution again."""

RESTATED = Grounds("comparison", "the venue's executions show it with other numbers under the same id")
"""Of a correction that nobody told: what had been reported was not what the venue lists."""
