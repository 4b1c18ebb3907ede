"""A list of calls does what the same calls from Python do: what this uses of Numba's inner workings holds."""

from __future__ import annotations

import numpy as np

from tapeline.formula.call_list import CallList
from tapeline.indicators.calls import WIDTHS, move_on, read_rows, write_rows
from tapeline.indicators.library import KERNELS


def test_every_kernel_writes_the_same_bits_from_a_list_as_from_python() -> None:
    generator = np.random.default_rng(5)
    calls, pairs = CallList(), []
    for kernel in KERNELS.values():
        vector = np.array([{"ddof": 1.0, "slots": 3.0, "slow": 7.0}.get(name, 4.0) for name in kernel.parameters])
        shapes = [(40, 3)] * (1 + len(kernel.values)) + [(40, 1)] * len(kernel.clock_inputs)
        inputs = (np.ones((40, 3)), *(np.abs(generator.normal(50.0, 9.0, shape)) for shape in shapes[1:]))
        runs = [
            (np.zeros((kernel.state_rows(vector), 3)), tuple(np.full((40, 3), -1.0) for _ in kernel.outputs))
            for _ in range(2)
        ]
        calls.add(kernel.advance, inputs, runs[0][0], vector, runs[0][1])
        kernel.advance(inputs, runs[1][0], vector, runs[1][1])
        pairs.append(runs)

    calls.run()

    for (listed_state, listed), (state, outputs) in pairs:
        assert listed_state.tobytes() == state.tobytes()
        for mine, other in zip(listed, outputs, strict=True):
            assert mine.tobytes() == other.tobytes()
            assert not (mine == -1.0).all()


def test_the_longest_call_fits_the_widest_place() -> None:
    words_of_panel, words_of_vector = 9, 7
    panels = max(kernel.inputs + 1 + len(kernel.outputs) for kernel in KERNELS.values())

    assert panels * words_of_panel + words_of_vector <= WIDTHS[-1]


def test_chunks_are_read_and_written_where_the_cursor_stands() -> None:
    whole, result = np.arange(60.0).reshape(10, 6), np.zeros((10, 4))
    chunk, cursor = np.zeros((2, 3)), np.array([1])
    calls = CallList()
    calls.add(read_rows, whole, 2, cursor, chunk)
    calls.add(write_rows, chunk, 1, cursor, result)
    calls.add(move_on, cursor, 2)

    calls.run(3)

    assert cursor[0] == 7
    assert (result[1:7, 1:4] == whole[1:7, 2:5]).all()
    assert not result[0].any() and not result[7:].any() and not result[:, 0].any()
