"""The life of an order: every status, every event, and what may follow. One table, for every venue.

    PENDING_NEW -accepted-> NEW -triggered-> TRIGGERED -partly filled-> PARTIALLY_FILLED -filled-> FILLED
         |                   |
         |-rejected          |-canceled, expired

What a working order is depends on three things only: which requests about it have no answer yet, whether a stop was
reached, and whether something filled. `standing` says it, in the order of what matters most:

    the outcome of a request is lost   UNKNOWN
    a cancel has no answer             PENDING_CANCEL
    a replace has no answer            PENDING_REPLACE
    the submit has no answer           PENDING_NEW
    else                               PARTIALLY_FILLED, TRIGGERED or NEW

Acceptance, a stop that was reached and a fill answer the submit, new terms and a refusal their own request, every end
all of them. Reports overtake each other, so a fill may come before the acceptance, and a refusal for an order that
filled meanwhile.

An order that has ended stays so. Executions that crossed its cancel or expiry are booked all the same, and may be
corrected or busted later; none of that lets it work again. Two things do: a bust or correction after which the venue
says that something of a FILLED order is open again, and finding it at work at the venue. A report that fits nothing of
this means that two books disagree, which stops us. Every pair is explained in docs/order-life.md.

Source: FIX 5.0 SP2, order state changes: B.1 (cancels crossed by fills), C (replaces), J.1 (corrections and busts of
filled and of canceled orders). UNKNOWN and FOUND are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from tapeline.domain.errors import InvariantError
from tapeline.domain.reports import Request
from tapeline.domain.words import OrderStatus


class OrderEvent(IntEnum):
    """What can happen to an order. PARTLY_FILLED leaves something open, FILLED nothing; FOUND is an adoption."""

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
    EXPIRED = 12
    OUTCOME_LOST = 13
    CORRECTED = 14
    BUSTED = 15
    FOUND = 16


_S, _E = OrderStatus, OrderEvent
_RESTING = (_S.NEW, _S.TRIGGERED, _S.PARTIALLY_FILLED)
_WAITING = (_S.PENDING_CANCEL, _S.PENDING_REPLACE, _S.UNKNOWN)
_ENDINGS = {_E.FILLED: (_S.FILLED,), _E.CANCELED: (_S.CANCELED,), _E.EXPIRED: (_S.EXPIRED,)}
_REFUSALS = (_E.CANCEL_REFUSED, _E.REPLACE_REFUSED)
_REQUESTS = {_E.CANCEL_SENT: (_S.PENDING_CANCEL,), _E.REPLACE_SENT: (_S.PENDING_REPLACE,)}


def _stays(status: OrderStatus, *events: OrderEvent) -> dict[OrderEvent, tuple[OrderStatus, ...]]:
    return dict.fromkeys(events, (status,))


def _ended(status: OrderStatus) -> dict[OrderEvent, tuple[OrderStatus, ...]]:
    """Return what may still be said of an order that has ended: nothing that changes its end."""
    late = (_E.ACCEPTED, _E.TRIGGERED, _E.PARTLY_FILLED, _E.FILLED, _E.REPLACED)
    return {
        **_stays(status, *late, _E.CANCEL_SENT, _E.REPLACE_SENT, *_REFUSALS, _E.OUTCOME_LOST, _E.CORRECTED, _E.BUSTED),
        _E.FOUND: (_S.NEW, _S.PARTIALLY_FILLED),
    }


# For each status: the events that may reach it, and the statuses that may follow. Where several may, the requests
# without an answer and the fills decide, see `standing`.
TRANSITIONS: dict[OrderStatus, dict[OrderEvent, tuple[OrderStatus, ...]]] = {
    _S.PENDING_NEW: {
        **_ENDINGS,
        **_REQUESTS,
        **dict.fromkeys(_REFUSALS, (_S.PENDING_NEW, _S.NEW)),
        **_stays(_S.PENDING_NEW, _E.REPLACED),
        _E.ACCEPTED: (_S.NEW,),
        _E.REJECTED: (_S.REJECTED,),
        _E.TRIGGERED: (_S.TRIGGERED,),
        _E.PARTLY_FILLED: (_S.PARTIALLY_FILLED,),
        _E.OUTCOME_LOST: (_S.UNKNOWN, _S.PENDING_NEW),
    },
    _S.NEW: {
        **_ENDINGS,
        **_REQUESTS,
        **_stays(_S.NEW, _E.ACCEPTED, _E.REPLACED, *_REFUSALS, _E.OUTCOME_LOST),
        _E.REJECTED: (_S.REJECTED,),
        _E.TRIGGERED: (_S.TRIGGERED,),
        _E.PARTLY_FILLED: (_S.PARTIALLY_FILLED,),
    },
    _S.TRIGGERED: {
        **_ENDINGS,
        **_REQUESTS,
        **_stays(_S.TRIGGERED, _E.ACCEPTED, _E.TRIGGERED, _E.REPLACED, *_REFUSALS, _E.OUTCOME_LOST),
        _E.REJECTED: (_S.REJECTED,),
        _E.PARTLY_FILLED: (_S.PARTIALLY_FILLED,),
    },
    _S.PARTIALLY_FILLED: {
        **_ENDINGS,
        **_REQUESTS,
        **_stays(_S.PARTIALLY_FILLED, _E.ACCEPTED, _E.TRIGGERED, _E.PARTLY_FILLED, _E.REPLACED),
        **_stays(_S.PARTIALLY_FILLED, *_REFUSALS, _E.OUTCOME_LOST),
        _E.CORRECTED: (_S.PARTIALLY_FILLED, _S.FILLED),
        _E.BUSTED: _RESTING,
    },
    _S.PENDING_CANCEL: {
        **_ENDINGS,
        **_stays(_S.PENDING_CANCEL, _E.ACCEPTED, _E.TRIGGERED, _E.PARTLY_FILLED, _E.REPLACED, _E.REPLACE_REFUSED),
        **_stays(_S.PENDING_CANCEL, _E.CANCEL_SENT, _E.REPLACE_SENT, _E.BUSTED),
        _E.CORRECTED: (_S.PENDING_CANCEL, _S.FILLED),
        _E.REJECTED: (_S.REJECTED,),
        _E.CANCEL_REFUSED: (*_RESTING, _S.PENDING_NEW, _S.PENDING_REPLACE),
        _E.OUTCOME_LOST: (_S.UNKNOWN, _S.PENDING_CANCEL),
    },
    _S.PENDING_REPLACE: {
        **_ENDINGS,
        **_REQUESTS,
        **_stays(_S.PENDING_REPLACE, _E.ACCEPTED, _E.TRIGGERED, _E.PARTLY_FILLED, _E.CANCEL_REFUSED),
        **_stays(_S.PENDING_REPLACE, _E.BUSTED),
        _E.CORRECTED: (_S.PENDING_REPLACE, _S.FILLED),
        _E.REJECTED: (_S.REJECTED,),
        _E.REPLACED: (*_RESTING, _S.PENDING_REPLACE),
        _E.REPLACE_REFUSED: (*_RESTING, _S.PENDING_NEW),
        _E.OUTCOME_LOST: (_S.UNKNOWN, _S.PENDING_REPLACE),
    },
    _S.UNKNOWN: {
        **_ENDINGS,
        **_stays(_S.UNKNOWN, _E.CANCEL_SENT, _E.REPLACE_SENT, _E.OUTCOME_LOST, _E.BUSTED),
        _E.CORRECTED: (_S.UNKNOWN, _S.FILLED),
        _E.ACCEPTED: (_S.UNKNOWN, _S.NEW, _S.PENDING_CANCEL, _S.PENDING_REPLACE),
        _E.TRIGGERED: (_S.UNKNOWN, _S.TRIGGERED, _S.PENDING_CANCEL, _S.PENDING_REPLACE),
        _E.PARTLY_FILLED: (_S.UNKNOWN, _S.PARTIALLY_FILLED, _S.PENDING_CANCEL, _S.PENDING_REPLACE),
        _E.REPLACED: (_S.UNKNOWN, *_RESTING, _S.PENDING_CANCEL),
        _E.CANCEL_REFUSED: (_S.UNKNOWN, *_RESTING, _S.PENDING_NEW, _S.PENDING_REPLACE),
        _E.REPLACE_REFUSED: (_S.UNKNOWN, *_RESTING, _S.PENDING_NEW, _S.PENDING_CANCEL),
        _E.REJECTED: (_S.REJECTED,),
    },
    _S.FILLED: {
        **_ended(_S.FILLED),
        _E.CORRECTED: (_S.FILLED, _S.PARTIALLY_FILLED, *_WAITING),
        _E.BUSTED: (_S.FILLED, *_RESTING, *_WAITING),
    },
    _S.CANCELED: _ended(_S.CANCELED),
    _S.EXPIRED: _ended(_S.EXPIRED),
    # What was refused, or has never arrived, has no report but the one that it was found after all.
    _S.REJECTED: {
        **_stays(_S.REJECTED, _E.CANCEL_SENT, _E.REPLACE_SENT, *_REFUSALS, _E.OUTCOME_LOST),
        _E.FOUND: (_S.NEW, _S.PARTIALLY_FILLED),
    },
    # Denied by ourselves, it never became an order: nothing can be said of it.
    _S.DENIED: {},
}


def standing(asked: Mapping[Request, bool], *, triggered: bool, partly_filled: bool) -> OrderStatus:
    """Return the status of a working order.

    asked : the requests without an answer; True for one whose outcome is lost
    """
    if asked:
        if True in asked.values():
            return OrderStatus.UNKNOWN
        if Request.CANCEL in asked:
            return OrderStatus.PENDING_CANCEL
        if Request.REPLACE in asked:
            return OrderStatus.PENDING_REPLACE
        return OrderStatus.PENDING_NEW
    if partly_filled:
        return OrderStatus.PARTIALLY_FILLED
    return OrderStatus.TRIGGERED if triggered else OrderStatus.NEW


def check(status: OrderStatus, event: OrderEvent, following: OrderStatus) -> None:
    """Raise InvariantError unless the table lets `following` come after `event` met an order of this status."""
    possible = TRANSITIONS[status].get(event, ())
    if following in possible:
        return
    if not possible:
        met = ", ".join(e.name for e in TRANSITIONS[status]) or "nothing, it was never sent"
        raise InvariantError(f"An order that is {status.name} cannot be met by {event.name}; possible: {met}.")
    raise InvariantError(
        f"After {event.name} an order that was {status.name} is {' or '.join(after.name for after in possible)}; "
        f"found {following.name}."
    )
