"""What the commands share for talking to a terminal: consoles, progress, kernels.

Answers go to the standard output, progress and remarks to the standard error, so that --json stays clean.
What is not a terminal gets no progress, no colours, and lines that are never broken.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from tapeline.cli.interruption import between_slices
from tapeline.domain.times import to_iso
from tapeline.report.amounts import CURRENCY

if TYPE_CHECKING:  # `why` needs no engine, and answers in a third of the time without it
    from tapeline.app.precompile import Step
    from tapeline.app.warm import Way
    from tapeline.domain.slice import Slice
    from tapeline.engine.loop import EventLoop
    from tapeline.formula.program import Program

console = Console(highlight=False)
messages = Console(stderr=True, highlight=False)

FIGURES_WIDTH, BAR_WIDTH_MIN, BAR_WIDTH_MAX = 64, 4, 30
REPORT_EVERY_SLICES = 97
SIMULATED = "The market was simulated: nothing here says anything about a strategy's worth."


def prepare_kernels(program: Program, way: Way) -> None:
    """Compile what a run of a program needs and is not compiled yet, with a line of progress."""
    from tapeline.app.precompile import ensure_kernels
    from tapeline.app.warm import kernels_for

    shown = None

    def report(step: Step) -> None:
        nonlocal shown
        if step.total and messages.is_terminal and shown is None:
            shown = messages.status(step.sentence)
            shown.start()
        elif step.total and messages.is_terminal and shown is not None:
            shown.update(f"[{step.done}/{step.total}] {step.sentence}")
        elif step.done in (0, step.total):
            messages.print(step.sentence, soft_wrap=True)

    try:
        ensure_kernels(report, wanted=kernels_for(program, way))
    finally:
        if shown is not None:
            shown.stop()


@contextmanager
def trading_progress(total: int) -> Iterator[Callable[[Slice, EventLoop], None]]:
    """Show how far a replay is, with live figures; gives the function to be called after each slice.

    Ctrl-C is heard there too, between two slices.
    """
    width = max(BAR_WIDTH_MIN, min(BAR_WIDTH_MAX, messages.width - FIGURES_WIDTH))
    progress = Progress(
        BarColumn(bar_width=width),
        TaskProgressColumn(),
        TextColumn("{task.fields[figures]}"),
        console=messages,
        transient=True,
        disable=not messages.is_terminal,
    )
    with progress, between_slices() as check_interruption:
        task = progress.add_task("", total=total, figures="")

        def report(now: Slice, loop: EventLoop) -> None:
            check_interruption()
            if loop.slices % REPORT_EVERY_SLICES == 0 or loop.slices == total:
                account = loop.desk.book.fixed.account[0]
                figures = (
                    f"{to_iso(now.end_ns)[:10]}  equity {float(account['equity']):,.0f} {CURRENCY}"
                    f"  positions {int(account['busy'])}  orders {int(account['tickets']):,}"
                )
                progress.update(task, completed=loop.slices, figures=figures)

        yield report


def show_text(text: str, on: Console = console) -> None:
    """Print lines as they are; in a terminal, fold those that do not fit."""
    for line in folded(text, on):
        on.print(line, markup=False, soft_wrap=True)


def folded(text: str, on: Console) -> list[str]:
    """Return lines as a console takes them: in a terminal, those that do not fit go on under their own indentation."""
    found: list[str] = []
    for line in text.splitlines():
        if not on.is_terminal or len(line) <= on.width:
            found.append(line)
            continue
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        found += textwrap.wrap(line, on.width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return found
