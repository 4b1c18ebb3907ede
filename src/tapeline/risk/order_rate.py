"""The rate of orders: what leaves within a second and within a minute."""

from __future__ import annotations

import math
from collections import deque

from tapeline.domain.times import MINUTE, SECOND
from tapeline.domain.words import Limit
from tapeline.risk.denial import Denial


class OrderRate:
    """How many orders were sent within the last second and minute, of all strategies or of one.

    per_second, per_minute : the most of all orders; exit_reserve : the share of both that only exits may use
    """

    def __init__(self, per_second: int, per_minute: int, exit_reserve: float) -> None:
        self._reserve = exit_reserve
        self._within: list[tuple[deque[int], int, int, str]] = [
            (deque(), per_second, SECOND, "second"),
            (deque(), per_minute, MINUTE, "minute"),
        ]

    def ask(self, now_ns: int, *, reduces: bool) -> Denial | None:
        """Return why one more is too many, None if it is not."""
        share = 1.0 if reduces else 1.0 - self._reserve
        for sent, bound, span_ns, span in self._within:
            while sent and now_ns - sent[0] >= span_ns:
                sent.popleft()
            most = math.floor(bound * share)
            if len(sent) >= most:
                text = f"{len(sent)} orders were sent within a {span}, and {most} is the most"
                return Denial(Limit.ORDER_RATE, len(sent), most, text)
        return None

    def sent(self, now_ns: int) -> None:
        """Count an order."""
        for sent, *_ in self._within:
            sent.append(now_ns)
