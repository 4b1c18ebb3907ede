"""The life of an order: every status, every event, and what follows. One table, for every venue.

    PENDING_NEW -accepted-> NEW -triggered-> TRIGGERED -partly filled-> PARTIALLY_FILLED -filled-> FILLED
         |                   |
         |-rejected, denied  |-canceled, expired

While a cancel or replace is in flight the order keeps that status whatever else happens to it, until the
venue answers; a refusal says what the order is now (FIX 35=9 carries tag 39), so `apply` is told. An order
whose outcome nobody reported is UNKNOWN: it counts as exposure and any report resolves it. The final
statuses have no way out; a report about an order that has ended means two books disagree.

Reports overtake each other: a fill may come before the acceptance, which then changes nothing.
"""

from __future__ import annotations

from enum import IntEnum

from tapeline.domain.errors import InvariantError
from tapeline.domain.words import OrderStatus


class OrderEvent(IntEnum):
    """What can happen to an order. PARTLY_FILLED leaves something open, FILLED nothing."""

    ACCEPTED = 1
    TRIGGERED = 2
    PARTLY_FILLED = 3
    FILLED = 4
    CANCEL_SENT = 5
    CANCEL_REFUSED = 6
    CANCELED = 7
    REPLACE_SENT = 8
    REPLACE_REFUSED = 9
    REPLACED = 10
    REJECTED = 11
    DENIED = 12
    EXPIRED = 13
    OUTCOME_LOST = 14


_S, _E = OrderStatus, OrderEvent
_RESTING = (_S.NEW, _S.TRIGGERED, _S.PARTIALLY_FILLED)
_ENDINGS = {
    _E.FILLED: (_S.FILLED,),
    _E.CANCELED: (_S.CANCELED,),
    _E.EXPIRED: (_S.EXPIRED,),
    _E.OUTCOME_LOST: (_S.UNKNOWN,),
}
_REQUESTS = {_E.CANCEL_SENT: (_S.PENDING_CANCEL,), _E.REPLACE_SENT: (_S.PENDING_REPLACE,)}

# For each status: the events that may reach it, and the statuses that may follow. Where several may, the
# event must say which.
TRANSITIONS: dict[OrderStatus, dict[OrderEvent, tuple[OrderStatus, ...]]] = {
    _S.PENDING_NEW: {
        **_ENDINGS,
        **_REQUESTS,
        _E.ACCEPTED: (_S.NEW,),
        _E.REJECTED: (_S.REJECTED,),
        _E.DENIED: (_S.DENIED,),
        _E.TRIGGERED: (_S.TRIGGERED,),
        _E.PARTLY_FILLED: (_S.PARTIALLY_FILLED,),
        _E.REPLACED: (_S.PENDING_NEW,),
    },
    _S.NEW: {
        **_ENDINGS,
        **_REQUESTS,
        _E.ACCEPTED: (_S.NEW,),
        _E.REJECTED: (_S.REJECTED,),
        _E.TRIGGERED: (_S.TRIGGERED,),
        _E.PARTLY_FILLED: (_S.PARTIALLY_FILLED,),
        _E.REPLACED: (_S.NEW,),
    },
    _S.TRIGGERED: {
        **_ENDINGS,
        **_REQUESTS,
        _E.ACCEPTED: (_S.TRIGGERED,),
        _E.REJECTED: (_S.REJECTED,),
        _E.PARTLY_FILLED: (_S.PARTIALLY_FILLED,),
        _E.REPLACED: (_S.TRIGGERED,),
    },
    _S.PARTIALLY_FILLED: {
        **_ENDINGS,
        **_REQUESTS,
        _E.ACCEPTED: (_S.PARTIALLY_FILLED,),
        _E.TRIGGERED: (_S.PARTIALLY_FILLED,),
        _E.PARTLY_FILLED: (_S.PARTIALLY_FILLED,),
        _E.REPLACED: (_S.PARTIALLY_FILLED,),
    },
    _S.PENDING_CANCEL: {
        **_ENDINGS,
        _E.ACCEPTED: (_S.PENDING_CANCEL,),
        _E.REJECTED: (_S.REJECTED,),
        _E.TRIGGERED: (_S.PENDING_CANCEL,),
        _E.PARTLY_FILLED: (_S.PENDING_CANCEL,),
        _E.REPLACED: (_S.PENDING_CANCEL,),
        _E.REPLACE_REFUSED: (_S.PENDING_CANCEL,),
        _E.CANCEL_SENT: (_S.PENDING_CANCEL,),
        _E.CANCEL_REFUSED: _RESTING,
    },
    _S.PENDING_REPLACE: {
        **_ENDINGS,
        **_REQUESTS,
        _E.ACCEPTED: (_S.PENDING_REPLACE,),
        _E.REJECTED: (_S.REJECTED,),
        _E.TRIGGERED: (_S.PENDING_REPLACE,),
        _E.PARTLY_FILLED: (_S.PENDING_REPLACE,),
        _E.REPLACED: _RESTING,
        _E.REPLACE_REFUSED: _RESTING,
    },
    _S.UNKNOWN: {
        **_ENDINGS,
        _E.ACCEPTED: _RESTING,
        _E.REJECTED: (_S.REJECTED,),
        _E.TRIGGERED: (_S.TRIGGERED,),
        _E.PARTLY_FILLED: (_S.PARTIALLY_FILLED,),
        _E.CANCEL_SENT: (_S.UNKNOWN,),
        _E.CANCEL_REFUSED: _RESTING,
        _E.REPLACED: _RESTING,
        _E.REPLACE_REFUSED: _RESTING,
    },
    _S.FILLED: {},
    _S.CANCELED: {},
    _S.REJECTED: {},
    _S.DENIED: {},
    _S.EXPIRED: {},
}


def resting_status(*, triggered: bool, partly_filled: bool) -> OrderStatus:
    """Return the status of a working order that nobody has asked to cancel or replace."""
    if partly_filled:
        return OrderStatus.PARTIALLY_FILLED
    return OrderStatus.TRIGGERED if triggered else OrderStatus.NEW


def apply(status: OrderStatus, event: OrderEvent, reported: OrderStatus | None = None) -> OrderStatus:
    """Return the status that follows.

    reported : what the order is now, needed where the table leaves several statuses open
    Raises InvariantError if the event cannot reach an order of this status.
    """
    following = TRANSITIONS[status].get(event)
    if following is None:
        raise InvariantError(
            f"An order that is {status.name} cannot be met by {event.name}; "
            f"possible: {', '.join(e.name for e in TRANSITIONS[status]) or 'nothing, it has ended'}."
        )
    if len(following) == 1:
        return following[0]
    if reported not in following:
        possible = " or ".join(status.name for status in following)
        said = reported.name if reported is not None else "nothing"
        raise InvariantError(
            f"After {event.name} an order that was {status.name} is {possible}; the report says {said}."
        )
    return reported
