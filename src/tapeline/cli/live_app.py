"""The commands around a running system: status, orders, positions, pause, resume, halt, flatten, override ..."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tapeline.cli.options import WORK, journal_in

Journal = Annotated[
    Path | None,
    typer.Option(
        "--journal",
        callback=journal_in,
        help="Journal or folder of the run; default: the one that runs below ./tapeline-work, else the newest.",
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="Why, in your words; it is recorded.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


def status(journal: Journal = None, as_json: AsJson = False) -> None:
    """Show a running system: trading state, equity, positions, gaps, locks, overrides."""
    from tapeline.cli.control import show

    show("status", journal, WORK, as_json=as_json)


def orders(journal: Journal = None, as_json: AsJson = False) -> None:
    """Show the orders that work now."""
    from tapeline.cli.control import show

    show("orders", journal, WORK, as_json=as_json)


def executions(
    journal: Journal = None,
    by: Annotated[str, typer.Option("--by", help="algorithm, strategy or symbol.")] = "algorithm",
    each: Annotated[bool, typer.Option("--each", help="Every order as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what orders that algorithms worked have cost, of a run that goes on or has ended."""
    from tapeline.cli.executions import show_executions

    show_executions(journal, WORK, by=by, each=each, as_json=as_json)


def positions(journal: Journal = None, as_json: AsJson = False) -> None:
    """Show what is held now."""
    from tapeline.cli.control import show

    show("positions", journal, WORK, as_json=as_json)


def pause(reason: Reason = "", journal: Journal = None, as_json: AsJson = False) -> None:
    """Enter nothing more; exits go on."""
    from tapeline.cli.control import tell

    tell("pause", journal, WORK, reason=reason, as_json=as_json)


def resume(reason: Reason = "", journal: Journal = None, as_json: AsJson = False) -> None:
    """Go back to trading; needs a reason, and books that were compared with the broker's."""
    from tapeline.cli.control import tell

    tell("resume", journal, WORK, reason=reason, as_json=as_json)


def halt(reason: Reason = "", yes: Yes = False, journal: Journal = None, as_json: AsJson = False) -> None:
    """Decide nothing more; stops and targets at the venue go on working."""
    from tapeline.cli.control import tell

    tell("halt", journal, WORK, reason=reason, yes=yes, as_json=as_json)


def flatten(reason: Reason = "", yes: Yes = False, journal: Journal = None, as_json: AsJson = False) -> None:
    """Cancel every order, close every position, and stay halted."""
    from tapeline.cli.control import tell

    tell("flatten", journal, WORK, reason=reason, yes=yes, as_json=as_json)


def reconcile(
    run: Annotated[
        Path | None, typer.Argument(callback=journal_in, help="Folder of the run; default: as --journal says.")
    ] = None,
    accept: Annotated[
        str, typer.Option("--accept", help="A symbol, or cash: book what the broker says of it, as it was shown.")
    ] = "",
    reason: Reason = "",
    price: Annotated[str, typer.Option("--price", help="Of a symbol to accept that has no price here.")] = "",
    timeout: Annotated[str, typer.Option("--timeout", help="How long to wait for the comparison: 30s, 2m.")] = "60s",
    yes: Yes = False,
    journal: Journal = None,
    as_json: AsJson = False,
) -> None:
    """Compare the books with the broker's now and show what differs, or accept what the last comparison found."""
    from tapeline.cli import control
    from tapeline.cli.reconcile import reconcile as compare

    path = journal if run is None else run
    if accept:
        control.accept(accept, path, WORK, reason=reason, price=price, yes=yes, as_json=as_json)
    else:
        compare(path, WORK, timeout=timeout, as_json=as_json)


def stop(reason: Reason = "", journal: Journal = None, as_json: AsJson = False) -> None:
    """End the run; what works at the venue goes on working there."""
    from tapeline.cli.control import tell

    tell("stop", journal, WORK, reason=reason, as_json=as_json)


def override(
    limit: Annotated[str, typer.Argument(help="Limit to set, such as gross; see docs/limits.md.")],
    value: Annotated[str, typer.Option("--value", help="Its bound, as in a file of settings.")],
    span: Annotated[str, typer.Option("--for", help="How long by the run's clock: 30m, 45s or 2h, up to 24h.")],
    reason: Reason = "",
    strategy: Annotated[str, typer.Option("--strategy", help="Whose limit; default: the account's.")] = "",
    journal: Journal = None,
    as_json: AsJson = False,
) -> None:
    """Set a limit to another bound for a while."""
    from tapeline.cli.control import span_ns, tell

    arguments = {"limit": limit, "value": value, "for_ns": span_ns(span)}
    if strategy:
        arguments["strategy"] = strategy
    tell("override", journal, WORK, reason=reason, arguments=arguments, as_json=as_json)


def watchdog(
    journal: Journal = None,
    stalled_after: Annotated[
        str, typer.Option("--stalled-after", help="Silence after which the run is halted, such as 30s.")
    ] = "30s",
    kill_after: Annotated[
        str, typer.Option("--kill-after", help="Further silence after which its process is ended; default: never.")
    ] = "",
) -> None:
    """Watch a running system from a process of its own, and halt it where it hangs or dies."""
    from tapeline.cli.watchdog import watch

    watch(journal, WORK, stalled_after=stalled_after, kill_after=kill_after)


def add_to(app: typer.Typer) -> None:
    """Add the commands to the program."""
    running = (status, orders, executions, positions)
    for command in (*running, pause, resume, halt, flatten, override, reconcile, stop, watchdog):
        app.command(rich_help_panel="A running system")(command)
