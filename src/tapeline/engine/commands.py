"""What people ask of a live run: done at the beginning of a turn, answered at its end, when it is durable.

What a process took and did not answer, as it was killed, is found by the next: what stands in the journal was done and
is answered from there; of what does not, as of all that was given before a process began, is done what risks nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING, Any

from tapeline.domain.control import TradingState, Trigger
from tapeline.domain.errors import InputError, UnknownNameError
from tapeline.domain.money import exact
from tapeline.domain.times import SECOND, to_iso
from tapeline.domain.words import Purpose
from tapeline.execution.acceptance import Acceptance, accepted_sentence
from tapeline.ledger.control import FLATTEN
from tapeline.ledger.control_facts import CommandGiven
from tapeline.ports.control import Command

if TYPE_CHECKING:
    from tapeline.engine.live import LiveEngine

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


class Commands:
    """What people ask of one engine, and what they are told."""

    def __init__(self, engine: LiveEngine) -> None:
        self._engine = engine
        self._loop, self._guard, self._control = engine.loop, engine.guard, engine.control
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

    def obey_all(self, now_ns: int) -> None:
        """Do what people ask.

        What waits at the first look was given before this process began. Of that is done what risks nothing and an
        earlier process has not done, and the rest is refused.
        """
        is_late = not self._has_looked
        found = self._engine.at_desk(lambda: self._look(is_late=is_late), now_ns)
        if found is None:
            return
        self._has_looked = True
        for command, fact in found:
            self._told.append(self._obey(command, now_ns, is_late=is_late) if fact is None else _as_told(command, fact))

    def _look(self, *, is_late: bool) -> list[tuple[Command, CommandGiven | None]]:
        """Return what waits, each with what an earlier process recorded of it."""
        commands = self._control.commands(unanswered=is_late)
        records = self._loop.journal.read(kind=CommandGiven.kind) if is_late and commands else ()
        facts = (record.fact for record in records)
        known = {(fact.command_id, fact.given_ns): fact for fact in facts if isinstance(fact, CommandGiven)}
        return [(command, known.get((command.command_id, command.given_ns))) for command in commands]

    def tell(self, now_ns: int) -> bool:
        """Answer those who asked; all of it is durable. Returns whether there was something to tell."""
        answers, self._told = self._told, []
        for told in answers:
            self._engine.at_desk(partial(self._control.answer, told.command, told.sentence, done=told.done), now_ns)
        return bool(answers)

    def hold_up(self, why: str) -> None:
        """Take in that what was done could not be made durable in its own turn."""
        self._told = [replace(told, held_up=told.held_up or why) for told in self._told]

    def _obey(self, command: Command, now_ns: int, *, is_late: bool) -> Told:
        """Do what a person asks, or say why not; both are recorded with who, when and why."""
        refusal = ""
        try:
            text = self._do(command, now_ns, is_late=is_late)
        except InputError as exc:
            text = refusal = str(exc)
        name, arguments, who, number = command.name, dict(command.arguments), command.who, command.command_id
        self._loop.record(CommandGiven(now_ns, name, arguments, who, command.reason, refusal, number, command.given_ns))
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
        if not self._guard.lower(TradingState.REDUCING, Trigger.PERSON, text, now_ns, who=command.who):
            return self._is_already(command)
        return "Trading is REDUCING: nothing is entered, exits go on, entries that worked are called back."

    def _resume(self, command: Command, now_ns: int) -> str:
        working = self._loop.views.orders.working.values()
        closing = sum(state.order.purpose is Purpose.FLATTEN for state in working)
        if self._engine.flattening is not None or closing:
            held = self._held_count()
            raise InputError(
                f"Everything is being closed since a flatten: {len(working)} orders work, {closing} of them closing"
                f" orders, and {held} positions are held. Wait until `tapeline status` says that it is done."
            )
        self._guard.raise_to(TradingState.ACTIVE, who=command.who, reason=command.reason, now_ns=now_ns)
        return "Trading is ACTIVE."

    def _halt(self, command: Command, now_ns: int) -> str:
        text = command.reason or "halted by a person"
        if not self._guard.lower(TradingState.HALTED, Trigger.PERSON, text, now_ns, who=command.who):
            return self._is_already(command)
        return (
            "Trading is HALTED: nothing is decided, entries and the parts of worked exits are called back. Stops and"
            " targets at the venue go on working, and what an exit under way has left bare gets its stop back."
        )

    def _is_already(self, command: Command) -> str:
        control = self._loop.views.control
        said = f"Trading is {control.state.name} already"
        if control.lowered is not None:
            since = to_iso(control.lowered.event_time_ns // SECOND * SECOND)
            said += f" since {since}, by {control.lowered.who}: {control.lowered.text.rstrip('.')}"
        return f"{said}. Nothing was changed{'; your reason stands in the journal' if command.reason else ''}."

    def _flatten(self, command: Command, now_ns: int) -> str:
        text = command.reason or "flattened by a person"
        self._guard.lower(TradingState.HALTED, Trigger.PERSON, text, now_ns, who=command.who)
        self._engine.flattening = self._engine.flattening or self._engine.new_flattening()
        working, held = len(self._loop.views.orders.working), self._held_count()
        return (
            f"Trading is HALTED; {_counted(working, 'order is', 'orders are')} being canceled and"
            f" {_counted(held, 'position', 'positions')} closed."
        )

    def _held_count(self) -> int:
        return sum(1 for position in self._loop.views.positions.values() if position.quantity)

    def _override(self, command: Command, now_ns: int) -> str:
        given = command.arguments
        limit, value, span_ns = str(_needed(given, "limit")), _amount(given), int(_needed(given, "for_ns"))
        if not 0 < span_ns <= OVERRIDE_LONGEST_NS:
            raise InputError(f"An override lasts up to 24 hours, asked for {span_ns / SECOND / 3600:.4g} hours.")
        until_ns = now_ns + span_ns
        strategy = given.get("strategy")
        self._guard.override(limit, value, until_ns, now_ns, who=command.who, reason=command.reason, strategy=strategy)
        until = to_iso(until_ns // SECOND * SECOND)
        return f"The limit {limit} of {strategy or 'the account'} is {value} until {until}, by the run's clock."

    def _reconcile(self, command: Command, now_ns: int) -> str:
        self._loop.keeper.compare(now_ns)
        return "The broker is being asked; `tapeline status` shows what the comparison finds."

    def _accept(self, command: Command, now_ns: int) -> str:
        given, loop = command.arguments, self._loop
        name, shown = str(_needed(given, "name")), _needed(given, "theirs")
        price = None if given.get("price") is None else _amount(given, "price")
        acceptance = Acceptance(loop.views, loop.record, loop.keeper, self._price_of)
        fact = acceptance.accept(name, shown, who=command.who, reason=command.reason, now_ns=now_ns, price=price)
        loop.book([fact])
        return accepted_sentence(fact)

    def _price_of(self, symbol: str) -> Decimal | None:
        desk = self._loop.desk
        price = float(desk.book.fixed.prices[desk.columns[symbol]]) if symbol in desk.columns else math.nan
        return exact(price) if price > 0 else self._loop.views.marks.get(symbol)

    def _stop(self, command: Command, now_ns: int) -> str:
        self._engine.is_stopped = True
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
