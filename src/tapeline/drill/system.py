"""The system under the drill: what a process of ours consists of, between journal, clock, feed and broker.

    journal -> views      what outlived the process before
    a turn                reports, timers and slices -> facts -> one commit -> outbox -> broker

Journal, views and the order keeper are the real ones. Decisions come from an actor with dice, which walks more roads
than a strategy would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any, ClassVar, Protocol

from tapeline.domain.cash import CashCause
from tapeline.domain.errors import StorageError
from tapeline.domain.panel import Sessions
from tapeline.domain.slice import Slice
from tapeline.drill.actor import Actor, Cancel, Replace, Submit, Wish
from tapeline.drill.exposure import Bounds
from tapeline.drill.latch_file import LatchFile
from tapeline.drill.virtual_time import Chance, ComputerClocks
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.execution.settings import KeeperSettings
from tapeline.ledger.canonical import decode
from tapeline.ledger.facts import CashMoved
from tapeline.ledger.order_facts import CancelIntended, OrderIntended, ReplaceIntended
from tapeline.ledger.views import Views
from tapeline.ports.broker import Broker
from tapeline.ports.clock import Clock
from tapeline.ports.journal import Fact, Head, Journal

SETTINGS = KeeperSettings(cash_tolerance=Decimal(0))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a process finds when it begins.

    dice : outlive it; deposit : cash at the very start; history : the slices that the feed's vendor keeps, so far
    latch : by which others may halt it; seed : of the world, for what differs from world to world and not within one
    sessions : of all its days; kept : the newest checkpoint that a process before it kept, with its place in the chain
    """

    journal: Journal
    broker: Broker
    clocks: ComputerClocks
    symbols: Sequence[str]
    dice: Chance
    deposit: Decimal
    history: Sequence[Slice]
    latch: LatchFile
    seed: int
    sessions: Sessions
    kept: list[tuple[Head, bytes]]


class AnySystem(Protocol):
    """What the world asks of a process.

    HAS_LATCH : whether others may halt it from outside
    LIMIT_SHARES : of a symbol, long or short, that its orders may come to hold
    BOUNDS : limits that its holdings at the venue keep to; None for a system without such limits
    clock : what it believes the present to be
    is_durable : whether every fact that it knows is committed
    next_time_ns : when it wants to be woken although nothing has come, by its own clock; None for never
    """

    HAS_LATCH: ClassVar[bool]
    LIMIT_SHARES: ClassVar[int]
    BOUNDS: ClassVar[Bounds | None]

    def __init__(self, around: Surroundings) -> None: ...

    @property
    def views(self) -> Views: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def is_durable(self) -> bool: ...

    @property
    def next_time_ns(self) -> int | None: ...

    def take(self, now: Slice) -> None: ...

    def wind_down(self) -> None: ...

    def turn(self) -> None: ...


class System:
    """One process. A new one is made over the same journal after each crash.

    is_durable : whether every fact that it knows is committed
    next_time_ns : when it wants to be woken although nothing has come, by its own clock; None for never
    """

    HAS_LATCH: ClassVar[bool] = False
    LIMIT_SHARES: ClassVar[int] = 1_000
    BOUNDS: ClassVar[Bounds | None] = None

    def __init__(self, around: Surroundings) -> None:
        journal, dice = around.journal, around.dice
        self.journal, self.broker = journal, around.broker
        self.clock = around.clocks.new_process()
        self.views = Views()
        self.is_durable = True
        self._slices: list[Slice] = []
        # a clock that was set back while no process ran must not let a decision have the time of an earlier one
        self._floor_ns = 0
        for record in journal.read():
            self.views.apply(record.fact)
            self._floor_ns = max(self._floor_ns, record.fact.event_time_ns)
        self._last_slice_ns = 0
        self.actor = Actor(around.symbols, dice, self.LIMIT_SHARES)
        if not journal.head().count:
            self._record(CashMoved(self._now_ns(), CashCause.DEPOSIT, around.deposit))
        random = Random(int(dice.share() * 2**32))
        now_ns = self._now_ns()
        self.keeper = OrderKeeper(
            self.views, self._record, SETTINGS, random=random, now_ns=now_ns, steady_ns=self.clock.steady_ns
        )
        self.keeper.start(now_ns)
        self.is_durable = False

    @property
    def next_time_ns(self) -> int | None:
        """When a timer is due; at once while something waits to be committed."""
        return self._now_ns() if not self.is_durable else self.keeper.next_time_ns

    def take(self, now: Slice) -> None:
        """Take in a slice; it is worked off in the next turn."""
        self._slices.append(now)

    def wind_down(self) -> None:
        """Enter nothing any more and cancel what works."""
        self.actor.is_winding_down = True

    def turn(self) -> None:
        """Take what came, decide, make it durable, and only then send."""
        now_ns = self._now_ns()
        self.keeper.take(self.broker.events(), now_ns)
        self.keeper.on_time(now_ns)
        slices, self._slices = self._slices, []
        for now in slices:
            if now.end_ns > self._last_slice_ns:
                self._last_slice_ns = now.end_ns
                self._decide(now)
        try:
            self.journal.commit()
        except StorageError:
            self.is_durable = False
            return
        self.is_durable = True
        for message in self.keeper.outbox(now_ns):
            message.send(self.broker)

    def _decide(self, now: Slice) -> None:
        decision_ns = self._floor_ns = self._now_ns() + 1
        for wish in self.actor.decide(now, self.views, decision_ns, self.keeper.may_risk):
            self._intend(wish, decision_ns)

    def _intend(self, wish: Wish, decision_ns: int) -> None:
        if isinstance(wish, Submit):
            self.keeper.submit([self._record(OrderIntended(order)).order for order in wish.orders])
        elif isinstance(wish, Cancel):
            self.keeper.cancel(self._record(CancelIntended(decision_ns, wish.client_order_id)))
        elif isinstance(wish, Replace):
            self.keeper.replace(self._record(ReplaceIntended(decision_ns, wish.client_order_id, **wish.terms)))

    def _record(self, fact: Fact) -> Any:
        recorded = decode(self.journal.append(fact))
        self.views.apply(recorded)
        return recorded

    def _now_ns(self) -> int:
        # moved by our own clock and decisions alone: the venue's times in reports may be minutes ahead of a clock that
        # was set back, and would shorten the horizon of what is in doubt
        self._floor_ns = max(self._floor_ns, self.clock.now_ns())
        return self._floor_ns
