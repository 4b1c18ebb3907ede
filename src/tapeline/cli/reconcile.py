"""`tapeline reconcile`: has a run compare its books with the broker's, waits for the end, and shows what differs.

    run-0001, compared at 2024-01-02T15:31:00Z:
    2 of 3 positions and 5 of 5 working orders agree, cash agrees.
    finding         name  ours  theirs  what was done
    position break  ABCD   100      80  symbol locked

Exit code 0: nothing is open. OPEN: something is, a locked symbol, cash, or an order that was asked for by name.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from tapeline.app.run_files import run_name
from tapeline.cli.console import console, show_text
from tapeline.cli.control import POLL_S, given, running, span_ns
from tapeline.cli.live_tables import findings_table
from tapeline.domain.errors import InputError
from tapeline.domain.times import SECOND
from tapeline.store.control_file import ControlFile

OPEN = 1
"""Exit code of a comparison that left something open."""

Tree = Mapping[str, Any]


def reconcile(journal: Path | None, work: Path, *, timeout: str, as_json: bool) -> None:
    """Compare, wait, show. Raises InputError where nobody answers, or not within the time."""
    within_s = span_ns(timeout, "--timeout") / SECOND
    path = running(journal, work)
    with ControlFile.open(path) as desk:
        given("reconcile", path, desk)
        asked = desk.status()
        number = 0 if asked is None else asked.number
        deadline_s = time.monotonic() + within_s
        # what was shown before the answer may be of before the comparison
        while (status := desk.status()) is None or status.number <= number or status.body["is_comparing"]:
            if time.monotonic() > deadline_s:
                raise InputError(
                    f"The comparison did not end within {timeout}: the broker has not answered everything. It goes on;"
                    " `tapeline status` shows what it finds."
                )
            time.sleep(POLL_S)
    body = status.body
    is_agreed = not body["locks"] and not body["unresolved"]
    if as_json:
        shown = {
            "run": str(path),
            "agreed": is_agreed,
            **{name: body[name] for name in ("reconciled", "findings", "locks", "unresolved")},
        }
        console.out(json.dumps(shown, indent=2), highlight=False)
    else:
        _show(body, run_name(path))
    if not is_agreed:
        raise typer.Exit(OPEN)


def agreement_of(status: Tree) -> str:
    """Return in a sentence what the last comparison found to be the same."""
    findings = status["findings"]
    symbols = {row["symbol"] for row in status["positions"]}
    differing = {one["name"] for one in findings if one["finding"] == "POSITION_BREAK"} | {*status["locks"]}
    orders = status["orders_working"]
    asked = sum(one["finding"] in ("ORDER_MISSING", "ORDER_FILLED_DIFFERS", "ORDER_TERMS_DIFFER") for one in findings)
    cash = "differs" if any(one["finding"] == "CASH_BREAK" for one in findings) else "agrees"
    return (
        f"{len(symbols - differing)} of {len(symbols | differing)} positions and"
        f" {max(0, orders - asked)} of {orders} working orders agree, cash {cash}."
    )


def _show(status: Tree, run: str) -> None:
    show_text(f"{run}, compared at {status['reconciled']}:")
    show_text(agreement_of(status))
    if status["findings"]:
        console.print(findings_table(status["findings"]))
    may = [*status["locks"], *["cash" for one in status["findings"] if one["finding"] == "CASH_BREAK"]]
    if may:
        show_text(f"Open: {', '.join(may)}.")
        show_text("Clear it at the broker, or `tapeline reconcile --accept NAME --reason TEXT`.")
