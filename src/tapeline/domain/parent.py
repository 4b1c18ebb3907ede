"""Words of orders that are worked in parts: how a part is priced, and why working ended."""

from __future__ import annotations

from enum import IntEnum


class Pricing(IntEnum):
    """How far a child order goes toward the market. The journal stores the name.

    STOP : of an exit, it waits at the stop of what the exit closes
    """

    MARKET = 0
    PASSIVE = 1
    MID = 2
    CROSS = 3
    STOP = 4


class ParentEnd(IntEnum):
    """Why nothing more is sent for a parent order.

    FILLED : all of it; ACCEPTED : enough of it, by the settings
    CANCELED : its strategy called it back; EXIT : a stop or target of what it had bought was reached
    WINDOW : its time is over; NO_WINDOW : there was no time in which it might be worked
    TIMED_OUT : the last time-out of a limit passed, and the rest is left
    TRADING_STATE : trading was lowered; NOTHING_HELD : what it was to close is not held any more
    CORPORATE_ACTION : its symbol was split; EXHAUSTED : it has had as many children as ids allow
    """

    FILLED = 1
    ACCEPTED = 2
    CANCELED = 3
    EXIT = 4
    WINDOW = 5
    NO_WINDOW = 6
    TIMED_OUT = 7
    TRADING_STATE = 8
    NOTHING_HELD = 9
    CORPORATE_ACTION = 10
    EXHAUSTED = 11

    @property
    def word(self) -> str:
        return self.name.lower()
