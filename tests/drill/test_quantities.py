"""For how much an order may leave: what is held, what else leaves, and what was wanted of an order in parts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from drill.builders import T0, an_order
from tapeline.domain.order import Order
from tapeline.domain.parent import Pricing
from tapeline.domain.words import Purpose, Role, Side
from tapeline.drill.accountant import Accountant
from tapeline.drill.quantities import Quantities
from tapeline.ledger.order_facts import CancelIntended, OrderIntended, OrderReplaced, ReplaceIntended, ReplaceRejected
from tapeline.ledger.parent_facts import ChildOrderPriced, ParentOrderIntended


class AtWork:
    """Quantities over facts that a test makes durable; "Dice" holds ten ABCD."""

    def __init__(self) -> None:
        self.accountant = Accountant()
        self.accountant.positions["Dice", "ABCD"] = Decimal(10)
        self.quantities = Quantities(self.accountant)


def a_sale(**terms: Any) -> Order:
    return an_order(**{"side": Side.SELL, "purpose": Purpose.EXIT_RULE, **terms})


@pytest.mark.parametrize(
    ("side", "quantity", "may"),
    [(Side.SELL, 10, True), (Side.SELL, 11, False), (Side.BUY, 1, False)],
)
def test_an_exit_is_for_no_more_than_is_held(side: Side, quantity: int, may: bool) -> None:
    assert (AtWork().quantities.sent(a_sale(side=side, quantity=Decimal(quantity))) is None) is may


@pytest.mark.parametrize(
    ("works", "leaves"),
    [
        (("six",), 4),
        (("six", "stop", "target"), 1),
        (("stop", "target"), 7),
        ((), 10),
    ],
)
def test_what_works_besides_takes_its_part_of_a_holding_a_group_once(works: tuple[str, ...], leaves: int) -> None:
    work = AtWork()
    of_name = {
        "six": a_sale(name="six", quantity=Decimal(6)),
        "stop": a_sale(name="stop", quantity=Decimal(3), group="pair"),
        "target": a_sale(name="target", quantity=Decimal(3), group="pair"),
    }
    for name in works:
        work.quantities.read(OrderIntended(of_name[name]))

    assert work.quantities.sent(a_sale(quantity=Decimal(leaves))) is None
    assert f"of which {10 - leaves} are leaving" in str(work.quantities.sent(a_sale(quantity=Decimal(leaves + 1))))


@pytest.mark.parametrize(("sold", "leaves"), [(0, 6), (1, 7), (4, 10)])
def test_what_a_member_of_a_group_sold_does_not_leave_with_the_others(sold: int, leaves: int) -> None:
    """Of ten shares and a pair for four: also while the report that ends the other one has not come."""
    work = AtWork()
    for name in ("stop", "target"):
        work.quantities.read(OrderIntended(a_sale(name=name, quantity=Decimal(4), group="pair")))
    work.accountant.filled["target"] = Decimal(sold)
    if sold == 4:
        work.accountant.ended["target"] = "OrderFilled"

    assert work.quantities.sent(a_sale(quantity=Decimal(leaves))) is None
    assert work.quantities.sent(a_sale(quantity=Decimal(leaves + 1))) is not None


def test_an_exit_that_is_called_back_leaves_room_for_what_replaces_it() -> None:
    work = AtWork()
    work.quantities.read(OrderIntended(a_sale(name="stop")))
    assert work.quantities.sent(a_sale()) is not None

    work.quantities.read(CancelIntended(T0, "stop"))

    assert work.quantities.sent(a_sale()) is None


def test_a_child_leaves_as_much_as_its_entry_has_filled() -> None:
    work = AtWork()
    work.quantities.read(OrderIntended(a_sale(name="stop", parent="entry", group="entry", role=Role.STOP)))
    assert work.quantities.sent(a_sale()) is None

    work.accountant.filled["entry"] = Decimal(4)

    assert work.quantities.sent(a_sale(quantity=Decimal(6))) is None
    assert "of which 4 are leaving" in str(work.quantities.sent(a_sale(quantity=Decimal(7))))


def test_the_parts_of_an_order_are_together_for_no_more_than_was_wanted() -> None:
    work = AtWork()
    whole = an_order("whole", quantity=Decimal(10))
    work.quantities.read(ParentOrderIntended(whole, "twap", Decimal(100), {}, {}))
    parts = [an_order(name, quantity=Decimal(quantity)) for name, quantity in (("a", 6), ("b", 4), ("c", 3))]
    for part in parts:
        price = Decimal(100)
        work.quantities.read(ChildOrderPriced(T0, part.client_order_id, "whole", Pricing.MARKET, price, Decimal(0)))

    said = []
    for part in parts:
        work.quantities.read(OrderIntended(part))
        said.append(work.quantities.sent(part))
    work.accountant.ended["a"], work.accountant.filled["a"] = "OrderCanceled", Decimal(3)

    assert said[:2] == [None, None]
    assert "13 are done or on their way, 10 were wanted" in str(said[2])
    assert work.quantities.sent(parts[2]) is None, "three of the six that ended came to nothing"


def test_a_stop_lets_go_of_a_part_once_its_replace_is_answered() -> None:
    work = AtWork()
    work.quantities.read(OrderIntended(a_sale(name="stop")))
    steps = [
        (ReplaceIntended(T0, "stop", 1, quantity=Decimal(4)), False),
        (OrderReplaced(T0, "stop", Decimal(4), Decimal(4)), True),
        (ReplaceIntended(T0, "stop", 2, quantity=Decimal(10)), False),
        (ReplaceRejected(T0, "stop", None, "too late"), True),
    ]
    for fact, may in steps:
        work.quantities.read(fact)
        assert (work.quantities.sent(a_sale(quantity=Decimal(6))) is None) is may, fact
