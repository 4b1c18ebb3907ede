"""`tapeline backtest`: strategies over bars, as tables or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tapeline.app.load import DataChoice, load_settings
from tapeline.app.replay import replay
from tapeline.app.strategies import make_strategies
from tapeline.cli.console import console, messages, prepare_kernels, slice_progress
from tapeline.cli.summary import picture_of, summary_of
from tapeline.domain.slice import Slice
from tapeline.engine.backtest import backtest
from tapeline.engine.loop import EventLoop


def run_backtest(
    names: Sequence[str],
    choice: DataChoice,
    *,
    frame: str,
    assignments: Sequence[str],
    config: Path | None,
    cash: float | None,
    journal: Path | None,
    as_json: bool,
) -> None:
    """Run and print; with a journal through the event loop."""
    strategies = make_strategies(names, assignments, frame)
    settings = load_settings(config, cash)
    prepare_kernels()
    reading = choice.read()
    if not as_json:
        for sentence in reading.report.sentences():
            messages.print(sentence)
    if journal is None:
        result = backtest(strategies, reading.panel, settings)
    else:
        with slice_progress(len(reading.panel), "Trading") as progress:

            def report(_: Slice, loop: EventLoop) -> None:
                progress.update(progress.task_ids[0], completed=loop.slices)

            finished = replay(
                strategies, reading.panel, journal, settings, data_source=str(choice.path), on_slice=report
            )
        result = finished.result
    if as_json:
        console.out(result.to_json(), highlight=False)
        return
    console.print(summary_of(result))
    console.print(picture_of(result, console))
    if journal is not None:
        console.print(f"Journal: {journal}, {finished.fact_count:,} facts, head {finished.journal_head}.")
