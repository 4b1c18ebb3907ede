"""Inner functions are linked into their callers, have no machine code of their own, and answer Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numba import types

from tapeline.indicators.code_cache import CodeCache
from tapeline.indicators.compiled import compiled
from tapeline.indicators.inner import InnerLibrary


@compiled()
def half(x: float) -> float:
    return x / 2.0


@compiled()
def quarter(x: float) -> float:
    return half(half(x))


@compiled(entry=True)
def quarters(values: np.ndarray) -> float:
    total = 0.0
    for value in values:
        total += quarter(value)
    return total


def test_an_inner_function_is_part_of_its_caller_and_has_no_machine_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A caller read from the cache brings no inner functions.
    monkeypatch.setattr("tapeline.indicators.compiled.code_cache", lambda: CodeCache(tmp_path))

    @compiled(entry=True)
    def quarters(values: np.ndarray) -> float:
        total = 0.0
        for value in values:
            total += quarter(value)
        return total

    assert quarters(np.array([4.0, 8.0])) == 3.0

    (made,) = quarter.overloads.values()
    assert isinstance(made.library, InnerLibrary)
    assert made.signature.return_type == types.float64
    (whole,) = quarters.overloads.values()
    assert not isinstance(whole.library, InnerLibrary)
    machine_code = whole.library.get_asm_str()
    assert "quarters" in machine_code


def test_called_from_python_an_inner_function_answers_for_any_types() -> None:
    assert quarter(2.0) == 0.5
    assert quarter(2) == 0.5
    assert half(half(2.0)) == 0.5
    assert quarter.py_func(2.0) == 0.5


def test_the_order_of_calls_from_python_and_from_compiled_code_does_not_matter() -> None:
    assert half(3.0) == 1.5
    assert quarters(np.array([2.0])) == 0.5
    assert half(5.0) == 2.5


def test_a_type_that_an_inner_function_cannot_take_is_an_error_for_its_caller() -> None:
    @compiled(entry=True)
    def caller(text: str) -> float:
        return half(text)

    try:
        caller("x")
    except Exception as exc:
        assert type(exc).__name__ == "TypingError"
    else:
        raise AssertionError("half of a text was compiled")
