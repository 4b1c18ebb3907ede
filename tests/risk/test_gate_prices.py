"""What the gate asks of prices: how old they are, and how far from the market an order or its new terms may trade."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from ledger.builders import T0
from risk.builders import OPEN, SELL, Desk, a_limit, a_stop, an_order
from tapeline.domain.times import SECOND
from tapeline.domain.words import Limit, OrderType, Purpose, Side
from tapeline.ledger.order_facts import ReplaceIntended
from tapeline.risk.gate import Market


def test_an_old_price_denies_entries_and_not_exits() -> None:
    desk = Desk(held=10.0, stale_s=60.0)

    assert desk.ask(an_order("a"), T0 + 60 * SECOND) is None
    assert desk.ask(an_order("b"), T0 + 61 * SECOND) == "stale_price"
    assert desk.ask(an_order("c", **SELL), T0 + 61 * SECOND) is None


@pytest.mark.parametrize("price", [float("nan"), 0.0, -1.0])
def test_a_symbol_without_any_price_takes_no_entry_and_lets_exits_out(price: float) -> None:
    desk = Desk(Market(price, T0, float("nan"), float("nan"), True), held=20.0)

    assert desk.ask(an_order("entry")) == "stale_price"
    assert desk.ask(an_order("exit", **SELL)) is None
    assert desk.ask(a_limit("90", "limit", **SELL)) is None


def test_without_a_price_an_exit_is_still_held_against_the_quote() -> None:
    desk = Desk(Market(float("nan"), T0, 100.0, 101.0, True), held=20.0)

    assert desk.ask(a_limit("95", "within", **SELL)) is None
    assert desk.ask(a_limit("94.99", "beyond", **SELL)) == "collar"


COLLAR = {
    # the ask of 100.01 and five per cent: 105.0105
    "a purchase within the collar of the ask": (a_limit("105.01"), OPEN, None),
    "a purchase beyond it": (a_limit("105.02"), OPEN, "collar"),
    # the bid of 99.99 less five per cent: 94.9905
    "a sale within the collar of the bid": (a_limit("95.00", **SELL), OPEN, None),
    "a sale beyond it": (a_limit("94.99", **SELL), OPEN, "collar"),
    "a purchase far below rests and is no mistake": (a_limit("50"), OPEN, None),
    # half a spread of ten basis points above 100: 100.05, and five per cent: 105.0525
    "without quotes, within": (a_limit("105.05"), Market(100.0, T0, float("nan"), float("nan"), True), None),
    "a bid of zero is none": (a_limit("94.96", **SELL), replace(OPEN, bid=0.0), None),
    "a bid of zero is none, beyond": (a_limit("94.95", **SELL), replace(OPEN, bid=0.0), "collar"),
    "an ask below zero is none": (a_limit("105.06"), replace(OPEN, ask=-1.0), "collar"),
    # a stop that the market has passed by 5 % of 100.01, or of 99.99, on the side where it triggers
    "a stop to buy that waits above": (a_stop("200"), OPEN, None),
    "a stop to buy that is reached": (a_stop("95.01"), OPEN, None),
    "a stop to buy far below the market": (a_stop("95.00"), OPEN, "collar"),
    "a stop to sell that waits below": (a_stop("1", **SELL), OPEN, None),
    "a stop to sell that is reached": (a_stop("104.98", **SELL), OPEN, None),
    "a stop to sell far above the market": (a_stop("104.99", **SELL), OPEN, "collar"),
    "without quotes, beyond": (a_limit("105.06"), Market(100.0, T0, float("nan"), float("nan"), True), "collar"),
}


@pytest.mark.parametrize("case", COLLAR)
def test_limits_beyond_the_collar_are_mistakes(case: str) -> None:
    order, market, limit = COLLAR[case]

    assert Desk(market).ask(order) == limit


def test_an_exit_keeps_its_stop_also_where_the_market_has_passed_it() -> None:
    desk = Desk(held=10.0)

    assert desk.ask(a_stop("120", "reached", **SELL)) is None
    assert desk.ask(a_stop("120", "entry", quantity=Decimal(11), **SELL)) == "collar"


@pytest.mark.parametrize(
    ("terms", "limit"),
    [
        ({"limit_price": "99.50"}, None),
        ({"limit_price": "99.505"}, "tick"),
        ({"limit_price": "110"}, "collar"),
        ({"limit_price": "100.50"}, "opposite_order"),
        ({"quantity": "12"}, None),
        ({"quantity": "12.5"}, "lot"),
        ({"limit_price": "99.50", "quantity": "600"}, "order_notional"),
    ],
)
def test_a_replace_is_asked_what_its_new_terms_are(terms: dict[str, str], limit: str | None) -> None:
    desk = Desk(order_notional=50_000.0)
    desk.work(a_limit("99.00"))
    desk.work(a_limit("100.40", "other", side=Side.SELL, strategy="Other"))
    fact = ReplaceIntended(T0, "one", **{name: Decimal(value) for name, value in terms.items()})

    denial = desk.gate.ask_replace(fact, T0)

    assert (None if denial is None else denial.limit.word) == limit


def test_a_stop_is_not_moved_to_where_it_triggers_far_beyond_the_market() -> None:
    desk = Desk(held=10.0)
    stop = an_order("stop", side=Side.SELL, order_type=OrderType.STOP, stop_price=Decimal(95), purpose=Purpose.STOP)
    desk.work(stop)

    assert desk.gate.ask_replace(ReplaceIntended(T0, "stop", stop_price=Decimal(99)), T0) is None
    denial = desk.gate.ask_replace(ReplaceIntended(T0, "stop", stop_price=Decimal(120)), T0)
    assert denial is not None
    assert (denial.limit, denial.bound) == (Limit.COLLAR, 0.05)
    assert denial.found == pytest.approx((120 - 99.99) / 99.99)
