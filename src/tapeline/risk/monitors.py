"""What lowers the trading state without a person: each watch is one question with a number and a bound.

    drawdown          equity below the session's highest by more than it may be          HALTED
                      (below the highest since a person raised trading from HALTED, where one did)
    broker errors     so many refusals and failures within a minute                      REDUCING
    feed silent       most symbols silent for longer than their rhythm, in session       REDUCING
    reconciliation    a break that stands in so many comparisons one after the other     REDUCING
    clock skew        venue's time and ours apart by more than it may be                 REDUCING
    loop stalled      a turn that took longer than it may, or began too late             REDUCING
    journal failure   facts that could not be made durable                               HALTED

A watch answers with the state it asks for; the switch (`switch.py`) latches it.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, fields

from tapeline.domain.control import TradingState, Trigger
from tapeline.domain.errors import ConfigurationError
from tapeline.domain.keeping import Keeps
from tapeline.domain.times import SECOND

MINUTE_NS = 60 * SECOND
_SHARES = ("drawdown", "silent_share")


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """Bounds of the watches.

    drawdown : fall of equity from the session's highest, as a share of it
    broker_errors_per_minute : refusals by the venue and requests without outcome
    silent_share : share of the subscribed symbols that may be silent
    breaks_in_row : comparisons in which the same kind of break may stand
    clock_skew_s, turn_s : seconds
    """

    drawdown: float = 0.05
    broker_errors_per_minute: int = 10
    silent_share: float = 0.5
    breaks_in_row: int = 3
    clock_skew_s: float = 2.0
    turn_s: float = 5.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value > 0):
                raise ConfigurationError(f"Monitors: {field.name} must be above zero, found {value}.")
            if field.name in _SHARES and value > 1:
                meant = f"{value:g} % is {value / 100:g}"
                raise ConfigurationError(
                    f"Monitors: {field.name} is a share between 0 and 1, found {value:g}; {meant}."
                )


@dataclass(frozen=True, slots=True)
class Alarm:
    """What a watch asks for, and why in a sentence."""

    state: TradingState
    trigger: Trigger
    text: str


class Monitors(Keeps):
    """The watches over one account. Each `see_...` takes in what happened and returns an alarm or None."""

    KEPT = ("_session", "_equity", "_highest", "_since")

    def __init__(self, settings: MonitorSettings) -> None:
        self.settings = settings
        self._errors: deque[int] = deque()
        self._breaks = 0
        self._session: int | None = None
        self._equity = self._highest = 0.0
        self._since = "the session's highest"

    def see_equity(self, equity: float, session: int) -> Alarm | None:
        """Watch the fall from the session's highest equity."""
        if session != self._session:
            self._session, self._highest, self._since = session, equity, "the session's highest"
        self._equity, self._highest = equity, max(self._highest, equity)
        fallen = (self._highest - equity) / self._highest if self._highest > 0 else 1.0
        if fallen < self.settings.drawdown:
            return None
        return Alarm(
            TradingState.HALTED,
            Trigger.DRAWDOWN,
            f"Equity of {equity:,.2f} is {fallen:.2%} below {self._since} of {self._highest:,.2f}; the bound is"
            f" {self.settings.drawdown:.2%}.",
        )

    def accept_equity(self) -> None:
        """Measure the fall from the equity that was seen last: a person knows what was lost."""
        self._highest, self._since = self._equity, "the highest since trading was resumed"

    def see_broker_error(self, now_ns: int, text: str) -> Alarm | None:
        """Watch how often the venue refuses or does not answer."""
        self._errors.append(now_ns)
        while self._errors and now_ns - self._errors[0] >= MINUTE_NS:
            self._errors.popleft()
        if len(self._errors) < self.settings.broker_errors_per_minute:
            return None
        count = len(self._errors)
        self._errors.clear()
        return Alarm(
            TradingState.REDUCING,
            Trigger.BROKER_ERRORS,
            f"{count} errors of the broker within a minute, the last: {text}",
        )

    def see_silence(self, silent: list[str], subscribed: int) -> Alarm | None:
        """Watch the feed: the symbols that are silent by their own rhythm, out of so many."""
        if not silent or len(silent) < self.settings.silent_share * subscribed:
            return None
        named = ", ".join(silent[:5]) + (f" and {len(silent) - 5} more" if len(silent) > 5 else "")
        return Alarm(
            TradingState.REDUCING,
            Trigger.FEED_SILENT,
            f"The feed is silent for {len(silent)} of {subscribed} symbols: {named}.",
        )

    def see_comparison(self, breaks: int) -> Alarm | None:
        """Watch comparisons with the broker: how many breaks this one leaves unexplained."""
        self._breaks = self._breaks + 1 if breaks else 0
        if self._breaks < self.settings.breaks_in_row:
            return None
        return Alarm(
            TradingState.REDUCING,
            Trigger.RECONCILIATION_BREAK,
            f"{breaks} differences from the broker's books stand unexplained in {self._breaks} comparisons in a row.",
        )

    def see_clocks(self, ours_ns: int, theirs_ns: int) -> Alarm | None:
        """Watch how far the venue's clock and ours are apart, theirs being ahead or behind."""
        apart_s = abs(ours_ns - theirs_ns) / SECOND
        if apart_s <= self.settings.clock_skew_s:
            return None
        return Alarm(
            TradingState.REDUCING,
            Trigger.CLOCK_SKEW,
            f"Our clock and the venue's are {apart_s:.1f} s apart; the bound is {self.settings.clock_skew_s:g} s.",
        )

    def see_turn(self, took_ns: int) -> Alarm | None:
        """Watch how long a turn of the loop took, or how much later than it was due it began."""
        if took_ns <= self.settings.turn_s * SECOND:
            return None
        return Alarm(
            TradingState.REDUCING,
            Trigger.LOOP_STALLED,
            f"The loop was held up for {took_ns / SECOND:.1f} s; the bound is {self.settings.turn_s:g} s.",
        )

    @staticmethod
    def see_journal_failure(text: str) -> Alarm:
        """A failure to make facts durable: nothing more may be sent."""
        return Alarm(TradingState.HALTED, Trigger.JOURNAL_FAILURE, text)
