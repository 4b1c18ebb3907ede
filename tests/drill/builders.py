"""A venue, a link and orders for the tests of the drill, with one word for what matters."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tapeline.domain.order import Order
from tapeline.domain.times import DAY, HOUR, MINUTE
from tapeline.domain.words import OrderType, Purpose, Role, Side, TimeInForce
from tapeline.drill.faults import Fault, Tally, Weather
from tapeline.drill.link import Link
from tapeline.drill.market import Market
from tapeline.drill.scenario import Episode, Scenario
from tapeline.drill.venue import Venue
from tapeline.drill.virtual_time import VirtualTime

T0 = 1_900_000_000_000_000_000
DEPOSIT = 1_000_000 * 10_000


class VenueAtWork:
    """An open venue whose market stands still unless a test moves it, and everything it told."""

    def __init__(self, seed: int = 1, price: int = 10_000) -> None:
        self.told: list[Any] = []
        self.time = VirtualTime(T0)
        self.market = Market(seed, ("ABCD", "BCDE"))
        self.venue = Venue(seed, self.time, self.market, DEPOSIT, self.told.append)
        self.venue.is_open = True
        self.venue.fills_whole = True
        self.at(price)

    def at(self, price: int, symbol: str = "ABCD") -> None:
        """Let a symbol trade at a price in cents."""
        self.market.quotes[symbol].last = price
        self.venue.step()

    def kinds(self) -> list[str]:
        """Return the kinds of what was told, in order, and forget them."""
        kinds = [type(fact).__name__ for fact in self.told]
        self.told.clear()
        return kinds


class LinkAtWork(VenueAtWork):
    """A venue behind a link, whose faults a test turns on one by one."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__(seed)
        self.tally = Tally()
        self.weather = Weather(seed, self.tally)
        self.sent: list[tuple[Any, str | None]] = []
        self.link = Link(seed, self.time, self.weather, lambda: None, lambda *sent: self.sent.append(sent))
        self.link.venue = self.venue
        self.link.reached = lambda _: None
        self.venue.tell = self.link.report

    def always(self, fault: Fault) -> None:
        """Let a fault strike at every chance."""
        self.weather.begin(fault, 1.0)

    def after(self, wait_ns: int) -> list[Any]:
        """Let time pass and return what the link hands out."""
        self.time.run(self.time.now_ns + wait_ns)
        return list(self.link.events())


def an_order(name: str = "one", **terms: Any) -> Order:
    """Return a market order to buy ten ABCD."""
    known = {
        "client_order_id": name,
        "strategy": "Dice",
        "symbol": "ABCD",
        "side": Side.BUY,
        "order_type": OrderType.MARKET,
        "quantity": Decimal(10),
        "decision_time_ns": T0,
        "time_in_force": TimeInForce.DAY,
    }
    return Order(**{**known, **terms})


def a_limit(price: str, name: str = "one", **terms: Any) -> Order:
    """Return a limit order, else like `an_order`."""
    return an_order(name, order_type=OrderType.LIMIT, limit_price=Decimal(price), **terms)


def a_bracket(entry: Order, stop: str, target: str) -> tuple[Order, Order, Order]:
    """Return an entry with its stop and target."""
    child: dict[str, Any] = {
        "side": entry.side.opposite,
        "parent": entry.client_order_id,
        "group": entry.client_order_id,
        "time_in_force": TimeInForce.GTC,
    }
    return (
        entry,
        an_order(
            "stop", order_type=OrderType.STOP, stop_price=Decimal(stop), role=Role.STOP, purpose=Purpose.STOP, **child
        ),
        a_limit(target, "target", role=Role.TARGET, purpose=Purpose.TARGET, **child),
    )


def a_scenario(*faults: Fault, seed: int = 1, days: int = 1, rate: float = 0.3, halves: int = 15) -> Scenario:
    """Return a scenario in which these faults come at every half hour of every session, for twenty minutes each.

    halves : half hours with faults; fewer are left over from the first ones of each session
    """
    moments = [day * DAY + 14 * HOUR + half * 30 * MINUTE for day in range(days) for half in range(halves)]
    pairs = [(moment, fault) for moment in moments for fault in faults]
    episodes = [Episode(fault, moment, 20 * MINUTE, rate, number) for number, (moment, fault) in enumerate(pairs)]
    return Scenario(seed, days, tuple(episodes))
