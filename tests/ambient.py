"""The guard of every test: code of `tapeline` that asks the computer for time, chance or a connection fails at once.

Such code behaves otherwise tomorrow, and no simulation can own it. What may ask is listed in `PORTS`, each with its
reason. The guard replaces the functions themselves before the package is imported, and looks at who calls: the line
that asks must be one of ours. For sockets it looks at the whole stack, since it is always a library that opens them.

It sees what is called in this process and by these names; it does not see subprocesses, nor libraries that ask by
themselves.
"""

from __future__ import annotations

import datetime
import os
import random
import secrets
import socket
import sys
import time
import uuid
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any

import numpy as np

PACKAGE = "tapeline"
PORTS = {
    "tapeline.feeds.clock": "the clock port's adapter",
    "tapeline.feeds.paced": "the clock and the wait of a paper run in real or compressed time",
    "tapeline.store.lease": "since when a process writes a journal, for eyes, and the wait for another one to end",
    "tapeline.store.control_file": "how often the state is written for those who look, and when it was",
    "tapeline.cli.watchdog": "how long another process has been silent",
    "tapeline.cli.control": "how long to wait for an answer of another process",
    "tapeline.cli.reconcile": "how long to wait for the comparison of another process",
    "tapeline.app.precompile": "how long a compilation took, and how old a folder of machine code is",
    "tapeline.cli.demo": "how long a run took, for the person who waited",
    "tapeline.cli.screening": "how long a run took, for the person who waited",
    "tapeline.cli.tax_forms": "on which day a form was made, where nobody says",
    "tapeline.cli.simulate": "how long a run took, for the person who waited",
    "tapeline.statements.web": "the road to brokers' statements",
    "tapeline.lake.table": "names of files that no other load of the lake can have given",
    "tapeline.tape.calendars": "how many years ahead a calendar is asked to know",
}
"""Modules that may ask, and why."""

_CLOCKS = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep")
_CHANCES = (
    "random", "uniform", "triangular", "randint", "choice", "randrange", "sample", "shuffle", "choices", "gauss",
    "normalvariate", "lognormvariate", "expovariate", "vonmisesvariate", "gammavariate", "betavariate",
    "paretovariate", "weibullvariate", "getrandbits", "randbytes", "binomialvariate",
)  # fmt: skip
_NUMPY_CHANCES = (
    "random", "rand", "randn", "randint", "random_sample", "normal", "uniform", "choice", "permutation", "shuffle",
    "standard_normal", "exponential", "poisson", "binomial", "integers", "bytes",
)  # fmt: skip


class AmbientError(AssertionError):
    """Code of ours asked the computer for what only a port may ask for."""


found: list[str] = []
"""What was asked since the last look, also where somebody caught the error."""


def asks(frame: FrameType | None) -> str | None:
    """Return the module of a frame if it is one of ours that may not ask."""
    name = "" if frame is None else str(frame.f_globals.get("__name__", ""))
    return name if name.startswith(PACKAGE + ".") and name not in PORTS else None


def _refuse(module: str, what: str) -> None:
    sentence = f"{module} asked the computer by {what}; time, chance and connections come through a port."
    found.append(sentence)
    raise AmbientError(sentence)


def _guarded(function: Callable[..., Any], what: str) -> Callable[..., Any]:
    def guard(*arguments: Any, **named: Any) -> Any:
        module = asks(sys._getframe(1))
        if module is not None:
            _refuse(module, what)
        return function(*arguments, **named)

    guard.__name__ = getattr(function, "__name__", what)
    return guard


def _guarded_if_unseeded(function: Callable[..., Any], what: str, skip: int = 0) -> Callable[..., Any]:
    def guard(*arguments: Any, **named: Any) -> Any:
        seeds = [*arguments[skip:], *named.values()]
        module = asks(sys._getframe(1)) if not seeds or seeds[0] is None else None
        if module is not None:
            _refuse(module, f"{what} without a seed")
        return function(*arguments, **named)

    return guard


class _SameInstances(type):
    """A guarded class has the instances of the class it stands for."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls.__mro__[1])


class _GuardedDatetime(datetime.datetime, metaclass=_SameInstances):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        module = asks(sys._getframe(1))
        if module is not None:
            _refuse(module, "datetime.now")
        return datetime.datetime.now(tz)


class _GuardedSocket(socket.socket):
    """Refuses to be used, not to be made: libraries make one while they are imported, to see what the machine has."""

    def connect(self, address: Any) -> None:
        _refuse_connections()
        super().connect(address)

    def connect_ex(self, address: Any) -> int:
        _refuse_connections()
        return super().connect_ex(address)

    def listen(self, *backlog: int) -> None:
        _refuse_connections()
        super().listen(*backlog)


def _refuse_connections() -> None:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith(PACKAGE + "."):
            # the innermost of ours is who asks; if it is a port, whoever called it came through one
            module = asks(frame)
            if module is not None:
                _refuse(module, "a connection")
            return
        frame = frame.f_back


def install() -> None:
    """Put the guards in place; to be called before anything of the package is imported."""
    early = [name for name in sys.modules if name.startswith(PACKAGE + ".")]
    if early:
        raise AmbientError(f"The guard must be installed before the package is imported; found {early[0]}.")
    _replace(time, _CLOCKS)
    _replace(random, _CHANCES)
    _replace(np.random, _NUMPY_CHANCES)
    _replace(os, ("urandom",))
    _replace(uuid, ("uuid1", "uuid4"))
    _replace(secrets, ("token_bytes", "token_hex", "token_urlsafe", "randbits", "randbelow", "choice"))
    np.random.default_rng = _guarded_if_unseeded(np.random.default_rng, "numpy.random.default_rng")
    random.Random.__init__ = _guarded_if_unseeded(random.Random.__init__, "random.Random", skip=1)  # type: ignore[method-assign]
    socket.socket = _GuardedSocket  # type: ignore[misc]


def guard_datetime() -> None:
    """Put the guard of `datetime.now` into imported modules of ours; the type itself cannot be changed."""
    for name, module in tuple(sys.modules.items()):
        if name.startswith(PACKAGE + ".") and getattr(module, "datetime", None) is datetime.datetime:
            module.datetime = _GuardedDatetime  # type: ignore[attr-defined]


def _replace(module: ModuleType, names: tuple[str, ...]) -> None:
    for name in names:
        function = getattr(module, name, None)
        if function is not None:
            setattr(module, name, _guarded(function, f"{module.__name__}.{name}"))
