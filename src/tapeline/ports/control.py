"""The control port: what people tell a running system, and what it shows them.

A command is answered once, when what became of it is durable. It is not an effect yet: the engine journals it with
who, when and why. One that was taken and not answered, as the process died, is handed to the next process, which finds
in the journal whether it was done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tapeline.domain.control import Trigger


@dataclass(frozen=True, slots=True)
class Command:
    """What a person wants done.

    command_id : its number; a command that stands for two processes is taken by the first
    given_ns : when it was given, UTC nanoseconds; who : the user's name; reason : in their words
    """

    command_id: int
    given_ns: int
    name: str
    who: str
    reason: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Latch:
    """Nothing may be sent, whatever the engine thinks.

    trigger, who, why : what caused it, who set it, in which words; set_ns : when, UTC nanoseconds
    """

    trigger: Trigger
    who: str
    why: str
    set_ns: int


class Control(Protocol):
    """The engine's side of the desk at which people stand.

    Each verb raises StorageError where the desk is out of order.
    """

    def commands(self, *, unanswered: bool = False) -> Sequence[Command]:
        """Return the commands that wait, oldest first; each is handed out once.

        unanswered : also those that an earlier process took and did not answer, to be asked for once, at the beginning
        """
        ...

    def answer(self, command: Command, text: str, *, done: bool) -> None:
        """Tell what became of a command, in a sentence."""
        ...

    def publish(self, now_ns: int, status: Callable[[], Mapping[str, Any]], *, at_once: bool = False) -> None:
        """Show the present state, plain values, in place of the one before; also a sign of life.

        To be called in every turn; `status` is called only when it is time to show it, or at once.
        """
        ...

    def halted(self) -> Latch | None:
        """Return why nothing may be sent, None if it may: a latch that others can set while the engine hangs."""
        ...

    def release(self, latch: Latch) -> None:
        """Take a latch away that was obeyed: HALTED is durable. Another one, set since, stays."""
        ...
