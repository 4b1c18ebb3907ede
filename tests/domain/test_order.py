"""Orders: derived ids, terms that fit their type, brackets."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.builders import a_stop, a_target, an_order

from tapeline.domain.errors import InputError
from tapeline.domain.order import Bracket, client_order_id
from tapeline.domain.times import from_iso
from tapeline.domain.words import OrderType, Role, Side, TimeInForce

T0 = from_iso("2018-02-16T14:30:00Z")
NAMES = st.text(min_size=1, max_size=60).filter(lambda name: not name.isspace())


def test_an_id_reads_strategy_symbol_time_sequence_and_attempt() -> None:
    assert client_order_id("Reversal", "AAPL", T0, 3) == "Reversal-AAPL-20180216T143000-3-1"


def test_a_decision_between_seconds_has_its_nanoseconds_in_the_id() -> None:
    # 250,000,000 ns = 4*36^5 + 4*36^4 + 30*36^3 + 13*36^2 + 8*36 + 16: digits 4 4 u d 8 g
    assert 4 * 36**5 + 4 * 36**4 + 30 * 36**3 + 13 * 36**2 + 8 * 36 + 16 == 250_000_000
    assert client_order_id("R", "A", T0 + 250_000_000, 0) == "R-A-20180216T143000.44ud8g-0-1"


@given(NAMES, NAMES, st.integers(0, 4 * 10**18), st.integers(0, 999_999), st.integers(1, 99))
def test_an_id_of_any_names_has_at_most_48_plain_characters(
    strategy: str, symbol: str, time: int, sequence: int, attempt: int
) -> None:
    name = client_order_id(strategy, symbol, time, sequence, attempt)

    assert len(name) <= 48
    assert all(c.isascii() and (c.isalnum() or c in "-._~") for c in name)
    assert name == client_order_id(strategy, symbol, time, sequence, attempt)


@given(st.lists(st.tuples(NAMES, NAMES, st.integers(0, 10**18), st.integers(0, 50)), max_size=20, unique=True))
def test_different_decisions_have_different_ids(decisions: list[tuple[str, str, int, int]]) -> None:
    assert len({client_order_id(*decision) for decision in decisions}) == len(decisions)


def test_names_that_run_together_alike_have_different_ids() -> None:
    assert client_order_id("a-b", "c", T0, 0) != client_order_id("a", "b-c", T0, 0)


@pytest.mark.parametrize("strategy", ["Reversal", "a name that is much too long for what a broker takes as an id"])
def test_every_attempt_of_a_decision_has_an_id_of_its_own(strategy: str) -> None:
    ids = {client_order_id(strategy, "AAPL", T0, 3, attempt) for attempt in range(1, 100)}

    assert len(ids) == 99
    assert max(map(len, ids)) <= 48


@pytest.mark.parametrize(("sequence", "attempt"), [(-1, 1), (1_000_000, 1), (0, -1), (0, 1_000)])
def test_a_sequence_or_attempt_that_does_not_fit_is_refused(sequence: int, attempt: int) -> None:
    with pytest.raises(InputError, match="is outside"):
        client_order_id("R", "A", T0, sequence, attempt)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"quantity": Decimal(-1)}, "quantity must be an exact number .* above zero, found Decimal"),
        ({"quantity": Decimal(0)}, "quantity must be an exact number .* above zero, found Decimal"),
        ({"quantity": 100.0}, "quantity must be an exact number"),
        ({"quantity": Decimal("NaN")}, "quantity must be an exact number"),
        ({"symbol": " "}, "symbol must be a name"),
        ({"order_type": OrderType.LIMIT}, "LIMIT needs limit_price, found none"),
        ({"limit_price": Decimal(10)}, "MARKET needs no price, found limit_price"),
        ({"order_type": OrderType.STOP_LIMIT, "stop_price": Decimal(1)}, "needs limit_price and stop_price"),
        ({"order_type": OrderType.TRAILING_STOP}, "needs trail_amount or trail_percent"),
        (
            {"order_type": OrderType.TRAILING_STOP, "trail_amount": Decimal(1), "trail_percent": Decimal(1)},
            "found trail_amount and trail_percent",
        ),
        ({"order_type": OrderType.TRAILING_STOP, "trail_percent": Decimal(100)}, "must be below 100"),
        ({"time_in_force": TimeInForce.GTD}, "GTD needs one"),
        ({"expire_time_ns": T0}, "GTD needs one, others have none"),
        ({"order_type": OrderType.MARKET_ON_OPEN}, "AUCTION goes with"),
        ({"time_in_force": TimeInForce.AUCTION}, "AUCTION goes with"),
        ({"role": Role.STOP}, "STOP and TARGET name the entry"),
        ({"parent": "X"}, "STOP and TARGET name the entry"),
        ({"client_order_id": "x" * 49}, "has 49 characters"),
        ({"decision_time_ns": -1}, "nanoseconds since 1970"),
    ],
)
def test_terms_that_do_not_fit_are_refused_with_a_sentence(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        an_order(**changes)


def test_a_sale_has_a_negative_signed_quantity() -> None:
    assert an_order(side=Side.SELL).signed_quantity == -100


def test_a_bracket_lists_entry_stop_and_target_in_the_order_of_their_numbers() -> None:
    bracket = Bracket(an_order(role=Role.ENTRY), a_stop(), a_target())

    assert [order.role for order in bracket.orders] == [Role.ENTRY, Role.STOP, Role.TARGET]


@pytest.mark.parametrize(
    ("entry", "stop", "target", "sentence"),
    [
        ({}, {}, {}, "has the role SINGLE"),
        ({"role": Role.ENTRY}, None, None, "neither stop nor target"),
        ({"role": Role.ENTRY}, {"side": Side.BUY}, {}, "both BUY"),
        ({"role": Role.ENTRY}, {"parent": "other"}, {}, "belongs to entry 'other'"),
        ({"role": Role.ENTRY}, {"symbol": "XYZ"}, {}, "symbol XYZ"),
        ({"role": Role.ENTRY}, {"group": "other"}, {}, "of different groups"),
        ({"role": Role.ENTRY}, {"group": None}, {"group": None}, "need a group"),
        (
            {"role": Role.ENTRY}, {},
            {"order_type": OrderType.STOP, "limit_price": None, "stop_price": Decimal(9)},
            "possible are LIMIT",
        ),
    ],
)  # fmt: skip
def test_a_bracket_that_does_not_hold_together_is_refused(
    entry: dict[str, object],
    stop: dict[str, object] | None,
    target: dict[str, object] | None,
    sentence: str,
) -> None:
    with pytest.raises(InputError, match=sentence):
        Bracket(
            an_order(**entry),
            a_stop(**stop) if stop is not None else None,
            a_target(**target) if target is not None else None,
        )
