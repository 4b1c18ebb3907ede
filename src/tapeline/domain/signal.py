"""Signals: what a strategy wished at one moment, and the conditions with the numbers they saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from tapeline.domain import require


class Action(IntEnum):
    """What a signal wishes; the words are those of a strategy's class body."""

    ENTER_LONG = 1
    EXIT_LONG = 2
    ENTER_SHORT = 3
    EXIT_SHORT = 4
    SCALE_OUT = 5
    MOVE_STOP = 6

    @property
    def word(self) -> str:
        """The action as strategies write it, such as enter_long."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Signal:
    """One wish of one strategy for one symbol.

    version : hash of the rule's definition, so that a changed rule is seen in the journal
    explanation : the tree of conditions with their numbers, as plain dicts, lists, texts, numbers and None;
        float64 numbers are as the formula saw them
    rank : the number by which it stood in line with others of its moment, if there was one
    """

    strategy: str
    symbol: str
    time_ns: int
    action: Action
    explanation: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""
    rank: float | None = None

    def __post_init__(self) -> None:
        require.a_name(self.strategy, "strategy", "Signal")
        require.a_name(self.symbol, "symbol", "Signal of", self.strategy)
        require.a_time(self.time_ns, "time", "Signal of", self.strategy, "for", self.symbol)

    @property
    def signal_id(self) -> str:
        """Its name: strategy, symbol, action and time, each of which has one signal at most."""
        return f"{self.strategy}/{self.symbol}/{self.action.word}/{self.time_ns}"
