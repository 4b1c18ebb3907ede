"""Every kernel gives the same bits however rows are cut, and never looks ahead."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.builders import Array, a_market, inputs_of, parameters_of, run, same_bits
from tapeline.indicators.kernel import FEW_SYMBOLS, Kernel
from tapeline.indicators.library import KERNELS

ALL_KERNELS = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS.keys())
EXAMPLES = settings(max_examples=25, deadline=None)

markets = st.builds(
    a_market,
    rows=st.integers(1, 60),
    symbols=st.sampled_from((1, 3, FEW_SYMBOLS, FEW_SYMBOLS + 3)),
    seed=st.integers(0, 2**32 - 1),
    missing=st.sampled_from((0.0, 0.02, 0.4)),
    unknown=st.sampled_from((0.0, 0.02, 0.2)),
)


@ALL_KERNELS
@EXAMPLES
@given(market=markets, cuts=st.lists(st.integers(0, 60), max_size=6))
def test_any_cut_into_chunks_gives_the_same_bits(kernel: Kernel, market: dict[str, Array], cuts: list[int]) -> None:
    inputs, parameters = inputs_of(kernel, market), parameters_of(kernel)
    rows = inputs[0].shape[0]
    whole_state, cut_state = (np.zeros((kernel.state_rows(parameters), inputs[0].shape[1])) for _ in range(2))

    whole = run(kernel, inputs, parameters, state=whole_state)
    cut = run(kernel, inputs, parameters, [row for row in cuts if row <= rows])
    single_rows = run(kernel, inputs, parameters, range(rows), state=cut_state)

    assert all(same_bits(a, b) for a, b in zip(whole, cut, strict=True))
    assert all(same_bits(a, b) for a, b in zip(whole, single_rows, strict=True))
    assert same_bits(whole_state, cut_state)


@ALL_KERNELS
@EXAMPLES
@given(market=markets)
def test_a_symbol_alone_and_among_others_gets_the_same_bits(kernel: Kernel, market: dict[str, Array]) -> None:
    inputs, parameters = inputs_of(kernel, market), parameters_of(kernel)
    clocks = len(kernel.clock_inputs)
    panels, clock_panels = inputs[: len(inputs) - clocks], inputs[len(inputs) - clocks :]

    together = run(kernel, inputs, parameters)

    for j in range(inputs[0].shape[1]):
        own = tuple(panel[:, j : j + 1].copy() for panel in panels)
        alone = run(kernel, (*own, *clock_panels), parameters)
        assert all(same_bits(a[:, j : j + 1], b) for a, b in zip(together, alone, strict=True))


@ALL_KERNELS
def test_the_loop_across_symbols_and_the_loop_along_rows_give_the_same_bits(kernel: Kernel) -> None:
    """Of values of all magnitudes, so that a sum taken in another order shows."""
    rng = np.random.default_rng(9)
    market = a_market(300, 2 * FEW_SYMBOLS, seed=9)
    for name in ("high", "low", "close", "value", "price", "volume"):
        magnitudes = 10.0 ** rng.integers(-4, 5, market[name].shape)
        market[name] = np.abs(rng.standard_normal(market[name].shape)) * magnitudes
    inputs, parameters = inputs_of(kernel, market), parameters_of(kernel)
    clocks = len(kernel.clock_inputs)

    across = run(kernel, inputs, parameters)
    one_symbol = [panel[:, :1].copy() for panel in inputs[: len(inputs) - clocks]]
    along = run(kernel, (*one_symbol, *inputs[len(inputs) - clocks :]), parameters)

    assert all(same_bits(a[:, :1], b) for a, b in zip(across, along, strict=True))


@ALL_KERNELS
@EXAMPLES
@given(
    market=markets,
    share=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
    change=st.sampled_from(("none", "mix")),
)
def test_the_past_does_not_change_with_the_future(
    kernel: Kernel, market: dict[str, Array], share: float, seed: int, change: str
) -> None:
    inputs, parameters = inputs_of(kernel, market), parameters_of(kernel)
    rows = inputs[0].shape[0]
    cut = int(share * rows)
    rng = np.random.default_rng(seed)

    known = run(kernel, tuple(panel[:cut].copy() for panel in inputs), parameters)
    # a gap of no bars at the cut, then the future in another order, or nothing
    gap = rng.random(inputs[0].shape[1]) < 0.5
    order = rng.permutation(np.arange(cut, rows)) if change == "mix" else np.arange(cut, cut)
    other = [np.concatenate([panel[:cut], panel[cut : cut + 1], panel[order]]) for panel in inputs]
    if cut < rows:
        other[0][cut, gap] = np.nan
    changed = run(kernel, tuple(other), parameters)
    whole = run(kernel, inputs, parameters)

    assert all(same_bits(a, b[:cut]) for a, b in zip(known, changed, strict=True))
    assert all(same_bits(a, b[:cut]) for a, b in zip(known, whole, strict=True))


@ALL_KERNELS
@EXAMPLES
@given(market=markets, seed=st.integers(0, 2**32 - 1))
def test_rows_without_a_bar_change_nothing(kernel: Kernel, market: dict[str, Array], seed: int) -> None:
    """The outputs on existing bars are those of the series of existing bars; elsewhere they are NaN."""
    inputs, parameters = inputs_of(kernel, market), parameters_of(kernel)
    rows = inputs[0].shape[0]
    kept = np.sort(np.random.default_rng(seed).choice(3 * rows, rows, replace=False))
    clocks = len(kernel.clock_inputs)

    dense = run(kernel, inputs, parameters)
    spread = []
    for number, panel in enumerate(inputs):
        wide = np.full((3 * rows, panel.shape[1]), 7.0 if number else np.nan)
        wide[kept] = panel
        spread.append(wide)
    if clocks:  # between bars the clocks stand still
        last = np.searchsorted(kept, np.arange(3 * rows), side="right").clip(1) - 1
        spread[-clocks:] = [panel[last] for panel in inputs[-clocks:]]
    sparse = run(kernel, spread, parameters)

    for thin, full in zip(sparse, dense, strict=True):
        assert same_bits(thin[kept], full)
        assert np.all(np.isnan(np.delete(thin, kept, axis=0)))


@ALL_KERNELS
def test_the_first_known_value_comes_after_the_lookback(kernel: Kernel) -> None:
    market = a_market(200, FEW_SYMBOLS, seed=3)
    market["condition"][:] = 0.0
    market["level"][:] = 0.0
    market["volume"] += 1.0
    parameters = parameters_of(kernel)
    if kernel.name == "bars_since":
        market["condition"][0] = 1.0
    if kernel.name == "all":
        market["condition"][:] = 1.0

    outputs = run(kernel, inputs_of(kernel, market), parameters)

    for output, lookback in zip(outputs, kernel.lookback(parameters), strict=True):
        first_known = np.argmax(~np.isnan(output), axis=0)
        assert np.all(first_known == lookback)


# These remember unknown bars, or count sessions and not bars.
REMEMBERING = ("lag", "rate_of_change", "any", "any_between", "all", "bars_since", "relative_volume_by_minute")


@pytest.mark.parametrize("name", [name for name in KERNELS if name not in REMEMBERING])
def test_leading_unknown_values_shift_the_output(name: str) -> None:
    """A chained indicator begins with its first known input, as in TA-Lib."""
    kernel, unknown = KERNELS[name], 17
    market = a_market(100, FEW_SYMBOLS, seed=4)
    inputs, parameters = inputs_of(kernel, market), parameters_of(kernel)
    clocks = len(kernel.clock_inputs)
    late = [panel.copy() for panel in inputs]
    for panel in late[1 : len(late) - clocks]:
        panel[:unknown] = np.nan

    outputs = run(kernel, late, parameters)
    begun = run(kernel, tuple(panel[unknown:].copy() for panel in inputs), parameters)

    for output, other in zip(outputs, begun, strict=True):
        assert np.all(np.isnan(output[:unknown]))
        assert same_bits(output[unknown:], other)


@ALL_KERNELS
def test_the_size_of_the_state_does_not_depend_on_the_number_of_bars(kernel: Kernel) -> None:
    """Nor does it hold unknown values, but for those that a kernel has to remember."""
    market = a_market(400, FEW_SYMBOLS, seed=5, missing=0.1, unknown=0.05)
    parameters = parameters_of(kernel)
    state = np.zeros((kernel.state_rows(parameters), FEW_SYMBOLS))

    run(kernel, inputs_of(kernel, market), parameters, range(0, 400, 7), state)

    assert kernel.state_rows(parameters) == len(state)
    assert kernel.name in REMEMBERING or not np.any(np.isnan(state))


@ALL_KERNELS
def test_the_description_agrees_with_the_code(kernel: Kernel) -> None:
    """One version is compiled, for the announced types, however the rows are cut."""
    parameters = parameters_of(kernel)
    inputs = inputs_of(kernel, a_market(6, 2))

    outputs = run(kernel, inputs, parameters, [1, 2])

    assert len(inputs) == kernel.inputs
    assert len(outputs) == len(kernel.outputs) == len(kernel.lookback(parameters))
    assert len(kernel.advance.nopython_signatures) == 1
