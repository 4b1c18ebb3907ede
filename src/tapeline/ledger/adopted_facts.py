"""Facts that others report: executions nobody here ordered, corrections, and entries of a broker's statement.

    ExecutionAdopted     bought 100 at 172.40, found in the statement of May
    ExecutionCorrected   the broker writes again: it was 172.04 (FIX 150=G, TradeCorrect)
    ExecutionBusted      the trade did not happen after all (FIX 150=H, TradeCancel)
    BustNoted            the same of one that is not booked: its report, should it still come, counts for nothing
    CashAdopted          a dividend, a fee, a deposit
    AccountDescribed     it is a retirement account
    HoldingChanged       a split, a merger, an expired option, shares that came from another broker
    BreakAccepted        a person takes over what the broker says of a position or of cash, and no execution explains

The record that was wrong stays where it is: a correction stands behind it and holds both versions, so whoever reads it
needs no other. An import, a reconciliation, and whoever listens to a broker write the same facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import ClassVar

from tapeline.domain import require
from tapeline.domain.adopted import Grounds, HoldingCause, Origin
from tapeline.domain.cash import CashCause
from tapeline.domain.errors import InputError
from tapeline.domain.execution import Execution
from tapeline.domain.position import EXACT

ONE, ZERO = Decimal(1), Decimal(0)


@dataclass(frozen=True, slots=True)
class ExecutionAdopted:
    """An execution that no order of this journal caused; its strategy is EXTERNAL, its order id the broker's.

    multiplier : shares of one contract, 1 for shares; price and quantity of an option are those of its contract
    """

    kind: ClassVar[str] = "ExecutionAdopted"
    schema: ClassVar[int] = 1
    execution: Execution
    grounds: Grounds
    multiplier: Decimal = ONE
    origin: Origin = Origin.TRADE

    def __post_init__(self) -> None:
        require.above_zero(self.multiplier, "multiplier", "Execution", self.execution_id)

    @property
    def event_time_ns(self) -> int:
        """When it was executed."""
        return self.execution.event_time_ns

    @property
    def execution_id(self) -> str:
        """The broker's key, by which it is booked once."""
        return self.execution.execution_id

    @property
    def symbol(self) -> str:
        """What was traded."""
        return self.execution.symbol


@dataclass(frozen=True, slots=True)
class ExecutionCorrected:
    """An execution stands differently from now on (FIX 150=G).

    event_time_ns : of the correction; the executions keep their own times
    corrected : what stood until now, whole (its id is FIX 19); execution : what stands instead, under an id of its own
    leaves_quantity : what is open of the order now, None where the order is not ours or has ended
    """

    kind: ClassVar[str] = "ExecutionCorrected"
    schema: ClassVar[int] = 1
    event_time_ns: int
    corrected: Execution
    execution: Execution
    grounds: Grounds
    multiplier: Decimal = ONE
    leaves_quantity: Decimal | None = None

    def __post_init__(self) -> None:
        require.a_time(self.event_time_ns, "event_time_ns", "Correction of", self.corrected.execution_id)
        require.above_zero(self.multiplier, "multiplier", "Correction of", self.corrected.execution_id)
        if self.leaves_quantity is not None:
            require.not_below_zero(self.leaves_quantity, "leaves_quantity", "Correction of", self.execution_id)
        if self.execution_id == self.corrected.execution_id:
            raise InputError(
                f"Correction of {self.execution_id}: it has the id of what it corrects. Give it one of its own, such "
                f"as {self.execution_id}~2."
            )
        before, after = _whose(self.corrected), _whose(self.execution)
        if before != after:
            raise InputError(
                f"Correction of {self.corrected.execution_id}: it is of {before}, the new version of {after}. Bust the "
                f"one and adopt the other."
            )

    @property
    def execution_id(self) -> str:
        """The key of the new version."""
        return self.execution.execution_id

    @property
    def client_order_id(self) -> str:
        """The order that it belongs to."""
        return self.execution.client_order_id

    @property
    def symbol(self) -> str:
        """What was traded."""
        return self.execution.symbol


@dataclass(frozen=True, slots=True)
class ExecutionBusted:
    """An execution does not stand any more (FIX 150=H). `busted` is what stood until now, whole.

    leaves_quantity : what is open of the order now, None where the order is not ours or has ended
    """

    kind: ClassVar[str] = "ExecutionBusted"
    schema: ClassVar[int] = 1
    event_time_ns: int
    busted: Execution
    grounds: Grounds
    multiplier: Decimal = ONE
    leaves_quantity: Decimal | None = None

    def __post_init__(self) -> None:
        require.a_time(self.event_time_ns, "event_time_ns", "Bust of", self.busted.execution_id)
        require.above_zero(self.multiplier, "multiplier", "Bust of", self.busted.execution_id)
        if self.leaves_quantity is not None:
            require.not_below_zero(self.leaves_quantity, "leaves_quantity", "Bust of", self.busted.execution_id)

    @property
    def client_order_id(self) -> str:
        """The order that it belonged to."""
        return self.busted.client_order_id

    @property
    def symbol(self) -> str:
        """What was traded."""
        return self.busted.symbol


@dataclass(frozen=True, slots=True)
class BustNoted:
    """An execution was busted that these books do not have. `busted` is as it was told; it is never booked."""

    kind: ClassVar[str] = "BustNoted"
    schema: ClassVar[int] = 1
    event_time_ns: int
    busted: Execution
    grounds: Grounds

    def __post_init__(self) -> None:
        require.a_time(self.event_time_ns, "event_time_ns", "Bust of", self.busted.execution_id)

    @property
    def client_order_id(self) -> str:
        """The order that it would have belonged to."""
        return self.busted.client_order_id

    @property
    def symbol(self) -> str:
        """What it was of."""
        return self.busted.symbol


@dataclass(frozen=True, slots=True)
class CashAdopted:
    """An entry of cash in a statement; `amount` has the sign of the change.

    entry_id : the statement's key, by which it is booked once; text : what the statement says
    event_time_ns : midnight of its day in the exchange's zone, where the statement has no clock
    """

    kind: ClassVar[str] = "CashAdopted"
    schema: ClassVar[int] = 1
    event_time_ns: int
    entry_id: str
    cause: CashCause
    amount: Decimal
    grounds: Grounds
    symbol: str | None = None
    text: str = ""
    account: str = "main"

    def __post_init__(self) -> None:
        require.a_name(self.entry_id, "entry_id", "Cash")
        require.finite(self.amount, "amount", "Cash entry", self.entry_id)
        require.a_time(self.event_time_ns, "event_time_ns", "Cash entry", self.entry_id)


@dataclass(frozen=True, slots=True)
class HoldingChanged:
    """What an account held changed without a trade.

    entry_id : the statement's key, by which it is booked once
    quantity : change of `symbol`, signed; new_quantity : change of `new_symbol`, where there is one
    new_shares, old_shares : the ratio, as the issuer tells it; None where it has none
    cash : what it brought in money, over all shares
    basis, acquired_ns : of shares that came from outside, over all of them; None where the statement is silent
    basis_fraction : the part of the basis that goes to the shares of a spin-off, from the issuer's Form 8937
    """

    kind: ClassVar[str] = "HoldingChanged"
    schema: ClassVar[int] = 1
    event_time_ns: int
    entry_id: str
    cause: HoldingCause
    symbol: str
    quantity: Decimal
    grounds: Grounds
    new_symbol: str | None = None
    new_quantity: Decimal = ZERO
    new_shares: Decimal | None = None
    old_shares: Decimal | None = None
    cash: Decimal = ZERO
    basis: Decimal | None = None
    acquired_ns: int | None = None
    basis_fraction: Decimal | None = None
    text: str = ""
    account: str = "main"

    def __post_init__(self) -> None:
        require.a_name(self.entry_id, "entry_id", "Change of a holding")
        require.a_name(self.symbol, "symbol", "Change", self.entry_id)
        require.a_time(self.event_time_ns, "event_time_ns", "Change", self.entry_id)
        for name in ("quantity", "new_quantity", "cash"):
            require.finite(getattr(self, name), name, "Change", self.entry_id)
        for name in ("new_shares", "old_shares"):
            if getattr(self, name) is not None:
                require.above_zero(getattr(self, name), name, "Change", self.entry_id)


@dataclass(frozen=True, slots=True)
class AccountDescribed:
    """What an account is to the law, from now on and for everything before: the last description counts.

    account_kind : taxable, ira or mtm475f; an account that nobody described is taxable
    """

    kind: ClassVar[str] = "AccountDescribed"
    schema: ClassVar[int] = 1
    event_time_ns: int
    account: str
    account_kind: str
    grounds: Grounds

    def __post_init__(self) -> None:
        require.a_time(self.event_time_ns, "event_time_ns", "Description of account", self.account)
        require.a_name(self.account, "account", "Description of an account")
        require.a_name(self.account_kind, "account_kind", "Description of account", self.account)


@dataclass(frozen=True, slots=True)
class BreakAccepted:
    """A person accepts a difference that a comparison found: from now on our books say what the broker's said.

    ours, theirs : quantity of `symbol`, or cash where there is none; the difference is booked as made or lost
    changes : of a symbol, by strategy, signed; their sum is the difference
    price : of one share, at which the change is valued; None for cash
    who, reason : of the person
    """

    kind: ClassVar[str] = "BreakAccepted"
    schema: ClassVar[int] = 1
    event_time_ns: int
    ours: Decimal
    theirs: Decimal
    who: str
    reason: str
    symbol: str | None = None
    changes: Mapping[str, Decimal] = field(default_factory=dict)
    price: Decimal | None = None
    account: str = "main"

    def __post_init__(self) -> None:
        owner = ("Acceptance of", self.symbol or f"the cash of {self.account}")
        require.a_time(self.event_time_ns, "event_time_ns", *owner)
        require.finite(self.ours, "ours", *owner)
        require.finite(self.theirs, "theirs", *owner)
        require.a_name(self.who, "who", *owner)
        require.a_name(self.reason, "reason", *owner)
        if self.symbol is None:
            return
        require.above_zero(self.price or ZERO, "price", *owner)
        with localcontext(EXACT):
            booked, wanted = sum(self.changes.values(), ZERO), self.theirs - self.ours
        if booked != wanted:
            raise InputError(f"{' '.join(owner)}: the difference is {wanted}, and {booked} of it is booked.")

    @property
    def difference(self) -> Decimal:
        """What they have more than we had."""
        with localcontext(EXACT):
            return self.theirs - self.ours


def _whose(execution: Execution) -> str:
    return f"{execution.symbol} in {execution.account} for {execution.strategy}"
