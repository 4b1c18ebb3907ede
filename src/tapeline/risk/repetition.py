"""Repeated orders: the same order once more, a moment after it was sent."""

from __future__ import annotations

from tapeline.domain.order import Order
from tapeline.domain.times import SECOND, to_iso
from tapeline.domain.words import Limit
from tapeline.risk.denial import Denial


class SentLately:
    """When each order was sent, by its terms, as long as one of the bounds asks for it.

    repeat_s_max : the longest time within which any strategy may not repeat an order
    """

    def __init__(self, repeat_s_max: float) -> None:
        self._kept_ns = round(repeat_s_max * SECOND)
        self._sent_ns: dict[tuple[object, ...], int] = {}  # oldest first

    def ask(self, order: Order, repeat_s: float, now_ns: int) -> Denial | None:
        """Return the denial of an order that was sent less than `repeat_s` ago, None if it was not."""
        while self._sent_ns and self._sent_ns[oldest := next(iter(self._sent_ns))] < now_ns - self._kept_ns:
            del self._sent_ns[oldest]
        sent_ns = self._sent_ns.get(_terms(order))
        if sent_ns is None or sent_ns < now_ns - round(repeat_s * SECOND):
            return None
        text = f"the same order was sent at {to_iso(sent_ns)}, less than {repeat_s:g} s ago"
        return Denial(Limit.DUPLICATE, (now_ns - sent_ns) / SECOND, repeat_s, text)

    def sent(self, order: Order, now_ns: int) -> None:
        """Note an order as the newest."""
        terms = _terms(order)
        self._sent_ns.pop(terms, None)
        self._sent_ns[terms] = now_ns


def _terms(order: Order) -> tuple[object, ...]:
    return (
        order.strategy, order.symbol, order.side, order.order_type, order.quantity, order.limit_price, order.stop_price,
        order.purpose, order.account,
    )  # fmt: skip
