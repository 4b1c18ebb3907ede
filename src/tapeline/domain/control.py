"""The words for trading as a whole: what it may do, who or what changed that, and why the books are in doubt.

The journal stores the names; the values are stable too, because compiled limits read them.
"""

from __future__ import annotations

from enum import IntEnum


class TradingState(IntEnum):
    """What may be sent: everything; only what reduces a position; only cancels and stops of what is held."""

    ACTIVE = 1
    REDUCING = 2
    HALTED = 3


class Trigger(IntEnum):
    """What changed the trading state."""

    PERSON = 1
    DRAWDOWN = 2
    BROKER_ERRORS = 3
    FEED_SILENT = 4
    RECONCILIATION_BREAK = 5
    CLOCK_SKEW = 6
    JOURNAL_FAILURE = 7
    LOOP_STALLED = 8
    STRATEGY_FAILED = 9


class GapCause(IntEnum):
    """Why reports may be missing: the process started, the link was lost, a report shows that others
    are missing, or the process was held up."""

    START = 1
    LINK_LOST = 2
    REPORT_MISSING = 3
    STALLED = 4
