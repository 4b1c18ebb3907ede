"""Time that somebody owns: one queue of what is going to happen, chance by name, and the clock that a process reads.

    time = VirtualTime(start_ns)
    time.at(start_ns + SECOND, ring, "bell")
    time.run(until_ns=start_ns + MINUTE)        # calls ring("bell"); nobody waited

Events of one moment happen in the order in which they were asked for. Each component draws from a stream of its own,
derived from the seed and its name: another component, or one that draws more often, shifts none of the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from heapq import heappop, heappush
from random import Random
from typing import Any

from tapeline.domain.errors import InvariantError
from tapeline.domain.times import to_iso
from tapeline.feeds.clock import SystemClock


class VirtualTime:
    """The queue of events, and the present: the moment of the last one that happened.

    now_ns : true time, UTC nanoseconds; what a process believes it to be is its clock's matter
    steps : how many events have happened
    """

    def __init__(self, start_ns: int) -> None:
        self.now_ns = start_ns
        self.steps = 0
        self._queue: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    def at(self, time_ns: int, act: Callable[..., None], *arguments: Any) -> None:
        """Let something happen at a moment. Raises InvariantError for one that is over."""
        if time_ns < self.now_ns:
            raise InvariantError(f"At {to_iso(self.now_ns)} something was asked to happen at {to_iso(time_ns)}.")
        self._count += 1
        heappush(self._queue, (time_ns, self._count, act, arguments))

    def after(self, wait_ns: int, act: Callable[..., None], *arguments: Any) -> None:
        """Let something happen a while from now."""
        self.at(self.now_ns + wait_ns, act, *arguments)

    def run(self, until_ns: int) -> None:
        """Let everything happen that is due until a moment, itself included; then it is that moment."""
        queue = self._queue
        while queue and queue[0][0] <= until_ns:
            self.now_ns, _, act, arguments = heappop(queue)
            self.steps += 1
            act(*arguments)
        self.now_ns = max(self.now_ns, until_ns)


class Chance:
    """A stream of random numbers that is the same on every machine and Python: it uses `Random.random` alone."""

    def __init__(self, seed: int, name: str) -> None:
        digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
        self._random = Random(int.from_bytes(digest[:8], "big")).random

    def share(self) -> float:
        """Return a number from 0 to 1, 1 not included."""
        return self._random()

    def hits(self, rate: float) -> bool:
        """Return True in that share of the cases."""
        return self._random() < rate

    def whole(self, least: int, most: int) -> int:
        """Return a whole number between two bounds, both included."""
        return least + int(self._random() * (most - least + 1))

    def one_of(self, choices: Any) -> Any:
        """Return one of a sequence."""
        return choices[int(self._random() * len(choices))]


class ComputerClocks:
    """A computer's two clocks: one that people set, and one that only runs.

    offset_ns : what faults add to true time in the one that people set
    """

    def __init__(self, time: VirtualTime) -> None:
        self._time = time
        self.offset_ns = 0

    def wall_ns(self) -> int:
        """Return what the computer shows as the present, UTC nanoseconds; it may be less than a moment ago."""
        return self._time.now_ns + self.offset_ns

    def running_ns(self) -> int:
        """Return a count of nanoseconds that nobody can set."""
        return self._time.now_ns

    def new_process(self, floor_ns: int = 0) -> SystemClock:
        """Return the clock of a process that begins, as `SystemClock`."""
        return SystemClock(floor_ns, wall_ns=self.wall_ns, running_ns=self.running_ns)
