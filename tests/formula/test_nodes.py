"""Building formulas: equal definitions are one node, mistakes are refused in words."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from tapeline.domain.errors import FormulaError, InputError, UnknownNameError
from tapeline.formula import (
    Node,
    adx,
    atr,
    bars,
    bollinger,
    bound_node,
    compile_program,
    crossed_above,
    ema,
    macd,
    param,
    position,
    rolling_zscore,
    rsi,
    session,
    sma,
    stoch_rsi,
    where,
)

CLOSE = bars().close
VERSION_SCRIPT = """
from tapeline.formula import *
m15 = bars("15min")
fast = param(20, low=2, high=500, name="fast")
noise = [sma(bars("1h").low, n) for n in range(1, {noise})]
lower = bollinger(m15.close, 20, 2).lower
rule = crossed_above(ema(m15.close, fast), lower) & (m15.close.rank() > 0.5).any(3)
tables = {{"t": (m15, {{"a": rule, "b": position.bars_held > 3}})}}
print(rule.version, compile_program(tables, symbol_count=2, base_frame_ns=60_000_000_000).version)
"""


def test_equal_definitions_are_one_object() -> None:
    assert sma(bars().close, 20) is sma(bars().close, 20)
    assert (CLOSE > 5) is (CLOSE > 5.0)
    assert sma(CLOSE, 20) is not sma(CLOSE, 21)
    assert CLOSE - 1 is not 1 - CLOSE
    assert bars("15min").close is not bars("1h").close
    assert bars("60min").close is bars("1h").close
    assert sma(CLOSE, np.int64(20)) is sma(CLOSE, 20)


def test_a_numpy_number_on_the_left_leaves_the_arithmetic_to_the_formula() -> None:
    assert np.float64(2) * CLOSE is 2 * CLOSE
    assert (np.float64(2) < CLOSE) is (CLOSE > 2)


def test_formulas_that_are_no_longer_used_are_forgotten() -> None:
    from tapeline.formula import node

    before = len(node._known)
    for length in range(1000, 1100):
        sma(CLOSE, length)

    assert len(node._known) <= before + 1


def test_formulas_survive_pickling_as_the_same_object() -> None:
    rule = crossed_above(ema(CLOSE, 5), bollinger(CLOSE).upper) & (position.bars_held > session.minutes_to_close)

    assert pickle.loads(pickle.dumps(rule)) is rule


def test_pickled_parameters_keep_their_name_and_bounds() -> None:
    rule = ema(CLOSE, param(20, low=2, high=30, name="fast"))

    copy = pickle.loads(pickle.dumps(rule))

    assert copy.version == rule.version
    assert bound_node(copy, fast=7) is ema(CLOSE, 7)


def test_versions_depend_on_the_definition_alone() -> None:
    found = set()
    for seed, noise in (("0", 1), ("1", 9), ("4711", 30)):
        done = subprocess.run(
            [sys.executable, "-c", VERSION_SCRIPT.format(noise=noise)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(done.stdout.strip())

    assert len(found) == 1
    assert len(found.pop().split()[0]) == 16


def test_versions_differ_with_anything_that_matters() -> None:
    formulas = [
        ema(CLOSE, 20),
        ema(CLOSE, 21),
        ema(CLOSE, 20, seed="first"),
        sma(CLOSE, 20),
        ema(bars().open, 20),
        ema(bars("1h").close, 20),
        macd(CLOSE).line,
        macd(CLOSE).signal,
        CLOSE.demean(),
        CLOSE.demean(by="sector"),
        CLOSE - 1,
        1 - CLOSE,
    ]

    assert len({node.version for node in formulas}) == len(formulas)


def test_formulas_read_as_they_were_meant() -> None:
    m15, h1 = bars("15min"), bars("1h")
    k, _ = stoch_rsi(m15.close, 14, 14, 3, 3)

    texts = {
        "crossed_above(ema(close, 20), ema(close, 50))": crossed_above(ema(CLOSE, 20), ema(CLOSE, 50)),
        "(rsi(close[15min], 14) < 30)": rsi(m15.close, 14) < 30,
        "close[15min].lag(1)": m15.close.lag(1),
        "(close[15min] <= (1.02 * bollinger(close[15min], 20, 2).lower)).any(5)": (
            m15.close <= 1.02 * bollinger(m15.close, 20, 2).lower
        ).any(5),
        "stoch_rsi(close[15min], 14, 14, 3, 3).k": k,
        "macd(close[1h], 12, 26, 9).histogram": macd(h1.close).histogram,
        "atr(bars[15min], 14)": atr(m15),
        "adx(bars, 14).plus_di": adx(bars()).plus_di,
        "ema(close, 20, first)": ema(CLOSE, 20, seed="first"),
        "rsi(close, 14, unknown)": rsi(CLOSE, 14, flat="unknown"),
        "(~(close > 5) | (position.bars_held >= 3))": ~(CLOSE > 5) | (position.bars_held >= 3),
        "where((close > 5), -close, unknown)": where(CLOSE > 5, -CLOSE, math.nan),
        "close.demean(by=sector)": CLOSE.demean(by="sector"),
        "close.rank()": CLOSE.rank(),
        "close[1h].on(15min)": h1.close.on(m15),
        "(session.minutes_to_close <= 15)": session.minutes_to_close <= 15,
        "rolling_zscore(close, 20)": rolling_zscore(CLOSE, 20),
    }

    for text, node in texts.items():
        assert str(node) == text


def refused(build: Callable[[], object], *words: str) -> None:
    with pytest.raises(InputError) as caught:
        build()
    for word in words:
        assert word in str(caught.value), str(caught.value)


def test_python_truth_of_a_formula_is_refused() -> None:
    refused(lambda: (CLOSE > 1) and (CLOSE < 2), "Use & | ~", "parentheses")
    refused(lambda: 1 < CLOSE < 2, "(a < b) & (b < c)")
    refused(lambda: not (CLOSE > 1), "~")
    refused(lambda: CLOSE in [CLOSE + 1], "truth")


def test_what_a_position_was_earlier_is_refused() -> None:
    refused(lambda: position.unrealized.lag(1), "lag", "position.unrealized", "is not kept")
    refused(lambda: sma(position.bars_held, 3), "sma", "position.bars_held")
    refused(lambda: (CLOSE - position.entry_price).rank(), "rank", "position.entry_price")
    refused(lambda: crossed_above(CLOSE, position.stop_price), "crossed_above", "position.stop_price")
    refused(lambda: (position.quantity > 0).any(3), "any")


def test_counting_bars_without_a_frame_is_refused() -> None:
    refused(lambda: session.minutes_to_close.lag(1), "no bars to count", '.on(bars("15min"))')
    refused(lambda: sma(5, 3), "no bars to count")  # type: ignore[arg-type]
    assert session.minutes_to_close.on(bars("15min")).lag(1).frame == bars("15min").frame


def test_wrong_arguments_are_refused_in_words() -> None:
    refused(lambda: sma(CLOSE, 0), "length of sma", "at least 1", "not 0")
    refused(lambda: sma(CLOSE, 2.5), "whole", "2.5")
    refused(lambda: sma(CLOSE, "20"), "must be a number", "'20'")  # type: ignore[arg-type]
    refused(lambda: sma(CLOSE, CLOSE), "changes from bar to bar")
    refused(lambda: CLOSE.lag(-1), "lag", "at least 0")
    refused(lambda: ema(CLOSE, 20, seed="frist"), "seed", "Did you mean 'first'?")
    refused(lambda: rsi(CLOSE, 14, flat="zer"), "Did you mean 'zero'?")
    refused(lambda: CLOSE.zscore(flat="nul"), "flat")
    refused(lambda: rolling_zscore(CLOSE, 5, flat="zeros"), "Did you mean 'zero'?")
    refused(lambda: macd(CLOSE, 26, 12), "fast", "slow")
    refused(lambda: CLOSE + "1", "not with '1' (str)")  # type: ignore[operator]
    refused(lambda: CLOSE & (CLOSE > 1), "& needs conditions", "close is a number")
    refused(lambda: CLOSE.any(3), "any needs conditions")
    refused(lambda: where(CLOSE, 1, 2), "where needs conditions")
    refused(lambda: bars("15 minutes"), "15min")


def test_frames_the_data_cannot_give_are_refused() -> None:
    def compiled_on(frame: str, base_minutes: int) -> Callable[[], object]:
        return lambda: compile_program(
            {"t": (None, {"x": bars(frame).close})},
            symbol_count=1,
            base_frame_ns=base_minutes * 60_000_000_000,
        )

    refused(compiled_on("1min", 5), "Frame 1min is finer than the data, which has bars of 5min")
    refused(compiled_on("15min", 10), "Frame 15min is no multiple of the data's bars of 10min")
    refused(compiled_on("36h", 60), "no number of whole days")


def test_names_the_program_does_not_know_are_refused() -> None:
    panel_of = {"symbol_count": 1, "base_frame_ns": 60_000_000_000}
    formulas: dict[str, Node] = {"x": CLOSE.demean(by="sektor")}

    with pytest.raises(UnknownNameError, match="Did you mean 'sector'"):
        compile_program({"t": (None, formulas)}, groups={"sector": [0]}, **panel_of)
    with pytest.raises(UnknownNameError, match="exact"):
        compile_program({"t": (None, {"x": CLOSE})}, compare="exakt", **panel_of)
    with pytest.raises(FormulaError, match="2 labels for 1 symbols"):
        compile_program({"t": (None, {"x": CLOSE})}, groups={"sector": [0, 1]}, **panel_of)
