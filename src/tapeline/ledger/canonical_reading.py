"""How canonical bytes become facts again: readers by the types of the fields, each written out once as a function.

A restart reads a million facts, and a live run reads each of its own back. So there are two ways that come to the same:

    read_object     from the dict that JSON makes, for every fact
    match           from the text itself, by one pattern for a kind: canonical bytes have one form only

`match` takes a third less time, because no dict is made; a text that its pattern does not tell (an escaped character,
a tree in the middle) is left to the other.
"""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import IntEnum
from functools import cache, lru_cache
from sys import intern
from types import NoneType, UnionType
from typing import Any, cast

from tapeline.domain.errors import InputError, StorageError
from tapeline.ledger.facts import FACTS
from tapeline.ports.journal import Fact

Reader = Callable[[Any], Any]

_NAMES = ("account", "client_order_id", "strategy", "symbol")
# A few names and amounts stand in most facts: kept once they take less room, and are found faster than made.
_amount = lru_cache(maxsize=16_384)(Decimal)


def read_object(of: Any, found: Any, extra: int = 0) -> Any:
    """Return the noun of a dict. extra : keys that are no fields of it. Raises StorageError for other keys than its."""
    count, read = _reading(of)
    if len(found) != count + extra:
        raise StorageError(
            f"A {of.__name__} has {count} fields, found {len(found) - extra}: {', '.join(sorted(found))}."
        )
    return read(found)


def match(text: str) -> Fact | None:
    """Return the fact of a text that has the form its kind nearly always has, None for every other text."""
    begin = text.find('"kind":"') + len('"kind":"')
    try:
        return _MATCHERS[text[begin : text.find('"', begin)]](text)
    except (ValueError, KeyError, ArithmeticError, InputError):
        return None  # read as JSON, it tells what is wrong


def constants_of(of: Any) -> dict[str, str]:
    """Return what stands in every fact of a type, as canonical text by key; nothing for a noun inside facts."""
    return {"kind": f'"{of.kind}"', "schema": str(of.schema)} if of in FACTS.values() else {}


def without_none(hint: Any) -> Any:
    """Return the type of a field that may also be None."""
    members = typing.get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return next(member for member in members if member is not NoneType)


def is_word(hint: Any) -> bool:
    """Return whether a type is one of words, such as side or order type."""
    return isinstance(hint, type) and issubclass(hint, IntEnum)


# From a dict ------------------------------------------------------------------------------------------------


@cache
def _reading(of: Any) -> tuple[int, Reader]:
    """Return the number of fields and a function that makes the object of a dict, written out for its type.

    The function fills a draft, makes it the frozen object and then has it check itself, in a small part of the time
    that a loop over fields and `__init__` take.
    """
    hints = typing.get_type_hints(of)
    known: dict[str, Any] = {"draft": _draft(of), "of": of}
    lines = ["def read(found):", " made = draft()"]
    for place, field in enumerate(fields(of)):
        reader = _reader(field.name, hints[field.name])
        if reader is None:
            lines.append(f" made.{field.name} = found['{field.name}']")
            continue
        known[f"read_{place}"] = reader
        lines.append(f" value = found['{field.name}']")
        lines.append(f" made.{field.name} = None if value is None else read_{place}(value)")
    lines += _ending("made", "of", of)
    lines.append(" return made")
    exec("\n".join(lines), known)
    return len(fields(of)), known["read"]


@cache
def _draft(of: Any) -> type:
    """Return a class of the same slots as a frozen one, but open: what is filled here can become the other.

    A slot of an open object is written in a fifth of the time, and a large journal has tens of millions of them.
    """
    return type(f"{of.__name__}Draft", (), {"__slots__": of.__slots__})


def _ending(made: str, name: str, of: Any) -> list[str]:
    """Return the lines that make a filled draft the object: closed to changes, and checked by itself."""
    check = [f" {made}.__post_init__()"] if hasattr(of, "__post_init__") else []
    return [f" {made}.__class__ = {name}", *check]


def _reader(name: str, hint: Any) -> Reader | None:
    hint = without_none(hint)
    if name in _NAMES:
        return intern
    if hint is Decimal:
        return _amount
    if is_word(hint):
        return {word.name: word for word in hint}.__getitem__
    if is_dataclass(hint):
        return lambda value: read_object(hint, value)
    if typing.get_args(hint) == (str, Decimal):
        return lambda value: {key: Decimal(amount) for key, amount in value.items()}
    return None


# From the text ----------------------------------------------------------------------------------------------

_TEXT = r'"([^"\\\x00-\x1f]*)"'
_WHOLE = r"(0|-?[1-9][0-9]*)"
_LAST_TREE = r"(\{.*)"


class _Matchers(dict[str, Callable[[str], Fact | None]]):
    """By kind, made when it is first asked for; a kind that is unknown is a KeyError."""

    def __missing__(self, kind: str) -> Callable[[str], Fact | None]:
        self[kind] = found = _matcher(FACTS[kind])
        return found


_MATCHERS = _Matchers()


def _matcher(of: Any) -> Callable[[str], Fact | None]:
    """Return a function that makes a fact of its canonical text, None where its pattern does not tell it."""
    writing = _Matching()
    pattern = writing.noun(of)
    if pattern is None:
        return lambda text: None
    known = {**writing.known, "match": re.compile(pattern).fullmatch}
    head = ["def read(text):", " found = match(text)", " if found is None: return None"]
    exec("\n".join([*head, f" {''.join(writing.groups)} = found.groups()", *writing.lines, " return made_0"]), known)
    return cast(Callable[[str], Fact | None], known["read"])


class _Matching:
    """What the function of one type is written from: its groups in order, its lines, and what they know by name."""

    def __init__(self) -> None:
        self.groups: list[str] = []
        self.lines: list[str] = []
        self.known: dict[str, Any] = {}
        self.nouns = 0

    def noun(self, of: Any) -> str | None:
        """Return the pattern of a noun and write what makes it; None if it has a field that no pattern tells."""
        hints, constants = typing.get_type_hints(of), constants_of(of)
        made = f"made_{self.nouns}"
        self.nouns += 1
        self.known |= {f"of_{made}": of, f"draft_{made}": _draft(of)}
        self.lines.append(f" {made} = draft_{made}()")
        names = sorted([*[field.name for field in fields(of)], *constants])
        parts = []
        for name in names:
            part = constants.get(name)
            if part is None:
                is_last = name == names[-1] and made == "made_0"
                part = self._field(made, name, hints[name], is_last=is_last)
            if part is None:
                return None
            parts.append(f'"{name}":{part}')
        self.lines += _ending(made, f"of_{made}", of)
        return r"\{" + ",".join(parts) + r"\}"

    def _field(self, made: str, name: str, declared: Any, *, is_last: bool) -> str | None:
        hint, is_optional = without_none(declared), isinstance(declared, UnionType)
        if is_dataclass(hint) and not is_optional:
            inner = f"made_{self.nouns}"
            pattern = self.noun(hint)
            self.lines.append(f" {made}.{name} = {inner}")
            return pattern
        reader = _reader(name, hint)
        if hint is int:
            pattern, reader = _WHOLE, int
        elif hint in (str, Decimal) or is_word(hint):
            pattern = _TEXT
        elif is_last and is_optional:
            pattern, reader = _LAST_TREE, json.loads  # nothing but the last bracket stands behind it
        else:
            return None
        group = f"found_{len(self.groups)}"
        self.groups.append(f"{group}, ")
        value = group
        if reader is not None:
            self.known[f"read_{group}"] = reader
            value = f"read_{group}({group})"
        if is_optional:
            pattern, value = f"(?:null|{pattern})", f"None if {group} is None else {value}"
        self.lines.append(f" {made}.{name} = {value}")
        return pattern
