"""The command line: words in, one call of the application, words out. No rule and no arithmetic lives here.

Exit codes: 0 done, 2 what was asked cannot be done as asked (one sentence says why), 1 a fault of ours.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from tapeline import __version__

app = typer.Typer(
    name="tapeline",
    help="From tape to tax: backtest, replay and explain strategies on US-equity bars.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
journal_app = typer.Typer(help="Look after a journal.", no_args_is_help=True)
app.add_typer(journal_app, name="journal")

WORK = Path("tapeline-work")

Journal = Annotated[
    Path | None, typer.Option("--journal", help="Journal file; default: that of the newest run here.")
]
Symbols = Annotated[str, typer.Option("--symbols", help="Comma-separated symbols; default: all of the file.")]
First = Annotated[str, typer.Option("--from", help="First session, such as 2018-02-16.")]
Last = Annotated[str, typer.Option("--to", help="Last session, such as 2018-03-16.")]
Label = Annotated[str, typer.Option("--label", help="What `ts` names: the start or the end of a bar.")]
Calendar = Annotated[str, typer.Option("--calendar", help="Exchange calendar, or none for round-the-clock data.")]


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
    if debug:
        os.environ["TAPELINE_DEBUG"] = "1"


@app.command()
def demo(
    data: Annotated[
        Path | None, typer.Option("--data", help="Parquet file of bars; default: a simulated market.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the simulated market.")] = 7,
    symbols: Symbols = "",
    first: First = "",
    last: Last = "",
    label: Label = "start",
    calendar: Calendar = "XNYS",
    work: Annotated[Path, typer.Option("--work", help="Folder for the run's files.")] = WORK,
) -> None:
    """Trade bars from feed to ledger: three strategies, one account, every decision explained."""
    from tapeline.app.load import DataChoice
    from tapeline.cli.demo import run_demo

    run_demo(DataChoice(data, symbols, first, last, label, calendar), seed, work)


@app.command()
def backtest(
    strategies: Annotated[list[str], typer.Argument(help="Shipped names, or file.py:ClassName.")],
    data: Annotated[Path, typer.Option("--data", help="Parquet file or folder of bars.")],
    symbols: Symbols = "",
    first: First = "",
    last: Last = "",
    label: Label = "start",
    calendar: Calendar = "XNYS",
    frame: Annotated[str, typer.Option("--frame", help="Frame that strategies without one of their own use.")] = "",
    assignments: Annotated[
        list[str] | None, typer.Option("--set", help="Parameter of the strategies, name=number; repeatable.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="TOML file with account, costs, market and limits.")
    ] = None,
    cash: Annotated[float | None, typer.Option("--cash", help="Cash at the start.")] = None,
    journal: Annotated[
        Path | None, typer.Option("--journal", help="Replay through the event loop and keep this journal.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")] = False,
) -> None:
    """Run strategies over bars: compiled, or with --journal slice by slice with every fact recorded."""
    from tapeline.app.load import DataChoice
    from tapeline.cli.backtest import run_backtest

    run_backtest(
        strategies,
        DataChoice(data, symbols, first, last, label, calendar),
        frame=frame,
        assignments=assignments or [],
        config=config,
        cash=cash,
        journal=journal,
        as_json=as_json,
    )


@app.command()
def strategies() -> None:
    """List the shipped strategies with their rules and parameters."""
    from tapeline.cli.show import show_strategies

    show_strategies()


@app.command()
def why(
    question: Annotated[str, typer.Argument(help="An order id, an execution id, or SYMBOL@TIME.")],
    journal: Journal = None,
    data: Annotated[Path | None, typer.Option("--data", help="The run's bars, to show those around.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Follow an order or execution back to the bar that caused it, from the journal alone."""
    from tapeline.cli.show import show_why

    show_why(question, journal, data, WORK, as_json=as_json)


@journal_app.command("verify")
def journal_verify(
    path: Annotated[Path | None, typer.Argument(help="Journal file; default: that of the newest run here.")] = None,
    head: Annotated[str, typer.Option("--head", help="Hash of the last record, as kept elsewhere.")] = "",
) -> None:
    """Check that no record of a journal was altered, removed or moved."""
    from tapeline.cli.show import show_verification

    show_verification(path, head or None, WORK)


def main() -> None:
    """Run the command line and leave with its exit code."""
    from tapeline.domain.errors import InvariantError, TapelineError

    try:
        app(standalone_mode=True)
    except TapelineError as exc:
        if os.environ.get("TAPELINE_DEBUG"):
            raise
        sys.stderr.write(f"tapeline: {exc}\n")
        sys.exit(1 if isinstance(exc, InvariantError) else 2)
    except BrokenPipeError:
        sys.exit(0)
    except KeyboardInterrupt:
        sys.stderr.write("tapeline: stopped.\n")
        sys.exit(130)
    except Exception as exc:
        if os.environ.get("TAPELINE_DEBUG"):
            raise
        sys.stderr.write(
            f"tapeline: a fault of ours: {type(exc).__name__}: {exc}. Run again with --debug and send us the trace.\n"
        )
        sys.exit(1)
