"""Which kernel to compile next, so that several processes do not do the same work twice.

A process keeps the inner functions it has compiled in memory, where only its own next kernels find them; whole
kernels are on the disk, for all. So a kernel waits for those it calls, and goes to the process that knows its
parts, not to another. Otherwise that one comes first which heads the longest chain of kernels waiting for each
other. Warmers come when all kernels are done. Size is measured in bytes of bytecode.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from threading import Condition
from types import CodeType
from typing import Any


@dataclass
class Kernel:
    """A kernel to be compiled: the sizes of its parts, by function, and the kernels it calls."""

    name: str
    parts: dict[int, int]
    calls: set[str]

    def size_of(self, known: Collection[int]) -> int:
        """Return the size of those parts that are known."""
        return sum(size for part, size in self.parts.items() if part in known)


@dataclass
class Plan:
    """The kernels still to be compiled, handed out to processes one by one.

    waiting : in the order in which they would be taken by one process
    last : names to be handed out when all others are done
    """

    waiting: list[Kernel]
    last: list[str] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    known: dict[int, set[int]] = field(default_factory=dict)
    stopped: bool = False
    changed: Condition = field(default_factory=Condition)

    def take(self, process: int) -> str | None:
        """Return the kernel that a process is to compile next, None if there is no more; may wait for one."""
        with self.changed:
            while not self.stopped:
                open_names = {kernel.name for kernel in self.waiting} | self.running
                ready = [kernel for kernel in self.waiting if not kernel.calls & open_names]
                if ready:
                    return self._hand_out(max(ready, key=lambda kernel: self._score(kernel, process)), process)
                if not open_names and self.last:
                    return self.last.pop(0)
                if not open_names:
                    return None
                self.changed.wait()
            return None

    def finish(self, name: str) -> None:
        """Note that a kernel is on the disk."""
        with self.changed:
            self.running.discard(name)
            self.changed.notify_all()

    def stop(self) -> None:
        """Hand out nothing more."""
        with self.changed:
            self.stopped = True
            self.changed.notify_all()

    def _hand_out(self, kernel: Kernel, process: int) -> str:
        self.waiting.remove(kernel)
        self.running.add(kernel.name)
        self.known.setdefault(process, set()).update(kernel.parts)
        return kernel.name

    def _score(self, kernel: Kernel, process: int) -> int:
        elsewhere = set[int]().union(*(parts for other, parts in self.known.items() if other != process))
        mine = self.known.get(process, set())
        return self._chain(kernel) + kernel.size_of(mine) - 2 * kernel.size_of(elsewhere - mine)

    def _chain(self, kernel: Kernel) -> int:
        # the size of the longest chain of waiting kernels that begins with this one
        callers = (other for other in self.waiting if kernel.name in other.calls)
        return sum(kernel.parts.values()) + max((self._chain(caller) for caller in callers), default=0)


def kernels_in(registry: Mapping[str, tuple[Any, Any]]) -> list[Kernel]:
    """Return the kernels of a registry with their parts, the largest first."""
    entries = {id(dispatcher.py_func): name for name, (dispatcher, _) in registry.items()}
    found = []
    for name, (dispatcher, _) in registry.items():
        kernel = Kernel(name, {}, set())
        _collect(dispatcher.py_func, kernel, entries)
        found.append(kernel)
    return sorted(found, key=lambda kernel: (-sum(kernel.parts.values()), kernel.name))


def _collect(function: Any, kernel: Kernel, entries: Mapping[int, str]) -> None:
    code: CodeType = function.__code__
    kernel.parts[id(function)] = len(code.co_code)
    for called in (function.__globals__.get(name) for name in code.co_names):
        inner = getattr(called, "py_func", None)
        if inner is None or id(inner) in kernel.parts:
            continue
        if id(inner) in entries:
            kernel.calls.add(entries[id(inner)])
        else:
            _collect(inner, kernel, entries)
