"""The control port: what people tell a running system, and what it shows them.

A command is taken once and answered once. It is not an effect yet: the engine journals it with who, when and why
before it acts on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


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


class Control(Protocol):
    """The engine's side of the desk at which people stand."""

    def commands(self) -> Sequence[Command]:
        """Return the commands that wait, oldest first; each is handed out once."""
        ...

    def answer(self, command: Command, text: str, *, done: bool) -> None:
        """Tell what became of a command, in a sentence."""
        ...

    def publish(self, now_ns: int, status: Mapping[str, Any]) -> None:
        """Show the present state: plain values; the latest replaces the one before. Also a sign of life."""
        ...

    def halted(self) -> str | None:
        """Return why nothing may be sent, None if it may: a latch that others can set while the engine hangs."""
        ...
