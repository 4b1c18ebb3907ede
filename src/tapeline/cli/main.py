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
from tapeline.cli import live_app, run_app
from tapeline.cli.data import data_app
from tapeline.cli.options import (
    BARS,
    WORK,
    Actions,
    Bars,
    Calendar,
    Data,
    Groups,
    Journal,
    Label,
    Lake,
    Seed,
    Symbols,
    journal_in,
)
from tapeline.cli.screen import AsJson, At, Config, Frames, Profile, VixFile, screen_app, universe_app
from tapeline.cli.tax import tax_app
from tapeline.cli.tax_forms import BrokerForms, Unreported
from tapeline.cli.tax_options import AccountName, AsOf, Methods, PolicyWords, Trades, Year, choice_of

DONE, FAULT, REFUSED, INTERRUPTED = 0, 1, 2, 130
INTERRUPTION = "interrupted; nothing was kept."
DEBUG = "TAPELINE_DEBUG"
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
run_app.add_to(app)
live_app.add_to(app)
app.add_typer(tax_app, name="tax")


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
        Path | None,
        typer.Argument(
            callback=journal_in, help="Journal or folder of a run; default: the newest below ./tapeline-work."
        ),
    ] = None,
    by: Annotated[
        str,
        typer.Option("--by", help="strategy, symbol, sector, side, exit, signal, holding or month: where P&L is from."),
    ] = "",
    account: AccountName = "",
    lots: Annotated[bool, typer.Option("--lots", help="With the open lots of every holding.")] = False,
    groups: Groups = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Bars for betas: Parquet file or folder.", rich_help_panel=BARS)
    ] = None,
    lake: Lake = "",
    bars: Bars = "",
    label: Label = "start",
    calendar: Calendar = "XNYS",
    actions: Actions = None,
    index: Annotated[
        str, typer.Option("--index", help="Symbol that betas are measured against.", rich_help_panel=BARS)
    ] = "",
    window: Annotated[int, typer.Option("--window", help="Sessions of a beta.", rich_help_panel=BARS)] = 252,
    as_json: AsJson = False,
) -> None:
    """Show what a journal's accounts hold, what it made and risks, and with --by where the P&L came from."""
    from tapeline.app.data_choice import DataChoice
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
    from tapeline.app.data_choice import DataChoice
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
    from tapeline.app.data_choice import DataChoice
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
        Path | None,
        typer.Argument(
            callback=journal_in, help="Journal or folder of a run; default: the newest below ./tapeline-work."
        ),
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
    from tapeline.cli.console import folded, messages

    sys.stderr.write("\n".join(folded(f"tapeline: {sentence}", messages)) + "\n")
    sys.exit(code)
