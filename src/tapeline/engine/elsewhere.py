"""What free-form code keeps beside its attributes: on its class, in its module, in what its functions close over.

    class Counts(Strategy):
        seen = {}                       # one for all objects of the class

        def on_slice(self, now):
            self.seen[now.session] = LAST[0]

A checkpoint keeps attributes alone, and another process begins with the rest as the file says it. So whoever changes
some of that has its state nowhere, and is shown its whole past instead.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import CodeType, FunctionType, MemberDescriptorType, ModuleType
from typing import Any

from tapeline.formula.node import Node
from tapeline.strategies.base import Strategy

_NO_VALUES = (FunctionType, ModuleType, type, Node)


def kept_elsewhere(free_form: Mapping[str, Strategy]) -> dict[tuple[str, str], bytes | None]:
    """Return the values that the code of some strategies can reach without their attributes, each as bytes.

    None stands for one that has none. Two are alike if nothing was changed in between.
    """
    found: dict[tuple[str, str], bytes | None] = {}
    for strategy in free_form.values():
        for owner, name, value in _values_of(strategy):
            if (owner, name) not in found and not isinstance(value, _NO_VALUES):
                found[owner, name] = _bytes_of(value)
    return found


def _values_of(strategy: Strategy) -> Iterator[tuple[str, str, Any]]:
    owners = [owner for owner in type(strategy).__mro__ if owner not in Strategy.__mro__]
    modules = {owner.__module__ for owner in owners}
    functions: list[FunctionType] = []
    for owner in owners:
        for name, value in vars(owner).items():
            function = getattr(value, "__func__", getattr(value, "fget", value))
            if isinstance(function, FunctionType):
                functions.append(function)
            elif isinstance(value, MemberDescriptorType):  # a slot
                yield owner.__qualname__, name, getattr(strategy, name, None)
            elif not name.startswith("__"):
                yield owner.__qualname__, name, value
    seen: set[FunctionType] = set()
    while functions:
        function = functions.pop()
        if function in seen or function.__module__ not in modules:
            continue
        seen.add(function)
        for name, value in _reached_by(function):
            if isinstance(value, FunctionType):
                functions.append(value)
            else:
                yield function.__qualname__, name, value


def _reached_by(function: FunctionType) -> Iterator[tuple[str, Any]]:
    yield "()", (function.__defaults__, function.__kwdefaults__)
    for name in sorted(_names_in(function.__code__) & function.__globals__.keys()):
        yield name, function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # it is empty
            yield name, cell.cell_contents


def _names_in(code: CodeType) -> set[str]:
    inner = (part for part in code.co_consts if isinstance(part, CodeType))
    return {*code.co_names}.union(*[_names_in(part) for part in inner])


def _bytes_of(value: Any) -> bytes | None:
    try:
        return pickle.dumps(value, protocol=5)
    except Exception:  # any class says in its own way that it has no bytes
        return None
