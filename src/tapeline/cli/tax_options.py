"""What the tax commands have in common: their options, the books they open, the head and foot of what they say.

Amounts are texts in JSON, such as "-1234.50": exact, and not for a reader that takes them for binary fractions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tapeline.cli.options import WORK, journal_in

if TYPE_CHECKING:  # --help needs neither the engine nor its tables, nor amounts
    from decimal import Decimal

    from tapeline.app.taxes import TaxBooks, TaxChoice
    from tapeline.cli.text_table import TextTable
    from tapeline.tax.carryover import Carryover
    from tapeline.tax.estimate import Rates
    from tapeline.tax.flags import Flag
    from tapeline.tax.gains import Gain
    from tapeline.tax.policies import Policies

_EVENTS, _RULES, _ESTIMATE = "Events", "Rules", "Estimate"
WIDE = 110
ROWS_SHOWN = 40

Trades = Annotated[
    list[Path] | None,
    typer.Option(
        "--trades", help="CSV table of trades; repeatable. No other set-up is needed.", rich_help_panel=_EVENTS
    ),
]
JournalFile = Annotated[
    Path | None,
    typer.Option(
        "--journal",
        callback=journal_in,
        help="Journal or folder of a run; default: of the newest run.",
        rich_help_panel=_EVENTS,
    ),
]
Year = Annotated[int, typer.Option("--year", show_default=False, help="Tax year; default: that of the last event.")]
AccountName = Annotated[str, typer.Option("--account", help="Show one account; all are computed together.")]
Methods = Annotated[
    list[str] | None,
    typer.Option(
        "--method", help="FIFO, LIFO, HIFO, SPECID or AVERAGE, or account=METHOD; repeatable.", rich_help_panel=_RULES
    ),
]
PolicyWords = Annotated[
    list[str] | None,
    typer.Option("--policy", help="An answer to an open question, name=value; repeatable.", rich_help_panel=_RULES),
]
AsOf = Annotated[
    str,
    typer.Option("--as-of", help="Day up to which events are taken; default: the last one.", rich_help_panel=_EVENTS),
]
ShortRate = Annotated[
    str, typer.Option("--short-rate", help="Your rate on short-term gains, 0.35 for 35 %.", rich_help_panel=_ESTIMATE)
]
LongRate = Annotated[
    str, typer.Option("--long-rate", help="Your rate on long-term gains, such as 0.15.", rich_help_panel=_ESTIMATE)
]
StateRate = Annotated[str, typer.Option("--state-rate", help="Your state's, on both.", rich_help_panel=_ESTIMATE)]
NiitRate = Annotated[
    str,
    typer.Option("--niit-rate", help="Net investment income tax on both: 0.038 or 0.", rich_help_panel=_ESTIMATE),
]
Carried = Annotated[
    str, typer.Option("--carried", help="Losses of the year before: short,long such as 1200,0.", rich_help_panel=_RULES)
]
Whole = Annotated[bool, typer.Option("--all", help="Every row, however many there are.")]
Separate = Annotated[
    bool,
    typer.Option("--separate", help="Married filing separately: 1,500 deductible, not 3,000.", rich_help_panel=_RULES),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


def choice_of(
    trades: list[Path] | None,
    journal: Path | None,
    year: int,
    account: str,
    methods: list[str] | None,
    policies: list[str] | None,
    as_of: str,
) -> TaxChoice:
    """Return what the common options choose."""
    from tapeline.app.taxes import TaxChoice

    return TaxChoice(
        tuple(trades or ()), journal, WORK, year, account, tuple(methods or ()), tuple(policies or ()), as_of
    )


def rates_of(short: str, long: str, state: str, investment: str) -> Rates | None:
    """Return the rates of an estimate, None where none were given. Raises InputError for one of two, or no number."""
    from decimal import Decimal, InvalidOperation

    from tapeline.domain.errors import InputError
    from tapeline.tax.estimate import Rates

    if not short and not long:
        return None
    if not (short and long):
        raise InputError("An estimate needs both --short-rate and --long-rate. Give the other one too.")
    try:
        return Rates(*(Decimal(written) for written in (short, long, state, investment)))
    except InvalidOperation as exc:
        raise InputError("A rate is a number from 0 to below 1. Write 0.35 for 35 %.") from exc


def carried_of(written: str) -> Carryover:
    """Return the losses carried in. Raises InputError for a text that is no two amounts."""
    from decimal import Decimal, InvalidOperation

    from tapeline.domain.errors import InputError
    from tapeline.tax.carryover import Carryover

    short, comma, long = (written or "0,0").partition(",")
    try:
        return Carryover(Decimal(short), Decimal(long if comma else "nothing"))
    except InvalidOperation as exc:
        raise InputError(f"--carried {written!r}: give short-term and long-term losses, such as 1200,0.") from exc


def head_of(books: TaxBooks) -> dict[str, Any]:
    """Return what stands on every page made from books: what was computed, from what, under which policies."""
    result = books.result
    return {
        "year": books.year,
        "as_of": books.as_of,
        "is_provisional": books.is_provisional,
        "account": books.account or None,
        "methods": dict(result.methods),
        "policies": dict(result.policies),
        "source": list(books.source),
        "flags": [
            {
                "rule": flag.rule,
                "symbol": flag.symbol,
                "event_id": flag.event_id,
                "count": flag.count,
                "sentence": flag.sentence,
            }
            for flag in result.flags
        ],
        "disclaimer": result.disclaimer,
    }


def print_json(tree: dict[str, Any]) -> None:
    """Print a tree: amounts, quantities and dates as texts, keys in their order."""
    import json

    from tapeline.cli.console import console

    console.out(json.dumps(tree, default=_text), highlight=False)


def _text(value: object) -> str:
    from datetime import date
    from decimal import Decimal

    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def foot_lines(books: TaxBooks) -> Iterable[str]:
    """Yield what stands under every page: methods, policies that were set, flags, the disclaimer."""
    from tapeline.tax.policies import Policies

    result = books.result
    methods = sorted(set(result.methods.values()))
    named = (
        methods[0] if len(methods) == 1 else ", ".join(f"{name} {method}" for name, method in result.methods.items())
    )
    yield f"Lots by {named}; policies: {_policies(result.policies, Policies())}."
    yield from _flag_lines(result.flags)
    yield result.disclaimer


def _flag_lines(flags: list[Flag]) -> Iterator[str]:
    """Yield a line for each rule; one symbol is told where it was met first, several are only counted."""
    by_rule: dict[str, list[Flag]] = {}
    for flag in flags:
        by_rule.setdefault(flag.rule, []).append(flag)
    for rule, found in by_rule.items():
        if len(found) == 1:
            yield f"Note: {found[0].sentence} ({rule})"
            continue
        named = ", ".join(flag.symbol for flag in found[:5]) + (", ..." if len(found) > 5 else "")
        times = sum(flag.count for flag in found)
        yield f"Note: {named}: {found[0].meaning} ({len(found)} symbols, {times:,} times; {rule})"


def print_foot(books: TaxBooks) -> None:
    """Print, after an empty line, what stands under every page."""
    from tapeline.cli.console import console, show_text

    console.print()
    for line in foot_lines(books):
        show_text(line)


def _policies(said: Any, defaults: Policies) -> str:
    usual = defaults.as_text()
    changed = [f"{name} = {value}" for name, value in said.items() if value != usual[name]]
    return ", ".join(changed) + ", else the defaults" if changed else "the defaults of docs/tax-rules.md"


def new_table(title: str, columns: Iterable[str]) -> TextTable:
    """Return a table with columns by name, as every tax command has it."""
    from tapeline.cli.text_table import TextTable

    return TextTable(title, list(columns))


def print_table(table: TextTable, *, whole: bool = True) -> None:
    """Print a table; unless it is wanted whole, the last rows of a long one, and how many there are."""
    from tapeline.cli.console import show_text

    count = len(table.rows)
    if not whole:
        table.rows = table.rows[-ROWS_SHOWN:]
    table.show()
    if len(table.rows) < count:
        show_text(f"The last {len(table.rows)} of {count:,} rows; --all shows every one.")


def is_wide() -> bool:
    """Return whether the terminal has room for every column."""
    from tapeline.cli.console import console

    return console.width >= WIDE


def what_disallows(rows: Iterable[Gain]) -> str:
    """Return what would make wash sales of open losses: a purchase, for a loss on a short sale another short sale."""
    from tapeline.tax.gains import GainKind

    kinds = {row.kind is GainKind.SHORT_SALE for row in rows}
    return (
        "a purchase or another short sale"
        if len(kinds) == 2
        else "another short sale"
        if True in kinds
        else "a purchase"
    )


def amount(value: Decimal) -> str:
    """Return an amount in dollars with thousands; a loss with its sign."""
    return f"{value:,.2f}"


def quantity(value: Decimal) -> str:
    """Return shares or contracts with thousands and no more decimals than they have."""
    return f"{value:,f}"
