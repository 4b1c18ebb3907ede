"""What is due when: one time for each key, the earliest known."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Timers(Generic[Key]):
    """Keys with the moments at which something about them is due; setting a key anew moves it."""

    def __init__(self) -> None:
        self._due: dict[Key, int] = {}
        self._heap: list[tuple[int, int, Key]] = []
        self._count = 0

    def set(self, key: Key, due_ns: int) -> None:
        """Let a key be due then, and at no other time."""
        self._due[key] = due_ns
        self._count += 1  # keys are not compared: what was set first is due first
        heapq.heappush(self._heap, (due_ns, self._count, key))

    def drop(self, key: Key) -> None:
        """Forget a key; one that is not known is none."""
        self._due.pop(key, None)

    def take(self, now_ns: int) -> list[Key]:
        """Return the keys that are due, in order of their times, and forget them."""
        found = []
        while (due := self.next_ns) is not None and due <= now_ns:
            _, _, key = heapq.heappop(self._heap)
            del self._due[key]
            found.append(key)
        return found

    @property
    def next_ns(self) -> int | None:
        """The earliest time at which a key is due, None if there is none."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None
