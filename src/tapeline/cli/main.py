"""The command line: words in, one call of the application, words out. No rule and no arithmetic lives here.

Exit codes: 0 done; 2 what was asked cannot be done, and one sentence says why; 1 a fault of ours;
130 interrupted. Each command imports what it needs when it is called, so that --help answers at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from tapeline import __version__
from tapeline.cli import live_app
from tapeline.cli.data import data_app
from tapeline.cli.screen import AsJson, At, Config, Frames, Profile, VixFile, screen_app, universe_app
from tapeline.cli.tax import tax_app
from tapeline.cli.tax_forms import BrokerForms, Unreported
from tapeline.cli.tax_options import AccountName, AsOf, Methods, PolicyWords, Trades, Year, choice_of

DONE, FAULT, REFUSED, INTERRUPTED = 0, 1, 2, 130
INTERRUPTION = "interrupted; nothing was kept."
DEBUG = "TAPELINE_DEBUG"
WORK = Path("tapeline-work")
FORM_ROW = "8949:"

app = typer.Typer(
    name="tapeline",
    help="From tape to tax: backtest, replay and explain strategies on US-equity bars.",
    epilog="Start with: tapeline demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
journal_app = typer.Typer(help="Look after a journal.", no_args_is_help=True)
app.add_typer(journal_app, name="journal")
app.add_typer(data_app, name="data")
app.add_typer(screen_app, name="screen")
app.add_typer(universe_app, name="universe")
live_app.add_to(app)
app.add_typer(tax_app, name="tax")

_BARS, _RUN, _OUTPUT, _SCREENER = "Bars", "Run", "Output", "Rules of momentum-reversal"

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Parquet file or folder; default: a simulated market.", rich_help_panel=_BARS),
]
Symbols = Annotated[str, typer.Option("--symbols", help="Such as AAPL,MSFT; default: all.", rich_help_panel=_BARS)]
First = Annotated[str, typer.Option("--from", help="First session, such as 2018-02-16.", rich_help_panel=_BARS)]
Last = Annotated[str, typer.Option("--to", help="Last session, itself included.", rich_help_panel=_BARS)]
Label = Annotated[str, typer.Option("--label", help="What ts names: start or end of a bar.", rich_help_panel=_BARS)]
Calendar = Annotated[
    str,
    typer.Option("--calendar", help="Exchange, or none for bars around the clock.", rich_help_panel=_BARS),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the simulated market.", rich_help_panel=_BARS)]
Actions = Annotated[
    Path | None,
    typer.Option("--actions", help="File of splits and dividends.", rich_help_panel=_BARS),
]
Membership = Annotated[
    Path | None,
    typer.Option("--membership", help="File of who was in an index when.", rich_help_panel=_BARS),
]
Groups = Annotated[
    Path | None,
    typer.Option("--groups", help="File of symbols with their sector or other groups.", rich_help_panel=_BARS),
]
Lake = Annotated[
    str,
    typer.Option("--lake", help="Bars of a data lake: folder or folder@snapshot.", rich_help_panel=_BARS),
]
Bars = Annotated[
    str,
    typer.Option("--bars", help="Length of the lake's bars, such as 1min.", rich_help_panel=_BARS),
]
Execution = Annotated[
    str,
    typer.Option("--execution", help="How entries are worked, such as twap:minutes=30.", rich_help_panel=_RUN),
]
ExecutionExit = Annotated[
    str,
    typer.Option("--execution-exit", help="How exits that rules ask for are worked.", rich_help_panel=_RUN),
]
Journal = Annotated[
    Path | None,
    typer.Option("--journal", help="Journal file; default: of the newest run below ./tapeline-work."),
]


def _version(show: bool) -> None:
    if show:
        typer.echo(f"tapeline {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole trace of an error.")] = False,
) -> None:
    pass


@app.command()
def demo(
    data: Data = None,
    seed: Seed = 7,
    symbols: Symbols = "",
    first: First = "",
    last: Last = "",
    label: Label = "start",
    calendar: Calendar = "XNYS",
    work: Annotated[Path, typer.Option("--work", help="Folder for the run's files.", rich_help_panel=_RUN)] = WORK,
) -> None:
    """Trade bars from feed to ledger: three strategies, one account, every decision explained."""
    from tapeline.app.load import DataChoice
    from tapeline.cli.demo import run_demo

    run_demo(DataChoice(data, symbols, first, last, label, calendar, seed), work)


@app.command()
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
        typer.Option("--frame", help="Frame of strategies without one, such as 15min.", rich_help_panel=_RUN),
    ] = "",
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", help="Parameter, name=number; repeatable.", rich_help_panel=_RUN),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="TOML file: account, costs, market, limits.", rich_help_panel=_RUN),
    ] = None,
    cash: Annotated[float | None, typer.Option("--cash", help="Cash at the start.", rich_help_panel=_RUN)] = None,
    execution: Execution = "",
    execution_exit: ExecutionExit = "",
    journal: Annotated[
        Path | None,
        typer.Option("--journal", help="Replay slice by slice and record every fact here.", rich_help_panel=_OUTPUT),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the whole result as JSON.", rich_help_panel=_OUTPUT)
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write a page with charts and trades here.", rich_help_panel=_OUTPUT)
    ] = None,
    benchmark: Annotated[
        str,
        typer.Option("--benchmark", help="Symbol the report compares with; default: all.", rich_help_panel=_OUTPUT),
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
    from tapeline.app.load import DataChoice
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


@app.command()
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
        typer.Option("--frame", help="Frame of strategies without one, such as 15min.", rich_help_panel=_RUN),
    ] = "",
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", help="Parameter, name=number; repeatable.", rich_help_panel=_RUN),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="TOML file: account, costs, market, limits.", rich_help_panel=_RUN),
    ] = None,
    cash: Annotated[float | None, typer.Option("--cash", help="Cash at the start.", rich_help_panel=_RUN)] = None,
    execution: Execution = "",
    execution_exit: ExecutionExit = "",
    speed: Annotated[
        str, typer.Option("--speed", help="real, max, or so many times as fast.", rich_help_panel=_RUN)
    ] = "60",
    no_limits: Annotated[
        bool, typer.Option("--no-limits", help="Without the usual limits.", rich_help_panel=_RUN)
    ] = False,
    wash_sales: Annotated[
        str,
        typer.Option("--wash-sales", help="off, warn, refuse_permanent or refuse.", rich_help_panel=_RUN),
    ] = "off",
    trades: Trades = None,
    resume: Annotated[
        Path | None,
        typer.Option("--resume", help="Journal or folder of a run to go on with.", rich_help_panel=_RUN),
    ] = None,
    wait: Annotated[
        str,
        typer.Option("--wait", help="How long to wait for a process that still runs it: 30s.", rich_help_panel=_RUN),
    ] = "",
    work: Annotated[Path, typer.Option("--work", help="Folder for the run's files.", rich_help_panel=_RUN)] = WORK,
) -> None:
    """Trade on paper: bars in real or compressed time, the simulated venue, and commands from other terminals."""
    from tapeline.app.load import DataChoice
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
        work=work,
    )


@app.command()
def strategies() -> None:
    """List the shipped strategies with their rules and parameters."""
    from tapeline.cli.show import show_strategies

    show_strategies()


@app.command()
def why(
    question: Annotated[
        str,
        typer.Argument(
            help="An order's id, an execution's id, SYMBOL@TIME, or 8949:ROW of a tax form.", metavar="QUESTION"
        ),
    ],
    journal: Journal = None,
    data: Annotated[Path | None, typer.Option("--data", help="The run's bars, to show those around.")] = None,
    whole: Annotated[bool, typer.Option("--all", help="With every setting of the run.")] = False,
    trades: Trades = None,
    year: Year = 0,
    account: AccountName = "",
    method: Methods = None,
    policy: PolicyWords = None,
    as_of: AsOf = "",
    broker_forms: BrokerForms = None,
    unreported: Unreported = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON, nothing left out.")] = False,
) -> None:
    """Follow an order, an execution or a row of Form 8949 back to the bar that caused it.

    A row is found with the same options that the form was made with.
    """
    if question.startswith(FORM_ROW):
        from tapeline.app.tax_forms import FormsChoice
        from tapeline.cli.tax_trace import show_trace

        choice = choice_of(trades, journal, year, account, method, policy, as_of)
        how = FormsChoice(tuple(broker_forms or ()), unreported=tuple(unreported or ()))
        show_trace(question, choice, how, data, whole=whole, as_json=as_json)
        return
    from tapeline.cli.show import show_why

    show_why(question, journal, data, WORK, whole=whole, as_json=as_json)


@app.command()
def portfolio(
    journal: Annotated[
        Path | None, typer.Argument(help="Journal file; default: of the newest run below ./tapeline-work.")
    ] = None,
    by: Annotated[
        str,
        typer.Option("--by", help="strategy, symbol, sector, side, exit, signal, holding or month: where P&L is from."),
    ] = "",
    account: AccountName = "",
    lots: Annotated[bool, typer.Option("--lots", help="With the open lots of every holding.")] = False,
    groups: Groups = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Bars for betas: Parquet file or folder.", rich_help_panel=_BARS)
    ] = None,
    lake: Lake = "",
    bars: Bars = "",
    label: Label = "start",
    calendar: Calendar = "XNYS",
    actions: Actions = None,
    index: Annotated[
        str, typer.Option("--index", help="Symbol that betas are measured against.", rich_help_panel=_BARS)
    ] = "",
    window: Annotated[int, typer.Option("--window", help="Sessions of a beta.", rich_help_panel=_BARS)] = 252,
    as_json: AsJson = False,
) -> None:
    """Show what a journal's accounts hold, what it made and risks, and with --by where the P&L came from."""
    from tapeline.app.load import DataChoice
    from tapeline.app.portfolio import PortfolioChoice
    from tapeline.cli.portfolio import show_portfolio

    has_bars = data is not None or bool(lake)
    prices = DataChoice(data, label=label, calendar=calendar, actions=actions, lake=lake, bars=bars)
    choice = PortfolioChoice(journal, WORK, account, by, groups, prices if has_bars else None, index, window)
    show_portfolio(choice, lots=lots, as_json=as_json)


@app.command()
def regime(
    data: Data = None,
    lake: Lake = "",
    bars: Bars = "",
    seed: Seed = 7,
    symbols: Symbols = "",
    label: Label = "start",
    calendar: Calendar = "XNYS",
    at: At = "",
    profile: Profile = "tapeline",
    config: Config = None,
    frames: Frames = "",
    vix: VixFile = None,
    as_json: AsJson = False,
) -> None:
    """Tell the market's regime at a moment: trend, volatility, breadth, correlation, and how much to risk."""
    from tapeline.app.load import DataChoice
    from tapeline.cli.screening import ScreenChoice, show_regime

    choice = DataChoice(data, symbols, "", "", label, calendar, seed, lake=lake, bars=bars)
    show_regime(ScreenChoice(choice, profile, config, frames, vix, at=at), as_json=as_json)


@app.command()
def chart(
    symbol: Annotated[str, typer.Argument(help="Symbol of the bars.")],
    data: Data = None,
    lake: Lake = "",
    bars: Bars = "",
    seed: Seed = 7,
    label: Label = "start",
    calendar: Calendar = "XNYS",
    at: At = "",
    profile: Profile = "tapeline",
    config: Config = None,
    frames: Frames = "",
    output: Annotated[Path | None, typer.Option("--output", help="Page to write; default: SYMBOL.html.")] = None,
) -> None:
    """Draw what the screen saw of a symbol: three frames with bands, oscillators, and where conditions turned true."""
    from tapeline.app.load import DataChoice
    from tapeline.cli.screen_chart import write_chart
    from tapeline.cli.screening import ScreenChoice

    choice = DataChoice(data, symbol, "", "", label, calendar, seed, lake=lake, bars=bars)
    write_chart(ScreenChoice(choice, profile, config, frames, at=at), symbol, output)


@app.command()
def simulate(
    seeds: Annotated[
        int,
        typer.Option("--seeds", help="How many seeds, each a world; each tenth has the engine."),
    ] = 100,
    first_seed: Annotated[int, typer.Option("--first-seed", help="The first of them.")] = 1,
    days: Annotated[int, typer.Option("--days", help="Days with faults of each seed; a quiet one follows.")] = 5,
    episodes: Annotated[
        str, typer.Option("--episodes", help="Only these faults of a seed, such as 3,7, as a failure's line says.")
    ] = "",
    shrinks: Annotated[
        bool, typer.Option("--shrink/--no-shrink", help="Find the shortest scenario of each failure.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Run the whole under simulated faults of venue, link, feed, disk and clock; every seed is repeatable."""
    from tapeline.cli.simulate import show_simulation

    if not show_simulation(seeds, first_seed, days, episodes, shrinks=shrinks, as_json=as_json):
        raise typer.Exit(FAULT)


@journal_app.command("verify")
def journal_verify(
    path: Annotated[
        Path | None, typer.Argument(help="Journal file; default: of the newest run below ./tapeline-work.")
    ] = None,
    head: Annotated[str, typer.Option("--head", help="Hash of the last record, as it was kept elsewhere.")] = "",
) -> None:
    """Check that no record of a journal was altered, removed or moved. Exit code 2 if one was."""
    from tapeline.cli.show import show_verification

    show_verification(path, head or None, WORK)


def main() -> None:
    """Run the command line and leave with its exit code."""
    from tapeline.cli.interruption import was_asked, watch
    from tapeline.domain.errors import InvariantError, TapelineError

    watch()
    if "--debug" in sys.argv:  # wherever it stands: one adds it at the end of the line that failed
        sys.argv.remove("--debug")
        os.environ[DEBUG] = "1"
    try:
        _run()
    except InvariantError as exc:
        _leave(f"a fault of ours: {exc} Please send us this sentence and, if you can, the journal.", FAULT)
    except TapelineError as exc:
        _leave(str(exc), REFUSED)
    except KeyboardInterrupt:
        _leave(INTERRUPTION, INTERRUPTED)
    except OSError as exc:
        where = f"{exc.filename}: " if exc.filename else ""
        _leave(f"{where}{exc.strerror or exc}. See whether it can be read and written, and try again.", REFUSED)
    except Exception as exc:
        if was_asked():  # compiled code, interrupted while it handed objects over, raised something of its own
            _leave(INTERRUPTION, INTERRUPTED)
        sentence = f"a fault of ours: {type(exc).__name__}: {exc}. Run it again with --debug and send us the trace."
        _leave(sentence, FAULT)


def _run() -> None:
    code: object = DONE
    try:
        app(prog_name="tapeline")
    except SystemExit as exc:
        code = exc.code
    if code == INTERRUPTED:  # typer turned the interrupt into an exit without a word
        raise KeyboardInterrupt
    # What could not be written is an error of the command, not a remark of the interpreter at its end.
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
    sys.exit(code if isinstance(code, int) else DONE)


def _leave(sentence: str, code: int) -> NoReturn:
    if os.environ.get(DEBUG):
        raise  # the one that is being handled
    sys.stderr.write(f"tapeline: {sentence}\n")
    sys.exit(code)
