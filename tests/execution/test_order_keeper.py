"""The order keeper, one trouble after the other."""

from __future__ import annotations

from execution.running import Trader


def test_without_faults_an_order_goes_from_intent_to_fill() -> None:
    trader = Trader().ready()
    name = trader.place(quantity=10)
    trader.settle()
    trader.fill(name, 4)
    trader.fill(name, 6)
    trader.settle()

    assert trader.status(name) == "FILLED"
    assert trader.held() == 10
    trader.assert_settled()
