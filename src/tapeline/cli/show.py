"""The commands that only look: strategies, why, journal verify. They import no engine, and start at once."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import cast

import numpy as np
import typer

from tapeline.app.run_files import newest_journal
from tapeline.cli.console import console, messages, show_text
from tapeline.domain.bar import Bar
from tapeline.domain.money import exact
from tapeline.domain.panel import Panel
from tapeline.domain.times import to_iso
from tapeline.ledger.facts import RunEnded, RunStarted
from tapeline.ledger.why import BarsAround, explain
from tapeline.ledger.why_text import as_plain, render
from tapeline.report.amounts import plural
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.store.verification import verify

BARS_BEFORE, BARS_AFTER = 5, 3
UNSOUND = 2


def show_strategies() -> None:
    """Print each shipped strategy: what it does, its parameters, where it stands."""
    from tapeline.strategies.catalogue import SHIPPED

    for name, strategy in SHIPPED.items():
        console.print(name, style="bold")
        show_text("  " + (inspect.getdoc(strategy) or "").partition("\n\n")[0])
        for parameter in strategy.declared_parameters().values():
            setting = f"--set {parameter.name}={parameter.default:g}"
            show_text(f"    {setting:24} from {parameter.low:g} to {parameter.high:g}")
        show_text(f"    {inspect.getsourcefile(strategy)}")
        console.print()


def show_why(question: str, path: Path | None, data: Path | None, work: Path, *, whole: bool, as_json: bool) -> None:
    """Print the chain behind an order, an execution or a moment."""
    with SqliteJournal.reading(path or newest_journal(work)) as journal:
        bars_around = None if data is None else bars_around_of(journal, data)
        answer = explain(journal, question, bars_around)
    if as_json:
        console.out(json.dumps(as_plain(answer)), highlight=False)
    else:
        show_text(render(answer, whole=whole))


def show_verification(path: Path | None, head: str | None, work: Path) -> None:
    """Print whether a journal's chain is unbroken; exit code 2 if it is not."""
    chosen = path or newest_journal(work)
    found = verify(chosen, expected_head=head)
    if not found.is_sound:
        sentence = found.fault.sentence if found.fault else "It is not sound."
        messages.print(f"tapeline: Journal {chosen}: {sentence}", soft_wrap=True, markup=False)
        raise typer.Exit(UNSOUND)
    show_text(f"Journal {chosen}: {plural(found.head.count, 'record')}, unbroken.")
    show_text(f"Head: {found.head.text}")
    if head is None:
        show_text(
            "This finds every change but two: an end that was cut off, and a journal written anew from the"
            " start. Keep the head elsewhere and give it with --head, and these are found too."
        )


def bars_around_of(journal: SqliteJournal, path: Path) -> BarsAround | None:
    """Return how to look up the run's bars in a file; None, after saying so, if the file has others."""
    from tapeline.app.data_choice import DataChoice
    from tapeline.feeds.digest import panel_digest

    started = next(journal.read(kind=RunStarted.kind), None)
    if started is None:
        messages.print(f"The journal has no manifest to hold {path} against; its bars are not shown.", soft_wrap=True)
        return None
    manifest = cast(RunStarted, started.fact)
    ended = next(journal.read(kind=RunEnded.kind), None)
    panel = (
        DataChoice(
            path,
            symbols=",".join(manifest.configuration["symbols"]),
            first=to_iso(manifest.event_time_ns)[:10],
            last=to_iso(ended.fact.event_time_ns)[:10] if ended is not None else "",
            calendar=manifest.configuration["calendar"] or "none",
        )
        .read()
        .panel
    )
    if panel_digest(panel) != manifest.data_digest:
        messages.print(
            f"The bars of {path} are not those of the run (their digest differs), so they are not shown.",
            soft_wrap=True,
            markup=False,
        )
        return None
    return lambda symbol, time_ns: _bars(panel, symbol, time_ns)


def _bars(panel: Panel, symbol: str, time_ns: int) -> list[Bar]:
    column = panel.column(symbol)
    row = int(np.searchsorted(panel.end_ns, time_ns))
    bars = []
    for t in range(max(0, row - BARS_BEFORE), min(len(panel), row + BARS_AFTER + 1)):
        if np.isnan(panel.close[t, column]):
            continue
        prices = (getattr(panel, name)[t, column] for name in ("open", "high", "low", "close", "volume"))
        bars.append(Bar(symbol, int(panel.start_ns[t]), int(panel.end_ns[t]), *(exact(float(p)) for p in prices)))
    return bars
