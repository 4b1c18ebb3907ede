"""Evaluate formulas of a position, one symbol at one moment.

What depends on a position (bars held, unrealized R) is known only inside the decision loop, after the fills
of the bar. Such a formula is compiled to a cell program: instructions (operation, argument) for a stack
machine, whose leaves are the outputs of panel formulas, the fields of the position and constants. It holds
operations of one moment only; averages and lags are computed in panels beforehand and read as leaves.
"""

from __future__ import annotations

from typing import Any

from tapeline.indicators.compiled import compiled
from tapeline.indicators.elementwise import TOLERANCE, apply

# Instructions besides the operations of `elementwise`; the argument says which value, field or constant.
# For an operation the argument is 1 when it compares with tolerance and 0 when exactly.
LOAD_VALUE, LOAD_FIELD, LOAD_CONSTANT = 40, 41, 42


@compiled(
    "float64(int64[:, ::1], int64, int64, float64[::1], float64[:, :, ::1], int64, int64, float64[::1], float64[::1])"
)
def evaluate_cell(
    code: Any,
    first: int,
    last: int,
    constants: Any,
    values: Any,
    row: int,
    column: int,
    fields: Any,
    stack: Any,
) -> float:
    """Return the result of instructions first..last-1 for one symbol at one moment.

    code : int64 [K, 2], operation and argument
    constants : float64, indexed by LOAD_CONSTANT
    values : float64 [R, Cf, N], a table's values; LOAD_VALUE r reads values[r, row, column]
    fields : float64, the position's values in the order of POSITION_FIELDS
    stack : float64 work array, at least as long as the table's `stack_size`
    """
    top = -1
    for step in range(first, last):
        operation, argument = code[step, 0], code[step, 1]
        if operation == LOAD_VALUE:
            top += 1
            stack[top] = values[argument, row, column]
        elif operation == LOAD_FIELD:
            top += 1
            stack[top] = fields[argument]
        elif operation == LOAD_CONSTANT:
            top += 1
            stack[top] = constants[argument]
        else:
            tolerance = TOLERANCE if argument == 1 else 0.0
            if operation < 20:
                top -= 1
                stack[top] = apply(operation, stack[top], stack[top + 1], 0.0, tolerance)
            elif operation < 30:
                stack[top] = apply(operation, stack[top], 0.0, 0.0, tolerance)
            else:
                top -= 2
                stack[top] = apply(operation, stack[top], stack[top + 1], stack[top + 2], tolerance)
    return stack[top]  # type: ignore[no-any-return]
