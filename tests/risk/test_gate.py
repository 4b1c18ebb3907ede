"""What the gate asks of each order: what it denies, what it lets pass, and what a denial says."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from ledger.builders import T0
from risk.builders import OPEN, SELL, Desk, a_limit, a_stop, an_exit, an_order, holds, trailing
from tapeline.domain.errors import ConfigurationError
from tapeline.domain.order import Order
from tapeline.domain.times import MINUTE, SECOND
from tapeline.domain.words import OrderType, Role, TimeInForce
from tapeline.ledger.order_facts import OrderCanceled
from tapeline.risk.gate_settings import GateSettings


def test_a_plain_order_may_leave() -> None:
    assert Desk().ask(an_order()) is None


FORM = {
    "off the tick": (a_limit("99.995"), "tick"),
    "a stop off the tick": (a_stop("99.995"), "tick"),
    "a trail off the tick": (trailing("0.005"), "tick"),
    "a part of a share": (an_order(quantity=Decimal("0.5")), "lot"),
    "a symbol that is not traded": (an_order(symbol="WXYZ"), "unknown_symbol"),
}


@pytest.mark.parametrize("case", FORM)
def test_form(case: str) -> None:
    order, limit = FORM[case]

    assert Desk().ask(order) == limit


def test_the_trail_that_protects_a_holding_is_not_refused_for_its_tick() -> None:
    assert Desk(held=10.0).ask(trailing("0.005", **SELL)) is None


@pytest.mark.parametrize(
    ("time_in_force", "order_type", "limit"),
    [
        (TimeInForce.DAY, OrderType.MARKET, "closed_market"),
        (TimeInForce.GTC, OrderType.MARKET, None),
        (TimeInForce.AUCTION, OrderType.MARKET_ON_OPEN, None),
    ],
)
def test_a_closed_market_takes_only_what_waits_for_it(
    time_in_force: TimeInForce, order_type: OrderType, limit: str | None
) -> None:
    desk = Desk(replace(OPEN, is_open=False))

    assert desk.ask(an_order(time_in_force=time_in_force, order_type=order_type)) == limit


def test_a_halted_symbol_takes_nothing() -> None:
    assert Desk(replace(OPEN, is_halted=True)).ask(an_order()) == "halted_symbol"


def test_the_largest_order_is_bounded_in_currency() -> None:
    assert Desk(order_notional=1_000.0).ask(an_order()) is None
    assert Desk(order_notional=999.0).ask(an_order()) == "order_notional"


MEETS = {
    "a market order meets a resting sale": (a_limit("101", "theirs", **SELL), an_order("ours"), True),
    "a purchase at its price meets it": (a_limit("101", "theirs", **SELL), a_limit("101", "ours"), True),
    "a purchase below does not": (a_limit("101", "theirs", **SELL), a_limit("100.99", "ours"), False),
    "a stop that waits is no offer": (a_stop("95", "theirs", **SELL), an_order("ours"), False),
    "a sale at its price meets a purchase": (a_limit("99", "theirs"), a_limit("99", "ours", **SELL), True),
    "a sale above does not": (a_limit("99", "theirs"), a_limit("99.01", "ours", **SELL), False),
}


@pytest.mark.parametrize("case", MEETS)
def test_our_own_orders_do_not_trade_with_each_other(case: str) -> None:
    working, order, meets = MEETS[case]
    desk = Desk()
    desk.work(working)

    assert desk.ask(order) == ("opposite_order" if meets else None)


def test_an_exit_gets_out_past_an_opposite_order_of_ours_and_an_entry_does_not() -> None:
    """Also an entry that makes the account's position smaller would trade with it."""
    desk = Desk()
    holds(desk, 10)
    desk.work(a_limit("99", "theirs"))

    assert desk.ask(an_order("entry", strategy="Other", **SELL)) == "opposite_order"
    assert desk.ask(an_exit("exit")) is None


def test_a_brackets_target_stands_opposite_to_its_entry_by_design() -> None:
    desk = Desk()
    desk.work(a_limit("100", "entry", role=Role.ENTRY))

    assert desk.ask(a_limit("99", "target", role=Role.TARGET, parent="entry", group="entry", **SELL)) is None


def test_an_id_is_used_once_also_after_its_order_has_ended() -> None:
    desk = Desk()
    desk.work(an_order("one"))
    desk.record(OrderCanceled(T0, "one"))
    denial = desk.gate.ask(an_order("one", quantity=Decimal(3)), T0 + MINUTE)

    assert denial is not None
    assert (denial.limit.word, denial.text) == ("duplicate", "its id one belongs to another order; an id is used once")


def test_an_id_is_used_once_for_exits_too() -> None:
    desk = Desk(held=100.0)
    desk.work(an_order("one", **SELL))
    desk.record(OrderCanceled(T0, "one"))

    assert desk.ask(an_order("one", quantity=Decimal(3), **SELL), T0 + MINUTE) == "duplicate"
    assert desk.ask(an_order("two", quantity=Decimal(3), **SELL), T0 + MINUTE) is None


def test_the_same_order_is_not_sent_again_within_seconds() -> None:
    desk = Desk(repeat_s=5.0)

    assert desk.ask(an_order("one")) is None
    assert desk.ask(an_order("two"), T0 + 5 * SECOND) == "duplicate"
    assert desk.ask(an_order("three", quantity=Decimal(11)), T0 + 5 * SECOND) is None
    assert desk.ask(an_order("four"), T0 + 6 * SECOND) is None


def test_purchases_need_settled_cash_where_the_account_does() -> None:
    """Ten at 100 cost 1,000."""
    assert Desk(settled_cash=lambda: Decimal(1_000)).ask(an_order()) is None
    assert Desk(settled_cash=lambda: Decimal("999.99")).ask(an_order()) == "settled_cash"
    assert Desk(settled_cash=lambda: Decimal(0), held=-10.0).ask(an_order()) is None


def test_nobody_lends_what_is_not_listed() -> None:
    assert Desk(shortable=()).ask(an_order(**SELL)) == "short_availability"
    assert Desk(shortable=("ABCD",)).ask(an_order(**SELL)) is None
    assert Desk(shortable=(), held=10.0).ask(an_order(**SELL)) is None


def test_day_trades_are_counted_only_where_somebody_asks_for_it() -> None:
    assert Desk(day_trades_made=lambda: 9).ask(an_order()) is None
    assert Desk(day_trades_made=lambda: 3, day_trades=3).ask(an_order()) == "day_trades"
    assert Desk(day_trades_made=lambda: 2, day_trades=3).ask(an_order()) is None


def test_day_trades_are_bounded_below_25_000_only() -> None:
    assert Desk(day_trades_made=lambda: 3, day_trades=3, equity=24_999.0).ask(an_order()) == "day_trades"
    assert Desk(day_trades_made=lambda: 3, day_trades=3, equity=25_000.0).ask(an_order()) is None
    assert Desk(day_trades_made=lambda: 3, day_trades=3, held=10.0).ask(an_order(**SELL)) is None


def test_a_strategy_may_have_bounds_of_its_own() -> None:
    desk = Desk(order_notional=500.0, of_strategies={"Dip": GateSettings(order_notional=1_000.0, repeat_s=60.0)})

    assert desk.ask(an_order("one")) is None
    assert desk.ask(an_order("two"), T0 + 30 * SECOND) == "duplicate"
    assert desk.ask(an_order("three", strategy="Other")) == "order_notional"


EVERY_DENIAL: dict[str, tuple[Desk, Order, tuple[str, ...]]] = {
    # what each sentence must tell: the value that was found and the bound
    "stale price": (Desk(stale_s=1.0), an_order(decision_time_ns=T0), ("60 s", "1 s")),
    "collar": (Desk(), a_limit("105.02"), ("5.01%", "5.00%", "105.02")),
    "notional": (Desk(order_notional=999.0), an_order(), ("1,000.00", "999.00")),
    "lot": (Desk(), an_order(quantity=Decimal("0.5")), ("0.5", "1")),
    "tick": (Desk(), a_limit("99.995"), ("99.995", "0.01")),
    "unknown symbol": (Desk(), an_order(symbol="WXYZ"), ("WXYZ",)),
    "settled cash": (Desk(settled_cash=lambda: Decimal("999.99")), an_order(), ("1,000.00", "999.99")),
    "day trades": (Desk(day_trades_made=lambda: 4, day_trades=3), an_order(), ("4 day trades", "3 is", "25,000.00")),
    "shares": (Desk(shortable=()), an_order(**SELL), ("nobody", "ABCD")),
    "closed": (Desk(replace(OPEN, is_open=False)), an_order(), ("closed",)),
    "halted": (Desk(replace(OPEN, is_halted=True)), an_order(), ("ABCD", "halted")),
}


@pytest.mark.parametrize("case", EVERY_DENIAL)
def test_a_denial_names_what_it_found_and_the_bound(case: str) -> None:
    desk, order, words = EVERY_DENIAL[case]
    denial = desk.gate.ask(order, T0 + (60 * SECOND if case == "stale price" else 0))

    assert denial is not None
    assert [word for word in words if word not in denial.text] == []


@pytest.mark.parametrize(
    "bad",
    [
        {"collar": 0.0},
        {"orders_per_second": -1},
        {"exit_reserve": 1.0},
        {"orders_per_second": 1},
        {"orders_per_minute": 3, "exit_reserve": 0.7},
    ],
)
def test_impossible_settings_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        GateSettings(**bad)
