"""What the commands share for talking to a terminal: consoles, progress, kernels, numbers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tapeline.app.precompile import Step, ensure_kernels

console = Console(highlight=False)
messages = Console(stderr=True, highlight=False)
"""Progress and remarks go to the standard error, so that --json output stays clean."""


def prepare_kernels(wanted: tuple[str, ...] | None = None) -> None:
    """Compile what is not compiled yet, with a line of progress; instant when everything is there.

    wanted : names of kernels, None = all
    """
    shown = None

    def report(step: Step) -> None:
        nonlocal shown
        if shown is None and step.total:
            shown = messages.status(step.sentence)
            shown.start()
        elif shown is not None:
            shown.update(f"[{step.done}/{step.total}] {step.sentence}")
        else:
            messages.print(step.sentence)

    try:
        ensure_kernels(report, wanted=wanted)
    finally:
        if shown is not None:
            shown.stop()


@contextmanager
def slice_progress(total: int, description: str) -> Iterator[Progress]:
    """Show a bar over the slices of a run with a line of live figures."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[figures]}"),
        console=messages,
        transient=not sys.stderr.isatty(),
    )
    with progress:
        progress.add_task(description, total=total, figures="")
        yield progress


def money(value: float) -> str:
    """Return an amount with thousands and cents; unknown as a dash."""
    return "–" if value != value else f"{value:,.2f}"


def signed(value: float) -> str:
    """Return an amount with its sign."""
    return "–" if value != value else f"{value:+,.2f}"


def percent(value: float, digits: int = 2) -> str:
    """Return a fraction as a percentage."""
    return "–" if value != value else f"{value * 100:.{digits}f} %"


def number(value: float, digits: int = 2) -> str:
    """Return a plain number; unknown as a dash."""
    return "–" if value != value else f"{value:,.{digits}f}"
