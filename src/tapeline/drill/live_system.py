"""The whole live engine under the drill: strategies, gate, switch, watches, commands and flattening, over real facts.

It takes the place of the dice (`system.py`): the same journal, link, clock and feed, and the same invariants. A person
stands at the desk who gives commands by dice and puts trading back to ACTIVE when it was lowered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from tapeline.domain.cash import CashCause
from tapeline.domain.control import TradingState
from tapeline.domain.instrument import Instrument
from tapeline.domain.panel import Panel
from tapeline.domain.slice import Slice
from tapeline.domain.times import DAY, MINUTE, SECOND
from tapeline.drill.exposure import Bounds
from tapeline.drill.feed import FRAME_NS
from tapeline.drill.latch_file import LatchFile
from tapeline.drill.scenario import SESSION_CLOSE_NS, SESSION_OPEN_NS
from tapeline.drill.strategies import SHARES, ByHand, Swings, Trails, new_strategies
from tapeline.drill.system import SETTINGS, Surroundings
from tapeline.drill.virtual_time import Chance
from tapeline.engine.assembly import assemble
from tapeline.engine.checkpoint import Checkpoints
from tapeline.engine.guard import Guard
from tapeline.engine.live import LiveEngine
from tapeline.engine.loop import EventLoop
from tapeline.engine.restart import NOT_NEEDED
from tapeline.ledger.control import FLATTEN
from tapeline.ledger.control_facts import CommandGiven
from tapeline.ledger.facts import CashMoved
from tapeline.ledger.views import Views
from tapeline.ports.control import Command, Latch
from tapeline.ports.journal import Head
from tapeline.risk.gate import Gate, Market
from tapeline.risk.gate_settings import GateSettings
from tapeline.risk.monitors import Monitors, MonitorSettings
from tapeline.simulation.execution_settings import Algorithms, adaptive, limit, participation, twap, volume_weighted
from tapeline.simulation.limit_settings import Limits
from tapeline.simulation.settings import Account, RunSettings
from tapeline.simulation.settings import Market as MarketSettings
from tapeline.store.checkpoint_file import from_bytes, stands_in, to_bytes

FLATTENING_EVERY_NS = 5 * SECOND
BOUNDS = Bounds(
    Limits(position=0.005, gross=0.018, short=0.009, positions=6),
    {
        Swings.__name__: Limits(gross=0.009),
        Trails.__name__: Limits(gross=0.007),
        ByHand.__name__: Limits(gross=0.007),
    },
)
"""Tight enough that they cut or deny many an entry."""
DRAWDOWN = 0.00004
"""Of equity, against which holdings are small: it is reached now and then, while what was just decided still waits."""
WORKED = (
    Algorithms(twap(minutes=20), limit(timeout_s=300)),
    Algorithms(volume_weighted(minutes=20, sessions_min=1), twap(minutes=10)),
    Algorithms(adaptive(minutes=20, timeout_s=300), participation(rate=0.05)),
    Algorithms(participation(rate=0.02, minutes=30), adaptive(minutes=10, timeout_s=300)),
)
"""How the orders of one strategy are worked, each in the worlds of its own seeds."""
_TIMES = ("start_ns", "end_ns")
_WIND_DOWN = "the drill is over"
_KEPT_RATE = 0.7
"""Share of the processes that find the last checkpoint; for the others it is lost."""
_COMMAND_RATE, _RESUME_RATE = 0.04, 0.3
"""Shares of the slices at which the person at the desk wants something, and wants trading to go on where it was
lowered. So a flattening has some slices to itself, and may outlast the process that was asked for it."""


class LiveSystem:
    """One process of a live run; a new one is made over the same journal after each crash.

    clock, is_durable, next_time_ns : as in `System`
    """

    HAS_LATCH: ClassVar[bool] = True
    LIMIT_SHARES: ClassVar[int] = 3 * SHARES
    """Of one symbol: each strategy of the drill holds so many at most, whatever became of its orders."""
    BOUNDS: ClassVar[Bounds | None] = BOUNDS

    def __init__(self, around: Surroundings) -> None:
        journal, records = around.journal, around.journal.head().count
        facts = [*journal.facts(passing_over=NOT_NEEDED)] if records else []
        kept = around.kept[-1] if around.kept and around.dice.hits(_KEPT_RATE) else None
        floor_ns = max((fact.event_time_ns for fact in facts), default=0)
        self.clock = clock = around.clocks.new_process(floor_ns)
        self._history = around.history
        strategies = new_strategies()
        settings = RunSettings(
            account=Account(cash=float(around.deposit), kind="margin", leverage=4.0, short_allowed=True),
            market=MarketSettings(latency_s=1.0),
            limits=BOUNDS.account,
            strategy_limits=BOUNDS.strategies,
            strategy_execution={Trails.__name__: WORKED[around.seed // 10 % len(WORKED)]},
        )
        assembly = assemble(
            strategies, symbol_count=len(around.symbols), base_frame_ns=FRAME_NS, settings=settings, groups=None
        )
        self._data = DrillData(tuple(around.symbols), around.history)
        self._desk = DrillDesk(around.dice, clock.now_ns, around.latch)
        seed = int(around.dice.share() * 2**32)
        loop = EventLoop(
            assembly,
            self._data,
            around.broker,
            journal,
            clock=clock,
            sessions=around.sessions,
            keeper=SETTINGS,
            seed=seed,
        )
        gate = Gate(
            GateSettings(stale_s=1e6),
            loop.views,
            {symbol: Instrument(symbol) for symbol in around.symbols},
            lambda symbol: float(loop.desk.book.fixed.positions[loop.desk.columns[symbol]]),
            lambda symbol: self._market(loop, symbol),
        )
        guard = Guard(
            gate, Monitors(MonitorSettings(drawdown=DRAWDOWN)), loop.desk, loop.views, loop.record, loop.keeper
        )
        gate.hold_back_by(lambda symbol: None if loop.keeper.may_risk(symbol) else "in doubt")
        self._kept = around.kept
        checkpoints = Checkpoints(self._keep, least=1)
        self.engine = LiveEngine(loop, guard, self._data, _NoWait(), self._desk, checkpoints=checkpoints)
        if facts:
            later, history = facts, iter(self._data.past(clock.now_ns()))
            if kept is not None and stands_in(journal, kept[0]):
                later = [*journal.facts(passing_over=NOT_NEEDED, first=kept[0].count + 1)]
                history = self.engine.put_back(from_bytes(kept[1]), history)
            self.engine.resume(later, history)
        else:
            loop.record(CashMoved(clock.now_ns(), CashCause.DEPOSIT, around.deposit))
        self.engine.start()
        self._is_winding_down = any(isinstance(fact, CommandGiven) and fact.reason == _WIND_DOWN for fact in facts)

    @property
    def views(self) -> Views:
        """The books."""
        return self.engine.loop.views

    @property
    def is_durable(self) -> bool:
        """Whether every fact that it knows is committed."""
        return self.engine.is_durable

    @property
    def next_time_ns(self) -> int | None:
        """When a timer is due; at once while something waits to be committed."""
        now_ns = self.clock.now_ns()
        if not self.is_durable:
            return now_ns
        due = [self.engine.loop.keeper.next_time_ns, self._data.next_ns]
        if self.engine.flattening is not None:
            due.append(now_ns + FLATTENING_EVERY_NS)
        return min((time_ns for time_ns in due if time_ns is not None), default=None)

    def take(self, now: Slice) -> None:
        """Take in a slice; it is worked off in the next turn."""
        self._data.take(now)
        if not self._is_winding_down:
            self._desk.think(self.engine.guard.switch.state)

    def wind_down(self) -> None:
        """Cancel what works, close what is held, stay flat; not asked again if an earlier process took it."""
        if not self._is_winding_down:
            self._is_winding_down = True
            self._desk.ask(FLATTEN, reason=_WIND_DOWN)

    def turn(self) -> None:
        """One turn of the engine."""
        self.engine.turn()
        self.engine.keep_checkpoint()

    def _keep(self, head: Head, state: Mapping[str, Any]) -> bool:
        body = to_bytes(state)
        assert body is not None
        self._kept[:] = [(head, body)]
        return True

    def _market(self, loop: EventLoop, symbol: str) -> Market:
        tables, column = loop.desk.book.fixed, loop.desk.columns[symbol]
        is_open = SESSION_OPEN_NS <= self.clock.now_ns() % DAY < SESSION_CLOSE_NS
        nan = float("nan")
        return Market(float(tables.prices[column]), int(tables.priced_ns[column]), nan, nan, is_open)


class DrillData:
    """A `LiveData` fed by the drill: in order, once, and never ahead of the process's clock.

    history : every slice that the vendor keeps, whatever of them arrived
    """

    frame_ns = FRAME_NS

    def __init__(self, symbols: tuple[str, ...], history: Sequence[Slice]) -> None:
        self.symbols, self._history = symbols, history
        self._waiting: deque[Slice] = deque()
        self._given: list[Slice] = []
        self._newest_ns = 0

    def history(self, symbol: str) -> Panel:
        """Return the bars of one symbol that were handed out so far."""
        column = self.symbols.index(symbol)
        bars = np.array([now.bars[:, 0, column] for now in self._given]).reshape(-1, 5)
        start_ns, end_ns = (np.array([getattr(now, name) for now in self._given], dtype=np.int64) for name in _TIMES)
        return Panel(
            (symbol,), FRAME_NS, start_ns, end_ns,
            bars[:, :1], bars[:, 1:2], bars[:, 2:3], bars[:, 3:4], bars[:, 4:],
        )  # fmt: skip

    def past(self, until_ns: int) -> list[Slice]:
        """Hand out what had ended at a moment before this process began."""
        found = [now for now in self._history if now.end_ns <= until_ns]
        self._newest_ns = found[-1].end_ns if found else 0
        self._given = [*found]
        return found

    def take(self, now: Slice) -> None:
        """Take in a slice that has arrived; one that is late or came before is dropped."""
        newest_ns = self._waiting[-1].end_ns if self._waiting else self._newest_ns
        if now.end_ns > newest_ns:
            self._waiting.append(_checked(now))

    def ready(self, now_ns: int) -> Sequence[Slice]:
        """Return the slices that have ended by the process's clock."""
        found = []
        while self._waiting and self._waiting[0].end_ns <= now_ns:
            found.append(self._waiting.popleft())
            self._newest_ns = found[-1].end_ns
        self._given += found
        return found

    @property
    def next_ns(self) -> int | None:
        """When a slice that is here already will have ended; None while none waits."""
        return self._waiting[0].end_ns if self._waiting else None

    def silent(self, now_ns: int) -> list[str]:
        """Return the symbols that are silent: all of them, when the newest bar is older than two frames in session."""
        in_session = SESSION_OPEN_NS + 3 * FRAME_NS < now_ns % DAY < SESSION_CLOSE_NS
        return list(self.symbols) if in_session and now_ns - self._newest_ns > 3 * FRAME_NS else []


def _checked(now: Slice) -> Slice:
    """Return a slice without bars that cannot be, as the border of a feed takes them out."""
    usable = np.isfinite(now.bars[:4]).all(axis=0) & (now.bars[:4] > 0).all(axis=0)
    if usable.all():
        return now
    bars = np.where(usable, now.bars, np.nan)
    bars.flags.writeable = False
    return Slice(now.end_ns, now.start_ns, now.symbols, bars, now.session, now.session_open_ns, now.session_close_ns)


class DrillDesk:
    """A `Control` at which a person stands who decides by dice."""

    def __init__(self, dice: Chance, now_ns: Callable[[], int], latch: LatchFile) -> None:
        self._dice, self._now_ns, self._latch = dice, now_ns, latch
        self._waiting: list[Command] = []
        self._count = 0

    def think(self, state: TradingState) -> None:
        """Want something now and then, and trading to go on a while after it was lowered."""
        if state is not TradingState.ACTIVE:
            if self._dice.hits(_RESUME_RATE):
                self.ask("resume")
        elif self._dice.hits(_COMMAND_RATE):
            name = self._dice.one_of(("pause", "halt", "flatten", "reconcile", "override"))
            self.ask(name, {"limit": "gross", "value": "0.012", "for_ns": 30 * MINUTE} if name == "override" else {})

    def ask(self, name: str, arguments: Mapping[str, Any] | None = None, reason: str = "") -> None:
        """Give a command."""
        self._count += 1
        reason = reason or f"by dice, the {self._count}th"
        self._waiting.append(Command(self._count, self._now_ns(), name, "the drill", reason, arguments or {}))

    def commands(self, *, unanswered: bool = False) -> Sequence[Command]:
        """Hand out what waits."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def answer(self, command: Command, text: str, *, done: bool) -> None:
        """Nobody reads it: what was done stands in the journal."""

    def publish(self, now_ns: int, status: Callable[[], Mapping[str, Any]], *, at_once: bool = False) -> None:
        """Nobody looks."""

    def halted(self) -> Latch | None:
        """Look at the latch."""
        return self._latch.read()

    def release(self, latch: Latch) -> None:
        """Take away a latch that was obeyed."""
        self._latch.release(latch)


class _NoWait:
    def wait(self, until_ns: int | None) -> None:
        """The drill wakes the process."""
