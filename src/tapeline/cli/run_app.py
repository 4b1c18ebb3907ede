"""The commands that run strategies: demo, backtest, paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tapeline.cli.options import (
    OUTPUT,
    RUN,
    WORK,
    Actions,
    Bars,
    Calendar,
    Data,
    Execution,
    ExecutionExit,
    First,
    Groups,
    Label,
    Lake,
    Last,
    Membership,
    Seed,
    Symbols,
)  # fmt: skip
from tapeline.cli.tax_options import Trades

_SCREENER = "Rules of momentum-reversal"


def demo(
    data: Data = None,
    seed: Seed = 7,
    symbols: Symbols = "",
    first: First = "",
    last: Last = "",
    label: Label = "start",
    calendar: Calendar = "XNYS",
    work: Annotated[Path, typer.Option("--work", help="Folder for the run's files.", rich_help_panel=RUN)] = WORK,
) -> None:
    """Trade bars from feed to ledger: three strategies, one account, every decision explained."""
    from tapeline.app.data_choice import DataChoice
    from tapeline.cli.demo import run_demo

    run_demo(DataChoice(data, symbols, first, last, label, calendar, seed), work)


def backtest(
    strategies: Annotated[list[str], typer.Argument(help="Shipped names, or your own: file.py or file.py:ClassName.")],
    data: Data = None,
    lake: Lake = "",
    bars: Bars = "",
    seed: Seed = 7,
    symbols: Symbols = "",
    first: First = "",
    last: Last = "",
    label: Label = "start",
    calendar: Calendar = "XNYS",
    actions: Actions = None,
    membership: Membership = None,
    groups: Groups = None,
    frame: Annotated[
        str,
        typer.Option("--frame", help="Frame of strategies without one, such as 15min.", rich_help_panel=RUN),
    ] = "",
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", help="Parameter, name=number; repeatable.", rich_help_panel=RUN),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="TOML file: account, costs, market, limits.", rich_help_panel=RUN),
    ] = None,
    cash: Annotated[float | None, typer.Option("--cash", help="Cash at the start.", rich_help_panel=RUN)] = None,
    execution: Execution = "",
    execution_exit: ExecutionExit = "",
    journal: Annotated[
        Path | None,
        typer.Option("--journal", help="Replay slice by slice and record every fact here.", rich_help_panel=OUTPUT),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the whole result as JSON.", rich_help_panel=OUTPUT)
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write a page with charts and trades here.", rich_help_panel=OUTPUT)
    ] = None,
    benchmark: Annotated[
        str,
        typer.Option("--benchmark", help="Symbol the report compares with; default: all.", rich_help_panel=OUTPUT),
    ] = "",
    profile: Annotated[
        str, typer.Option("--profile", help="tapeline, or source: as written.", rich_help_panel=_SCREENER)
    ] = "",
    screener_file: Annotated[
        Path | None,
        typer.Option("--settings", help="YAML file of the screener's changed numbers.", rich_help_panel=_SCREENER),
    ] = None,
    vix: Annotated[
        Path | None,
        typer.Option("--vix", help="Parquet or CSV with date and close.", rich_help_panel=_SCREENER),
    ] = None,
    filters: Annotated[
        str, typer.Option("--filters", help="on: enter symbols of each day's universe only.", rich_help_panel=_SCREENER)
    ] = "",
) -> None:
    """Run strategies over bars: compiled, or with --journal slice by slice with every fact recorded.

    With --execution it runs slice by slice as well; docs/execution.md tells the algorithms.
    """
    from tapeline.app.data_choice import DataChoice
    from tapeline.cli.backtest import ScreenerChoice, run_backtest

    run_backtest(
        strategies,
        DataChoice(data, symbols, first, last, label, calendar, seed, actions, membership, lake, bars, groups),
        frame=frame,
        assignments=assignments or [],
        config=config,
        cash=cash,
        execution=(execution, execution_exit),
        journal=journal,
        as_json=as_json,
        report=report,
        benchmark=benchmark or None,
        screener=ScreenerChoice(profile, screener_file, vix, filters),
    )


def paper(
    strategies: Annotated[list[str], typer.Argument(help="Shipped names, or your own: file.py or file.py:ClassName.")],
    data: Data = None,
    lake: Lake = "",
    bars: Bars = "",
    seed: Seed = 7,
    symbols: Symbols = "",
    first: First = "",
    last: Last = "",
    label: Label = "start",
    calendar: Calendar = "XNYS",
    actions: Actions = None,
    membership: Membership = None,
    groups: Groups = None,
    frame: Annotated[
        str,
        typer.Option("--frame", help="Frame of strategies without one, such as 15min.", rich_help_panel=RUN),
    ] = "",
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", help="Parameter, name=number; repeatable.", rich_help_panel=RUN),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="TOML file: account, costs, market, limits.", rich_help_panel=RUN),
    ] = None,
    cash: Annotated[float | None, typer.Option("--cash", help="Cash at the start.", rich_help_panel=RUN)] = None,
    execution: Execution = "",
    execution_exit: ExecutionExit = "",
    speed: Annotated[
        str, typer.Option("--speed", help="real, max, or so many times as fast.", rich_help_panel=RUN)
    ] = "60",
    no_limits: Annotated[
        bool, typer.Option("--no-limits", help="Without the usual limits; those of --config stay.", rich_help_panel=RUN)
    ] = False,
    wash_sales: Annotated[
        str,
        typer.Option("--wash-sales", help="off, warn, refuse_permanent or refuse.", rich_help_panel=RUN),
    ] = "off",
    trades: Trades = None,
    resume: Annotated[
        Path | None,
        typer.Option("--resume", help="Journal or folder of a run to go on with.", rich_help_panel=RUN),
    ] = None,
    wait: Annotated[
        str,
        typer.Option("--wait", help="How long to wait for a process that still runs it: 30s.", rich_help_panel=RUN),
    ] = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Go on with other bounds without asking.", rich_help_panel=RUN)
    ] = False,
    work: Annotated[Path, typer.Option("--work", help="Folder for the run's files.", rich_help_panel=RUN)] = WORK,
) -> None:
    """Trade on paper: bars in real or compressed time, the simulated venue, and commands from other terminals."""
    from tapeline.app.data_choice import DataChoice
    from tapeline.cli.paper import run_paper

    run_paper(
        strategies,
        DataChoice(data, symbols, first, last, label, calendar, seed, actions, membership, lake, bars, groups),
        frame=frame,
        assignments=assignments or [],
        config=config,
        cash=cash,
        execution=(execution, execution_exit),
        speed=speed,
        no_limits=no_limits,
        wash_sales=wash_sales,
        trades=trades or [],
        resume=resume,
        wait=wait,
        yes=yes,
        work=work,
    )


def add_to(app: typer.Typer) -> None:
    """Add the commands to the program."""
    for command in (demo, backtest, paper):
        app.command()(command)
