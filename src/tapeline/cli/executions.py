"""`tapeline executions`: what working orders in parts has cost."""

from __future__ import annotations

import json
from pathlib import Path

from tapeline.app.executions import as_plain, parents_of, quality_by
from tapeline.app.run_files import newest_journal, run_name
from tapeline.cli.console import console, show_text
from tapeline.cli.text_table import TextTable
from tapeline.domain.times import to_iso
from tapeline.ledger.canonical import amount_text
from tapeline.ledger.parent_orders import ParentState
from tapeline.ledger.shortfall import FillQuality, shortfall_of
from tapeline.store.sqlite_journal import SqliteJournal

_NONE = "no order was worked by an execution algorithm. Choose one with --execution, such as twap:minutes=30."


def show_executions(journal: Path | None, work: Path, *, by: str, each: bool, as_json: bool) -> None:
    """Print fill quality by group, and each order if asked."""
    path = journal or newest_journal(work, begin="tapeline paper")
    with SqliteJournal.reading(path) as book:
        parents = parents_of(book)
    if as_json:
        console.out(json.dumps(as_plain(parents, by)), highlight=False)
        return
    groups = quality_by(parents, by)
    if not parents:
        show_text(f"{run_name(path)}: {_NONE}")
        return
    show_text(f"{run_name(path)}:")
    done = TextTable("Orders that were worked", [by, "orders", "parts", "filled %", "minutes", "passive %", "vs VWAP"])
    costs = TextTable(
        "Cost against the decision in basis points; positive is a cost",
        [by, "delay", "spread", "impact", "opportunity", "sum"],
    )
    for name, quality in groups.items():
        done.add_row(name, *_done(quality))
        costs.add_row(name, *_costs(quality))
    done.show()
    console.print()
    costs.show()
    if each:
        console.print()
        _show_each(parents)


def _done(quality: FillQuality) -> list[str]:
    return [
        f"{quality.count:,}",
        f"{quality.parts:,}",
        f"{100 * quality.fill_rate:.1f}",
        "-" if quality.seconds is None else f"{quality.seconds / 60:.1f}",
        "-" if quality.passive_share is None else f"{100 * quality.passive_share:.0f}",
        _bps(quality.against_vwap_bps),
    ]


def _costs(quality: FillQuality) -> list[str]:
    parts = (quality.delay_bps, quality.spread_bps, quality.impact_bps, quality.opportunity_bps)
    return [_bps(cost) for cost in (*parts, quality.shortfall_bps)]


def _show_each(parents: list[ParentState]) -> None:
    table = TextTable("Orders", ["decided", "symbol", "side", "algorithm", "wanted", "done", "cost", "ended"])
    for parent in parents:
        order, cost = parent.order, shortfall_of(parent)
        table.add_row(
            to_iso(order.decision_time_ns)[:16].replace("T", " "),
            order.symbol,
            order.side.name,
            parent.intended.algorithm,
            amount_text(order.quantity),
            amount_text(parent.filled_quantity),
            "-" if cost is None else _bps(cost.total_bps),
            "-" if parent.ended is None else parent.ended.reason.word,
        )
    table.show()


def _bps(value: float | None) -> str:
    return "-" if value is None else _tenths(value)


def _tenths(value: float) -> str:
    text = f"{value:.1f}"
    return "0.0" if text == "-0.0" else text
