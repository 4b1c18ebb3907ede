"""Books that a test writes by facts about one order, and what they say of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.ledger.builders import T0, an_order

from tapeline.domain.adopted import Grounds
from tapeline.domain.execution import Execution
from tapeline.ledger.adopted_facts import ExecutionBusted, ExecutionCorrected
from tapeline.ledger.order_facts import OrderAccepted, OrderIntended
from tapeline.ledger.order_state import Exposure
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact

NAME = "Dip-ABCD-1"
KEY = ("main", "Dip", "ABCD")
GROUNDS = Grounds("venue")


def books_of(*facts: Fact) -> Views:
    views = Views()
    views.apply_all(facts)
    return views


def sent(**terms: object) -> list[Fact]:
    return [OrderIntended(an_order(**terms)), OrderAccepted(T0, NAME, "V-1")]


def exposure(*facts: Fact) -> Exposure:
    return books_of(*facts).orders.exposures().get(KEY, Exposure())


def busted(execution: Execution, leaves: int | None = None) -> ExecutionBusted:
    return ExecutionBusted(T0, execution, GROUNDS, leaves_quantity=None if leaves is None else Decimal(leaves))


def corrected(execution: Execution, leaves: int | None = None, **changes: object) -> ExecutionCorrected:
    anew = replace(execution, execution_id=f"{execution.execution_id}~2", **changes)
    return ExecutionCorrected(T0, execution, anew, GROUNDS, leaves_quantity=None if leaves is None else Decimal(leaves))
