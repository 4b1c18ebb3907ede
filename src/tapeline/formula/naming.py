"""Formulas made of several steps: shown under the words they were asked for with, their numbers checked as one."""

from __future__ import annotations

from tapeline.domain.errors import FormulaError
from tapeline.formula import operations as op
from tapeline.formula.node import Node, Operand, as_node, make
from tapeline.formula.operations import Setting


def named(node: Node, name: str, part: str, shown: tuple[Node, ...], arguments: tuple[Operand | str, ...]) -> Node:
    """Return the node, written as name(shown, arguments).part."""
    return make(op.NAMED, (node, *shown), (name, part, *arguments))


def check_number(value: Operand, setting: Setting, *, where: str) -> None:
    """Raise FormulaError unless the value, a parameter at its default, is a number that the setting allows."""
    number = as_node(value).fixed_value
    if number is None:
        raise FormulaError(f"{setting.name} of {where} must be a number or made of parameters, not {value}.")
    setting.check(number, where=where)
