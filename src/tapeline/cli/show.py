"""The commands that only look: strategies, why, journal verify."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import typer

from tapeline.app.load import DataChoice, newest_journal
from tapeline.cli.console import console, messages
from tapeline.domain.bar import Bar
from tapeline.domain.errors import InputError
from tapeline.domain.money import exact
from tapeline.domain.panel import Panel
from tapeline.feeds.digest import panel_digest
from tapeline.ledger.facts import RunStarted
from tapeline.ledger.why import explain
from tapeline.ledger.why_text import as_plain, render
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.store.verification import verify
from tapeline.strategies.catalogue import SHIPPED

BARS_BEFORE, BARS_AFTER = 5, 3


def show_strategies() -> None:
    """Print each shipped strategy: what it does, its parameters, where it stands."""
    for name, strategy in SHIPPED.items():
        console.print(f"[bold]{name}[/]")
        console.print(f"  {inspect.getdoc(strategy)}", markup=False)
        for parameter in strategy.declared_parameters().values():
            console.print(
                f"  --set {parameter.name}={parameter.default:g}   from {parameter.low:g} to {parameter.high:g}",
                markup=False,
            )
        console.print(f"  {inspect.getsourcefile(strategy)}\n", markup=False, style="dim")


def show_why(question: str, path: Path | None, data: Path | None, work: Path, *, as_json: bool) -> None:
    """Print the chain behind an order, an execution or a moment."""
    with SqliteJournal.reading(path or newest_journal(work)) as journal:
        bars_around = None
        if data is not None:
            started = next(iter(journal.read(kind=RunStarted.kind)), None)
            panel = DataChoice(data).read().panel
            if started is None or panel_digest(panel) != getattr(started.fact, "data_digest", ""):
                messages.print(
                    f"The bars of {data} are not those of the run (their digest differs); they are not shown."
                )
            else:

                def bars_around(symbol: str, time_ns: int) -> Sequence[Bar]:
                    return _bars(panel, symbol, time_ns)

        answer = explain(journal, question, bars_around)
    if as_json:
        console.out(json.dumps(as_plain(answer)), highlight=False)
    else:
        console.print(render(answer), markup=False)


def show_verification(path: Path | None, head: str | None, work: Path) -> None:
    """Print whether a journal's chain is unbroken; exit code 2 if it is not."""
    chosen = path or newest_journal(work)
    if not chosen.exists():
        raise InputError(f"Journal {chosen} does not exist.")
    found = verify(chosen, expected_head=head)
    if found.is_sound:
        console.print(f"{chosen}: {found.head.count:,} records, unbroken. Head {found.head.text}.")
        if head is None:
            console.print(
                "A cut-off end can only be found with the head that was kept elsewhere: --head HASH.", style="dim"
            )
        return
    messages.print(f"{chosen}: {found.fault.sentence if found.fault else 'not sound'}", markup=False)
    raise typer.Exit(2)


def _bars(panel: Panel, symbol: str, time_ns: int) -> list[Bar]:
    column = panel.column(symbol)
    row = int(np.searchsorted(panel.end_ns, time_ns))
    bars = []
    for t in range(max(0, row - BARS_BEFORE), min(len(panel), row + BARS_AFTER + 1)):
        if np.isnan(panel.close[t, column]):
            continue
        prices = (getattr(panel, name)[t, column] for name in ("open", "high", "low", "close", "volume"))
        bars.append(
            Bar(symbol, int(panel.start_ns[t]), int(panel.end_ns[t]), *(exact(float(p)) for p in prices))
        )
    return bars
