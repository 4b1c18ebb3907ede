"""Run a list of compiled calls without Python in between.

A program of formulas makes the same dozen or hundred calls for every chunk of bars. From Python each costs
two microseconds, and between any two of them threads wait for the interpreter. Here a call is a row of
machine words, written once (`formula/call_list.py`), and `run_calls` goes down the rows, over as many chunks
as wanted.

What is called has a signature of arrays, tuples of arrays and whole numbers, and returns nothing. Numba passes
such arguments as the words that describe them, in C's way, so one call of so many words serves all
functions; a function does not look at words beyond its own. This stands on Numba's inner workings, as
`inner` does; `tests/house/test_calls.py` holds what is used of them.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.callconv import errcode_t
from numba.extending import intrinsic

from tapeline.indicators.compiled import compiled

WIDTHS = (32, 64, 128)
"""A call passes so many words; the smallest of these that holds them all is chosen."""


@intrinsic
def _call(typing_context: Any, function: Any, words: Any, width: Any) -> Any:
    word = ir.IntType(64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function, words, width = arguments
        # Numba's functions take two places first, for a result and an error, and return a status.
        places = [cgutils.alloca_once_value(builder, word(0)) for _ in range(2)]
        status = cgutils.alloca_once_value(builder, errcode_t(0))
        source = builder.inttoptr(words, word.as_pointer())
        for size in WIDTHS:
            with builder.if_then(builder.icmp_signed("==", width, word(size))):
                passed = [builder.ptrtoint(place, word) for place in places]
                passed += [builder.load(builder.gep(source, [word(i)])) for i in range(size)]
                shape = ir.FunctionType(errcode_t, [word] * len(passed))
                builder.store(builder.call(builder.inttoptr(function, shape.as_pointer()), passed), status)
        return builder.sext(builder.load(status), word)

    return types.int64(types.int64, types.int64, types.int64), generate


@intrinsic
def _store_past_caches(typing_context: Any, array: Any, place: Any, number: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        numbers = context.make_array(signature.args[0])(context, builder, arguments[0])
        store = builder.store(arguments[2], builder.gep(numbers.data, [arguments[1]]))
        store.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))
        return context.get_dummy_value()

    return types.void(array, place, number), generate


@compiled("int64(int64[:, ::1], int64)")
def run_calls(calls: Any, chunks: int) -> int:
    """Make all calls, once for each chunk; return 0, or the number of the call that failed, from 1.

    calls : int64 [K, 3], a function's address, the address of its words, and how many are passed
    """
    for _ in range(chunks):
        for k in range(calls.shape[0]):
            if _call(calls[k, 0], calls[k, 1], calls[k, 2]) != 0:
                return k + 1
    return 0


@compiled("void(float64[:, ::1], int64, int64[::1], float64[:, ::1])")
def read_rows(whole: Any, first: int, cursor: Any, chunk: Any) -> None:
    """Copy a chunk out of a panel: from column `first` and the cursor's row on."""
    rows, columns = chunk.shape
    start = cursor[0]
    if columns == whole.shape[1]:
        source, target = whole.reshape(whole.size), chunk.reshape(chunk.size)
        for i in range(target.size):
            target[i] = source[start * columns + i]
        return
    for row in range(rows):
        for column in range(columns):
            chunk[row, column] = whole[start + row, first + column]


@compiled("void(float64[:, ::1], int64, int64[::1], float64[:, ::1])")
def write_rows(chunk: Any, first: int, cursor: Any, whole: Any) -> None:
    """Copy a chunk into a panel, past the caches: to column `first` and the cursor's row on."""
    rows, columns = chunk.shape
    width, target = whole.shape[1], whole.reshape(whole.size)
    if columns == width:
        source = chunk.reshape(chunk.size)
        for i in range(source.size):
            _store_past_caches(target, cursor[0] * width + i, source[i])
        return
    for row in range(rows):
        start = (cursor[0] + row) * width + first
        for column in range(columns):
            _store_past_caches(target, start + column, chunk[row, column])


@compiled("void(int64[::1], int64)")
def move_on(cursor: Any, rows: int) -> None:
    """Move the cursor by so many rows."""
    cursor[0] += rows
