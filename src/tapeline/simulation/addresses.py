"""Compiled code that works from addresses: arrays, references and other machine code.

An argument of a compiled function that is an array is seven numbers and more, read anew from Python's object at each
call; an address is one. And what is called by its address is compiled once, not again as a part of each caller. Whoever
hands out an address keeps what it points to alive.

This stands on Numba's inner workings, as `indicators/inner.py` does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tapeline.indicators.compiled import compiled
from tapeline.simulation.market import MARKET
from tapeline.simulation.references import UNCOUNTED
from tapeline.simulation.tables import BOOK


def address_of(array: npt.NDArray[Any]) -> int:
    """Return where an array begins."""
    return int(array.__array_interface__["data"][0])


def _array_at(kind: Any) -> Any:
    @intrinsic
    def array_at(typing_context: Any, address: Any, shape: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            array = context.make_array(kind)(context, builder)
            lengths = cgutils.unpack_tuple(builder, values[1])
            item = context.get_constant(types.intp, 8)
            strides = [item]
            for length in reversed(lengths[1:]):
                strides.insert(0, builder.mul(strides[0], length))
            count = lengths[0]
            for length in lengths[1:]:
                count = builder.mul(count, length)
            array.data = builder.inttoptr(values[0], array.data.type)
            array.shape = cgutils.pack_array(builder, lengths)
            array.strides = cgutils.pack_array(builder, strides)
            array.itemsize, array.nitems = item, count
            array.meminfo = cgutils.get_null_value(array.meminfo.type)
            array.parent = cgutils.get_null_value(array.parent.type)
            return array._getvalue()

        return kind(types.int64, types.UniTuple(types.int64, kind.ndim)), build

    return array_at


floats_at = _array_at(types.float64[::1])
panel_at = _array_at(types.float64[:, ::1])
times_at = _array_at(types.int64[::1])
whole_numbers_at = _array_at(types.int64[:, ::1])


def _reference_at(kind: Any) -> Any:
    @intrinsic
    def reference_at(typing_context: Any, address: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            reference = cgutils.create_struct_proxy(kind)(context, builder)
            reference.meminfo = builder.inttoptr(values[0], reference.meminfo.type)
            return reference._getvalue()

        return kind(types.int64), build

    return reference_at


market_at, book_at = _reference_at(MARKET), _reference_at(BOOK)


@intrinsic
def _address(typing_context: Any, reference: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        memory = cgutils.create_struct_proxy(reference)(context, builder, value=values[0]).meminfo
        return builder.ptrtoint(memory, context.get_value_type(types.int64))

    return types.int64(reference), build


@compiled(types.int64(MARKET), **UNCOUNTED)
def market_address(market: Any) -> int:
    """Return where a market is."""
    return int(_address(market))


@compiled(types.int64(BOOK), **UNCOUNTED)
def book_address(book: Any) -> int:
    """Return where a book is."""
    return int(_address(book))


def caller_of(signature: Any) -> Any:
    """Return a function for compiled code: given an address and a tuple of arguments, it calls what is there."""

    @intrinsic
    def call(typing_context: Any, address: Any, arguments: Any) -> Any:
        def build(context: Any, builder: Any, own: Any, values: Any) -> Any:
            convention = context.call_conv
            kind = convention.get_function_type(signature.return_type, signature.args)
            given = zip(cgutils.unpack_tuple(builder, values[1]), own.args[1].types, signature.args, strict=True)
            status, result = convention.call_function(
                builder,
                builder.inttoptr(values[0], kind.as_pointer()),
                signature.return_type,
                signature.args,
                [context.cast(builder, value, found, wanted) for value, found, wanted in given],
            )
            with cgutils.if_unlikely(builder, status.is_error):
                convention.return_status_propagate(builder, status)
            return result

        return signature.return_type(types.int64, arguments), build

    return call


@intrinsic
def fetch_ahead(typing_context: Any, address: Any) -> Any:
    """Ask the processor for the memory at an address, which is read soon: waiting for it costs as much as a fill."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer(), number, number, number])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        place = builder.inttoptr(values[0], ir.IntType(8).as_pointer())
        builder.call(prefetch, [place, number(0), number(3), number(1)])  # to read, keep in all caches, data
        return context.get_dummy_value()

    return types.void(types.int64), build


FLOAT_BYTES = np.dtype(np.float64).itemsize
