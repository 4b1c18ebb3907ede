"""`tapeline paper`: strategies on the simulated venue in real or compressed time."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import typer
from rich.live import Live

from tapeline.app.data_choice import DataChoice
from tapeline.app.paper import PaperSettings, trade_on_paper
from tapeline.app.replay import check_run
from tapeline.app.resumed_settings import SettingChanged
from tapeline.app.run_files import JOURNAL, run_folder
from tapeline.app.settings_file import algorithms_from, load_gate, load_live, load_settings
from tapeline.app.strategies import make_strategies, users_faults
from tapeline.app.taxes import TaxChoice
from tapeline.cli.console import SIMULATED, console, messages, prepare_kernels, show_text
from tapeline.cli.control import span_ns
from tapeline.cli.interruption import between_slices, was_asked
from tapeline.cli.live_tables import status_view
from tapeline.cli.summary import summary_of
from tapeline.domain.errors import InputError, UnknownNameError
from tapeline.domain.times import SECOND
from tapeline.domain.words import Purpose
from tapeline.engine.assembly import AnyStrategy
from tapeline.engine.live import LiveEngine
from tapeline.engine.outside_trips import with_outside_trips
from tapeline.engine.status import status_of
from tapeline.simulation.limit_settings import Limits, usual_limits
from tapeline.simulation.settings import RunSettings
from tapeline.tax.pre_trade import WashSaleLimit

_FROM_ANOTHER_TERMINAL = (
    "From another terminal: tapeline status, orders, positions, executions, portfolio, pause, resume, halt, flatten,"
    " override, reconcile, watchdog, stop."
)
SPEEDS = {"real": 1.0, "max": math.inf}
SHOWN_EVERY_TURNS = 5


def speed_of(text: str) -> float:
    """Return how fast time shall run: "real", "max", or a number above zero. Raises InputError for anything else."""
    if text in SPEEDS:
        return SPEEDS[text]
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not (math.isfinite(speed) and speed > 0):
        raise InputError(f"--speed {text!r} is no speed. Give real, max, or how many times as fast, such as 60.")
    return speed


def run_paper(
    names: Sequence[str],
    choice: DataChoice,
    *,
    frame: str,
    assignments: Sequence[str],
    config: Path | None,
    cash: float | None,
    execution: tuple[str, str],
    speed: str,
    no_limits: bool,
    wash_sales: str,
    trades: Sequence[Path],
    resume: Path | None,
    wait: str,
    yes: bool,
    work: Path,
) -> None:
    """Trade on paper until the bars end, somebody says stop, or Ctrl-C.

    resume : the journal or folder of a run to go on with, None for a new one
    wait : how long to wait for another process that still writes it, "" = not at all
    yes : do not ask where a bound is another one than before
    """
    pace = speed_of(speed)
    wait_s = span_ns(wait, "--wait") / SECOND if wait else 0.0
    journal_to_resume = _journal_of(resume) if resume is not None else None
    gate, live_choice = load_gate(config), load_live(config)
    paper = PaperSettings(
        gate.settings,
        strategy_gates=gate.of_strategies,
        monitors=live_choice.monitors,
        keeper=live_choice.keeper,
        shortable=gate.shortable,
        wash_sales=_wash_sales(wash_sales),
        taxpayer=TaxChoice(tuple(trades)) if trades else None,
    )
    strategies = make_strategies(names, assignments, frame, None)
    choice.check_series(strategies)
    overnight = any(strategy.flat_before_close_minutes is None for strategy in strategies)
    limits_of = Limits if no_limits else partial(usual_limits, overnight=overnight)
    settings = load_settings(config, cash, limits_of=limits_of)
    settings = replace(settings, execution=algorithms_from(*execution).over(settings.execution))
    reading, actions = choice.read_with_actions()
    for sentence in reading.report.sentences():
        show_text(sentence, messages)
    groups = choice.read_groups(reading.panel.symbols)
    prepare_kernels(check_run(strategies, reading.panel, settings, groups), "event loop")
    with _journal(journal_to_resume, work) as journal, users_faults(), between_slices():
        live = Live(console=messages, transient=True, auto_refresh=False) if messages.is_terminal else None
        turns = 0

        def on_open(changes: Sequence[SettingChanged]) -> None:
            _see_changes(changes, yes=yes)
            show_text(f"Journal: {journal}" + (", which the run goes on with" if resume else ""))
            show_text(_FROM_ANOTHER_TERMINAL)
            for sentence in _limits_in_force(settings, strategies):
                show_text(sentence)
            if live is not None:
                live.start()

        def on_turn(engine: LiveEngine) -> None:
            nonlocal turns
            turns += 1
            if was_asked():
                engine.is_stopped = True
            if live is not None and turns % (SHOWN_EVERY_TURNS if math.isfinite(pace) else 200) == 0:
                live.update(status_view(status_of(engine)), refresh=True)

        try:
            engine = trade_on_paper(
                strategies,
                reading.panel,
                journal,
                settings,
                paper,
                speed=pace,
                data_source=reading.report.source,
                corporate_actions=actions,
                groups=groups,
                seed=choice.seed,
                resume=resume is not None,
                wait_s=wait_s,
                on_open=on_open,
                on_turn=on_turn,
            )
        finally:
            if live is not None:
                live.stop()
    show_end(engine, choice, settings)


def _see_changes(changes: Sequence[SettingChanged], *, yes: bool) -> None:
    """Tell what a run that goes on is set to otherwise, and ask where that may let it risk more."""
    for change in changes:
        messages.print(f"Set otherwise: {change}", soft_wrap=True, markup=False)
    loosened = [change.name for change in changes if change.may_loosen]
    if not loosened or yes:
        return
    if not sys.stdin.isatty():
        raise InputError(
            f"The run would go on with other bounds than before: {', '.join(loosened)}. Give the same settings again, "
            "or --yes if it is meant so; nothing was recorded."
        )
    if not typer.confirm("Go on with these bounds?"):
        raise InputError("Nothing was done.")


def _journal_of(resume: Path) -> Path:
    path = resume / JOURNAL if resume.is_dir() else resume
    if not path.is_file():
        raise InputError(f"There is no journal {path} to go on with. Name one, or the folder of its run.")
    return path


@contextmanager
def _journal(resumed: Path | None, work: Path) -> Iterator[Path]:
    if resumed is not None:
        yield resumed
        return
    with run_folder(work, keeps_records=True) as folder:
        yield folder / JOURNAL


def _limits_in_force(settings: RunSettings, strategies: Sequence[AnyStrategy]) -> Iterator[str]:
    own = {strategy.name: settings.limits_of(strategy.name, strategy.limits) for strategy in strategies}
    for whose, limits in {"the account": settings.limits, **own}.items():
        if limits is not None:
            named = [f"{name} {value:g}" for name, value in asdict(limits).items() if value is not None]
            yield f"Limits of {whose}: {', '.join(named) or 'none'}."


def _wash_sales(text: str) -> WashSaleLimit:
    names = {limit.value: limit for limit in WashSaleLimit}
    if text not in names:
        raise UnknownNameError("answer to wash sales", text, names)
    return names[text]


def show_end(engine: LiveEngine, choice: DataChoice, settings: RunSettings) -> None:
    console.print()
    result = with_outside_trips(engine.loop.result(), engine.loop.views)
    console.print(summary_of(result, console.width))
    states = engine.loop.views.orders.states.values()
    flattened = sum(state.order.purpose is Purpose.FLATTEN for state in states)
    if flattened:
        show_text(f"Beside these orders a flatten sent {flattened:,}; what they came to is in every other figure.")
    if choice.is_simulated:
        show_text(SIMULATED)
    if was_asked() or engine.is_stopped:
        show_text("The run was stopped; the journal is whole. `tapeline paper ... --resume` goes on with it.")
    show_text(f"Trading was {engine.guard.switch.state.name} at the end.")
