"""The facts of the journal: everything that is recorded, and nothing that can be computed from it.

A trade reads like this, one record after the other:

    RunStarted      code, configuration and data by their hashes
    CashMoved       DEPOSIT 100,000
    SignalRaised    Reversal wants to enter_long AAPL: the tree of conditions with the numbers they saw
    OrderIntended   the order, what sizing computed, the signal it came from; journaled before it is sent
    OrderAccepted   the venue has it
    OrderFilled     100 at 172.40, commission 1.00, nothing left
    SessionClosed   marks of everything that is held
    RunEnded        the digest of the views, for who rebuilds them

What happens to orders is in `order_facts.py`, to those that are worked in parts in `parent_facts.py`. What others
report (corrections, busts, statements) is in `adopted_facts.py`, what is decided about trading as a whole in
`control_facts.py`.

Positions, cash, P&L and round trips are views (`views.py`). A field is added to a fact with a new schema
number and a reader for the old one; a field never changes its meaning. Times are those of the event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from tapeline.domain import require
from tapeline.domain.bar import Bar
from tapeline.domain.cash import CashCause
from tapeline.domain.errors import InputError
from tapeline.domain.signal import Signal
from tapeline.ledger.adopted_facts import (
    AccountDescribed,
    BreakAccepted,
    BustNoted,
    CashAdopted,
    ExecutionAdopted,
    ExecutionBusted,
    ExecutionCorrected,
    HoldingChanged,
)
from tapeline.ledger.control_facts import (
    CommandGiven,
    Flattened,
    GapClosed,
    GapOpened,
    LimitOverridden,
    OrderWarned,
    Reconciled,
    RunResumed,
    SymbolLocked,
    SymbolUnlocked,
    TradingStateChanged,
    Tree,
)
from tapeline.ledger.order_facts import (
    CancelIntended,
    CancelRejected,
    OrderAccepted,
    OrderAdopted,
    OrderCanceled,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderIntended,
    OrderRejected,
    OrderReplaced,
    OrderTriggered,
    OutcomeLost,
    ReplaceDenied,
    ReplaceIntended,
    ReplaceRejected,
)
from tapeline.ledger.parent_facts import (
    ChildOrderPriced,
    ParentOrderEnded,
    ParentOrderHurried,
    ParentOrderIntended,
    ParentOrderStopped,
)


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The manifest: who wants the same bytes again needs exactly these.

    code_version : of the package; code_digest : SHA-256 over its source files
    configuration : everything that was set, defaults included
    data_source : where the bars came from, as a path or address; data_digest : SHA-256 over their bytes
    seed : of the run's randomness
    """

    kind: ClassVar[str] = "RunStarted"
    schema: ClassVar[int] = 1
    event_time_ns: int
    code_version: str
    code_digest: str
    configuration: Tree
    data_source: str
    data_digest: str
    seed: int = 0


@dataclass(frozen=True, slots=True)
class SignalRaised:
    """A strategy's wish with its reasons, and the bar at whose end it was made."""

    kind: ClassVar[str] = "SignalRaised"
    schema: ClassVar[int] = 1
    signal: Signal
    bar: Bar | None = None

    @property
    def event_time_ns(self) -> int:
        """When the signal was raised."""
        return self.signal.time_ns

    @property
    def signal_id(self) -> str:
        """The name by which intents refer to it."""
        return self.signal.signal_id

    @property
    def symbol(self) -> str:
        """The symbol it is about."""
        return self.signal.symbol


@dataclass(frozen=True, slots=True)
class CashMoved:
    """Cash that came or went without an execution; `amount` has the sign of the change.

    strategy : whose position it belongs to, None where it belongs to the account as a whole (interest)
    """

    kind: ClassVar[str] = "CashMoved"
    schema: ClassVar[int] = 1
    event_time_ns: int
    cause: CashCause
    amount: Decimal
    symbol: str | None = None
    strategy: str | None = None
    account: str = "main"

    def __post_init__(self) -> None:
        require.finite(self.amount, "amount", "Cash moved for", self.cause.name)
        require.a_time(self.event_time_ns, "event_time_ns", "Cash moved for", self.cause.name)


@dataclass(frozen=True, slots=True)
class SplitApplied:
    """A split of new_shares for old_shares, as it met the position of one strategy.

    There is one for each holder of the symbol in the account, `external` too. What is lost between
    quantity_before * new / old and quantity_after is paid in cash: a CashMoved of cause FRACTION_PAID.
    """

    kind: ClassVar[str] = "SplitApplied"
    schema: ClassVar[int] = 1
    event_time_ns: int
    symbol: str
    strategy: str
    new_shares: Decimal
    old_shares: Decimal
    quantity_before: Decimal
    quantity_after: Decimal
    account: str = "main"

    def __post_init__(self) -> None:
        require.above_zero(self.new_shares, "new_shares", "Split of", self.symbol)
        require.above_zero(self.old_shares, "old_shares", "Split of", self.symbol)
        require.finite(self.quantity_before, "quantity_before", "Split of", self.symbol)
        require.finite(self.quantity_after, "quantity_after", "Split of", self.symbol)
        exact_after = self.quantity_before * self.new_shares
        # the account is cut to whole steps as one, so a strategy may get the part of another
        if abs(self.quantity_after * self.old_shares - exact_after) >= self.old_shares:
            raise InputError(
                f"Split of {self.symbol}, {self.new_shares} for {self.old_shares}: {self.quantity_before} "
                f"becomes about {exact_after / self.old_shares}, found {self.quantity_after}."
            )


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """The end of a session with the marks of every symbol held, so that equity needs no data files."""

    kind: ClassVar[str] = "SessionClosed"
    schema: ClassVar[int] = 1
    event_time_ns: int
    marks: Mapping[str, Decimal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for symbol, mark in self.marks.items():
            require.above_zero(mark, "mark", "Session close,", symbol)


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run came to its end. views_digest is `Views.digest()` of everything before this record."""

    kind: ClassVar[str] = "RunEnded"
    schema: ClassVar[int] = 1
    event_time_ns: int
    views_digest: str
    summary: Tree = field(default_factory=dict)


FACTS: dict[str, type[Any]] = {
    fact.kind: fact
    for fact in (
        RunStarted,
        SignalRaised,
        OrderIntended,
        CancelIntended,
        ReplaceIntended,
        OrderDenied,
        ReplaceDenied,
        OrderAccepted,
        OrderTriggered,
        OrderReplaced,
        OrderCanceled,
        OrderRejected,
        OrderExpired,
        OrderFilled,
        OutcomeLost,
        CancelRejected,
        ReplaceRejected,
        OrderAdopted,
        CashMoved,
        SplitApplied,
        ExecutionAdopted,
        ExecutionCorrected,
        ExecutionBusted,
        BustNoted,
        CashAdopted,
        HoldingChanged,
        AccountDescribed,
        BreakAccepted,
        SessionClosed,
        RunEnded,
        GapOpened,
        GapClosed,
        Reconciled,
        SymbolLocked,
        SymbolUnlocked,
        TradingStateChanged,
        LimitOverridden,
        CommandGiven,
        Flattened,
        OrderWarned,
        RunResumed,
        ParentOrderIntended,
        ChildOrderPriced,
        ParentOrderHurried,
        ParentOrderStopped,
        ParentOrderEnded,
    )
}
"""Every kind of fact by its name."""
