"""Checks that nouns make of their own fields; each refusal is a sentence with the value that was found.

The owner comes in pieces ("Order", its id), so that no sentence is built where nothing is wrong.
"""

from __future__ import annotations

from decimal import Decimal

from tapeline.domain.errors import InputError


def _refuse(owner: tuple[str, ...], field: str, rule: str, value: object) -> InputError:
    return InputError(f"{' '.join(owner)}: {field} must be {rule}, found {value!r}.")


def a_name(value: str, field: str, *owner: str) -> None:
    """Raise InputError unless `value` is text with something in it."""
    if type(value) is not str or not value or value.isspace():
        raise _refuse(owner, field, "a name", value)


def a_time(value: int, field: str, *owner: str) -> None:
    """Raise InputError unless `value` is whole nanoseconds since 1970."""
    if type(value) is not int or value < 0:
        raise _refuse(owner, field, "whole UTC nanoseconds since 1970", value)


def finite(value: Decimal, field: str, *owner: str) -> None:
    """Raise InputError unless `value` is an exact, finite number."""
    if type(value) is not Decimal or not value.is_finite():
        raise _refuse(owner, field, "an exact number (Decimal)", value)


def above_zero(value: Decimal, field: str, *owner: str) -> None:
    """Raise InputError unless `value` is an exact number above zero."""
    if type(value) is not Decimal or not value.is_finite() or value.is_signed() or not value:
        raise _refuse(owner, field, "an exact number (Decimal) above zero", value)


def not_below_zero(value: Decimal, field: str, *owner: str) -> None:
    """Raise InputError unless `value` is an exact number of zero or more."""
    if type(value) is not Decimal or not value.is_finite() or value < 0:
        raise _refuse(owner, field, "an exact number (Decimal) of zero or more", value)
