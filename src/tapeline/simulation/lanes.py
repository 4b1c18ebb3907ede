"""Many accounts, one after the other, in one call: each a row of addresses.

A call from Python costs as much as a hundred slices, and a run of each symbol by itself makes thousands. Whoever
writes a row keeps what its addresses point to alive.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tapeline.indicators.compiled import compiled
from tapeline.simulation.decision import Signals
from tapeline.simulation.market import MARKET
from tapeline.simulation.records import BOOK
from tapeline.simulation.references import UNCOUNTED
from tapeline.simulation.rows import Curves, run_rows

LANE = np.dtype(
    [
        ("market", "i8"),
        ("book", "i8"),
        ("strategies", "i8"),
        ("first_column", "i8"),
        ("values", "i8"),
        ("exists", "i8"),
        ("layout", "i8"),
        ("rows", "i8"),
        ("cells", "i8"),  # length of values
        ("equity", "i8"),
        ("long_exposure", "i8"),
        ("short_exposure", "i8"),
    ]
)
"""One account: its market and book, what it may read of `Signals`, and its curves of whole length."""


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


@compiled(types.UniTuple(types.int64, 2)(MARKET, BOOK), **UNCOUNTED)
def addresses(market: Any, book: Any) -> tuple[int, int]:
    """Return where a market and a book are."""
    return _address(market), _address(book)


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
whole_numbers_at = _array_at(types.int64[:, ::1])


@compiled(entry=True, **UNCOUNTED)
def run_lanes(lanes: Any, rows: Any, first: int, last: int, chunk_first: int, chunk_rows: int, latency_ns: int) -> None:
    """Run slices first..last-1 of each lane.

    chunk_first, chunk_rows : the slice that is row 0 of the signals, and their number of slices
    """
    for place in range(len(lanes)):
        lane = lanes[place]
        signals = Signals(
            floats_at(lane.values, (lane.cells,)),
            floats_at(lane.exists, (lane.cells,)),
            whole_numbers_at(lane.layout, (lane.strategies, 6)),
            whole_numbers_at(lane.rows, (lane.strategies, chunk_rows)),
        )
        curves = Curves(
            floats_at(lane.equity, (last,)),
            floats_at(lane.long_exposure, (last,)),
            floats_at(lane.short_exposure, (last,)),
        )
        run_rows(
            market_at(lane.market), book_at(lane.book), signals, rows, curves,
            lane.first_column, first, last, chunk_first, latency_ns,
        )  # fmt: skip
