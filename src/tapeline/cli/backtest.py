"""`tapeline backtest`: strategies over bars, as tables or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from tapeline.app.backtest import backtest
from tapeline.app.data_choice import DataChoice
from tapeline.app.replay import FinishedReplay, check_run, replay
from tapeline.app.run_files import check_new_journal, whole_journal
from tapeline.app.screen_data import with_universe
from tapeline.app.screen_settings import ScreenerSettings, load_screener_settings
from tapeline.app.screening import with_regime_asked
from tapeline.app.settings_file import algorithms_from, load_settings
from tapeline.app.strategies import make_strategies, users_faults
from tapeline.app.vix import read_vix
from tapeline.cli.console import SIMULATED, console, messages, prepare_kernels, show_text, trading_progress
from tapeline.cli.summary import picture_of, summary_of
from tapeline.domain.corporate import CorporateAction
from tapeline.domain.errors import InputError, UnknownNameError
from tapeline.engine.assembly import AnyStrategy, has_algorithms
from tapeline.engine.result import Result
from tapeline.feeds.groups import Groups
from tapeline.report.amounts import plural
from tapeline.screener.settings import Profile
from tapeline.simulation.settings import RunSettings
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.store.whole_file import check_page_place
from tapeline.tape.reading import Reading, ReadReport


@dataclass(frozen=True)
class ScreenerChoice:
    """What a strategy that trades the screener's rules is made from, in the words of the command line."""

    profile: str = ""
    file: Path | None = None
    vix: Path | None = None
    filters: str = ""

    def settings(self) -> ScreenerSettings | None:
        """Return the settings, None if nothing was chosen. Raises what reading them raises."""
        if self == ScreenerChoice():
            return None
        if self.filters not in ("", "on", "off"):
            raise UnknownNameError("filters", self.filters, ["on", "off"])
        found = load_screener_settings(self.file, self.profile or Profile.TAPELINE)
        if not self.filters:
            return found
        numbers = replace(found.screen.strategy, only_universe=self.filters == "on")
        return replace(found, screen=replace(found.screen, strategy=numbers))


def run_backtest(
    names: Sequence[str],
    choice: DataChoice,
    *,
    frame: str,
    assignments: Sequence[str],
    config: Path | None,
    cash: float | None,
    execution: tuple[str, str],
    journal: Path | None,
    as_json: bool,
    report: Path | None,
    benchmark: str | None,
    screener: ScreenerChoice,
) -> None:
    """Run and print; with a journal or execution algorithms through the event loop.

    execution : of entries and of exits, as the command line has them
    """
    if report is not None:
        check_page_place(report)
        if journal is not None and report.resolve() == journal.resolve():
            raise InputError(f"--report and --journal both name {report}. Name a file for each.")
    elif benchmark is not None:
        raise InputError("--benchmark is for the report. Name its file with --report, or leave --benchmark out.")
    rules = screener.settings()
    strategies = make_strategies(names, assignments, frame, rules)
    choice.check_series(strategies)
    settings = load_settings(config, cash)
    settings = replace(settings, execution=algorithms_from(*execution).over(settings.execution))
    if journal is not None:
        check_new_journal(journal)
    reading, actions = choice.read_with_actions()
    for sentence in reading.report.sentences():
        show_text(sentence, messages)
    if rules is not None and rules.screen.strategy.only_universe:
        reading = reading._replace(panel=with_universe(reading.panel, rules))
    vix = None if screener.vix is None else read_vix(screener.vix, choice.calendar)
    reading = reading._replace(panel=with_regime_asked(reading.panel, strategies, vix))
    if benchmark is not None:
        reading.panel.column(benchmark)
    groups = choice.read_groups(reading.panel.symbols)
    program = check_run(strategies, reading.panel, settings, groups)
    is_compiled = journal is None and not has_algorithms(strategies, settings)
    prepare_kernels(program, "backtest" if is_compiled else "event loop")
    finished = None
    if journal is None:
        with users_faults():
            result = backtest(strategies, reading.panel, settings, corporate_actions=actions, groups=groups)
    else:
        finished = _replay(strategies, reading, actions, groups, journal, settings, choice)
        result = finished.result
    result = replace(result, manifest={**result.manifest, "data_source": reading.report.source})
    if report is not None:
        _write_report(result, report, benchmark, journal, choice, reading.report)
    if as_json:
        console.out(result.to_json(), highlight=False)
        return
    console.print()
    console.print(summary_of(result, console.width))
    if choice.is_simulated:
        show_text(SIMULATED)
        console.print()
    if not len(result.orders):
        show_text("No order was sent: no entry condition came true, or every entry was denied.")
    console.print(picture_of(result, console))
    if report is not None:
        console.print()
        show_text(f"Report: {report}")
    if finished is not None:
        console.print()
        show_text(f"Journal: {journal}, {plural(finished.fact_count, 'fact')}")
        show_text(f"Head of the journal: {finished.journal_head}")


def _write_report(
    result: Result,
    path: Path,
    benchmark: str | None,
    journal: Path | None,
    choice: DataChoice,
    data: ReadReport,
) -> None:
    remarks = [*data.sentences(), *([SIMULATED] if choice.is_simulated else [])]
    with SqliteJournal.reading(journal) if journal is not None else nullcontext() as facts:
        result.report(path, benchmark=benchmark, journal=facts, remarks=remarks)


def _replay(
    strategies: Sequence[AnyStrategy],
    reading: Reading,
    actions: Sequence[CorporateAction],
    groups: Groups | None,
    journal: Path,
    settings: RunSettings,
    choice: DataChoice,
) -> FinishedReplay:
    with whole_journal(journal), users_faults(), trading_progress(len(reading.panel)) as report:
        return replay(
            strategies,
            reading.panel,
            journal,
            settings,
            data_source=reading.report.source,
            corporate_actions=actions,
            groups=groups,
            seed=choice.seed if choice.is_simulated else 0,
            on_slice=report,
        )
