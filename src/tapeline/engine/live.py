"""A live run: turn after turn, as long as the feed goes on.

    each turn:
        what people ask for            command -> journal -> effect
        what the broker reports        -> order keeper -> journal -> book
        slices that have ended         -> formulas, decisions, gate -> intents -> journal
        what the time brings           lost outcomes, comparisons, flattening, watches
        one commit, and only then      -> outbox -> broker
        answers, and the state         -> those who asked, and those who look

    rest until the next slice, the next timer, or whatever comes first

A turn is committed whole: up to the newest time in the journal all slices were worked off. One whose facts could not be
made durable sends nothing and answers nobody: trading is HALTED, and the next turn tries again. A run whose journal
another process has taken over ends with LeaseLostError, before it takes or sends anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from tapeline.domain.control import TradingState
from tapeline.domain.errors import LeaseLostError, StorageError
from tapeline.domain.slice import Slice
from tapeline.engine.checkpoint import Checkpoints, put_back
from tapeline.engine.commands import Commands
from tapeline.engine.guard import Guard
from tapeline.engine.loop import EventLoop
from tapeline.engine.restart import Memory, Restart
from tapeline.engine.status import status_of
from tapeline.execution.flatten import Flattening
from tapeline.ports.control import Control, Latch
from tapeline.ports.journal import Fact
from tapeline.ports.live_data import LiveData
from tapeline.ports.waits import Waits

Answer = TypeVar("Answer")


class LiveEngine:
    """One loop under way, with the people around it.

    loop : with its guard; data : the feed; waits : where it rests; control : the desk at which people stand
    on_turn : called after each turn with the engine; checkpoints : who keeps its state when a session is over
    is_durable : whether every fact that it knows is committed
    """

    def __init__(
        self,
        loop: EventLoop,
        guard: Guard,
        data: LiveData,
        waits: Waits,
        control: Control,
        *,
        on_turn: Callable[[LiveEngine], None] | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.loop, self.guard, self.data, self.waits, self.control = loop, guard, data, waits, control
        self.on_turn, self.checkpoints = on_turn, checkpoints
        self.flattening: Flattening | None = None
        self.is_stopped = self.has_ended = False
        self.is_durable = True
        self._last: Slice | None = None
        self._due_ns: int | None = None
        self._commands = Commands(self)
        loop.guard = guard
        guard.on_lowered = loop.parents.keeper.obey_state
        loop.on_fact.append(guard.see)
        if checkpoints is not None:
            checkpoints.watch(loop)

    def run(self) -> None:
        """Go on until the feed has ended, or until somebody says stop."""
        self.start()
        while not self.is_stopped:
            began_ns = self.loop.clock.now_ns()
            self.turn()
            if self.data.next_ns is None:
                break
            following = [self.data.next_ns, self.loop.keeper.next_time_ns]
            due_ns = min((time_ns for time_ns in following if time_ns is not None), default=None)
            if self.keep_checkpoint():
                began_ns = self.loop.clock.now_ns()  # what it took is no delay of a turn
            self._due_ns = None if due_ns is None else max(due_ns, began_ns)
            self.waits.wait(due_ns)
        self.finish()

    def put_back(self, kept: Mapping[str, Any], history: Iterable[Slice]) -> Iterator[Slice]:
        """Begin where a checkpoint stands, and let `resume` take in the facts after it.

        kept : of the same run; history : its slices from the first on
        Returns the slices after the checkpoint.
        """
        self._last, later = put_back(self.loop, self.guard, kept, iter(history))
        return later

    def resume(self, facts: Iterable[Fact], history: Iterable[Slice], memory: Memory | None = None) -> None:
        """Take in what an earlier process recorded, and the bars it rested on, before `run` goes on from there.

        memory : the venue's, None for a venue that has one of its own
        Raises InvariantError if the facts do not fit together, ConfigurationError if they concern strategies that are
        not here.
        """
        self.guard.renew_limits(self.loop.clock.now_ns())
        followers = [follow for follow in self.loop.on_fact if follow != self.guard.see]
        restart = Restart(self.loop, followers, memory, self.guard.see_again)
        restart.walk(facts, history)
        self._last = restart.last or self._last
        self.loop.keeper.take_over(self.loop.replaces.lines)
        self.guard.obey_state()
        if self.loop.views.control.flatten is not None:
            self.flattening = self.new_flattening()

    def start(self) -> None:
        """Begin: what the journal leaves in doubt is asked for before anything is risked. The first turn commits it."""
        now_ns = self.loop.clock.now_ns()
        self.guard.renew_limits(now_ns)
        self.loop.book(self.loop.keeper.start(now_ns))
        self.is_durable = False

    def turn(self) -> None:
        """Take in what has come, act on it, make it durable, send."""
        clock = self.loop.clock
        began_ns = clock.now_ns()
        self._has_lease(began_ns)
        latch = self._see_latch(began_ns)
        if self._due_ns is not None:  # what the last turn took after its watch, and the rest, are in it
            self.guard.raise_alarm(self.guard.monitors.see_turn(began_ns - self._due_ns), began_ns)
        self._commands.obey_all(began_ns)
        self.loop.take_reports()
        for now in self.data.ready(began_ns):
            self._take(now)
        now_ns = clock.now_ns()
        self.loop.take_reports()
        self.loop.book(self.loop.keeper.on_time(now_ns))
        if self.flattening is not None and self.flattening.advance(now_ns):
            self.flattening = None
        self.loop.protect(now_ns)
        session = -1 if self._last is None else self._last.session
        self.guard.watch(now_ns, session, self.data.silent(now_ns), len(self.data.symbols))
        self.guard.raise_alarm(self.guard.monitors.see_turn(now_ns - began_ns), now_ns)
        has_told = False
        if self._commit(now_ns):
            if latch is not None:
                self.at_desk(lambda: self.control.release(latch), now_ns)
            self.loop.send(is_barred=self._is_barred)
            has_told = self._commands.tell(now_ns)
        self._show(now_ns, at_once=has_told)
        if self.on_turn is not None:
            self.on_turn(self)

    def finish(self) -> None:
        """Book the last session and make everything durable."""
        self.loop.take_reports()
        if self._last is not None:
            self.loop.close_session(self._last)
        if self._commit(self.loop.clock.now_ns()):
            self._commands.tell(self.loop.clock.now_ns())
        self.has_ended = True
        self._show(self.loop.clock.now_ns(), at_once=True)

    def keep_checkpoint(self) -> bool:
        """Keep the state if a session is over, nothing is in doubt, and it is worth it. Returns whether it was kept."""
        last = self._last
        if self.checkpoints is None or last is None or not last.end_ns >= last.session_close_ns > 0:
            return False
        if not self.is_durable or self.flattening is not None or not self.loop.keeper.is_settled:
            return False
        return self.checkpoints.see(self.loop, self.guard)

    def _take(self, now: Slice) -> None:
        if self._last is not None and now.session != self._last.session:
            self.loop.close_session(self._last)
        self.loop.step(now)
        self._last = now

    def _commit(self, now_ns: int) -> bool:
        try:
            self.loop.journal.commit()
        except LeaseLostError:
            self.is_stopped = True
            raise
        except StorageError as exc:
            self.loop.keeper.interrupt(now_ns, f"It was not sent, since it could not be made durable: {exc}")
            self._storage_failed(exc, now_ns)
            self._commands.hold_up(str(exc))
            self.is_durable = False
        else:
            self.is_durable = True
        return self.is_durable

    def new_flattening(self) -> Flattening:
        """Return a flattening that begins now."""
        loop = self.loop
        return Flattening(loop.views, loop.record, loop.keeper, self.guard.gate.ask_flatten)

    def _show(self, now_ns: int, *, at_once: bool = False) -> None:
        self.at_desk(lambda: self.control.publish(now_ns, lambda: status_of(self), at_once=at_once), now_ns)

    def _has_lease(self, now_ns: int) -> bool:
        """See whether the journal is still ours: commands and reports may be another's."""
        try:
            self.loop.journal.see_lease()
        except LeaseLostError:
            self.is_stopped = True
            raise
        except StorageError as exc:
            self._storage_failed(exc, now_ns)
            return False
        return True

    def _see_latch(self, now_ns: int) -> Latch | None:
        """Take into the journal what others have latched; once that is durable, HALTED holds and the latch may go."""
        latch = self.control.halted()
        if latch is not None:
            self.loop.keeper.interrupt(now_ns, f"It was not sent yet when trading was halted: {latch.why}")
            self.guard.lower(TradingState.HALTED, latch.trigger, latch.why, now_ns, who=latch.who)
        return latch

    def _is_barred(self) -> bool:
        """Ask before each message: a process may be paused between two of them for as long as it likes."""
        return not self._has_lease(self.loop.clock.now_ns()) or self.control.halted() is not None

    def at_desk(self, act: Callable[[], Answer], now_ns: int) -> Answer | None:
        """Do something at the desk; one that is out of order halts trading and does not end the run."""
        try:
            return act()
        except StorageError as exc:
            self._storage_failed(exc, now_ns)
            return None

    def _storage_failed(self, exc: StorageError, now_ns: int) -> None:
        self.guard.raise_alarm(self.guard.monitors.see_journal_failure(str(exc)), now_ns)
