"""Arithmetic, comparison and three-valued logic, cell by cell.

One definition of each operation as a function of numbers, used twice: here in loops over panels, and in
`cells` for the formulas that depend on a position.

A condition is a float64: 1.0 true, 0.0 false, NaN unknown. A comparison with NaN is unknown; false and
unknown is false; true or unknown is true (Kleene 1952, strong logic). Numbers propagate NaN, minimum and
maximum included; x / 0 is infinite with the sign of x, and 0 / 0 unknown. The logarithm of a number not above 0
and the root of a number below 0 are unknown.

**Equality.** Two numbers a and b are equal when |a - b| <= tolerance * max(1, |a|, |b|). Tolerance 1e-9 is
far above the rounding noise of an indicator (1e-12 and less) and far below anything a trader would call a
difference; without it two correct programs disagree on 7 % of the crossings of a stochastic RSI, which sits
at exactly 0 or 100 for many bars. Tolerance 0 compares exactly. An infinity equals only itself.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tapeline.indicators.compiled import compiled

TOLERANCE = 1e-9

# Operation codes. The range tells the number of operands: below 20 two, below 30 one, from 30 on three.
ADD, SUBTRACT, MULTIPLY, DIVIDE, MINIMUM, MAXIMUM, ROUND = 0, 1, 2, 3, 4, 5, 6
GREATER, GREATER_EQUAL, LESS, LESS_EQUAL, EQUAL, NOT_EQUAL = 8, 9, 10, 11, 12, 13
AND, OR = 16, 17
NEGATE, ABSOLUTE, NOT, MASK, LOG, EXP, SQRT, SIGN, KNOWN = 20, 21, 22, 23, 24, 25, 26, 27, 28
WHERE = 30

# With fewer columns than this a loop runs down the column, its state in registers; with more, along the row.
NARROW = 8


@compiled()
def equal(a: float, b: float, tolerance: float) -> Any:
    gap = abs(a - b)
    near = (gap <= tolerance * max(1.0, max(abs(a), abs(b)))) & (gap < np.inf)
    return np.nan if (a != a) | (b != b) else (1.0 if (a == b) | near else 0.0)


@compiled()
def greater(a: float, b: float, tolerance: float) -> Any:
    gap = abs(a - b)
    near = (gap <= tolerance * max(1.0, max(abs(a), abs(b)))) & (gap < np.inf)
    return np.nan if (a != a) | (b != b) else (1.0 if (a > b) & ~near else 0.0)


@compiled()
def smaller_of(a: float, b: float) -> Any:
    return np.nan if (a != a) | (b != b) else (a if a < b else b)


@compiled()
def larger_of(a: float, b: float) -> Any:
    return np.nan if (a != a) | (b != b) else (a if a > b else b)


@compiled()
def nearest_multiple(a: float, step: float) -> Any:
    # dividing by the whole number of steps in 1, where there is one, gives the float64 nearest to the decimal
    inverse = np.rint(1.0 / step)
    return np.rint(a * inverse) / inverse if abs(inverse * step - 1.0) < 1e-9 else np.rint(a / step) * step


@compiled()
def logarithm(a: float) -> Any:
    return math.log(a) if a > 0.0 else np.nan


@compiled()
def root(a: float) -> Any:
    return math.sqrt(a) if a >= 0.0 else np.nan


@compiled()
def sign_of(a: float) -> Any:
    return np.nan if a != a else (1.0 if a > 0.0 else (-1.0 if a < 0.0 else 0.0))


@compiled()
def kleene_not(a: float) -> Any:
    return 1.0 - a


@compiled()
def kleene_and(a: float, b: float) -> Any:
    return 0.0 if (a == 0.0) | (b == 0.0) else a * b


@compiled()
def kleene_or(a: float, b: float) -> Any:
    return 1.0 if (a == 1.0) | (b == 1.0) else a + b


@compiled()
def has_value(a: float) -> Any:
    return 1.0 if a == a else 0.0


@compiled()
def choose(condition: float, a: float, b: float) -> Any:
    return a if condition == 1.0 else (b if condition == 0.0 else np.nan)


@compiled("float64(int64, float64, float64, float64, float64)")
def apply(code: int, a: float, b: float, c: float, tolerance: float) -> float:
    """Return the result of one operation on numbers; operands it does not take are ignored."""
    result = np.nan
    if code == ADD:
        result = a + b
    elif code == SUBTRACT:
        result = a - b
    elif code == MULTIPLY:
        result = a * b
    elif code == DIVIDE:
        result = a / b
    elif code == MINIMUM:
        result = smaller_of(a, b)
    elif code == MAXIMUM:
        result = larger_of(a, b)
    elif code == ROUND:
        result = nearest_multiple(a, b)
    elif code == GREATER:
        result = greater(a, b, tolerance)
    elif code == GREATER_EQUAL:
        result = kleene_not(greater(b, a, tolerance))
    elif code == LESS:
        result = greater(b, a, tolerance)
    elif code == LESS_EQUAL:
        result = kleene_not(greater(a, b, tolerance))
    elif code == EQUAL:
        result = equal(a, b, tolerance)
    elif code == NOT_EQUAL:
        result = kleene_not(equal(a, b, tolerance))
    elif code == AND:
        result = kleene_and(a, b)
    elif code == OR:
        result = kleene_or(a, b)
    elif code == NEGATE:
        result = -a
    elif code == ABSOLUTE:
        result = abs(a)
    elif code == NOT:
        result = kleene_not(a)
    elif code == MASK:
        result = a
    elif code == KNOWN:
        result = has_value(a)
    elif code == LOG:
        result = logarithm(a)
    elif code == EXP:
        result = math.exp(a)
    elif code == SQRT:
        result = root(a)
    elif code == SIGN:
        result = sign_of(a)
    elif code == WHERE:
        result = choose(a, b, c)
    return result


@compiled("void(int64, float64[::1], float64[::1], float64[::1], float64[::1])")
def arithmetic(code: int, exists: Any, a: Any, b: Any, out: Any) -> None:
    """Write an operation of one or two numbers. All arrays are flat views of panels of one shape.

    MASK copies `a` where `exists` is known; the others need no mask, as NaN passes through them.
    """
    if code == ADD:
        for i in range(out.size):
            out[i] = a[i] + b[i]
    elif code == SUBTRACT:
        for i in range(out.size):
            out[i] = a[i] - b[i]
    elif code == MULTIPLY:
        for i in range(out.size):
            out[i] = a[i] * b[i]
    elif code == DIVIDE:
        for i in range(out.size):
            out[i] = a[i] / b[i]
    elif code == MINIMUM:
        for i in range(out.size):
            out[i] = smaller_of(a[i], b[i])
    elif code == MAXIMUM:
        for i in range(out.size):
            out[i] = larger_of(a[i], b[i])
    elif code == ROUND:
        for i in range(out.size):
            out[i] = nearest_multiple(a[i], b[i])
    elif code == NEGATE:
        for i in range(out.size):
            out[i] = -a[i]
    elif code == ABSOLUTE:
        for i in range(out.size):
            out[i] = abs(a[i])
    elif code == MASK:
        for i in range(out.size):
            out[i] = a[i] * exists[i]
    elif code == LOG:
        for i in range(out.size):
            out[i] = logarithm(a[i])
    elif code == EXP:
        for i in range(out.size):
            out[i] = math.exp(a[i])
    elif code == SQRT:
        for i in range(out.size):
            out[i] = root(a[i])
    elif code == SIGN:
        for i in range(out.size):
            out[i] = sign_of(a[i])


@compiled("void(int64, float64[::1], float64[::1], float64[::1], float64[::1])")
def compare(code: int, tolerances: Any, a: Any, b: Any, out: Any) -> None:
    """Write the condition a <code> b, with a tolerance given as an array of one."""
    tolerance = tolerances[0]
    if code == GREATER:
        for i in range(out.size):
            out[i] = greater(a[i], b[i], tolerance)
    elif code == GREATER_EQUAL:
        for i in range(out.size):
            out[i] = kleene_not(greater(b[i], a[i], tolerance))
    elif code == LESS:
        for i in range(out.size):
            out[i] = greater(b[i], a[i], tolerance)
    elif code == LESS_EQUAL:
        for i in range(out.size):
            out[i] = kleene_not(greater(a[i], b[i], tolerance))
    elif code == EQUAL:
        for i in range(out.size):
            out[i] = equal(a[i], b[i], tolerance)
    elif code == NOT_EQUAL:
        for i in range(out.size):
            out[i] = kleene_not(equal(a[i], b[i], tolerance))


@compiled("void(int64, float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])")
def decide(code: int, exists: Any, a: Any, b: Any, c: Any, out: Any) -> None:
    """Write a logical operation, or a choice between two numbers.

    These can be known although one operand is not, so they are masked: without a bar the result is unknown.
    """
    if code == AND:
        for i in range(out.size):
            out[i] = kleene_and(a[i], b[i]) * exists[i]
    elif code == OR:
        for i in range(out.size):
            out[i] = kleene_or(a[i], b[i]) * exists[i]
    elif code == NOT:
        for i in range(out.size):
            out[i] = kleene_not(a[i])
    elif code == KNOWN:
        for i in range(out.size):
            out[i] = has_value(a[i]) * exists[i]
    elif code == WHERE:
        for i in range(out.size):
            out[i] = choose(a[i], b[i], c[i]) * exists[i]


@compiled("void(float64[::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1])")
def crossing(tolerances: Any, exists: Any, a: Any, b: Any, state: Any, out: Any) -> None:
    """Write (a > b) & (a <= b one bar before): the bar in which a crosses above b.

    All float64 [C, N]; tolerances : an array of one. state [1, N] holds the relation in the last bar of the
    symbol: 1 above, -1 not above, 0 unknown or no bar yet. One pass, because sweeps run hundreds of crossings
    over the same averages.
    """
    rows, columns = out.shape
    tolerance = tolerances[0]
    flat_a, flat_b, flat_out = a.reshape(a.size), b.reshape(b.size), out.reshape(out.size)
    if columns == 1 and has_all_bars(exists.reshape(exists.size)):
        # Each step needs only the comparison before it, so this loop runs in vector registers as well.
        before = above_of(state[0, 0])
        for i in range(flat_out.size):
            above = greater(flat_a[i], flat_b[i], tolerance)
            flat_out[i] = crossed(above, before)
            before = above
        state[0, 0] = relation(before)
        return
    for i in range(flat_out.size):
        flat_out[i] = greater(flat_a[i], flat_b[i], tolerance)
    if columns < NARROW:
        for column in range(columns):
            before = above_of(state[0, column])
            for row in range(rows):
                if exists[row, column] == 1.0:
                    above = out[row, column]
                    out[row, column] = crossed(above, before)
                    before = above
                else:
                    out[row, column] = np.nan
            state[0, column] = relation(before)
    else:
        for row in range(rows):
            for column in range(columns):
                before, above = state[0, column], out[row, column]
                has_bar = exists[row, column] == 1.0
                out[row, column] = crossed(above, above_of(before)) if has_bar else np.nan
                state[0, column] = relation(above) if has_bar else before


@compiled()
def has_all_bars(exists: Any) -> Any:
    count = 0
    for i in range(exists.size):
        count += exists[i] == 1.0
    return count == exists.size


@compiled()
def crossed(above: float, before: float) -> Any:
    return kleene_and(above, kleene_not(before))


@compiled()
def relation(above: float) -> Any:
    return 1.0 if above == 1.0 else (-1.0 if above == 0.0 else 0.0)


@compiled()
def above_of(relation: float) -> Any:
    return 1.0 if relation == 1.0 else (0.0 if relation == -1.0 else np.nan)
