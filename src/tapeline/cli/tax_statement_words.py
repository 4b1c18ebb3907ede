"""The words of `tapeline tax import` and `tapeline tax reconcile`; what they do is imported when asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tapeline.cli.tax_options import AsJson, Methods

if TYPE_CHECKING:
    from tapeline.app.statements import StatementChoice

_STATEMENT, _API, _ENTRY = "Statement", "Alpaca's API", "Accepting"

File = Annotated[
    Path | None, typer.Argument(help="The statement; without one, --format alpaca asks the API.", metavar="FILE")
]
Format = Annotated[str, typer.Option("--format", help="flex, alpaca or csv.", rich_help_panel=_STATEMENT)]
Books = Annotated[Path, typer.Option("--journal", help="The journal of your books; import begins one.")]
Accounts = Annotated[
    list[str] | None,
    typer.Option(
        "--account", help="Your name for its account, or BROKERS=NAME; repeatable.", rich_help_panel=_STATEMENT
    ),
]
Mapping = Annotated[
    Path | None,
    typer.Option("--mapping", help="TOML file: what a CSV's columns and words mean.", rich_help_panel=_STATEMENT),
]
Zone = Annotated[
    str, typer.Option("--zone", help="Of the exchange, and of times without one.", rich_help_panel=_STATEMENT)
]
Kind = Annotated[
    str,
    typer.Option("--kind", help="Its accounts are taxable, ira or mtm475f.", rich_help_panel=_STATEMENT),
]
First = Annotated[str, typer.Option("--from", help="First day; default: a year before.", rich_help_panel=_API)]
Last = Annotated[str, typer.Option("--to", help="Last day; default: today.", rich_help_panel=_API)]
Paper = Annotated[bool, typer.Option("--paper", help="A paper account.", rich_help_panel=_API)]
Accept = Annotated[
    list[str] | None,
    typer.Option("--accept", help="Key of a difference whose entry is booked; repeatable.", rich_help_panel=_ENTRY),
]
Reason = Annotated[str, typer.Option("--reason", help="Why it is accepted.", rich_help_panel=_ENTRY)]
Who = Annotated[str, typer.Option("--who", help="Who accepts it; default: your user name.", rich_help_panel=_ENTRY)]


def add_to(app: typer.Typer) -> None:
    """Add both commands to a group."""
    app.command("import")(import_command)
    app.command("reconcile")(reconcile_command)


def import_command(
    journal: Books,
    file: File = None,
    format: Format = "flex",
    account: Accounts = None,
    mapping: Mapping = None,
    zone: Zone = "America/New_York",
    first: First = "",
    last: Last = "",
    paper: Paper = False,
    kind: Kind = "",
    as_json: AsJson = False,
) -> None:
    """Add what is new in a broker's statement to a journal: executions once by their id, corrections as new facts."""
    from tapeline.cli.tax_statements import show_import

    choice = _choice(file, format, account, mapping, zone, first, last, paper, kind)
    show_import(choice, journal, as_json=as_json)


def reconcile_command(
    journal: Books,
    file: File = None,
    format: Format = "flex",
    account: Accounts = None,
    mapping: Mapping = None,
    zone: Zone = "America/New_York",
    first: First = "",
    last: Last = "",
    paper: Paper = False,
    method: Methods = None,
    accept: Accept = None,
    reason: Reason = "",
    who: Who = "",
    as_json: AsJson = False,
) -> None:
    """Compare a journal with a broker's statement: every difference with its cause and the entry that would mend it."""
    from tapeline.cli.tax_statements import show_reconciliation

    show_reconciliation(
        _choice(file, format, account, mapping, zone, first, last, paper),
        journal,
        methods=tuple(method or ()),
        accepted=accept or [],
        reason=reason,
        who=who,
        as_json=as_json,
    )


def _choice(
    file: Path | None,
    format: str,
    accounts: list[str] | None,
    mapping: Path | None,
    zone: str,
    first: str,
    last: str,
    paper: bool,
    kind: str = "",
) -> StatementChoice:
    from tapeline.app.statements import StatementChoice

    return StatementChoice(file, format, tuple(accounts or ()), mapping, zone, first, last, paper, kind)
