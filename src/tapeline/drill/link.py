"""The road between the broker port and the venue, as an adapter and its network are on a bad day.

There are three roads: requests out, the stream of reports, and answers to questions. Each may lose, delay, double or
garble what it carries, alone or with the others, announced or not. Two promises hold, since without them nobody could
ever say that an order will not come:

1. A request that left arrives within `REQUEST_DELAY_MAX_S`, or never.
2. What the venue says was so when it said it.

Nothing else: reports may be missing without a sign, come twice, or come in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any

from tapeline.domain.order import Order
from tapeline.domain.reports import LinkLost, LinkRestored, Query, Question, Request, RequestFailed
from tapeline.domain.times import SECOND
from tapeline.domain.words import TimeInForce
from tapeline.drill.faults import Fault, Weather
from tapeline.drill.venue import Venue
from tapeline.drill.virtual_time import Chance, VirtualTime

REQUEST_DELAY_MAX_S = 30
_MILLISECOND = SECOND // 1_000
_LATENCY_MS = (5, 80)
_REPORT_DELAY_MS = (500, 20_000)
_OVERTAKEN_MS = (100, 5_000)
_DOUBLED_MS = (1, 60_000)
_ANSWER_LATE_MS = (5_000, 180_000)
_TIME_OUT_MS = (1_000, 12_000)
_NOTICE_MS = (0, 10_000)
_ATTEMPT_S = (1, 64)
"""Between two attempts to connect, twice as long after each that was refused."""


class Road(Enum):
    """What may fail by itself."""

    REQUESTS = 1
    STREAM = 2
    ANSWERS = 3


class Link:
    """The `Broker` port over a bad network.

    arrived : called when there is something for `events`
    sent : called with every request that the system makes, at the moment of the call
    left : called when a whole message has left
    reached : called with the name of every order that arrives at the venue for the first time
    """

    def __init__(
        self,
        seed: int,
        time: VirtualTime,
        weather: Weather,
        arrived: Callable[[], None],
        sent: Callable[[Request | Question, str | None], None],
    ) -> None:
        self.time, self.weather, self.arrived, self.sent = time, weather, arrived, sent
        self.venue: Venue
        self.reached: Callable[[str], None]
        self.left: Callable[[], None] = lambda: None
        self.is_connected = True
        self.in_flight = 0
        self._chance = Chance(seed, "link")
        self._inbox: list[Any] = []
        self._blocked: dict[Road, Fault] = {}
        self._latest: dict[Road, int] = dict.fromkeys(Road, 0)
        self._life = 0
        self._process = 0
        self._ended_by = Fault.DISCONNECT
        self._announced = True
        self._refusing = self._refused = 0

    # The port ---------------------------------------------------------------------------------------------------

    def submit(self, orders: Sequence[Order]) -> None:
        """Send orders that belong together."""
        for order in orders:
            self.sent(Request.SUBMIT, order.client_order_id)
        kept = tuple(orders)
        self._send(Request.SUBMIT, kept[0].client_order_id, lambda: self._submitted(kept))

    def cancel(self, client_order_id: str, decision_time_ns: int) -> None:
        """Ask for the end of a working order."""
        self.sent(Request.CANCEL, client_order_id)
        self._send(Request.CANCEL, client_order_id, lambda: self.venue.cancel(client_order_id))

    def replace(
        self,
        client_order_id: str,
        decision_time_ns: int,
        *,
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
        trail_amount: Decimal | None = None,
        time_in_force: TimeInForce | None = None,
    ) -> None:
        """Ask for new terms of a working order; None leaves a term as it is."""
        self.sent(Request.REPLACE, client_order_id)
        terms = {
            "quantity": quantity,
            "limit_price": limit_price,
            "stop_price": stop_price,
            "trail_amount": trail_amount,
            "time_in_force": time_in_force,
        }
        self._send(Request.REPLACE, client_order_id, lambda: self.venue.replace(client_order_id, terms))

    def ask(self, query: Query) -> None:
        """Put a question."""
        self.sent(query.question, query.client_order_id)
        self._send(None, "", lambda: self._carry(self.venue.answer(query), Road.ANSWERS))

    def events(self) -> Sequence[Any]:
        """Return what came since the last call, in order of arrival."""
        inbox, self._inbox = self._inbox, []
        return inbox

    # What faults do to it ---------------------------------------------------------------------------------------

    def lose(self, fault: Fault) -> None:
        """Break the connection; the adapter notices it a little later."""
        if not self.is_connected:
            return
        self.is_connected = False
        self._announced = False
        self._life += 1
        self._ended_by = fault
        wait = self.weather.chance(fault).whole(*_NOTICE_MS) * _MILLISECOND
        self.time.after(wait, self._notice, fault, self._life)

    def refuse(self, fault: Fault) -> None:
        """Break the connection, with a sign, and let each attempt to connect be answered at once by a refusal."""
        self._refusing += 1
        self._refused += 1
        self.is_connected = False
        self._life += 1
        self._ended_by = fault
        self._attempt(fault, _ATTEMPT_S[0], self._refused)

    def accept(self) -> None:
        """Refuse no more; the next attempt connects, some time later."""
        self._refusing -= 1

    def _attempt(self, fault: Fault, wait_s: int, refused: int) -> None:
        if refused != self._refused or self.is_connected:
            return
        if not self._refusing:
            self.restore()
            return
        self.weather.changed(fault)
        self._announced = True
        self._put(LinkLost(self.time.now_ns, "connecting was refused"))
        self.time.after(wait_s * SECOND, self._attempt, fault, min(2 * wait_s, _ATTEMPT_S[1]), refused)

    def restore(self) -> None:
        """Connect anew, unless that is refused; nothing of what was missed is told again."""
        if self.is_connected or self._refusing:
            return
        if not self._announced:
            self._put(LinkLost(self.time.now_ns, "the connection was found broken"))
        self.is_connected = True
        self._announced = True
        self._life += 1
        self._put(LinkRestored(self.time.now_ns))

    def block(self, road: Road, fault: Fault) -> None:
        """Let one road carry nothing, without a sign."""
        self._blocked[road] = fault

    def unblock(self, road: Road, _: Fault | None = None) -> None:
        """Let a road carry again."""
        self._blocked.pop(road, None)

    def forget(self, fault: Fault) -> None:
        """Drop what waits for a process that has died, or is on its way to it; requests that left are on theirs."""
        self._inbox.clear()
        self._life += 1
        self._process += 1
        self._ended_by = fault

    def greet(self) -> None:
        """Tell a process that has just begun if there is no connection."""
        if not self.is_connected:
            self._announced = True
            self._put(LinkLost(self.time.now_ns, "no connection at the start"))

    def report(self, fact: Any) -> None:
        """Carry a report that the venue makes now."""
        self._carry(fact, Road.STREAM)

    # Requests ---------------------------------------------------------------------------------------------------

    def _send(self, request: Request | None, name: str, arrive: Callable[[], None]) -> None:
        strikes, changed = self.weather.strikes, self.weather.changed
        self.left()
        if not self.is_connected:
            changed(self._ended_by)
            self._fail(request, name, "not connected", self._latency())
            return
        if Road.REQUESTS in self._blocked:
            changed(self._blocked[Road.REQUESTS])
            self._fail(request, name, "time-out", self._time_out())
            return
        for fault, text in (
            (Fault.REQUEST_LOST, "time-out"),
            (Fault.OUTCOME_LOST_NOT_DONE, "504 gateway time-out"),
            (Fault.REQUEST_CORRUPT, "400 the request cannot be read"),
        ):
            if strikes(fault):
                changed(fault)
                # a request that is simply gone may leave no trace at all on this side
                if fault is not Fault.REQUEST_LOST or self.weather.chance(fault).hits(0.5):
                    self._fail(request, name, text, self._time_out())
                return
        wait = self._latency()
        if strikes(Fault.REQUEST_DELAYED):
            wait = self.weather.chance(Fault.REQUEST_DELAYED).whole(1_000, REQUEST_DELAY_MAX_S * 1_000) * _MILLISECOND
            changed(Fault.REQUEST_DELAYED)
        self._arrive_after(wait, arrive)
        if strikes(Fault.REQUEST_DOUBLED):
            again = self.weather.chance(Fault.REQUEST_DOUBLED).whole(1, REQUEST_DELAY_MAX_S * 1_000) * _MILLISECOND
            changed(Fault.REQUEST_DOUBLED)
            self._arrive_after(max(again, wait), arrive)
        if strikes(Fault.OUTCOME_LOST_DONE):
            changed(Fault.OUTCOME_LOST_DONE)
            self._fail(request, name, "504 gateway time-out", self._time_out())

    def _arrive_after(self, wait_ns: int, arrive: Callable[[], None]) -> None:
        self.in_flight += 1
        self.time.after(wait_ns, self._arrive, arrive)

    def _arrive(self, arrive: Callable[[], None]) -> None:
        self.in_flight -= 1
        arrive()

    def _submitted(self, orders: tuple[Order, ...]) -> None:
        if orders[0].client_order_id not in self.venue.orders:
            for order in orders:
                self.reached(order.client_order_id)
        refuse = self.weather.strikes(Fault.ORDER_REJECTED)
        taken = self.venue.submit(orders, refuse)
        if refuse and taken:
            self.weather.changed(Fault.ORDER_REJECTED)
        if not taken:
            # the adapter knows this answer: an order of that name is there, and what it is must be asked
            self._fail(Request.SUBMIT, orders[0].client_order_id, "client order id must be unique", self._latency())

    def _fail(self, request: Request | None, name: str, text: str, wait_ns: int) -> None:
        if request is not None:
            self.time.after(wait_ns, self._failed, request, name, text, self._process)

    def _failed(self, request: Request, name: str, text: str, process: int) -> None:
        if process == self._process:
            self._put(RequestFailed(self.time.now_ns, request, name, text))

    # Reports and answers ----------------------------------------------------------------------------------------

    def _carry(self, message: Any, road: Road) -> None:
        strikes, changed, time = self.weather.strikes, self.weather.changed, self.time
        if not self.is_connected:
            changed(self._ended_by)
            return
        if road in self._blocked:
            changed(self._blocked[road])
            return
        answers = road is Road.ANSWERS
        lost = Fault.ANSWER_LOST if answers else Fault.REPORT_LOST
        if strikes(lost):
            changed(lost)
            return
        if not answers and strikes(Fault.REPORT_CORRUPT):
            changed(Fault.REPORT_CORRUPT)
            if self.weather.chance(Fault.REPORT_CORRUPT).hits(0.5):
                # an adapter that saw it says that something is missing; another one does not even know
                self._put(LinkLost(time.now_ns, "a message could not be read"))
                self._put(LinkRestored(time.now_ns))
            return
        wait = self._latency()
        if answers:
            if strikes(Fault.ANSWER_LATE):
                changed(Fault.ANSWER_LATE)
                wait = self.weather.chance(Fault.ANSWER_LATE).whole(*_ANSWER_LATE_MS) * _MILLISECOND
            self._deliver_at(time.now_ns + wait, message)
            return
        if strikes(Fault.REPORT_DELAYED):
            changed(Fault.REPORT_DELAYED)
            wait = self.weather.chance(Fault.REPORT_DELAYED).whole(*_REPORT_DELAY_MS) * _MILLISECOND
        when = max(time.now_ns + wait, self._latest[road])
        if strikes(Fault.REPORT_OVERTAKEN):
            held = when + self.weather.chance(Fault.REPORT_OVERTAKEN).whole(*_OVERTAKEN_MS) * _MILLISECOND
            self.time.at(held, self._deliver_overtaken, message, self._life, self._latest[road])
        else:
            self._latest[road] = when
            self._deliver_at(when, message)
        if strikes(Fault.REPORT_DOUBLED):
            again = when + self.weather.chance(Fault.REPORT_DOUBLED).whole(*_DOUBLED_MS) * _MILLISECOND
            self.time.at(again, self._deliver_again, message, self._life)

    def _deliver_at(self, when_ns: int, message: Any) -> None:
        self.time.at(when_ns, self._deliver, message, self._life)

    def _deliver(self, message: Any, life: int) -> None:
        if life == self._life:
            self._put(message)
        else:
            self.weather.changed(self._ended_by)

    def _deliver_overtaken(self, message: Any, life: int, latest_ns: int) -> None:
        if life == self._life:
            if self._latest[Road.STREAM] > latest_ns:
                self.weather.changed(Fault.REPORT_OVERTAKEN)
            self._put(message)

    def _deliver_again(self, message: Any, life: int) -> None:
        if life == self._life:
            self.weather.changed(Fault.REPORT_DOUBLED)
            self._put(message)

    def _notice(self, fault: Fault, life: int) -> None:
        if life == self._life and not self._announced:
            self._announced = True
            self._put(LinkLost(self.time.now_ns, fault.value))

    def _put(self, message: Any) -> None:
        self._inbox.append(message)
        self.arrived()

    def _latency(self) -> int:
        return self._chance.whole(*_LATENCY_MS) * _MILLISECOND

    def _time_out(self) -> int:
        return self._chance.whole(*_TIME_OUT_MS) * _MILLISECOND
