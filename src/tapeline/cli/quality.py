"""Print what the quality gate says: counts, reasons, findings, and completeness as a small map."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from rich.table import Table
from rich.text import Text

from tapeline.app.quality import check_file
from tapeline.cli.console import console, show_text
from tapeline.domain.times import DAY, ns_to_date
from tapeline.report.amounts import percent, plural
from tapeline.store.whole_file import check_page_place, write_whole
from tapeline.tape.quality_picture import picture_html
from tapeline.tape.quality_report import QualityReport

SYMBOLS_MAX = 24
MAP_WIDTH_MIN = 20
SHADES = " ▁▂▃▄▅▆▇█"


def show_check(
    path: Path,
    *,
    calendar: str,
    label: str,
    frame: str,
    reference: Path | None,
    actions: Path | None,
    report: Path | None,
    as_json: bool,
) -> None:
    """Check a file of bars and print the report; write it as a page where one is asked for."""
    if report is not None:
        check_page_place(report)
    gate = check_file(
        path,
        calendar=None if calendar.lower() == "none" else calendar,
        label=label,
        frame=frame or None,
        reference=reference,
        actions=actions,
    )
    if report is not None:
        write_whole(report, picture_html(gate.report, path.name))
    if as_json:
        console.out(json.dumps(gate.report.to_dict()), highlight=False)
        return
    for sentence in gate.report.sentences():
        show_text(sentence)
    console.print()
    console.print(_map(gate.report))
    if len(gate.report.symbols) > SYMBOLS_MAX:
        show_text(f"and {plural(len(gate.report.symbols) - SYMBOLS_MAX, 'more symbol')}, all with fewer faults")
    if report is not None:
        show_text(f"The report as a picture: {report}")


def _map(report: QualityReport) -> Table:
    """Return completeness over time, a line per symbol; those that lack or lost most where there are many."""
    share = report.completeness
    bad, doubt = report.quarantined.sum(axis=1), report.marked.sum(axis=1)
    order = np.lexsort((np.arange(len(share)), -doubt, share, -bad))[:SYMBOLS_MAX]
    table = Table(box=None, pad_edge=False)
    table.add_column("symbol")
    table.add_column(_period(report), no_wrap=True)
    for name in ("complete", "bad", "marked"):
        table.add_column(name, justify="right")
    width = max(MAP_WIDTH_MIN, min(len(report.days), console.width - 42))
    for n in sorted(order.tolist()):
        table.add_row(
            report.symbols[n], _line(report, n, width), percent(float(share[n]), 1), f"{bad[n]:,}", f"{doubt[n]:,}"
        )
    return table


def _line(report: QualityReport, n: int, width: int) -> Text:
    """Return one symbol's days as blocks: their height is completeness, red is bad, yellow is marked."""
    line = Text()
    for days in np.array_split(np.arange(len(report.days)), min(width, len(report.days))):
        asked = max(int(report.expected[days].sum()), 1)
        full = min(float(report.found[n, days].sum()) / asked, 1.0)
        block = SHADES[int(np.ceil(full * (len(SHADES) - 1)))]
        style = "red" if report.quarantined[n, days].any() else "yellow" if report.marked[n, days].any() else "green"
        line.append(block if block.strip() or style == "green" else "▁", style=style)
    return line


def _period(report: QualityReport) -> str:
    if not len(report.days):
        return ""
    first, last = (ns_to_date(int(day) * DAY) for day in (report.days[0], report.days[-1]))
    return f"{first} to {last}"
