"""Parent orders and what they cost: worked examples by hand, identities for any numbers, contradictions refused."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.builders import MINUTE, T0, a_deposit, a_fill, an_order

from tapeline.domain.adopted import Grounds
from tapeline.domain.errors import InvariantError
from tapeline.domain.parent import ParentEnd, Pricing
from tapeline.domain.words import OrderType, Role, Side
from tapeline.ledger.adopted_facts import ExecutionBusted, ExecutionCorrected
from tapeline.ledger.order_facts import OrderAccepted, OrderCanceled, OrderDenied, OrderIntended, ReplaceIntended
from tapeline.ledger.parent_facts import (
    ChildOrderPriced,
    ParentOrderEnded,
    ParentOrderHurried,
    ParentOrderIntended,
    ParentOrderStopped,
)
from tapeline.ledger.parent_orders import ParentState
from tapeline.ledger.shortfall import fill_quality, shortfall_of
from tapeline.ledger.views import Views

PARENT = "Dip-ABCD-0"


def a_parent(quantity: int = 1_000, decided: str = "30.00", **terms: Any) -> ParentOrderIntended:
    order = an_order(client_order_id=PARENT, quantity=Decimal(quantity), **terms)
    return ParentOrderIntended(order, "twap", Decimal(decided))


def a_part(number: int, price: str, half_spread: str = "0", pricing: Pricing = Pricing.MARKET) -> ChildOrderPriced:
    at = T0 + number * MINUTE
    return ChildOrderPriced(at, f"Dip-ABCD-{number}", PARENT, pricing, Decimal(price), Decimal(half_spread))


def an_intent(number: int, quantity: int, **terms: Any) -> OrderIntended:
    return OrderIntended(an_order(client_order_id=f"Dip-ABCD-{number}", quantity=Decimal(quantity), **terms))


def fill_of(number: int, quantity: int, price: str, commission: str = "0", side: Side = Side.BUY) -> Any:
    return a_fill(
        Decimal(0), execution_id=f"E{number}", client_order_id=f"Dip-ABCD-{number}", strategy="Dip", symbol="ABCD",
        side=side, quantity=Decimal(quantity), price=Decimal(price), commission=Decimal(commission),
        event_time_ns=T0 + (number + 1) * MINUTE,
    )  # fmt: skip


def an_end(price: str, reason: ParentEnd = ParentEnd.WINDOW, average: str | None = None) -> ParentOrderEnded:
    at = T0 + 30 * MINUTE
    volume = Decimal(0 if average is None else 9_000)
    return ParentOrderEnded(at, PARENT, reason, Decimal(price), volume, None if average is None else Decimal(average))


def books(*facts: Any) -> tuple[Views, ParentState]:
    views = Views()
    views.apply_all([a_deposit(), *facts])
    return views, views.parents.states[PARENT]


def test_the_parts_of_a_purchase_are_those_computed_by_hand() -> None:
    """Decided at 30.00 for 1,000; 800 done.

    The first part meets 30.10: delay 800 * 0.10 = 80. Half spreads 0.02 on 500 and on 300: spread 16. Paid
    500 * 30.15 + 300 * 30.25 = 24,150, at 30.10 it were 24,080: 70, of which 16 spread, so impact 54. At the end 30.50:
    200 * 0.50 = 100 missed. Together 250, which is 150 paid beyond 30.00 and 100 missed; 83.33 bps of 30,000.
    """
    _, state = books(
        a_parent(),
        a_part(1, "30.10", "0.02"), an_intent(1, 500), fill_of(1, 500, "30.15", "2.50"),
        a_part(2, "30.20", "0.02"), an_intent(2, 300), fill_of(2, 300, "30.25", "1.50"),
        ParentOrderStopped(T0 + 29 * MINUTE, PARENT, ParentEnd.WINDOW),
        an_end("30.50"),
    )  # fmt: skip

    cost = shortfall_of(state)

    assert cost is not None
    assert (cost.delay, cost.spread, cost.impact, cost.opportunity) == (80, 16, 54, 100)
    assert (cost.total, cost.commission, cost.notional) == (250, 4, 30_000)
    assert cost.total_bps == pytest.approx(250 / 30_000 * 10_000)


def test_a_sale_has_the_signs_turned_and_a_passive_part_earns_the_spread() -> None:
    """Decided at 50.00 to sell 100; the part waits at the ask of 50.02 while the middle is 50.00 and is filled there.

    Nothing moved: delay 0; spread -100 * 0.02 = -2; sold 2 above the arrival, so impact -2 - (-2) = 0; all done.
    """
    _, state = books(
        a_parent(100, "50.00", side=Side.SELL),
        a_part(1, "50.00", "0.02", Pricing.PASSIVE), an_intent(1, 100, side=Side.SELL),
        fill_of(1, 100, "50.02", side=Side.SELL),
        an_end("49.00", ParentEnd.FILLED),
    )  # fmt: skip

    cost = shortfall_of(state)

    assert cost is not None
    assert (cost.delay, cost.spread, cost.impact, cost.opportunity, cost.total) == (0, -2, 0, 0, -2)


def test_an_order_that_was_never_sent_cost_what_it_missed() -> None:
    """100 at 30.00 became 30.40: 40, whatever the market looked like between."""
    _, state = books(
        a_parent(100), ParentOrderStopped(T0, PARENT, ParentEnd.NO_WINDOW), an_end("30.40", ParentEnd.NO_WINDOW)
    )

    cost = shortfall_of(state)

    assert cost is not None
    assert (cost.delay, cost.spread, cost.impact, cost.opportunity) == (0, 0, 0, 40)


PRICES = st.decimals("1", "500", places=3)
FILLS = st.lists(
    st.tuples(st.integers(1, 50), PRICES, PRICES, st.decimals("0", "2", places=4), st.sampled_from(Pricing)), max_size=6
)


@given(FILLS, PRICES, PRICES, st.sampled_from(Side), st.integers(0, 100))
def test_the_parts_add_up_to_paper_less_real_to_the_last_digit(
    fills: list[Any], decided: Decimal, ended: Decimal, side: Side, undone: int
) -> None:
    quantity = sum(fill[0] for fill in fills) + undone
    if not quantity:
        return
    facts: list[Any] = [a_parent(quantity, str(decided), side=side)]
    for number, (filled, price, market, half_spread, pricing) in enumerate(fills, start=1):
        facts += [
            a_part(number, str(market), str(half_spread), pricing),
            an_intent(number, filled, side=side),
            fill_of(number, filled, str(price), side=side),
        ]
    _, state = books(*facts, an_end(str(ended)))

    cost = shortfall_of(state)

    assert cost is not None
    done = sum(fill[0] for fill in fills)
    paper = int(side) * quantity * (ended - decided)
    real = int(side) * (done * ended - sum(fill[0] * fill[1] for fill in fills))
    assert cost.total == paper - real
    assert cost.delay + cost.spread + cost.impact + cost.opportunity == cost.total


def test_fill_quality_is_weighed_by_notional() -> None:
    """The purchase above: 80 % filled, 250 of 30,000, and 800 done at 30.1875 against a market average of 30.00.

    150 of 24,000 are 62.5 bps. The last fill is three minutes after the decision.
    """
    _, state = books(
        a_parent(),
        a_part(1, "30.10", "0.02", Pricing.PASSIVE), an_intent(1, 500), fill_of(1, 500, "30.15"),
        a_part(2, "30.20", "0.02"), an_intent(2, 300), fill_of(2, 300, "30.25"),
        an_end("30.50", average="30.00"),
    )  # fmt: skip

    quality = fill_quality([state])

    assert quality is not None
    assert (quality.count, quality.parts, quality.fill_rate, quality.seconds) == (1, 2, 0.8, 180.0)
    assert quality.shortfall_bps == pytest.approx(250 / 3)
    assert quality.against_vwap_bps == pytest.approx(62.5)
    assert quality.passive_share == pytest.approx(0.625)


def test_the_quality_of_several_orders_is_that_of_all_that_was_wanted() -> None:
    """A purchase, a sale, one that was never sent, and one that still works and does not count.

    Purchase, 30,000 wanted: delay 80, spread 300 * 0.02 - 500 * 0.02 = -4, impact 70 + 4 = 74, missed 100.
    Sale of 100 decided at 50.00, 5,000 wanted: 60 done at 50.02, all of it earned by waiting: spread -1.20, impact 0;
    40 missed a fall to 49.00: 40. Never sent, 3,000 wanted: missed 40. Together 38,000 wanted.

    Against the market: 150 of 24,000 bought, and 60 sold 0.08 below 50.10: 4.80 of 3,006. Two and three minutes to the
    last fill.
    """
    _, bought = books(
        a_parent(),
        a_part(1, "30.10", "0.02", Pricing.PASSIVE), an_intent(1, 500), fill_of(1, 500, "30.15"),
        a_part(2, "30.20", "0.02"), an_intent(2, 300), fill_of(2, 300, "30.25"),
        an_end("30.50", average="30.00"),
    )  # fmt: skip
    _, sold = books(
        a_parent(100, "50.00", side=Side.SELL),
        a_part(1, "50.00", "0.02", Pricing.PASSIVE), an_intent(1, 100, side=Side.SELL),
        fill_of(1, 60, "50.02", side=Side.SELL), an_end("49.00", average="50.10"),
    )  # fmt: skip
    _, missed = books(a_parent(100), an_end("30.40", ParentEnd.NO_WINDOW))
    _, working = books(a_parent(7), a_part(1, "30"), an_intent(1, 7))

    quality = fill_quality([missed, bought, working, sold])

    assert quality is not None
    assert (quality.count, quality.parts, quality.seconds) == (3, 3, 150.0)
    assert quality.fill_rate == pytest.approx(27_000 / 38_000)
    assert quality.delay_bps == pytest.approx(80 / 3.8)
    assert quality.spread_bps == pytest.approx(-5.2 / 3.8)
    assert quality.impact_bps == pytest.approx(74 / 3.8)
    assert quality.opportunity_bps == pytest.approx(180 / 3.8)
    assert quality.shortfall_bps == pytest.approx(328.8 / 3.8)
    assert quality.against_vwap_bps == pytest.approx(154.8 / 2.7006)
    assert quality.passive_share == pytest.approx(560 / 860)


def test_orders_without_a_fill_have_no_time_no_share_and_no_market_to_compare_with() -> None:
    _, missed = books(a_parent(100), an_end("30.40", ParentEnd.NO_WINDOW))

    quality = fill_quality([missed])

    assert quality is not None
    assert (quality.against_vwap_bps, quality.seconds, quality.passive_share) == (None, None, None)
    assert (quality.fill_rate, quality.shortfall_bps) == (0.0, pytest.approx(40 / 0.3))


def test_nothing_ended_has_no_quality_and_no_cost() -> None:
    _, state = books(a_parent())

    assert shortfall_of(state) is None
    assert fill_quality([state]) is None


def test_a_corrected_and_a_busted_execution_change_what_is_done() -> None:
    grounds = Grounds("statement", "1", "")
    first, second = fill_of(1, 500, "30.15").execution, fill_of(2, 300, "30.25").execution
    after = replace(first, execution_id="E1~2", quantity=Decimal(400), price=Decimal("30.10"))
    _, state = books(
        a_parent(),
        a_part(1, "30.10"), an_intent(1, 500), fill_of(1, 500, "30.15"),
        a_part(2, "30.20"), an_intent(2, 300), fill_of(2, 300, "30.25"),
        ExecutionCorrected(T0 + 9 * MINUTE, first, after, grounds, leaves_quantity=Decimal(0)),
        ExecutionBusted(T0 + 9 * MINUTE, second, grounds, leaves_quantity=Decimal(0)),
    )  # fmt: skip

    assert state.filled_quantity == 400
    assert [fill.execution for fill in state.fills.values()] == [after]


def test_stops_and_targets_of_the_parts_belong_to_the_parent_and_a_moved_stop_is_that_of_later_parts() -> None:
    stop = an_order(
        client_order_id="Dip-ABCD-S0", side=Side.SELL, order_type=OrderType.STOP, stop_price=Decimal(29),
        role=Role.STOP, parent=PARENT, group=PARENT,
    )  # fmt: skip
    parent = replace(a_parent(), stop=stop)
    leg = replace(stop, client_order_id="Dip-ABCD-S1", parent="Dip-ABCD-1", group="Dip-ABCD-1", quantity=Decimal(500))
    views, state = books(
        parent, a_part(1, "30.10"), an_intent(1, 500, role=Role.ENTRY), OrderIntended(leg),
        ReplaceIntended(T0 + MINUTE, "Dip-ABCD-S1", stop_price=Decimal("29.50")),
    )  # fmt: skip

    assert state.legs == {Role.STOP: ["Dip-ABCD-S1"]}
    assert state.stop_price == Decimal("29.50")
    assert views.parents.are_together("Dip-ABCD-1", "Dip-ABCD-S1")
    assert not views.parents.are_together("Dip-ABCD-1", "Dip-ABCD-9")


def test_a_part_and_its_stop_name_their_parent_and_a_part_that_is_priced_again_stays_one() -> None:
    """Three times priced: how often is how far it went; the arrival is what the first of all parts met."""
    leg = an_order(
        client_order_id="Dip-ABCD-S1", side=Side.SELL, order_type=OrderType.STOP, stop_price=Decimal(29),
        role=Role.STOP, parent="Dip-ABCD-1", group="Dip-ABCD-1",
    )  # fmt: skip
    views, state = books(
        a_parent(),
        a_part(1, "30.10", pricing=Pricing.PASSIVE), an_intent(1, 500, role=Role.ENTRY), OrderIntended(leg),
        a_part(1, "30.20", pricing=Pricing.MID),
        a_part(1, "30.30", pricing=Pricing.CROSS),
    )  # fmt: skip
    parents = views.parents

    assert (parents.of_child("Dip-ABCD-1"), parents.of_child("Dip-ABCD-S1"), parents.of_child("other")) == (
        state, None, None,
    )  # fmt: skip
    assert (parents.of_leg("Dip-ABCD-S1"), parents.of_leg("Dip-ABCD-1")) == ((state, Role.STOP), None)
    (child,) = state.children.values()
    assert (child.times_priced, child.priced.price, child.priced.pricing) == (3, Decimal("30.30"), Pricing.CROSS)
    assert state.arrival is not None and state.arrival.price == Decimal("30.10")


def test_refusals_in_a_row_are_counted_until_a_part_gets_through() -> None:
    def denial(number: int) -> OrderDenied:
        return OrderDenied(T0 + number * MINUTE, f"Dip-ABCD-{number}", "Dip", "ABCD", Side.BUY, "too many")

    _, state = books(a_parent(), a_part(1, "30"), denial(1), a_part(2, "30"), denial(2))
    assert (state.refused_count, state.refused_ns) == (2, T0 + 2 * MINUTE)
    assert [child.is_refused for child in state.children.values()] == [True, True]

    _, state = books(a_parent(), a_part(1, "30"), denial(1), a_part(2, "30"), an_intent(2, 5), fill_of(2, 5, "30"))
    assert state.refused_count == 0
    assert [child.is_refused for child in state.children.values()] == [True, False]

    arrived = [a_part(2, "30"), an_intent(2, 5), OrderAccepted(T0 + 2 * MINUTE, "Dip-ABCD-2")]
    _, state = books(a_parent(), a_part(1, "30"), denial(1), *arrived)
    assert state.refused_count == 0


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ([a_parent(), a_parent()], "intended a second time"),
        ([a_part(1, "30")], f"ChildOrderPriced names the parent order {PARENT}, which was never intended."),
        ([ParentOrderStopped(T0, PARENT, ParentEnd.WINDOW)], f"ParentOrderStopped names the parent order {PARENT},"),
        ([ParentOrderHurried(T0, PARENT, "urgent")], f"ParentOrderHurried names the parent order {PARENT},"),
        ([an_end("30")], f"ParentOrderEnded names the parent order {PARENT}, which was never intended."),
        ([a_parent(), an_end("30"), an_end("30")], "ends a second time"),
    ],
)
def test_facts_that_contradict_are_refused(facts: list[Any], words: str) -> None:
    views = Views()
    with pytest.raises(InvariantError, match=words):
        views.apply_all(facts)


def test_the_books_write_what_was_wanted_what_is_done_and_how_it_ended() -> None:
    facts = [a_parent(), a_part(1, "30.10"), an_intent(1, 500), fill_of(1, 500, "30.15")]
    tree = {"algorithm": "twap", "children": 1, "ended": None, "filled_quantity": "500", "quantity": "1000"}

    assert books(*facts)[0].as_tree()["parent_orders"] == {PARENT: tree}
    assert books(*facts, an_end("30.50"))[0].as_tree()["parent_orders"] == {PARENT: {**tree, "ended": "WINDOW"}}


def test_the_first_reason_to_stop_is_the_reason_of_the_end() -> None:
    views, state = books(
        a_parent(),
        a_part(1, "30"), an_intent(1, 500),
        ParentOrderStopped(T0, PARENT, ParentEnd.CANCELED),
        ParentOrderStopped(T0, PARENT, ParentEnd.EXIT),
        OrderCanceled(T0 + MINUTE, "Dip-ABCD-1"),
    )  # fmt: skip

    assert state.stopped is not None
    assert state.stopped.reason is ParentEnd.CANCELED
    assert views.as_tree()["parent_orders"][PARENT]["ended"] is None
