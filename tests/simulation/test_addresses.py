"""Compiled code reaches arrays and other machine code by their addresses alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import types

from tapeline.indicators.compiled import address_of_code, compiled
from tapeline.simulation.addresses import address_of, caller_of, fetch_ahead, floats_at, panel_at

SHARE = types.float64(types.float64, types.int64)


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapeline.indicators.compiled.registry", {})


@pytest.fixture
def share() -> Any:
    @compiled(SHARE)
    def share_of_a_total(total: float, parts: int) -> float:
        if parts == 0:
            raise ValueError("no parts")
        return total / parts

    return share_of_a_total


@pytest.fixture
def caller() -> Any:
    call = caller_of(SHARE)

    @compiled(entry=True)
    def calls_it(address: int, total: float, parts: int) -> float:
        return float(call(address, (total, parts)))

    return calls_it


def test_machine_code_is_called_by_its_address_and_not_made_a_part_of_its_caller(share: Any, caller: Any) -> None:
    assert caller(address_of_code(share), 10.0, 4) == 2.5

    (made,) = caller.overloads.values()
    assert "share_of_a_total" not in made.library.get_asm_str()


def test_arguments_of_another_type_are_converted_to_what_the_machine_code_takes(share: Any, caller: Any) -> None:
    assert caller(address_of_code(share), 10, np.int8(4)) == 2.5


def test_an_error_in_what_is_called_by_its_address_reaches_python(share: Any, caller: Any) -> None:
    with pytest.raises(ValueError, match="no parts"):
        caller(address_of_code(share), 10.0, 0)


def test_arrays_are_read_and_written_where_they_are() -> None:
    @compiled(entry=True)
    def double_last(row: int, panel: int) -> None:
        floats_at(row, (3,))[2] *= 2.0
        panel_at(panel, (2, 3))[1, 0] *= 2.0

    row, panel = np.array([1.0, 2.0, 3.0]), np.arange(6.0).reshape(2, 3)

    double_last(address_of(row), address_of(panel))

    assert row.tolist() == [1.0, 2.0, 6.0]
    assert panel.tolist() == [[0.0, 1.0, 2.0], [6.0, 4.0, 5.0]]


def test_fetching_ahead_does_nothing_wherever_it_points() -> None:
    @compiled(entry=True)
    def fetches(address: int) -> int:
        fetch_ahead(address)
        return address

    assert fetches(0) == 0
