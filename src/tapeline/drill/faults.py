"""The kinds of faults, which of them blow at the moment, and what they did.

A fault is counted twice: how often it was *injected*, and how often it *changed the course* of something. A duplicate
of a message that the link lost anyway was injected and changed nothing. A kind that changed nothing over a whole run
was not tested, whatever the run's length, and fails it.
"""

from __future__ import annotations

from collections import Counter
from enum import Enum

from tapeline.drill.virtual_time import Chance


class Fault(Enum):
    """What can go wrong outside the system, by the place where it does."""

    REPORT_LOST = "a report of the venue is lost"
    REPORT_DELAYED = "reports come late, in their order"
    REPORT_DOUBLED = "a report comes twice"
    REPORT_OVERTAKEN = "a report is overtaken by later ones"
    REPORT_CORRUPT = "a report cannot be read"
    REQUEST_LOST = "a request never arrives"
    REQUEST_DELAYED = "a request arrives late, within the horizon"
    REQUEST_DOUBLED = "a request arrives twice"
    REQUEST_CORRUPT = "a request cannot be read by the venue"
    OUTCOME_LOST_DONE = "a request is carried out and answered by a time-out"
    OUTCOME_LOST_NOT_DONE = "a request is answered by a time-out and never arrives"
    ANSWER_LOST = "an answer is lost"
    ANSWER_LATE = "an answer comes long after it was asked for"
    STALL = "the link is up and mute"
    SWIZZLE = "the roads of the link fail one by one and come back in another order"
    DISCONNECT = "the link is lost"
    CONNECT_REFUSED = "the link breaks with a sign and each attempt to connect is refused for a while"
    VENUE_RESTART = "the venue restarts and gives names again that it gave before"
    ORDER_REJECTED = "the venue refuses an order"
    ORDER_REISSUED = "the venue gives a working order another name"
    EXECUTION_CORRECTED = "the venue corrects an execution"
    EXECUTION_BUSTED = "the venue takes an execution back"
    ORDER_BY_HAND = "somebody types an order into the venue's own screen"
    LIQUIDATED = "the broker closes a part of a position by itself"
    SYMBOL_HALTED = "trading of a symbol stands still"
    SLICE_LATE = "a slice comes late"
    SLICE_LOST = "a slice is lost"
    SLICE_DOUBLED = "a slice comes twice"
    SLICE_CORRUPT = "a slice holds prices that cannot be"
    FEED_STALL = "the feed is mute"
    DISK_FULL = "a commit fails, the disk is full"
    DISK_LOCKED = "a commit fails, another program holds the file"
    CRASH_BEFORE_COMMIT = "the process dies before a commit begins"
    CRASH_IN_COMMIT = "the process dies within a commit, which is then torn"
    CRASH_AFTER_COMMIT = "the process dies when a commit is done and nothing is sent"
    CRASH_WHILE_SENDING = "the process dies between two requests"
    PROCESS_STALL = "the process stands still for a while"
    CLOCK_SKEWED = "the clock is ahead or behind"
    CLOCK_SET_BACK = "the clock is set back"
    CLOCK_SET_AHEAD = "the clock is set ahead, and right again later"

    # the identity serves: a member is one object, and the usual hash of a word is computed in Python each time
    __hash__ = object.__hash__


CRASHES = tuple(fault for fault in Fault if fault.name.startswith("CRASH"))
"""What ends a process."""


class Tally:
    """How often each kind was injected, and how often it changed the course of something."""

    def __init__(self) -> None:
        self.injected: Counter[Fault] = Counter()
        self.changed: Counter[Fault] = Counter()

    def add(self, other: Tally) -> None:
        """Take in what another run has counted."""
        self.injected.update(other.injected)
        self.changed.update(other.changed)

    def untested(self) -> list[Fault]:
        """Return the kinds that changed nothing at all."""
        return [fault for fault in Fault if not self.changed[fault]]


class Weather:
    """The faults that are possible at this moment, each with its rate.

    Several episodes of one kind may overlap; the strongest counts. Every draw of a kind comes from a stream of
    its own, so that an episode that is taken out of a scenario leaves the draws of other kinds alone.
    """

    def __init__(self, seed: int, tally: Tally) -> None:
        self.tally = tally
        self._rates: dict[Fault, list[float]] = {}
        self._chances = {fault: Chance(seed, f"weather/{fault.name}") for fault in Fault}

    def begin(self, fault: Fault, rate: float) -> None:
        """Let a kind of fault be possible from now on."""
        self._rates.setdefault(fault, []).append(rate)

    def end(self, fault: Fault, rate: float) -> None:
        """Let one episode of a kind be over."""
        rates = self._rates[fault]
        rates.remove(rate)
        if not rates:
            del self._rates[fault]

    def strikes(self, fault: Fault) -> bool:
        """Return whether the fault happens now, and count it as injected if so."""
        if not self._rates:
            return False
        rates = self._rates.get(fault)
        if rates is None or not self._chances[fault].hits(max(rates)):
            return False
        self.tally.injected[fault] += 1
        return True

    def chance(self, fault: Fault) -> Chance:
        """Return the stream from which the terms of a fault are drawn."""
        return self._chances[fault]

    def changed(self, fault: Fault, count: int = 1) -> None:
        """Count that a fault changed the course of something."""
        self.tally.changed[fault] += count
