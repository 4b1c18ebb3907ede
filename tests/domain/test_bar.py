"""Bars, quotes, executions and signals refuse what cannot be."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.ledger.builders import T0, a_bar, a_signal, an_execution

from tapeline.domain.bar import Quote
from tapeline.domain.errors import DataError, InputError


def a_quote(**changes: object) -> Quote:
    fields = {
        "symbol": "ABCD", "time_ns": T0, "bid_price": Decimal("9.98"), "bid_quantity": Decimal(300),
        "ask_price": Decimal("10.00"), "ask_quantity": Decimal(100),
    }  # fmt: skip
    return Quote(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"high": Decimal("10.05")}, "do not lie between low 9.95 and high 10.05"),
        ({"end_ns": T0 - 10**12}, "is not after"),
        ({"low": Decimal(0)}, "low must be an exact number .* above zero"),
        ({"volume": Decimal(-1)}, "volume must be an exact number .* of zero or more"),
        ({"close": 9.98}, "close must be an exact number"),
    ],
)
def test_a_bar_that_contradicts_itself_is_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        a_bar(**changes)


def test_a_quote_has_a_middle_and_a_spread() -> None:
    assert (a_quote().middle_price, a_quote().spread) == (Decimal("9.99"), Decimal("0.02"))


def test_a_crossed_quote_is_refused_and_a_locked_one_is_not() -> None:
    assert a_quote(bid_price=Decimal(10)).spread == 0
    with pytest.raises(DataError, match=r"bid 10\.01 is above ask 10\.00"):
        a_quote(bid_price=Decimal("10.01"))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"quantity": Decimal(0)}, "Execution E-1: quantity must be"),
        ({"price": Decimal("Infinity")}, "Execution E-1: price must be"),
        ({"commission": 1.0}, "Execution E-1: commission must be"),
        ({"execution_id": ""}, "execution_id must be a name"),
        ({"event_time_ns": 1.5}, "event_time_ns must be whole UTC nanoseconds"),
    ],
)
def test_an_execution_with_an_impossible_field_is_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        an_execution(**changes)


def test_a_signal_is_named_by_strategy_symbol_action_and_time() -> None:
    assert a_signal().signal_id == f"Dip/ABCD/enter_long/{T0}"
