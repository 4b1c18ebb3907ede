"""Canonical bytes: each fact has exactly one form, so that equal books are equal bytes.

A fact is one JSON object in UTF-8, for example

    {"client_order_id":"Dip-ABCD-20240102T150000-0-1","event_time_ns":1704207600000000000,
     "kind":"OrderAccepted","schema":1,"venue_order_id":null}

without the line break. The rules:

1. Keys are sorted by code point, at every depth; no white space; every field is written, None as null.
2. `kind` and `schema` stand among the fields; nouns inside facts are objects of the same rules.
3. Exact amounts are texts of plain decimals: no exponent, no trailing zeros, no plus sign, never "-0".
4. Times and counts are whole numbers; words (side, order type, reason ...) are texts of their names.
5. Float64 stand only in explanations, sizing, configuration, summaries and ranks: the shortest text that
   reads back as the same float64. NaN is null; infinities are the texts "inf" and "-inf".
6. In texts only quotation mark, backslash and the characters below U+0020 are escaped (the short form where
   JSON has one, \\u00xx in lower case else); everything else stands as it is. Lone surrogates are refused.

`decode(encode(fact)) == fact` for facts whose trees hold what JSON knows, and `encode(decode(b)) == b` for
all bytes that `encode` wrote. Generic serialisers were left out: their forms change with their versions.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import IntEnum
from functools import cache
from json.encoder import encode_basestring
from operator import attrgetter
from types import NoneType
from typing import Any, cast

import numpy as np

from tapeline.domain.errors import InputError, StorageError, UnknownNameError
from tapeline.domain.words import Reason
from tapeline.ledger.canonical_reading import constants_of, is_word, match, read_object, without_none
from tapeline.ledger.control_facts import CommandGiven
from tapeline.ledger.facts import FACTS
from tapeline.ledger.order_facts import CancelRejected, ReplaceRejected
from tapeline.ports.journal import Fact

Writer = Callable[[Any], str]

_INFINITY = float("inf")
_JSON = json.JSONDecoder()


def encode(fact: Fact) -> bytes:
    """Return the canonical bytes of a fact. Raises InputError if it holds what has no such form."""
    return _utf8(_noun_text(fact), type(fact).__name__)


def decode(body: bytes | str) -> Fact:
    """Return the fact of canonical bytes.

    Raises StorageError if they are no fact, or one that only a newer version of the program knows.
    """
    try:
        text = body if isinstance(body, str) else body.decode()
        if (fact := match(text)) is not None:
            return fact
        found, end = _JSON.raw_decode(text)
        if end != len(text):
            raise StorageError(f"Behind a fact stands something else: {_shown(text[end:])}")
        fact_type = FACTS[found["kind"]]
        earlier = _EARLIER.get((found["kind"], found["schema"]))
        if earlier is not None:
            found = earlier(found)
        if found["schema"] != fact_type.schema:
            raise StorageError(
                f"A {fact_type.kind} fact has schema {found['schema']}; this program knows up to "
                f"{fact_type.schema}. Read this journal with a newer version."
            )
        return cast(Fact, read_object(fact_type, found, extra=2))
    except KeyError as exc:
        if exc.args and isinstance(body_kind := _kind_of(body), str) and body_kind not in FACTS:
            raise StorageError(
                f"{UnknownNameError('kind of fact', body_kind, FACTS)} A newer version may know it."
            ) from exc
        raise StorageError(f"These bytes are no fact, {exc} is missing or unknown: {_shown(body)}") from exc
    except (ValueError, TypeError, ArithmeticError, InputError) as exc:
        raise StorageError(f"These bytes are no fact ({exc}): {_shown(body)}") from exc


def _with_reason(found: dict[str, Any]) -> dict[str, Any]:
    """Return a refusal that has no reason yet: only our own word came without a status then."""
    reason = Reason.NEVER_ARRIVED if found["status"] is None else Reason.NONE
    return {**found, "reason": reason.name, "schema": 2}


def _with_number(found: dict[str, Any]) -> dict[str, Any]:
    """Return a command whose number at the desk was not noted yet."""
    return {**found, "command_id": 0, "given_ns": 0, "schema": 2}


_EARLIER = {
    (CancelRejected.kind, 1): _with_reason,
    (ReplaceRejected.kind, 1): _with_reason,
    (CommandGiven.kind, 1): _with_number,
}
"""What makes a fact of an earlier schema one of the next, by kind and schema."""


def encode_tree(tree: Any) -> bytes:
    """Return the canonical bytes of nested plain values, by rules 1, 3, 5 and 6."""
    return _utf8(_tree_text(tree), "tree")


def amount_text(amount: Decimal) -> str:
    """Return an exact amount as a plain decimal: one number, one text."""
    if not amount.is_finite():
        raise InputError(f"An amount of {amount} cannot be written; amounts are finite numbers.")
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "0") else text


def _utf8(text: str, what: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as exc:
        raise InputError(f"The {what} holds text that is not Unicode: {text[exc.start : exc.start + 1]!r}.") from exc


def _shown(body: bytes | str) -> str:
    return repr(body[:80]) + (" ..." if len(body) > 80 else "")


def _kind_of(body: bytes | str) -> object:
    found = json.loads(body)
    return found.get("kind") if isinstance(found, dict) else None


# Trees ------------------------------------------------------------------------------------------------------


def _float_text(value: float) -> str:
    if value != value:
        return "null"
    if value in (_INFINITY, -_INFINITY):
        return '"inf"' if value > 0 else '"-inf"'
    return float.__repr__(value)


def _dict_text(value: Mapping[str, Any]) -> str:
    if value and {*map(type, value)} != {str}:
        raise InputError(f"The keys of a tree are texts; found {next(k for k in value if type(k) is not str)!r}.")
    return "{" + ",".join([f"{encode_basestring(key)}:{_tree_text(value[key])}" for key in sorted(value)]) + "}"


_TREE_WRITERS: dict[type, Writer] = {
    str: encode_basestring,
    float: _float_text,
    int: int.__repr__,
    bool: lambda value: "true" if value else "false",
    NoneType: lambda _: "null",
    list: lambda value: "[" + ",".join([_tree_text(item) for item in value]) + "]",
    tuple: lambda value: "[" + ",".join([_tree_text(item) for item in value]) + "]",
    dict: _dict_text,
    Decimal: lambda value: f'"{amount_text(value)}"',
}


def _tree_text(value: Any) -> str:
    writer = _TREE_WRITERS.get(type(value))
    if writer is not None:
        return writer(value)
    if isinstance(value, np.generic):
        return _tree_text(value.item())
    if isinstance(value, IntEnum):
        return f'"{value.name}"'
    if isinstance(value, Mapping):
        return _dict_text(value)
    raise InputError(
        f"A tree holds texts, numbers, truth values, None, lists and dicts; found {type(value).__name__} {value!r}."
    )


# Nouns and facts: writers and readers by the types of their fields ------------------------------------------


@cache
def _writing(
    of: Any,
) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]], tuple[Writer, ...], str]:
    hints = typing.get_type_hints(of)
    constants = constants_of(of)
    names = sorted([*[f.name for f in fields(of)], *constants])
    prefixes, writers, pending = [], [], "{"
    for position, name in enumerate(names):
        pending += ("," if position else "") + f'"{name}":'
        if name in constants:
            pending += constants[name]
            continue
        prefixes.append(pending)
        writers.append(_writer(hints[name]))
        pending = ""
    own = [name for name in names if name not in constants]
    getter = attrgetter(*own)
    values_of = getter if len(own) > 1 else lambda found: (getter(found),)
    return tuple(prefixes), values_of, tuple(writers), pending + "}"


def _noun_text(value: Any) -> str:
    of: Any = type(value)
    prefixes, values_of, writers, ending = _writing(of)
    parts = [
        prefix + ("null" if item is None else writer(item))
        for prefix, writer, item in zip(prefixes, writers, values_of(value), strict=True)
    ]
    return "".join(parts) + ending


def _writer(hint: Any) -> Writer:
    hint = without_none(hint)
    if hint is Decimal:
        return lambda value: f'"{amount_text(value)}"'
    if hint is str:
        return encode_basestring
    if hint is int:
        return _whole_text
    if hint is float:
        return _float_text
    if is_word(hint):
        return {word: f'"{word.name}"' for word in hint}.__getitem__
    if is_dataclass(hint):
        return _noun_text
    if typing.get_args(hint) == (str, Decimal):
        return lambda value: _dict_text(dict(value))
    return _tree_text


def _whole_text(value: int) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"A whole number is needed, found {type(value).__name__} {value!r}.")
    return int.__repr__(value)
