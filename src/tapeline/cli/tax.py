"""`tapeline tax`: only the words; what they do is imported when asked."""

from __future__ import annotations

from typing import Annotated

import typer

from tapeline.cli.tax_forms import forms
from tapeline.cli.tax_options import (
    AccountName,
    AsJson,
    AsOf,
    JournalFile,
    Methods,
    PolicyWords,
    Trades,
    Year,
    choice_of,
)

tax_app = typer.Typer(help="Lots, gains and wash sales of a US taxpayer. No tax advice.", no_args_is_help=True)
tax_app.command("forms")(forms)

Whole = Annotated[bool, typer.Option("--all", help="Every row, however many there are.")]


@tax_app.command("gains")
def gains(
    trades: Trades = None,
    journal: JournalFile = None,
    year: Year = 0,
    account: AccountName = "",
    method: Methods = None,
    policy: PolicyWords = None,
    as_of: AsOf = "",
    whole: Whole = False,
    as_json: AsJson = False,
) -> None:
    """Show a year's realized gains, row by row and by term, and what of a loss is carried into the next year."""
    from tapeline.cli.tax_show import show_gains

    show_gains(choice_of(trades, journal, year, account, method, policy, as_of), whole=whole, as_json=as_json)
