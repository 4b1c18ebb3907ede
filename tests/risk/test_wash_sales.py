"""The gate's question about wash sales: warned or denied, followed through fills, splits and corrections."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from risk.builders import OPEN, Desk, an_order
from tapeline.domain.adopted import Grounds
from tapeline.domain.execution import Execution
from tapeline.domain.times import from_iso
from tapeline.domain.words import Limit, Purpose, Side
from tapeline.ledger.adopted_facts import ExecutionBusted, ExecutionCorrected
from tapeline.ledger.control_facts import OrderWarned
from tapeline.ledger.facts import SplitApplied
from tapeline.ledger.order_facts import OrderFilled
from tapeline.ports.journal import Fact
from tapeline.risk.wash_sales import WashSaleCheck
from tapeline.tax.accounts import Account, AccountKind
from tapeline.tax.engine import TaxEngine
from tapeline.tax.pre_trade import WashSaleLimit
from tax.tables import executions

NOW = from_iso("2024-01-02T15:00:00Z")
LOSS_BEFORE = "2023-11-06 buy b1 100 ABCD @ 120\n2023-12-20 sell s1 100 ABCD @ 110"
"""A loss of 10 a share, two weeks before the order."""


def fill(name: str, side: Side, quantity: int, price: int, moment: str = "2024-01-02T14:40:00Z") -> Execution:
    amounts = {"quantity": Decimal(quantity), "price": Decimal(price), "commission": Decimal(0)}
    return Execution(name, f"o{name}", "Dip", "ABCD", side, **amounts, event_time_ns=from_iso(moment))


def filled(*fills: Execution) -> list[Fact]:
    return [OrderFilled(execution, Decimal(0)) for execution in fills]


class Asked:
    """A check with a history, the facts of a run, and what it recorded."""

    def __init__(self, limit: WashSaleLimit, before: str = "", facts: list[Fact] | None = None) -> None:
        self.warnings: list[OrderWarned] = []
        self.before = before
        self.check = WashSaleCheck(self._engine, limit, self.warnings.append)
        for fact in facts or []:
            self.check.see(fact)

    def _engine(self) -> TaxEngine:
        engine = TaxEngine([Account("main"), Account("roth", AccountKind.RETIREMENT)])
        engine.apply(executions(self.before))
        return engine

    def ask(self, *, price: float = 100.0, reduces: bool = False, **terms: Any) -> Any:
        return self.check.ask(an_order(decision_time_ns=NOW, **terms), price, NOW, reduces=reduces)


@pytest.mark.parametrize(
    ("limit", "account", "denied", "warned"),
    [
        (WashSaleLimit.OFF, "main", False, False),
        (WashSaleLimit.WARN, "main", False, True),
        (WashSaleLimit.REFUSE_PERMANENT, "main", False, True),
        (WashSaleLimit.REFUSE_PERMANENT, "roth", True, False),
        (WashSaleLimit.REFUSE, "main", True, False),
    ],
)
def test_a_purchase_after_a_loss_is_warned_about_or_denied(
    limit: WashSaleLimit, account: str, denied: bool, warned: bool
) -> None:
    asked = Asked(limit, LOSS_BEFORE)

    denial = asked.ask(account=account)

    assert (denial is not None, bool(asked.warnings)) == (denied, warned)
    told = denial.text if denial is not None else "".join(one.reason for one in asked.warnings)
    if told:  # ten shares at a loss of 10 each; 31 days after 20 December is 20 January
        assert "would replace 10 shares sold at a loss (s1): 100.00 disallowed" in told
        assert "clear from 2024-01-20 on" in told
    if denial is not None:
        assert (denial.limit, denial.found, denial.bound) == (Limit.WASH_SALE, 100.0, 0.0)


def test_a_warning_is_a_fact_about_the_order() -> None:
    asked = Asked(WashSaleLimit.WARN, LOSS_BEFORE)

    asked.ask()

    (warning,) = asked.warnings
    assert (warning.client_order_id, warning.symbol, warning.limit) == ("one", "ABCD", Limit.WASH_SALE)


def test_what_reduces_a_position_is_warned_about_and_never_denied() -> None:
    before = "2023-11-06 buy b1 10 ABCD @ 120\n2023-12-20 buy b2 10 ABCD @ 110 account=roth"
    asked = Asked(WashSaleLimit.REFUSE, before)

    denial = asked.ask(side=Side.SELL, purpose=Purpose.EXIT_RULE, reduces=True)

    assert denial is None
    (warning,) = asked.warnings
    assert "200.00 of it disallowed" in warning.reason and "200.00 of it for good" in warning.reason


def test_losses_of_the_run_itself_count() -> None:
    lost = filled(fill("b", Side.BUY, 10, 120), fill("s", Side.SELL, 10, 110, "2024-01-02T14:50:00Z"))
    asked = Asked(WashSaleLimit.REFUSE, facts=lost)

    assert asked.ask().found == 100.0


def test_a_corrected_or_busted_execution_is_taken_as_it_stands_now() -> None:
    bought, sold = fill("b", Side.BUY, 10, 120), fill("s", Side.SELL, 10, 110, "2024-01-02T14:50:00Z")
    asked = Asked(WashSaleLimit.REFUSE, facts=filled(bought, sold))
    at, grounds = from_iso("2024-01-02T14:55:00Z"), Grounds("the broker")
    dearer = fill("s2", Side.SELL, 10, 125, "2024-01-02T14:50:00Z")

    asked.check.see(ExecutionCorrected(at, sold, dearer, grounds))
    assert asked.ask() is None  # sold at a gain now

    asked.check.see(ExecutionBusted(at, dearer, grounds))
    assert asked.ask(side=Side.SELL, price=90.0) is None  # held again, and nothing replaces its loss


def test_a_split_and_a_late_report_are_taken_in_at_their_place() -> None:
    bought = fill("b", Side.BUY, 10, 120, "2024-01-01T15:00:00Z")
    sold = fill("s", Side.SELL, 20, 50, "2024-01-02T14:50:00Z")
    split = SplitApplied(
        from_iso("2024-01-02T14:30:00Z"), "ABCD", "Dip", Decimal(2), Decimal(1), Decimal(10), Decimal(20)
    )
    asked = Asked(WashSaleLimit.REFUSE, facts=[*filled(bought), split, *filled(sold)])

    # 20 new shares cost 60 each and brought 50: ten bought again replace a loss of 100
    assert asked.ask().found == 100.0

    asked.check.see(*filled(fill("late", Side.BUY, 4, 55, "2024-01-02T14:45:00Z")))
    # four more were bought before the sale and stand free: they took up 40 of it, and ten of sixteen left are replaced
    assert asked.ask().found == 100.0
    assert asked.ask(quantity=Decimal(20)).found == 160.0


def test_what_cannot_be_followed_is_said_and_stops_nothing_but_what_is_to_be_refused() -> None:
    before = "2023-11-06 buy b1 10 ABCD @ 80 account=other"
    shorted = filled(fill("short", Side.SELL, 10, 100))  # held at a gain elsewhere: a constructive sale, IRC 1259

    def asked(limit: WashSaleLimit) -> Asked:
        found = Asked.__new__(Asked)
        found.warnings = []

        def engine() -> TaxEngine:
            made = TaxEngine([Account("main"), Account("other")])
            made.apply(executions(before))
            return made

        found.check = WashSaleCheck(engine, limit, found.warnings.append)
        for fact in shorted:
            found.check.see(fact)
        return found

    refusing, warning = asked(WashSaleLimit.REFUSE), asked(WashSaleLimit.WARN)

    assert "1259" in refusing.ask().text
    assert refusing.ask(reduces=True) is None
    assert warning.ask() is None
    assert "is not known" in warning.warnings[0].reason


def test_the_gate_asks_it_last_and_a_denied_order_does_not_count_as_sent() -> None:
    desk = Desk(OPEN)
    asked = Asked(WashSaleLimit.REFUSE, LOSS_BEFORE)
    desk.gate._wash_sales = asked.check

    assert desk.ask(an_order("first"), NOW) == "wash_sale"
    assert desk.ask(an_order("again"), NOW) == "wash_sale"  # not a repetition: the first one never left
    assert desk.ask(an_order("odd", quantity=Decimal("0.5")), NOW) == "lot"
