"""`tapeline data`: the commands of the lake. Only the words; what they do is in `cli/lake.py`, imported when asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

LAKE = "tapeline-lake"

data_app = typer.Typer(help="Look after a data lake: bars and facts about securities.", no_args_is_help=True)

_WHERE, _WRITTEN = "Lake", "How the file is written"

Lake = Annotated[
    str,
    typer.Option("--lake", help="Folder of the lake; folder@snapshot to read a snapshot.", rich_help_panel=_WHERE),
]
Symbols = Annotated[str, typer.Option("--symbols", help="Such as AAPL,MSFT; default: all.", rich_help_panel=_WHERE)]
First = Annotated[str, typer.Option("--from", help="First session, such as 2018-02-16.", rich_help_panel=_WHERE)]
Last = Annotated[str, typer.Option("--to", help="Last session, itself included.", rich_help_panel=_WHERE)]
Frame = Annotated[
    str, typer.Option("--frame", help="Length of the bars, where there are several.", rich_help_panel=_WHERE)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@data_app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="Parquet or CSV file, or a folder of them, which is one load.")],
    lake: Lake = LAKE,
    table: Annotated[
        str,
        typer.Option(
            "--table",
            help="bars, corporate_actions, symbol_history, index_membership or sectors.",
            rich_help_panel=_WHERE,
        ),
    ] = "bars",
    vendor: Annotated[str, typer.Option("--vendor", help="Who the rows are from.", rich_help_panel=_WHERE)] = "user",
    correct: Annotated[
        bool,
        typer.Option("--correct", help="Rows that differ from stored ones correct them.", rich_help_panel=_WHERE),
    ] = False,
    calendar: Annotated[
        str, typer.Option("--calendar", help="Exchange of a new lake, or none.", rich_help_panel=_WHERE)
    ] = "XNYS",
    columns: Annotated[
        str,
        typer.Option(
            "--columns", help="Ours=theirs: close=Last,time=Date+Time; index==SP500.", rich_help_panel=_WRITTEN
        ),
    ] = "",
    label: Annotated[
        str, typer.Option("--label", help="What times name: start or end of a bar.", rich_help_panel=_WRITTEN)
    ] = "",
    zone: Annotated[
        str, typer.Option("--zone", help="Zone of times without one: America/New_York.", rich_help_panel=_WRITTEN)
    ] = "",
    frame: Annotated[
        str, typer.Option("--frame", help="Length of the bars; default: seen in the data.", rich_help_panel=_WRITTEN)
    ] = "",
    time_format: Annotated[
        str, typer.Option("--time-format", help="Such as %m/%d/%Y %H:%M.", rich_help_panel=_WRITTEN)
    ] = "",
    symbol: Annotated[
        str, typer.Option("--symbol", help="Of a file without such a column.", rich_help_panel=_WRITTEN)
    ] = "",
    separator: Annotated[
        str, typer.Option("--separator", help="Between the values of a CSV file.", rich_help_panel=_WRITTEN)
    ] = "",
) -> None:
    """Import bars or facts: read, judge, write, all of it or nothing."""
    from tapeline.cli.lake import run_import

    written = {
        "label": label, "zone": zone, "frame": frame, "time_format": time_format, "symbol": symbol,
        "separator": separator,
    }  # fmt: skip
    run_import(path, lake, table, vendor, columns, written, calendar=calendar, correct=correct)


@data_app.command("list")
def list_(lake: Lake = LAKE, as_json: AsJson = False) -> None:
    """List what a lake holds: bars by length, tables of facts, snapshots."""
    from tapeline.cli.lake import show_list

    show_list(lake, as_json=as_json)


@data_app.command()
def show(
    what: Annotated[str, typer.Argument(help="A symbol, or loads, quarantine, or a table of facts.")],
    lake: Lake = LAKE,
    first: First = "",
    last: Last = "",
    frame: Frame = "",
    count: Annotated[int, typer.Option("--count", help="Rows shown, the newest.")] = 20,
    every_revision: Annotated[
        bool, typer.Option("--every-revision", help="Bars that were corrected, too.", rich_help_panel=_WHERE)
    ] = False,
) -> None:
    """Show bars of a symbol with vendor and revision, or rows of a table with where they came from."""
    from tapeline.cli.lake import show_rows

    show_rows(what, lake, first, last, frame, count, every_revision=every_revision)


@data_app.command()
def check(
    path: Annotated[
        Path | None, typer.Argument(help="Parquet file or folder of bars; without one, the lake.", metavar="[FILE]")
    ] = None,
    lake: Lake = LAKE,
    symbols: Symbols = "",
    frame: Frame = "",
    calendar: Annotated[
        str, typer.Option("--calendar", help="Exchange, or none for bars around the clock.", rich_help_panel=_WRITTEN)
    ] = "XNYS",
    label: Annotated[
        str, typer.Option("--label", help="What ts names: start or end of a bar.", rich_help_panel=_WRITTEN)
    ] = "start",
    reference: Annotated[
        Path | None, typer.Option("--reference", help="Bars of a second source, to compare closes.")
    ] = None,
    actions: Annotated[
        Path | None, typer.Option("--actions", help="Corporate actions: symbol, date, split_ratio.")
    ] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write the report as a page, such as x.html.")] = None,
    as_json: AsJson = False,
) -> None:
    """Pass bars through the quality gate: what is bad, what is doubtful, and what is missing."""
    if path is None:
        from tapeline.cli.lake import show_check as show_stored
        from tapeline.domain.errors import InputError

        given = {"--reference": reference, "--actions": actions, "--report": report, "--json": as_json or None}
        for option in (name for name, value in given.items() if value is not None):
            raise InputError(f"{option} is for a file of bars. Name the file, or leave it out to check the lake.")
        show_stored(lake, symbols, frame)
        return
    from tapeline.cli.quality import show_check

    show_check(
        path,
        calendar=calendar,
        label=label,
        frame=frame,
        reference=reference,
        actions=actions,
        report=report,
        as_json=as_json,
    )


@data_app.command()
def snapshot(
    name: Annotated[str, typer.Argument(help="Name for the lake as it is now; without one they are listed.")] = "",
    lake: Lake = LAKE,
    note: Annotated[str, typer.Option("--note", help="What it is for.")] = "",
    drop: Annotated[bool, typer.Option("--drop", help="Let go of the snapshot instead.")] = False,
) -> None:
    """Name the lake as it is now, so that it can be read again whatever comes after."""
    from tapeline.cli.lake import run_snapshot

    run_snapshot(name, lake, note, drop=drop)


@data_app.command()
def export(
    path: Annotated[Path, typer.Argument(help="File to write, .parquet or .csv.")],
    lake: Lake = LAKE,
    symbols: Symbols = "",
    first: First = "",
    last: Last = "",
    frame: Frame = "",
) -> None:
    """Write bars to a file that --data reads, with vendor and revision of each."""
    from tapeline.cli.lake import run_export

    run_export(path, lake, symbols, first, last, frame)


@data_app.command()
def compact(lake: Lake = LAKE) -> None:
    """Write many small files into few, and fold corrections; snapshots keep theirs."""
    from tapeline.cli.lake import run_compact

    run_compact(lake)


@data_app.command()
def remove(
    lake: Lake = LAKE,
    before: Annotated[str, typer.Option("--before", help="Bars of sessions before this day.")] = "",
    symbols: Annotated[str, typer.Option("--symbols", help="Bars of these securities only.")] = "",
    frame: Frame = "",
) -> None:
    """Leave bars out of the lake from now on; snapshots and earlier commits keep them."""
    from tapeline.cli.lake import run_remove

    run_remove(lake, before, symbols, frame)


@data_app.command()
def retain(
    lake: Lake = LAKE,
    days: Annotated[int, typer.Option("--days", help="How long commits without a name are kept.")] = 30,
) -> None:
    """Forget old commits that no snapshot names, and free the space that only they needed."""
    from tapeline.cli.lake import run_retain

    run_retain(lake, days)
