"""Every question of the gate: what it denies, what it lets pass, and what a denial says."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.builders import T0
from risk.builders import OPEN, Desk, a_limit, an_order
from tapeline.domain.control import TradingState, Trigger
from tapeline.domain.errors import ConfigurationError
from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.reports import Request
from tapeline.domain.times import MINUTE, SECOND
from tapeline.domain.words import Limit, OrderType, Purpose, Reason, Role, Side, TimeInForce
from tapeline.ledger.control_facts import SymbolLocked, TradingStateChanged
from tapeline.ledger.order_facts import (
    CancelIntended,
    OrderCanceled,
    OrderFilled,
    OrderIntended,
    OutcomeLost,
    ReplaceIntended,
)
from tapeline.risk.gate import Market
from tapeline.risk.gate_settings import GateSettings

SELL = {"side": Side.SELL}


def a_stop(price: str, name: str = "stop", **terms: Any) -> Order:
    return an_order(name, order_type=OrderType.STOP, stop_price=Decimal(price), **terms)


def trailing(amount: str, name: str = "trail", **terms: Any) -> Order:
    return an_order(name, order_type=OrderType.TRAILING_STOP, trail_amount=Decimal(amount), **terms)


def test_a_plain_order_may_leave() -> None:
    assert Desk().ask(an_order()) is None


def lower(desk: Desk, state: TradingState) -> None:
    desk.record(TradingStateChanged(T0, state, Trigger.PERSON, "anna", "news"))


@pytest.mark.parametrize(
    ("state", "entry", "exit_"),
    [
        (TradingState.ACTIVE, None, None),
        (TradingState.REDUCING, "trading_state", None),
        (TradingState.HALTED, "trading_state", "trading_state"),
    ],
)
def test_the_trading_state_says_what_may_leave(state: TradingState, entry: str | None, exit_: str | None) -> None:
    desk = Desk()
    holds(desk, 10)
    if state is not TradingState.ACTIVE:
        lower(desk, state)

    assert desk.ask(an_order("entry")) == entry
    assert desk.ask(an_order("exit", purpose=Purpose.EXIT_RULE, **SELL)) == exit_


@pytest.mark.parametrize(
    ("order_type", "quantity", "purpose", "denied"),
    [
        (OrderType.STOP, 10, Purpose.STOP, None),
        (OrderType.STOP, 10, Purpose.EXIT_RULE, None),
        (OrderType.STOP, 11, Purpose.STOP, "trading_state"),
        (OrderType.STOP, 10, Purpose.ENTRY, "trading_state"),
        (OrderType.MARKET, 10, Purpose.STOP, "trading_state"),
    ],
)
def test_while_halted_a_stop_of_what_is_held_may_leave(
    order_type: OrderType, quantity: int, purpose: Purpose, denied: str | None
) -> None:
    desk = Desk()
    holds(desk, 10)
    lower(desk, TradingState.HALTED)
    terms = {"stop_price": Decimal(90)} if order_type is OrderType.STOP else {}
    wanted = {**SELL, "quantity": Decimal(quantity), "order_type": order_type, "purpose": purpose, **terms}

    assert desk.ask(an_order("stop", **wanted)) == denied


def test_while_reducing_an_entry_against_the_holding_of_another_strategy_is_an_entry() -> None:
    """It would make the account's position smaller, and turn it round as soon as the other leaves its own."""
    desk = Desk()
    holds(desk, 10, "Other")
    lower(desk, TradingState.REDUCING)

    assert desk.ask(an_order("entry", **SELL)) == "trading_state"
    assert desk.ask(an_exit("exit", strategy="Other")) is None


@pytest.mark.parametrize(
    ("held", "order", "reduces"),
    [
        (10.0, an_order(**SELL), True),
        (10.0, an_order(quantity=Decimal(11), **SELL), False),
        (10.0, an_order(), False),
        (-10.0, an_order(), True),
        (0.0, an_order(**SELL), False),
    ],
)
def test_what_makes_a_position_smaller_is_a_reduction(held: float, order: Order, reduces: bool) -> None:
    assert Desk(held=held).gate.is_reduction(order) is reduces


def test_two_exits_that_together_cross_zero_are_not_both_reductions() -> None:
    desk = Desk(held=10.0)
    desk.work(an_order("first", quantity=Decimal(6), **SELL))

    assert desk.gate.is_reduction(an_order("second", quantity=Decimal(4), **SELL))
    assert not desk.gate.is_reduction(an_order("second", quantity=Decimal(5), **SELL))


def test_an_exit_of_unknown_outcome_counts_as_if_it_worked() -> None:
    desk = Desk(held=10.0)
    desk.work(an_order("first", quantity=Decimal(6), **SELL))
    desk.record(OutcomeLost(T0, "first", Request.CANCEL, "no answer"))

    assert not desk.gate.is_reduction(an_order("second", quantity=Decimal(5), **SELL))


def test_stop_and_target_of_one_group_count_once() -> None:
    desk = Desk(held=10.0)
    desk.work(a_stop("95", "stop", group="pair", **SELL))
    desk.work(a_limit("105", "target", group="pair", **SELL))

    assert not desk.gate.is_reduction(an_order("exit", quantity=Decimal(1), **SELL))
    desk.held = 15.0
    assert desk.gate.is_reduction(an_order("exit", quantity=Decimal(5), **SELL))


def test_in_doubt_only_exits_leave() -> None:
    """An entry against the account's position turns it round as soon as the strategy that holds it leaves."""
    desk = Desk()
    holds(desk, 10)
    desk.gate.hold_back_by(lambda symbol: f"a gap is open, and reports of {symbol} may be missing")

    denial = desk.gate.ask(an_order("entry"), T0)
    assert denial is not None
    assert (denial.limit.word, denial.text) == ("doubt", "a gap is open, and reports of ABCD may be missing")
    assert desk.ask(an_order("against", **SELL)) == "doubt"
    assert desk.ask(an_exit("exit")) is None


@pytest.mark.parametrize(
    ("ours", "theirs", "working", "wanted", "found"),
    [
        (10, None, 0, 10, (10, 0)),
        (10, 6, 0, 10, (10, 6)),
        (10, 6, 0, 6, None),
        (10, 6, 4, 3, (7, 6)),
        (10, 6, 4, 2, None),
        (10, 14, 0, 10, None),
        (10, -3, 0, 1, (1, 0)),
        (-10, -6, 0, 7, (7, 6)),
        (-10, -6, 0, 6, None),
    ],
)
def test_exits_of_a_locked_symbol_close_no_more_than_the_venue_confirms(
    ours: int, theirs: int | None, working: int, wanted: int, found: tuple[int, int] | None
) -> None:
    desk = Desk()
    holds(desk, ours)
    side = Side.SELL if ours > 0 else Side.BUY
    if working:
        desk.work(an_exit("working", working, side=side))
    desk.record(SymbolLocked(T0, "ABCD", Decimal(ours), None if theirs is None else Decimal(theirs)))
    denial = desk.gate.ask(an_exit("exit", wanted, side=side), T0)

    assert (None if denial is None else (denial.limit, denial.found, denial.bound)) == (
        None if found is None else (Limit.DOUBT, *found)
    )


def test_strategies_close_what_the_venue_confirms_of_a_locked_symbol_together() -> None:
    desk = Desk()
    holds(desk, 6)
    holds(desk, 4, "Trend")
    desk.record(SymbolLocked(T0, "ABCD", Decimal(10), Decimal(6)))
    desk.work(an_exit("theirs", 4, strategy="Trend"))

    assert desk.ask(an_exit("all", 6)) == "doubt"
    assert desk.ask(an_exit("rest", 2)) is None
    desk.record(CancelIntended(T0, "theirs", purpose=Purpose.EXIT_RULE))
    assert desk.ask(an_exit("all again", 6)) is None


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


def test_replaces_count_in_the_rate_and_those_of_exits_have_its_reserve() -> None:
    desk = Desk(held=10.0, orders_per_second=4, orders_per_minute=100, exit_reserve=0.25)
    desk.work(a_limit("99.00"))
    desk.work(an_order("stop", side=Side.SELL, order_type=OrderType.STOP, stop_price=Decimal(95), purpose=Purpose.STOP))

    def ask(name: str, **terms: str) -> Limit | None:
        fact = ReplaceIntended(T0, name, **{term: Decimal(value) for term, value in terms.items()})  # type: ignore[arg-type]  # by name
        denial = desk.gate.ask_replace(fact, T0)
        return None if denial is None else denial.limit

    entries = [ask("one", limit_price=f"99.0{cent}") for cent in range(1, 6)]
    exits = [ask("stop", stop_price=f"95.0{cent}") for cent in range(1, 3)]

    assert entries == [None, None, None, Limit.ORDER_RATE, Limit.ORDER_RATE]
    assert exits == [None, Limit.ORDER_RATE]


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


def test_the_rate_of_orders_is_bounded_and_exits_have_a_reserve() -> None:
    """Of four a second, entries may use three."""
    desk = Desk(held=100.0, orders_per_second=4)
    sent = [desk.ask(an_order(str(n), quantity=Decimal(n + 1))) for n in range(4)]

    assert sent == [None, None, None, "order_rate"]
    assert desk.ask(an_order("exit", **SELL)) is None
    assert desk.ask(an_order("exit again", quantity=Decimal(3), **SELL)) == "order_rate"
    assert desk.ask(an_order("later"), T0 + SECOND) is None


def test_a_minute_has_a_bound_of_its_own() -> None:
    desk = Desk(orders_per_second=10, orders_per_minute=8)
    times = [T0 + n * 5 * SECOND for n in range(8)]

    assert [desk.ask(an_order(str(n), quantity=Decimal(n + 1)), time) for n, time in enumerate(times)] == [
        *[None] * 6,
        "order_rate",
        "order_rate",
    ]
    assert desk.ask(an_order("next minute"), T0 + MINUTE) is None


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


def test_the_rate_of_a_strategy_is_bounded_by_its_own_and_by_the_accounts() -> None:
    """Dip may send two a second, all together three."""
    desk = Desk(
        orders_per_second=3,
        exit_reserve=0.01,
        of_strategies={"Dip": GateSettings(orders_per_second=2, exit_reserve=0.01)},
    )

    def ask(number: int, strategy: str) -> str | None:
        return desk.ask(an_order(str(number), strategy=strategy, quantity=Decimal(number)))

    assert [ask(1, "Dip"), ask(2, "Dip")] == [None, "order_rate"]  # the reserve takes the second of two
    assert [ask(3, "Other"), ask(4, "Other")] == [None, "order_rate"]


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


def test_a_denied_order_does_not_count_as_sent() -> None:
    desk = Desk(orders_per_second=4)
    for _ in range(20):
        desk.ask(an_order("bad", quantity=Decimal("0.5")))

    assert desk.ask(an_order()) is None


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


def holds(desk: Desk, quantity: int, strategy: str = "Dip") -> None:
    """Let a strategy hold shares, by its own books and the account's."""
    side = Side.BUY if quantity > 0 else Side.SELL
    order = an_order(f"entry-{strategy}", side=side, quantity=Decimal(abs(quantity)), strategy=strategy)
    desk.work(order)
    fill(desk, order.client_order_id)


def fill(desk: Desk, name: str) -> None:
    """Fill what an order has open, and cancel the members of its group that have nothing open any more."""
    state = desk.views.orders.working[name]
    order, quantity = state.order, state.leaves_quantity
    execution = Execution(
        f"E-{name}", name, order.strategy, order.symbol, order.side, quantity, Decimal(100), Decimal(0), T0
    )
    desk.record(OrderFilled(execution, Decimal(0)))
    desk.held += float(execution.signed_quantity)
    for other, member in [*desk.views.orders.working.items()]:
        if member.order.group is not None and not member.leaves_quantity:
            desk.record(OrderCanceled(T0, other, Reason.ONE_CANCELS_OTHER))


def an_exit(name: str, quantity: int = 10, purpose: Purpose = Purpose.EXIT_RULE, **terms: Any) -> Order:
    return an_order(name, **{**SELL, "quantity": Decimal(quantity), "purpose": purpose, **terms})


def test_one_holding_is_closed_once() -> None:
    """Ten are held by Dip, ten by another: a second exit of Dip would sell what the other holds."""
    desk = Desk()
    holds(desk, 10)
    holds(desk, -10, "Other")
    lower(desk, TradingState.REDUCING)

    assert desk.ask(an_exit("first")) is None
    desk.record(OrderIntended(an_exit("first")))
    assert desk.ask(an_exit("second"), T0 + 9 * SECOND) == "trading_state"
    desk.record(OutcomeLost(T0, "first", Request.SUBMIT, ""))
    assert desk.ask(an_exit("third", 1), T0 + 9 * SECOND) == "trading_state"


def test_no_exit_is_for_more_than_its_strategy_holds_and_does_not_leave_already() -> None:
    """Also while trading is ACTIVE, and also where the account holds enough of other strategies."""
    desk = Desk(repeat_s=0.001)
    holds(desk, 10)
    holds(desk, 90, "Other")

    denial = desk.gate.ask(an_exit("eleven", 11), T0)
    assert denial is not None
    assert (denial.limit.word, denial.found, denial.bound) == ("position", 11.0, 10.0)
    assert denial.text == "Dip holds 10 ABCD to close by a SELL, and 0 of it leave already; 11 would overshoot"
    assert desk.ask(an_exit("opens", side=Side.BUY)) == "position"
    for name, purpose in (("stop", Purpose.STOP), ("target", Purpose.TARGET)):
        pair = an_exit(name, 6, purpose, group="pair")
        assert desk.ask(pair) is None
        desk.work(pair)
    assert desk.ask(an_exit("five", 5)) == "position"
    assert desk.ask(an_exit("four", 4)) is None
    assert desk.ask(an_exit("others", 90, strategy="Other")) is None


def test_what_replaces_a_stop_that_is_called_back_is_an_exit() -> None:
    desk = Desk()
    holds(desk, 10)
    holds(desk, -10, "Other")
    lower(desk, TradingState.REDUCING)
    for name in ("stop", "target"):
        desk.work(an_exit(name, purpose=Purpose.STOP, group="pair"))
    assert desk.ask(an_exit("close")) == "trading_state"

    for name in ("stop", "target"):
        desk.record(CancelIntended(T0, name, purpose=Purpose.EXIT_RULE))
    assert desk.ask(an_exit("close"), T0 + 9 * SECOND) is None


def test_a_pair_takes_its_part_once() -> None:
    """Six by a pair of which one cancels the other: four are left to sell."""
    desk = Desk()
    holds(desk, 10)
    holds(desk, -10, "Other")
    lower(desk, TradingState.REDUCING)
    for name, purpose in (("stop", Purpose.STOP), ("target", Purpose.TARGET)):
        pair = an_exit(name, 6, purpose, group="pair")
        assert desk.ask(pair) is None
        desk.work(pair)

    assert desk.ask(an_exit("five", 5)) == "trading_state"
    assert desk.ask(an_exit("four", 4)) is None


WISHES = st.tuples(
    st.sampled_from([Side.BUY, Side.SELL]),
    st.integers(1, 12),
    st.sampled_from([Purpose.ENTRY, Purpose.EXIT_RULE, Purpose.STOP]),
    st.sampled_from([None, None, "pair", "other pair"]),
    st.sampled_from(["works", "fills", "works after the others were called back"]),
)


@pytest.mark.parametrize("state", [TradingState.ACTIVE, TradingState.REDUCING])
@given(st.lists(WISHES, min_size=1, max_size=30), st.integers(-20, 20).filter(bool), st.randoms(use_true_random=False))
def test_no_sequence_of_fills_of_exits_or_of_anything_while_reducing_makes_a_position_larger(
    state: TradingState, wishes: list[tuple[Side, int, Purpose, str | None, str]], held: int, random: Random
) -> None:
    """Entries and exits, single and in groups: whatever passes is filled at once or later, in any order.

    What is called back ends before anything else fills: an exit that follows a cancel counts on that.
    """
    if state is TradingState.ACTIVE:
        wishes = [wish for wish in wishes if wish[2] is not Purpose.ENTRY]
    desk = Desk(orders_per_second=1_000, orders_per_minute=10_000, repeat_s=0.001)
    holds(desk, held)
    holds(desk, 100 if held > 0 else -100, "Other")
    if state is not TradingState.ACTIVE:
        lower(desk, state)

    def check() -> None:
        now = int(desk.views.position("Dip", "ABCD").quantity)
        assert now * held >= 0
        assert abs(now) <= abs(held)

    for number, (side, quantity, purpose, group, then) in enumerate(wishes):
        called_back = [*desk.views.orders.working] if "after" in then else []
        for name in called_back:
            desk.record(CancelIntended(T0, name, purpose=purpose))
        terms: dict[str, Any] = {"side": side, "quantity": Decimal(quantity), "purpose": purpose, "group": group}
        order = an_order(f"o{number}", **terms)
        if desk.ask(order, T0 + number * SECOND) is None:
            desk.work(order)
        for name in called_back:
            desk.record(OrderCanceled(T0, name, Reason.REQUESTED))
        if then == "fills" and order.client_order_id in desk.views.orders.working:
            fill(desk, order.client_order_id)
            check()
    while working := [*desk.views.orders.working]:
        fill(desk, random.choice(working))
        check()
