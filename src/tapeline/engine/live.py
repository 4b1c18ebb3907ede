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

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, TypeVar

from tapeline.domain.control import TradingState, Trigger
from tapeline.domain.errors import InputError, LeaseLostError, StorageError, UnknownNameError
from tapeline.domain.money import exact
from tapeline.domain.slice import Slice
from tapeline.domain.times import SECOND, to_iso
from tapeline.domain.words import Purpose
from tapeline.engine.checkpoint import Checkpoints, put_back
from tapeline.engine.guard import Guard
from tapeline.engine.loop import EventLoop
from tapeline.engine.restart import Memory, Restart
from tapeline.engine.status import status_of
from tapeline.execution.acceptance import Acceptance, accepted_sentence
from tapeline.execution.flatten import Flattening
from tapeline.ledger.control import FLATTEN
from tapeline.ledger.control_facts import CommandGiven
from tapeline.ports.control import Command, Control, Latch
from tapeline.ports.journal import Fact
from tapeline.ports.live_data import LiveData
from tapeline.ports.waits import Waits

Answer = TypeVar("Answer")

OBEYED_LATE = ("pause", "halt", "flatten")
"""What is done also if it was asked of an earlier process: it risks nothing."""

OVERRIDE_LONGEST_NS = 24 * 3_600 * SECOND


@dataclass(frozen=True, slots=True)
class Told:
    """What a command came to.

    held_up : why it could not be made durable in its own turn, empty if it was
    """

    command: Command
    text: str
    done: bool
    held_up: str = ""

    @property
    def sentence(self) -> str:
        """What the person is told."""
        late = f" It was not durable at once, and trading is HALTED for that: {self.held_up}"
        return self.text + (late if self.held_up else "")


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
        self._has_looked = False  # at the desk
        self._told: list[Told] = []  # as soon as it is durable
        self._commands: dict[str, Callable[[Command, int], str]] = {
            "pause": self._pause,
            "resume": self._resume,
            "halt": self._halt,
            FLATTEN: self._flatten,
            "override": self._override,
            "reconcile": self._reconcile,
            "accept": self._accept,
            "stop": self._stop,
        }
        loop.guard = guard
        guard.on_lowered = loop.parents.keeper.obey_state
        loop.on_fact.append(guard.see)

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
            self.flattening = self._new_flattening()

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
        self._see_lease(began_ns)
        latch = self._see_latch(began_ns)
        if self._due_ns is not None:  # what the last turn took after its watch, and the rest, are in it
            self.guard.raise_alarm(self.guard.monitors.see_turn(began_ns - self._due_ns), began_ns)
        self._obey_all(began_ns)
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
                self._at_desk(lambda: self.control.release(latch), now_ns)
            self.loop.send(is_barred=self._is_barred)
            has_told = self._tell(now_ns)
        self._show(now_ns, at_once=has_told)
        if self.on_turn is not None:
            self.on_turn(self)

    def finish(self) -> None:
        """Book the last session and make everything durable."""
        self.loop.take_reports()
        if self._last is not None:
            self.loop.close_session(self._last)
        if self._commit(self.loop.clock.now_ns()):
            self._tell(self.loop.clock.now_ns())
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
            self._told = [replace(told, held_up=told.held_up or str(exc)) for told in self._told]
            self.is_durable = False
        else:
            self.is_durable = True
        return self.is_durable

    def _show(self, now_ns: int, *, at_once: bool = False) -> None:
        self._at_desk(lambda: self.control.publish(now_ns, lambda: status_of(self), at_once=at_once), now_ns)

    def _see_lease(self, now_ns: int) -> None:
        """See whether the journal is still ours: commands and reports may be another's."""
        try:
            self.loop.journal.see_lease()
        except LeaseLostError:
            self.is_stopped = True
            raise
        except StorageError as exc:
            self._storage_failed(exc, now_ns)

    def _see_latch(self, now_ns: int) -> Latch | None:
        """Take into the journal what others have latched; once that is durable, HALTED holds and the latch may go."""
        latch = self.control.halted()
        if latch is not None:
            self.loop.keeper.interrupt(now_ns, f"It was not sent yet when trading was halted: {latch.why}")
            self.guard.lower(TradingState.HALTED, latch.trigger, latch.why, now_ns, who=latch.who)
        return latch

    def _is_barred(self) -> bool:
        """Ask before each message: a process may be paused between two of them for as long as it likes."""
        try:
            self.loop.journal.see_lease()
        except LeaseLostError:
            self.is_stopped = True
            raise
        except StorageError as exc:
            self._storage_failed(exc, self.loop.clock.now_ns())
            return True
        return self.control.halted() is not None

    def _at_desk(self, act: Callable[[], Answer], now_ns: int) -> Answer | None:
        """Do something at the desk; one that is out of order halts trading and does not end the run."""
        try:
            return act()
        except StorageError as exc:
            self._storage_failed(exc, now_ns)
            return None

    def _storage_failed(self, exc: StorageError, now_ns: int) -> None:
        self.guard.raise_alarm(self.guard.monitors.see_journal_failure(str(exc)), now_ns)

    # What people ask for ------------------------------------------------------------------------------------

    def _obey_all(self, now_ns: int) -> None:
        """Do what people ask.

        What waits at the first look was given before this process began. Of that is done what risks nothing and an
        earlier process has not done, and the rest is refused.
        """
        is_late = not self._has_looked
        found = self._at_desk(lambda: self._look(is_late=is_late), now_ns)
        if found is None:
            return
        self._has_looked = True
        for command, fact in found:
            self._told.append(self._obey(command, now_ns, is_late=is_late) if fact is None else _as_told(command, fact))

    def _look(self, *, is_late: bool) -> list[tuple[Command, CommandGiven | None]]:
        """Return what waits, each with what an earlier process recorded of it."""
        commands = self.control.commands(unanswered=is_late)
        records = self.loop.journal.read(kind=CommandGiven.kind) if is_late and commands else ()
        facts = (record.fact for record in records)
        known = {(fact.command_id, fact.given_ns): fact for fact in facts if isinstance(fact, CommandGiven)}
        return [(command, known.get((command.command_id, command.given_ns))) for command in commands]

    def _tell(self, now_ns: int) -> bool:
        """Answer those who asked; all of it is durable. Returns whether there was something to tell."""
        answers, self._told = self._told, []
        for told in answers:
            self._at_desk(partial(self.control.answer, told.command, told.sentence, done=told.done), now_ns)
        return bool(answers)

    def _obey(self, command: Command, now_ns: int, *, is_late: bool) -> Told:
        """Do what a person asks, or say why not; both are recorded with who, when and why."""
        refusal = ""
        try:
            text = self._do(command, now_ns, is_late=is_late)
        except InputError as exc:
            text = refusal = str(exc)
        name, arguments, who, number = command.name, dict(command.arguments), command.who, command.command_id
        self.loop.record(CommandGiven(now_ns, name, arguments, who, command.reason, refusal, number, command.given_ns))
        return Told(command, text, done=not refusal)

    def _do(self, command: Command, now_ns: int, *, is_late: bool) -> str:
        if command.name not in self._commands:
            raise UnknownNameError("command", command.name, self._commands)
        if is_late and command.name not in OBEYED_LATE:
            given = to_iso(command.given_ns // SECOND * SECOND)
            raise InputError(
                f"{command.name} was given at {given}, before this process began; things may stand otherwise now."
                " Give it again."
            )
        return self._commands[command.name](command, now_ns)

    def _pause(self, command: Command, now_ns: int) -> str:
        text = command.reason or "paused by a person"
        if not self.guard.lower(TradingState.REDUCING, Trigger.PERSON, text, now_ns, who=command.who):
            return self._is_already(command)
        return "Trading is REDUCING: nothing is entered, exits go on, entries that worked are called back."

    def _resume(self, command: Command, now_ns: int) -> str:
        working = self.loop.views.orders.working.values()
        closing = sum(state.order.purpose is Purpose.FLATTEN for state in working)
        if self.flattening is not None or closing:
            held = self._held_count()
            raise InputError(
                f"Everything is being closed since a flatten: {len(working)} orders work, {closing} of them closing"
                f" orders, and {held} positions are held. Wait until `tapeline status` says that it is done."
            )
        self.guard.raise_to(TradingState.ACTIVE, who=command.who, reason=command.reason, now_ns=now_ns)
        return "Trading is ACTIVE."

    def _halt(self, command: Command, now_ns: int) -> str:
        text = command.reason or "halted by a person"
        if not self.guard.lower(TradingState.HALTED, Trigger.PERSON, text, now_ns, who=command.who):
            return self._is_already(command)
        return (
            "Trading is HALTED: nothing is decided, entries and the parts of worked exits are called back. Stops and"
            " targets at the venue go on working, and what an exit under way has left bare gets its stop back."
        )

    def _is_already(self, command: Command) -> str:
        control = self.loop.views.control
        said = f"Trading is {control.state.name} already"
        if control.lowered is not None:
            since = to_iso(control.lowered.event_time_ns // SECOND * SECOND)
            said += f" since {since}, by {control.lowered.who}: {control.lowered.text.rstrip('.')}"
        return f"{said}. Nothing was changed{'; your reason stands in the journal' if command.reason else ''}."

    def _flatten(self, command: Command, now_ns: int) -> str:
        text = command.reason or "flattened by a person"
        self.guard.lower(TradingState.HALTED, Trigger.PERSON, text, now_ns, who=command.who)
        self.flattening = self.flattening or self._new_flattening()
        working, held = len(self.loop.views.orders.working), self._held_count()
        return (
            f"Trading is HALTED; {_counted(working, 'order is', 'orders are')} being canceled and"
            f" {_counted(held, 'position', 'positions')} closed."
        )

    def _new_flattening(self) -> Flattening:
        loop = self.loop
        return Flattening(loop.views, loop.record, loop.keeper, self.guard.gate.ask_flatten)

    def _held_count(self) -> int:
        return sum(1 for position in self.loop.views.positions.values() if position.quantity)

    def _override(self, command: Command, now_ns: int) -> str:
        given = command.arguments
        limit, value, span_ns = str(_needed(given, "limit")), _amount(given), int(_needed(given, "for_ns"))
        if not 0 < span_ns <= OVERRIDE_LONGEST_NS:
            raise InputError(f"An override lasts up to 24 hours, asked for {span_ns / SECOND / 3600:.4g} hours.")
        until_ns = now_ns + span_ns
        strategy = given.get("strategy")
        self.guard.override(limit, value, until_ns, now_ns, who=command.who, reason=command.reason, strategy=strategy)
        until = to_iso(until_ns // SECOND * SECOND)
        return f"The limit {limit} of {strategy or 'the account'} is {value} until {until}, by the run's clock."

    def _reconcile(self, command: Command, now_ns: int) -> str:
        self.loop.keeper.compare(now_ns)
        return "The broker is being asked; `tapeline status` shows what the comparison finds."

    def _accept(self, command: Command, now_ns: int) -> str:
        given, loop = command.arguments, self.loop
        name, shown = str(_needed(given, "name")), _needed(given, "theirs")
        price = None if given.get("price") is None else _amount(given, "price")
        acceptance = Acceptance(loop.views, loop.record, loop.keeper, self._price_of)
        fact = acceptance.accept(name, shown, who=command.who, reason=command.reason, now_ns=now_ns, price=price)
        loop.book([fact])
        return accepted_sentence(fact)

    def _price_of(self, symbol: str) -> Decimal | None:
        desk = self.loop.desk
        price = float(desk.book.fixed.prices[desk.columns[symbol]]) if symbol in desk.columns else math.nan
        return exact(price) if price > 0 else self.loop.views.marks.get(symbol)

    def _stop(self, command: Command, now_ns: int) -> str:
        self.is_stopped = True
        return "The run stops after this turn; what works at the venue goes on working."


def _as_told(command: Command, fact: CommandGiven) -> Told:
    done = (
        f"It was done at {to_iso(fact.event_time_ns // SECOND * SECOND)}, by a process that ended before it answered."
    )
    return Told(command, fact.refusal or done, done=not fact.refusal)


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _needed(given: Mapping[str, Any], name: str) -> Any:
    if name not in given:
        raise InputError(f"The command needs {name}; found {', '.join(sorted(given)) or 'nothing'}.")
    return given[name]


def _amount(given: Mapping[str, Any], name: str = "value") -> Decimal:
    text = str(_needed(given, name))
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise InputError(f"The {name} {text!r} is no number.") from None
    if not value.is_finite():
        raise InputError(f"The {name} {text!r} is no number.")
    return value
