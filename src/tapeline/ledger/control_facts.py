"""Facts about trading as a whole: gaps, comparisons with the broker, locks, the trading state, and what persons did.

    GapOpened             LINK_LOST: what happens at the venue is not reported
    Reconciled            asked, answered, compared: one execution was missing and is booked
    GapClosed
    CommandGiven          halt, by anna: "looks wrong"
    TradingStateChanged   HALTED by a PERSON
    Flattened             what a flatten asked for is done, and the broker's books say so
    OrderWarned           buying now makes a wash sale of 250.00; the order leaves, as asked

They change no position and no order; what they decide is taken in by `control.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from tapeline.domain import require
from tapeline.domain.control import GapCause, TradingState, Trigger
from tapeline.domain.errors import InputError
from tapeline.domain.words import Limit

Tree = Mapping[str, Any]
"""Nested dicts with text keys, lists, texts, whole numbers, float64, booleans and None."""


@dataclass(frozen=True, slots=True)
class RunResumed:
    """Another process goes on where the journal ends, with the manifest that it brings; fields as in `RunStarted`."""

    kind: ClassVar[str] = "RunResumed"
    schema: ClassVar[int] = 1
    event_time_ns: int
    code_version: str
    code_digest: str
    configuration: Tree
    data_source: str
    data_digest: str
    seed: int = 0


@dataclass(frozen=True, slots=True)
class GapOpened:
    """From now on reports may be missing; nothing new is risked until the gap is closed."""

    kind: ClassVar[str] = "GapOpened"
    schema: ClassVar[int] = 1
    event_time_ns: int
    cause: GapCause
    text: str = ""


@dataclass(frozen=True, slots=True)
class GapClosed:
    """Everything that could have been missed was asked for, answered and compared."""

    kind: ClassVar[str] = "GapClosed"
    schema: ClassVar[int] = 1
    event_time_ns: int


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The books were compared with the broker's.

    findings : a tree for each difference, with what was found and what was done by default; a list
    """

    kind: ClassVar[str] = "Reconciled"
    schema: ClassVar[int] = 1
    event_time_ns: int
    findings: Sequence[Tree] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SymbolLocked:
    """The position of a symbol is not explained by executions: it is not traded until it is.

    ours, theirs : the account's quantities; theirs is None where the broker did not say
    """

    kind: ClassVar[str] = "SymbolLocked"
    schema: ClassVar[int] = 1
    event_time_ns: int
    symbol: str
    ours: Decimal
    theirs: Decimal | None
    account: str = "main"

    def __post_init__(self) -> None:
        _check_lock(self)


@dataclass(frozen=True, slots=True)
class SymbolUnlocked:
    """A lock is taken off: both books say the same again, or a person decided so; fields as in `SymbolLocked`."""

    kind: ClassVar[str] = "SymbolUnlocked"
    schema: ClassVar[int] = 1
    event_time_ns: int
    symbol: str
    ours: Decimal
    theirs: Decimal | None
    account: str = "main"

    def __post_init__(self) -> None:
        _check_lock(self)


@dataclass(frozen=True, slots=True)
class TradingStateChanged:
    """What may be sent from now on.

    cause : what changed it; who : the person, or the part of the program; text : why, in a sentence
    """

    kind: ClassVar[str] = "TradingStateChanged"
    schema: ClassVar[int] = 1
    event_time_ns: int
    state: TradingState
    cause: Trigger
    who: str
    text: str = ""

    def __post_init__(self) -> None:
        require.a_name(self.who, "who", "Trading state", self.state.name)


@dataclass(frozen=True, slots=True)
class LimitOverridden:
    """A person set a limit to another value, for a while.

    limit : its name in the configuration; until_ns : when the configured value holds again
    strategy : whose limit it is, None for the account's
    """

    kind: ClassVar[str] = "LimitOverridden"
    schema: ClassVar[int] = 1
    event_time_ns: int
    limit: str
    value: Decimal
    until_ns: int
    who: str
    reason: str
    strategy: str | None = None
    account: str = "main"

    def __post_init__(self) -> None:
        owner = ("Override of", self.limit)
        require.a_name(self.limit, "limit", "Override")
        require.finite(self.value, "value", *owner)
        require.a_name(self.who, "who", *owner)
        require.a_name(self.reason, "reason", *owner)
        require.a_time(self.event_time_ns, "event_time_ns", *owner)
        require.a_time(self.until_ns, "until_ns", *owner)
        if self.until_ns <= self.event_time_ns:
            raise InputError(
                f"Override of {self.limit}: it ends at {self.until_ns} and was given at {self.event_time_ns}; "
                f"the end must come later."
            )


@dataclass(frozen=True, slots=True)
class CommandGiven:
    """What a person asked of the program, whether it was done or not.

    refusal : why it was not done, empty if it was
    command_id, given_ns : its number at the desk and when it was given there, UTC nanoseconds: together they tell one
        from the others; 0 where an earlier version did not note them
    """

    kind: ClassVar[str] = "CommandGiven"
    schema: ClassVar[int] = 2
    event_time_ns: int
    command: str
    arguments: Tree
    who: str
    reason: str = ""
    refusal: str = ""
    command_id: int = 0
    given_ns: int = 0

    def __post_init__(self) -> None:
        require.a_name(self.command, "command", "Command")
        require.a_name(self.who, "who", "Command", self.command)


@dataclass(frozen=True, slots=True)
class Flattened:
    """What `flatten` asked for is done: nothing works, nothing is held, and the broker's books say the same."""

    kind: ClassVar[str] = "Flattened"
    schema: ClassVar[int] = 1
    event_time_ns: int


@dataclass(frozen=True, slots=True)
class OrderWarned:
    """A limit found something about an order and let it leave all the same.

    client_order_id : of the order, whose OrderIntended comes after; limit : what warns
    reason : the sentence with its numbers
    """

    kind: ClassVar[str] = "OrderWarned"
    schema: ClassVar[int] = 1
    event_time_ns: int
    client_order_id: str
    symbol: str
    limit: Limit
    reason: str

    def __post_init__(self) -> None:
        require.a_name(self.client_order_id, "client_order_id", "Warning")
        require.a_name(self.symbol, "symbol", "Warning of", self.client_order_id)


def _check_lock(lock: SymbolLocked | SymbolUnlocked) -> None:
    owner = ("Lock of", lock.symbol)
    require.a_name(lock.symbol, "symbol", "Lock")
    require.finite(lock.ours, "ours", *owner)
    if lock.theirs is not None:
        require.finite(lock.theirs, "theirs", *owner)
