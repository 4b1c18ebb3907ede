"""What the simulated venue knew before its process ended: it plays the same bars and hears the same orders again.

The venue lives in the process that trades and dies with it. A journal tells it what it had been sent: every intent that
was durable, whether or not the process came to send it, for what stands in the journal of a paper run counts as sent.
Not so what the journal itself shows to have stayed: orders that ended as never sent, replaces that waited for the
answer to the one before them, and cancels that were barred.
"""

from __future__ import annotations

from collections.abc import Collection

from tapeline.brokers.simulated.broker import SimulatedBroker
from tapeline.domain.corporate import SplitReported
from tapeline.domain.slice import Slice
from tapeline.ledger.order_facts import CancelIntended, OrderIntended, ReplaceIntended
from tapeline.ledger.replaces import Which
from tapeline.ports.journal import Fact


class VenueMemory:
    """One way of a venue through its past.

    broker : fresh; never_sent : client order ids of intents that the books ended without sending them
    stayed, kept : replaces and cancels that never left (`ledger/replaces.py`)
    """

    def __init__(
        self,
        broker: SimulatedBroker,
        never_sent: Collection[str],
        stayed: Collection[Which] = (),
        kept: Collection[Which] = (),
    ) -> None:
        self._broker, self._never_sent = broker, frozenset(never_sent)
        self._stayed = {ReplaceIntended.kind: frozenset(stayed), CancelIntended.kind: frozenset(kept)}
        self._heard: dict[tuple[str, str], int] = {}

    def play(self, now: Slice) -> None:
        """Trade a slice again."""
        self._broker.play(now)

    def hear(self, fact: Fact) -> None:
        """Take an instruction again."""
        if isinstance(fact, OrderIntended):
            order = fact.order
            if order.client_order_id not in self._never_sent and order.parent not in self._never_sent:
                self._broker.submit([order])
        elif isinstance(fact, CancelIntended | ReplaceIntended) and fact.client_order_id not in self._never_sent:
            if self._has_stayed(fact):
                return
            if isinstance(fact, CancelIntended):
                self._broker.cancel(fact.client_order_id, fact.event_time_ns)
            else:
                self._broker.replace(
                    fact.client_order_id,
                    fact.event_time_ns,
                    quantity=fact.quantity,
                    limit_price=fact.limit_price,
                    stop_price=fact.stop_price,
                    trail_amount=fact.trail_amount,
                    time_in_force=fact.time_in_force,
                )

    def splits(self) -> list[SplitReported]:
        """Return the splits of the slices played since the last call; everything else is in the journal."""
        return self._broker.pass_over()

    def _has_stayed(self, fact: CancelIntended | ReplaceIntended) -> bool:
        key = fact.kind, fact.client_order_id
        self._heard[key] = number = self._heard.get(key, 0) + 1
        return (fact.client_order_id, number) in self._stayed[fact.kind]
