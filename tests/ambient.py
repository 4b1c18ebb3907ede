"""The guard of every test: code of `tapeline` that asks the computer for time, chance or a connection fails at once.

Such code behaves otherwise tomorrow, and no simulation can own it. What may ask is listed in `PORTS`, each with its
reason. The guard replaces the functions themselves before the package is imported, and looks at who calls: the line
that asks must be one of ours. Connections and other processes are seen by an audit hook, which looks at the whole
stack, since it is mostly a library that opens them.

It sees what is called in this process and by these names; it does not see subprocesses, nor libraries that ask by
themselves. `datetime64("now")`, which asks within numpy's type, is looked for in the text: `presents_in`.
"""

from __future__ import annotations

import ast
import ctypes
import datetime
import gc
import os
import queue
import random
import secrets
import select
import socket
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from types import FrameType
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

_CLOCKS = (
    "time", "monotonic", "perf_counter", "process_time", "thread_time", "clock_gettime",
    "time_ns", "monotonic_ns", "perf_counter_ns", "process_time_ns", "thread_time_ns", "clock_gettime_ns", "sleep",
)  # fmt: skip
_TIMELESS = {"localtime": 0, "gmtime": 0, "ctime": 0, "asctime": 0, "strftime": 1}
"""Functions of `time` that take the present where no time is given, and the place of that argument."""
_CHANCES = (
    "random", "uniform", "triangular", "randint", "choice", "randrange", "sample", "shuffle", "choices", "gauss",
    "normalvariate", "lognormvariate", "expovariate", "vonmisesvariate", "gammavariate", "betavariate",
    "paretovariate", "weibullvariate", "getrandbits", "randbytes", "binomialvariate",
)  # fmt: skip
_SECRETS = ("token_bytes", "token_hex", "token_urlsafe", "randbits", "randbelow", "choice")
_DRAWN_NAMES = ("mkstemp", "mkdtemp", "mktemp", "NamedTemporaryFile")
_AUDITED = frozenset(
    {
        "socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.getnameinfo",
        "socket.gethostbyname", "socket.gethostbyaddr", "subprocess.Popen", "os.system", "os.exec", "os.fork",
        "os.forkpty", "os.posix_spawn", "os.spawn",
    }
)  # fmt: skip
"""What Python tells an audit hook of connections and other processes; `connect_ex` is a connect too."""


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


def _always(arguments: tuple[Any, ...], named: Mapping[str, Any]) -> bool:
    return True


def _without(place: int) -> Callable[[tuple[Any, ...], Mapping[str, Any]], bool]:
    """Return whether a call lacks its argument at a place: the seed, or the time."""

    def lacks(arguments: tuple[Any, ...], named: Mapping[str, Any]) -> bool:
        values = [*arguments[place:], *named.values()]
        return not values or values[0] is None

    return lacks


def _timed(place: int) -> Callable[[tuple[Any, ...], Mapping[str, Any]], bool]:
    """Return whether a call says how long to wait; one that waits for an event alone asks for no time."""

    def waits(arguments: tuple[Any, ...], named: Mapping[str, Any]) -> bool:
        return named.get("timeout", arguments[place] if len(arguments) > place else None) is not None

    return waits


def _guarded(
    function: Callable[..., Any],
    what: str,
    is_asking: Callable[[tuple[Any, ...], Mapping[str, Any]], bool] = _always,
) -> Callable[..., Any]:
    def guard(*arguments: Any, **named: Any) -> Any:
        module = asks(sys._getframe(1))
        if module is not None and is_asking(arguments, named):
            _refuse(module, what)
        return function(*arguments, **named)

    guard.__name__ = getattr(function, "__name__", what)
    return guard


class _SameInstances(type):
    """A guarded class has the instances of the class it stands for."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls.__mro__[1])


def _guarded_class(kind: type, what: str) -> type:
    """Return a class that makes instances of another one, and none without a seed for code of ours."""
    is_unseeded = _without(0)

    def make(cls: type, *arguments: Any, **named: Any) -> Any:
        module = asks(sys._getframe(1))
        if module is not None and is_unseeded(arguments, named):
            _refuse(module, what)
        return kind(*arguments, **named)

    return _SameInstances(kind.__name__, (kind,), {"__new__": make})


def _refuse_on_the_stack(frame: FrameType | None, what: str) -> None:
    # libraries open sockets while they are imported, to see what the machine has: an import is nobody's question
    while frame is not None and frame.f_code.co_filename != "<frozen importlib._bootstrap>":
        if str(frame.f_globals.get("__name__", "")).startswith(PACKAGE + "."):
            # the innermost of ours is who asks; if it is a port, whoever called it came through one
            module = asks(frame)
            if module is not None:
                _refuse(module, what)
            return
        frame = frame.f_back


def _audit(event: str, arguments: tuple[Any, ...], audited: frozenset[str] = _AUDITED) -> None:
    if event in audited:
        _refuse_on_the_stack(sys._getframe(1), event)


def install() -> None:
    """Put the guards in place; to be called before anything of the package is imported."""
    early = [name for name in sys.modules if name.startswith(PACKAGE + ".")]
    if early:
        raise AmbientError(f"The guard must be installed before the package is imported; found {early[0]}.")
    _replace(time, _CLOCKS)
    for name, place in _TIMELESS.items():
        _replace(time, (name,), " without a time", _without(place))
    for name in ("now", "utcnow"):
        _replace_in_builtin(datetime.datetime, name)
    _replace(random, _CHANCES)
    _replace(random, ("seed",), " without a seed", _without(0))
    _replace(random.Random, ("__init__",), " without a seed", _without(1))
    _replace_numpy()
    _replace(os, ("urandom", "getrandom"))
    _replace(uuid, ("uuid1", "uuid4", "uuid6", "uuid7"))
    _replace(secrets, _SECRETS)
    _replace(tempfile, _DRAWN_NAMES)
    _replace(tempfile.TemporaryDirectory, ("__init__",))
    _replace(threading.Timer, ("__init__",))
    _replace(select, ("select", "poll", "epoll"))
    for kind, name, place in (
        (threading.Event, "wait", 1), (threading.Condition, "wait", 1), (threading.Condition, "wait_for", 2),
        (threading.Thread, "join", 1), (queue.Queue, "get", 2), (queue.Queue, "put", 3),
    ):  # fmt: skip
        _replace(kind, (name,), " with a time-out", _timed(place))
    listen = socket.socket.listen

    def listen_guarded(self: socket.socket, *backlog: int) -> None:
        _refuse_on_the_stack(sys._getframe(1), "socket.listen")
        listen(self, *backlog)

    socket.socket.listen = listen_guarded  # type: ignore[method-assign]  # guarded like the others
    sys.addaudithook(_audit)


def _replace_numpy() -> None:
    """Guard what draws from numpy's one global generator, and generators that nobody gave a seed."""
    for name in np.random.__all__:
        thing = getattr(np.random, name)
        if isinstance(thing, type):
            if name != "Generator" and name != "BitGenerator":
                setattr(np.random, name, _guarded_class(thing, f"numpy.random.{name} without a seed"))
        elif name in ("default_rng", "seed"):
            _replace(np.random, (name,), " without a seed", _without(0))
        else:
            _replace(np.random, (name,))


def _replace(
    owner: Any,
    names: Iterable[str],
    how: str = "",
    is_asking: Callable[[tuple[Any, ...], Mapping[str, Any]], bool] = _always,
) -> None:
    of = owner.__name__ if not isinstance(owner, type) else f"{owner.__module__}.{owner.__name__}"
    for name in names:
        function = getattr(owner, name, None)
        if function is not None:
            what = of if name == "__init__" else f"{of}.{name}"
            setattr(owner, name, _guarded(function, what + how, is_asking))


def _replace_in_builtin(kind: type, name: str) -> None:
    """Guard a class method of a type that cannot be changed, however and whenever it is imported.

    A class that stood for the type would not be the same type to libraries; so the type's own dictionary is changed.
    """
    original = kind.__dict__[name]

    def guard(cls: type, *arguments: Any, **named: Any) -> Any:
        module = asks(sys._getframe(1))
        if module is not None:
            _refuse(module, f"{kind.__name__}.{name}")
        return original.__get__(None, cls)(*arguments, **named)

    (attributes,) = gc.get_referents(kind.__dict__)
    attributes[name] = classmethod(guard)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


def presents_in(source: str) -> list[int]:
    """Return the lines that ask numpy for the present: a call with `datetime64` or an `M8` and "now" or "today"."""
    found: list[int] = []
    if not ("datetime64" in source or "M8" in source):
        return found
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            text = ast.unparse(node)
            words = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
            if ("datetime64" in text or "M8" in text) and ("now" in words or "today" in words):
                found.append(node.lineno)
    return found
