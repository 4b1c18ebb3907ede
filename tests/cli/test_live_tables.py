"""What `tapeline status` shows of the last comparison, as lines of a terminal."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from tapeline.cli.live_tables import findings_table, remarks_of, show_orders
from tapeline.cli.reconcile import agreement_of
from tapeline.domain.control import TradingState, Trigger
from tapeline.execution.reconciliation import REMEDIES, Finding, FindingKind
from tapeline.ledger.control_facts import Reconciled, TradingStateChanged
from tapeline.ledger.views import Views

T0 = 1_704_207_600_000_000_000


def lines_of(findings: list[Any]) -> list[str]:
    console = Console(width=80, record=True, force_terminal=False)
    with console.capture() as shown:
        console.print(findings_table(findings))
    return [line.rstrip() for line in shown.get().splitlines()]


def test_a_finding_is_shown_with_both_sides_and_what_was_done() -> None:
    views = Views()
    finding = Finding(FindingKind.POSITION_BREAK, "ABCD", Decimal(300), None)

    views.apply(Reconciled(T0, [finding.as_tree()]))

    head, row = lines_of([*views.control.findings])
    assert head.split() == ["finding", "name", "ours", "theirs", "what", "was", "done", "text"]
    assert row.split() == ["position", "break", "ABCD", "300", "symbol", "locked"]


def test_every_kind_of_finding_fits_eighty_columns_whole() -> None:
    name = "Dip-ABCD-20240102T150000-000001"
    findings = [
        Finding(kind, name, Decimal(1000), Decimal(1200), f"BUY ABCD at 10.25, order {name}").as_tree()
        for kind in REMEDIES
    ]

    lines = lines_of(findings)

    assert max(map(len, lines)) <= 80
    assert sum("1000" in line and "1200" in line for line in lines) == len(findings)


def test_the_newest_comparison_counts_and_says_where_nothing_differs() -> None:
    views = Views()
    views.apply(Reconciled(T0, [Finding(FindingKind.CASH_BREAK, "main", Decimal(1), Decimal(2)).as_tree()]))
    views.apply(Reconciled(T0 + 1, []))
    quiet = {
        "has_ended": False,
        "is_flattening": False,
        "gap": None,
        "locks": [],
        "accepted": [],
        "overrides": [],
        "reconciled": "noon",
        "lowered": None,
        "unresolved": [],
    }

    assert [*views.control.findings] == []
    assert remarks_of({**quiet, "findings": []}) == ["Compared with the broker's books at noon: nothing differs."]
    assert remarks_of({**quiet, "findings": [1]}) == [
        "Compared with the broker's books at noon: these things differed."
    ]


def test_it_is_said_why_trading_is_lowered_until_it_is_raised() -> None:
    views = Views()
    views.apply(TradingStateChanged(T0, TradingState.REDUCING, Trigger.PERSON, "anna", "lunch"))
    lowered = views.control.lowered
    assert lowered is not None
    assert (lowered.who, lowered.text) == ("anna", "lunch")
    views.apply(TradingStateChanged(T0 + 1, TradingState.ACTIVE, Trigger.PERSON, "anna", "back"))
    assert views.control.lowered is None


def test_a_comparison_says_what_agrees() -> None:
    quiet = {
        "reconciled": "noon",
        "findings": [],
        "locks": [],
        "orders_working": 3,
        "positions": [{"symbol": "ABCD"}, {"symbol": "ABCD"}, {"symbol": "WXYZ"}],
    }
    rows = [("POSITION_BREAK", "ABCD"), ("POSITION_BREAK", "ELSE"), ("ORDER_MISSING", "one"), ("CASH_BREAK", "main")]
    broken = {**quiet, "findings": [{"finding": kind, "name": name} for kind, name in rows], "locks": ["ABCD", "ELSE"]}

    assert agreement_of(quiet) == "2 of 2 positions and 3 of 3 working orders agree, cash agrees."
    assert agreement_of(broken) == "1 of 3 positions and 2 of 3 working orders agree, cash differs."


def test_orders_that_are_not_shown_are_counted_and_parts_not_sent_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    order = {"client_order_id": "Dip-1", "strategy": "Dip", "symbol": "ABCD", "side": "BUY", "purpose": "entry"}
    single = {"type": "LIMIT", "leaves_quantity": "5", "limit_price": "9.5", "stop_price": None, "status": "ACCEPTED"}
    parts = {
        "algorithm": "twap", "quantity": "100", "filled_quantity": "20", "working_quantity": "10",
        "unsent_quantity": "70",
    }  # fmt: skip
    status = {
        "orders": [{**order, **single}], "orders_working": 1_234, "worked": [{**order, **parts}], "worked_count": 1,
    }  # fmt: skip

    show_orders(status)

    lines = capsys.readouterr().out.splitlines()
    assert "These are the 1 oldest of 1,234 orders that work." in lines
    assert any(line.split() == ["Dip", "ABCD", "BUY", "100", "20", "10", "70"] for line in lines)
    assert "  Dip-1  entry  twap" in lines
    assert not any("worked in parts." in line for line in lines)
    assert max(map(len, lines)) <= 80
