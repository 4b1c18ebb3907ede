"""`tapeline tax import` and `tapeline tax reconcile`: what they say of statements and journals."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

from tapeline.app.statements import (
    ImportReport,
    Reconciliation,
    StatementChoice,
    accept,
    import_statement,
    reconcile_statement,
)
from tapeline.cli.console import console, show_text
from tapeline.cli.tax_options import new_table, print_json, print_table
from tapeline.domain.errors import InputError
from tapeline.ledger.canonical import encode
from tapeline.report.amounts import plural
from tapeline.statements.discrepancy import Discrepancy
from tapeline.statements.model import Remark, Statement
from tapeline.tax.result import DISCLAIMER

SHOWN = 12
_KINDS = {
    "ExecutionAdopted": "execution",
    "ExecutionCorrected": "correction",
    "ExecutionBusted": "bust",
    "CashAdopted": "entry of cash",
    "HoldingChanged": "change of a holding",
    "AccountDescribed": "description of an account",
}


def show_import(choice: StatementChoice, journal: Path, *, as_json: bool) -> None:
    """Import a statement and print what was new."""
    report = import_statement(choice, journal)
    if as_json:
        print_json(_import_tree(report, journal))
        return
    found, statement = report.additions, report.statement
    show_text(f"{_period(statement)}; accounts {', '.join(statement.accounts) or 'none'}.")
    counts = found.counts
    added = ", ".join(_counted(kind, counts[kind]) for kind in _KINDS if counts[kind])
    show_text(f"New in {journal}: {added or 'nothing'}. Known already: {found.known + len(found.alike)}.")
    _remarks("Known under another id, left out", found.alike)
    _remarks("Known with other terms, left as they are", found.differing)
    _remarks("Not taken", [*statement.remarks, *found.remarks])
    show_text(f"The journal has {plural(report.count, 'record')}; keep its head elsewhere: {report.head}")
    show_text(f"Next: tapeline tax gains --journal {journal}")


def show_reconciliation(
    choice: StatementChoice,
    journal: Path,
    *,
    methods: tuple[str, ...],
    accepted: list[str],
    reason: str,
    who: str,
    as_json: bool,
) -> None:
    """Print the differences, or book those that were accepted and print what is left."""
    found = reconcile_statement(choice, journal, methods)
    booked: list[Discrepancy] = []
    if accepted:
        if "all" in accepted:
            raise InputError("Accept differences one by one, by the keys that stand before them: each is a decision.")
        booked = accept(journal, found, accepted, reason=reason, who=who or getpass.getuser(), zone=choice.zone)
        found = reconcile_statement(choice, journal, methods)
    if as_json:
        print_json(_reconciliation_tree(found, booked, journal))
        return
    for one in booked:
        show_text(f"Booked {one.key}: {', '.join(fact.kind for fact in one.suggestion)} for {one.sentence}")
    _show_found(found, journal)


def _show_found(found: Reconciliation, journal: Path) -> None:
    statement = found.statement
    show_text(f"{_period(statement)} against {journal}.")
    if not found.found:
        told = (len(statement.standing()), len(statement.cash), len(statement.changes), len(statement.positions))
        show_text(
            f"They agree: {plural(told[0], 'execution')}, {told[1]} entries of cash, {told[2]} changes of holdings, "
            f"{told[3]} end positions."
        )
    else:
        table = new_table(plural(len(found.found), "difference"), ["key", "day", "account", "symbol", "cause", "entry"])
        for one in found.found:
            causes = ", ".join(cause.value for cause in one.causes)
            table.add_row(one.key, str(one.day), one.account, one.symbol, causes, "yes" if one.suggestion else "")
        print_table(table)
        for one in found.found:
            console.print(f"{one.key}  {one.sentence}", markup=False, soft_wrap=True)
            if one.where:
                console.print(f"          {one.where}", markup=False, soft_wrap=True)
    _remarks("Not taken", statement.remarks)
    if found.note:
        show_text(found.note)
    if any(one.suggestion for one in found.found):
        show_text("Book an entry: --accept KEY --reason TEXT [--who NAME]. Nothing that was written is changed by it.")
    show_text(DISCLAIMER)


def _remarks(title: str, remarks: list[Remark]) -> None:
    if not remarks:
        return
    show_text(f"{title} ({len(remarks)}):")
    for remark in remarks[:SHOWN]:
        console.print(f"  {remark.where}: {remark.sentence}", markup=False, soft_wrap=True)
    if len(remarks) > SHOWN:
        show_text(f"  and {len(remarks) - SHOWN} more; --json shows all.")


def _period(statement: Statement) -> str:
    days = f", {statement.first} to {statement.last}" if statement.first is not None else ""
    return f"Statement {statement.source}{days}"


def _counted(kind: str, count: int) -> str:
    word = _KINDS[kind]
    if count == 1:
        return f"1 {word}"
    irregular = {"entry of cash": "entries of cash", "change of a holding": "changes of holdings"}
    irregular["description of an account"] = "descriptions of accounts"
    return f"{count:,} {irregular.get(word, word + 's')}"


def _import_tree(report: ImportReport, journal: Path) -> dict[str, Any]:
    found = report.additions
    return {
        "statement": _statement_tree(report.statement),
        "journal": str(journal),
        "added": dict(found.counts),
        "known": found.known,
        "alike": [_remark_tree(remark) for remark in found.alike],
        "differing": [_remark_tree(remark) for remark in found.differing],
        "not_taken": [_remark_tree(remark) for remark in (*report.statement.remarks, *found.remarks)],
        "records": report.count,
        "head": report.head,
    }


def _reconciliation_tree(found: Reconciliation, booked: list[Discrepancy], journal: Path) -> dict[str, Any]:
    return {
        "statement": _statement_tree(found.statement),
        "journal": str(journal),
        "booked": [one.key for one in booked],
        "differences": [_discrepancy_tree(one) for one in found.found],
        "not_taken": [_remark_tree(remark) for remark in found.statement.remarks],
        "note": found.note or None,
        "disclaimer": DISCLAIMER,
    }


def _discrepancy_tree(one: Discrepancy) -> dict[str, Any]:
    return {
        "key": one.key,
        "causes": [cause.value for cause in one.causes],
        "account": one.account,
        "symbol": one.symbol or None,
        "day": one.day,
        "sentence": one.sentence,
        "ours": one.ours or None,
        "theirs": one.theirs or None,
        "where": one.where or None,
        "suggested": [encode(fact).decode() for fact in one.suggestion],
    }


def _statement_tree(statement: Statement) -> dict[str, Any]:
    return {
        "source": statement.source,
        "first": statement.first,
        "last": statement.last,
        "accounts": statement.accounts,
    }


def _remark_tree(remark: Remark) -> dict[str, str]:
    return {"where": remark.where, "sentence": remark.sentence}
