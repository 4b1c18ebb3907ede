"""Why round trips were entered: from the journal where there is one, else from the formulas, computed again.

Formulas give the same values bit for bit every time, so what is computed again is what the run saw. It costs one
pass over the bars up to the last entry that is asked for, whatever the number of entries.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import numpy as np

from tapeline.engine.assembly import Assembly, assemble
from tapeline.engine.inputs import Inputs
from tapeline.engine.reasons import explain_free_form
from tapeline.engine.result import Result
from tapeline.formula.splits import advance_through
from tapeline.ledger.facts import SignalRaised
from tapeline.ledger.order_facts import OrderIntended
from tapeline.ledger.why import explain_order
from tapeline.ledger.why_text import sizing_text
from tapeline.ports.journal import Journal
from tapeline.report.amounts import CURRENCY
from tapeline.report.content import EntryExplanation
from tapeline.strategies.base import RuleStrategy


def explanations_from_journal(result: Result, trips: Iterable[int], journal: Journal) -> dict[int, EntryExplanation]:
    """Return why round trips were entered, by their positions in `result.round_trips`, as their signals say."""
    found = {}
    for trip in trips:
        order_id = result.order_id(int(result.round_trips[trip]["entry_ticket"]))
        chain = explain_order(journal, order_id).orders[0]
        if chain.signal is not None:
            tree = cast(SignalRaised, chain.signal.fact).signal.explanation
            sizing = cast(OrderIntended, chain.decision.fact).sizing
            found[trip] = EntryExplanation(order_id, tree, sizing_text(sizing or {}, CURRENCY))
    return found


def explanations_from_formulas(result: Result, trips: Iterable[int], inputs: Inputs) -> dict[int, EntryExplanation]:
    """Return why round trips were entered, by their positions in `result.round_trips`, computed again."""
    data = inputs.data
    decided_ns = result.orders["decided_ns"][result.round_trips["entry_ticket"]]
    wanted = sorted((int(np.searchsorted(data.end_ns, decided_ns[trip])), trip) for trip in trips)
    if not wanted:
        return {}
    assembly = assemble(
        inputs.strategies,
        symbol_count=len(data.symbols),
        base_frame_ns=data.frame_ns,
        settings=inputs.settings,
        groups=inputs.groups,
    )
    program, found, place = assembly.program, {}, 0
    until = data.rows(0, wanted[-1][0] + 1)
    for first, last in advance_through(program, until, inputs.corporate_actions):
        while place < len(wanted) and wanted[place][0] < last:
            row, trip = wanted[place]
            found[trip] = _explanation(result, trip, assembly, row - first, data.column(_symbol(result, trip)))
            place += 1
    return found


def _explanation(result: Result, trip: int, assembly: Assembly, chunk_row: int, column: int) -> EntryExplanation:
    record = result.round_trips[trip]
    index = int(record["strategy"])
    table, strategy = assembly.tables[index], assembly.strategies[index]
    row = int(table.decision_row[chunk_row])
    tree: dict[str, Any]
    if isinstance(strategy, RuleStrategy):
        rule = "enter_long" if record["side"] > 0 else "enter_short"
        tree = assembly.program.explain(table.name, rule, row, column).as_dict()
    else:
        tree = explain_free_form(strategy, table, row, column)
    return EntryExplanation(result.order_id(int(record["entry_ticket"])), tree)


def _symbol(result: Result, trip: int) -> str:
    return result.symbols[int(result.round_trips[trip]["symbol"])]
