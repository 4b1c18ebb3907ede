"""`tapeline tax`: only the words; what they do is imported when asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tapeline.cli.tax_forms import forms
from tapeline.cli.tax_options import (
    AccountName,
    AsJson,
    AsOf,
    Carried,
    JournalFile,
    LongRate,
    Methods,
    NiitRate,
    PolicyWords,
    Separate,
    ShortRate,
    StateRate,
    Trades,
    Whole,
    Year,
    carried_of,
    choice_of,
    rates_of,
)
from tapeline.cli.tax_statement_words import add_to as add_statement_commands

tax_app = typer.Typer(help="Lots, gains and wash sales of a US taxpayer. No tax advice.", no_args_is_help=True)
tax_app.command("forms")(forms)

On = Annotated[str, typer.Option("--on", help="Day of the trade; default: the last day known.")]


@tax_app.command("gains")
def gains(
    trades: Trades = None,
    journal: JournalFile = None,
    year: Year = 0,
    account: AccountName = "",
    method: Methods = None,
    policy: PolicyWords = None,
    as_of: AsOf = "",
    carried: Carried = "",
    separate: Separate = False,
    short_rate: ShortRate = "",
    long_rate: LongRate = "",
    state_rate: StateRate = "0",
    niit_rate: NiitRate = "0",
    whole: Whole = False,
    as_json: AsJson = False,
) -> None:
    """Show a year's realized gains, row by row and by term, and what of a loss is carried into the next year."""
    from tapeline.cli.tax_show import YearEnd, show_gains

    show_gains(
        choice_of(trades, journal, year, account, method, policy, as_of),
        YearEnd(carried_of(carried), separate, rates_of(short_rate, long_rate, state_rate, niit_rate)),
        whole=whole,
        as_json=as_json,
    )


@tax_app.command("lots")
def lots(
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
    """Show open lots with their adjusted basis, and the days until each is long-term."""
    from tapeline.cli.tax_open import show_lots

    show_lots(choice_of(trades, journal, year, account, method, policy, as_of), whole=whole, as_json=as_json)


@tax_app.command("wash")
def wash(
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
    """Show a year's wash sales: each loss, what replaced it, under which rule, and which losses are still open."""
    from tapeline.cli.tax_open import show_wash

    show_wash(choice_of(trades, journal, year, account, method, policy, as_of), whole=whole, as_json=as_json)


@tax_app.command("whatif")
def what_if(
    side: Annotated[str, typer.Argument(help="BUY, SELL, SHORT or COVER.")],
    quantity: Annotated[str, typer.Argument(help="Shares or contracts.")],
    symbol: Annotated[str, typer.Argument(help="What would be traded.")],
    on: On = "",
    price: Annotated[str, typer.Option("--price", help="Per share; default: that of the last trade.")] = "",
    trades: Trades = None,
    journal: JournalFile = None,
    year: Year = 0,
    account: AccountName = "",
    method: Methods = None,
    policy: PolicyWords = None,
    as_of: AsOf = "",
    short_rate: ShortRate = "",
    long_rate: LongRate = "",
    state_rate: StateRate = "0",
    niit_rate: NiitRate = "0",
    as_json: AsJson = False,
) -> None:
    """Say what a trade would bring: gain, term, wash sales both ways, the best lots, an estimate of the tax."""
    from tapeline.cli.tax_what_if import Wish, show_what_if

    show_what_if(
        choice_of(trades, journal, year, account, method, policy, as_of),
        Wish(side, quantity, symbol, on, price),
        rates_of(short_rate, long_rate, state_rate, niit_rate),
        as_json=as_json,
    )


@tax_app.command("harvest")
def harvest(
    on: On = "",
    prices: Annotated[Path | None, typer.Option("--prices", help="CSV with symbol and price.")] = None,
    price: Annotated[list[str] | None, typer.Option("--price", help="SYMBOL=PRICE; repeatable.")] = None,
    trades: Trades = None,
    journal: JournalFile = None,
    year: Year = 0,
    account: AccountName = "",
    method: Methods = None,
    policy: PolicyWords = None,
    as_of: AsOf = "",
    short_rate: ShortRate = "",
    long_rate: LongRate = "",
    state_rate: StateRate = "0",
    niit_rate: NiitRate = "0",
    as_json: AsJson = False,
) -> None:
    """List losses that could be realized, what a wash sale would take of each, and when selling is safe."""
    from tapeline.cli.tax_open import show_harvest

    show_harvest(
        choice_of(trades, journal, year, account, method, policy, as_of),
        on,
        prices,
        price or [],
        rates_of(short_rate, long_rate, state_rate, niit_rate),
        as_json=as_json,
    )


add_statement_commands(tax_app)
