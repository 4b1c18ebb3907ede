"""How many orders and replaces the gate lets pass in a second and in a minute."""

from __future__ import annotations

from decimal import Decimal

from ledger.builders import T0
from risk.builders import SELL, Desk, a_limit, an_order
from tapeline.domain.times import MINUTE, SECOND
from tapeline.domain.words import Limit, OrderType, Purpose, Side
from tapeline.ledger.order_facts import ReplaceIntended
from tapeline.risk.gate_settings import GateSettings


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


def test_a_denied_order_does_not_count_as_sent() -> None:
    desk = Desk(orders_per_second=4)
    for _ in range(20):
        desk.ask(an_order("bad", quantity=Decimal("0.5")))

    assert desk.ask(an_order()) is None
