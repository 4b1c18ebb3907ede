"""Threads get parts of the work that do nothing twice, and the values do not depend on how many there are."""

from __future__ import annotations

import numpy as np
import pytest

from formula.builders import a_market, a_series
from tapeline import Stream, atr, bars, bollinger, compute, macd, rsi, sma, stoch_rsi
from tapeline.domain.panel import Panel
from tapeline.domain.times import frame_text
from tapeline.formula.node import Node
from tapeline.formula.parts import CELLS_MIN, COLUMNS_MIN, parts_of

BAR = bars()
BAND, STRENGTH = bollinger(BAR.close, 20, 2), rsi(BAR.close, 14)
FORMULAS: dict[str, Node] = {
    "upper": BAND.upper,
    "lower": BAND.lower,
    "k": stoch_rsi(BAR.close, 14, 14, 3, 3).k,
    "line": macd(BAR.close).line,
    "signal": macd(BAR.close).signal,
    "rsi": STRENGTH,
    "atr": atr(BAR, 14),
}


def test_many_symbols_are_divided_into_neighbouring_ranges_that_hold_each_symbol_once() -> None:
    parts = parts_of(FORMULAS, 10, 3 * COLUMNS_MIN + 1, 3)

    assert [formulas for formulas, _ in parts] == [FORMULAS] * 3
    assert [column for _, s in parts for column in range(s.start, s.stop)] == list(range(3 * COLUMNS_MIN + 1))


def test_formulas_over_one_long_series_are_divided_by_what_they_share() -> None:
    parts = parts_of(FORMULAS, CELLS_MIN, 1, 2)

    assert sorted(name for formulas, _ in parts for name in formulas) == sorted(FORMULAS)
    assert len(parts) == 2
    for together in ({"upper", "lower"}, {"k", "rsi"}, {"line", "signal"}):
        assert sum(bool(together & formulas.keys()) for formulas, _ in parts) == 1


def test_formulas_that_all_share_a_step_stay_with_one_thread() -> None:
    assert len(parts_of({"rsi": STRENGTH, "mean": sma(STRENGTH, 3)}, CELLS_MIN, 1, 4)) == 1


def test_a_short_series_is_left_to_one_thread() -> None:
    assert len(parts_of(FORMULAS, CELLS_MIN - 1, 1, 2)) == 1


def test_symbols_that_are_compared_with_each_other_stay_together() -> None:
    (part,) = parts_of({"rank": STRENGTH.rank()}, 10, 4 * COLUMNS_MIN, 2)

    assert part[1] == slice(0, 4 * COLUMNS_MIN)


def a_long_series() -> Panel:
    steps = np.random.default_rng(3).normal(0.0, 0.1, CELLS_MIN + 7)
    steps[1000:1010] = np.nan
    close = 100.0 + np.nancumsum(steps) + 0.0 * steps
    return a_series(close.tolist(), high=(close + 0.05).tolist(), low=(close - 0.05).tolist())


@pytest.mark.parametrize("market", [a_market(symbols=2 * COLUMNS_MIN + 3), a_long_series()], ids=["symbols", "series"])
def test_two_threads_compute_the_same_bits_as_one_and_as_single_chunks(market: Panel) -> None:
    one, two = (compute(FORMULAS, market, threads=threads) for threads in (1, 2))
    stream = Stream(FORMULAS, symbols=len(market.symbols), frame=frame_text(market.frame_ns))
    half = len(market) // 2
    halves = [
        {name: values.copy() for name, values in stream.advance(market.rows(*edge)).items()}
        for edge in ((0, half), (half, len(market)))
    ]

    assert list(one) == list(two) == list(FORMULAS)
    for name, values in one.items():
        assert values.tobytes() == two[name].tobytes()
        assert values.tobytes() == np.concatenate([part[name] for part in halves]).tobytes()
        assert np.isfinite(values).any()
