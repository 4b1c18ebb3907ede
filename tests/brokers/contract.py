"""The contract of the broker port: what the engine may expect of every venue.

A venue's own test module subclasses `BrokerContract` and gives `connect`: a broker for some bars, and a function that
lets the venue trade the next of them.

    class TestSimulatedBroker(BrokerContract):
        def connect(self, panel): ...
"""

from __future__ import annotations

from brokers.contract_of_answers import AnswersContract
from brokers.contract_of_orders import OrdersContract


class BrokerContract(OrdersContract, AnswersContract):
    """Tests that every broker must pass."""
