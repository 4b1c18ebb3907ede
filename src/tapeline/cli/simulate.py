"""Print what a simulation of the whole found: faults by kind, and failures with the line that shows them again."""

from __future__ import annotations

import json
import time

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tapeline.cli.console import console, messages, show_text
from tapeline.domain.errors import InputError
from tapeline.drill.campaign import Campaign, episodes_of, run_campaign
from tapeline.drill.faults import Fault
from tapeline.report.amounts import plural

NOTHING = "none"


def show_simulation(seeds: int, first_seed: int, days: int, episodes: str, *, shrinks: bool, as_json: bool) -> bool:
    """Run the seeds and print what came of them. Returns whether everything held."""
    progress = Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
        console=messages,
        transient=True,
        disable=not messages.is_terminal,
    )
    began = time.perf_counter()
    with progress:
        task = progress.add_task("", total=seeds, figures="")

        def report(campaign: Campaign) -> None:
            failures = plural(len(campaign.failures), "failure")
            progress.update(task, completed=campaign.seeds, figures=f"{campaign.days:,} days  {failures}")

        campaign = run_campaign(first_seed, seeds, days, episodes=_numbers(episodes), shrinks=shrinks, on_seed=report)
    took_s = time.perf_counter() - began
    if as_json:
        console.out(json.dumps(campaign.as_tree()), highlight=False)
        return campaign.passed
    _show(campaign, took_s)
    return campaign.passed


def _numbers(episodes: str) -> frozenset[int] | None:
    if not episodes:
        return None
    if episodes == NOTHING:
        return frozenset()
    try:
        return frozenset(int(number) for number in episodes.split(","))
    except ValueError as exc:
        raise InputError(
            f"Episodes {episodes!r} are no list of numbers. Write it like 3,7 as the reproducing line does, or none."
        ) from exc


def _show(campaign: Campaign, took_s: float) -> None:
    show_text(
        f"{plural(campaign.seeds, 'seed')}, {plural(campaign.days, 'day')} with faults, each seed followed by a quiet "
        f"one, in {took_s:.1f} s ({60 * campaign.days / max(took_s, 1e-9):,.0f} days a minute)"
    )
    show_text(
        f"{plural(campaign.submits, 'order')} sent, {plural(campaign.executions, 'execution')}, "
        f"{plural(campaign.records, 'fact')} in the journals, {plural(campaign.starts, 'process start')}, "
        f"{plural(campaign.checks, 'check')}"
    )
    console.print()
    show_text("Faults by kind: injected, and how many changed the course of something, under the dice and the engine")
    console.print(_faults(campaign))
    console.print()
    for who, met in (("dice", campaign.dice), ("engine", campaign.engine)):
        if met.untested:
            kinds = ", ".join(fault.value for fault in met.untested)
            show_text(f"Never met by the {who}, so nothing is known about them there: {kinds}.")
    for failure in campaign.failures:
        show_text(f"FAILED seed {failure.outcome.scenario.seed}: {failure.outcome.failure}")
        if failure.shrunk is not None:
            shown = plural(len(failure.shrunk.scenario.episodes), "episode")
            show_text(f"  shortest that still fails, after {failure.shrunk.runs} runs: {shown}")
            for line in episodes_of(failure.shrunk.scenario):
                show_text(f"    {line}")
            show_text(f"  ends with: {failure.shrunk.failure}")
        show_text(f"  see it again: {failure.command}")
    if campaign.passed:
        show_text("Everything held: positions, cash, orders, limits and both books agreed at the end of every seed.")


def _faults(campaign: Campaign) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("fault")
    for name in ("injected", "changed: dice", "engine"):
        table.add_column(name, justify="right")
    dice, engine = campaign.dice.tally, campaign.engine.tally
    for fault in Fault:
        counts = dice.injected[fault] + engine.injected[fault], dice.changed[fault], engine.changed[fault]
        table.add_row(fault.value, *(f"{count:,}" for count in counts), style="" if any(counts[1:]) else "dim")
    return table
