"""Commands about data: `tapeline data check`. Each imports what it needs when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

data_app = typer.Typer(help="Look after bars.", no_args_is_help=True)


@data_app.command()
def check(
    path: Annotated[Path, typer.Argument(help="Parquet file or folder of bars.", metavar="FILE")],
    calendar: Annotated[str, typer.Option("--calendar", help="Exchange, or none for bars around the clock.")] = "XNYS",
    label: Annotated[str, typer.Option("--label", help="What ts names: start or end of a bar.")] = "start",
    frame: Annotated[str, typer.Option("--frame", help="Length of the bars; default: seen in them.")] = "",
    reference: Annotated[
        Path | None, typer.Option("--reference", help="Bars of a second source, to compare closes.")
    ] = None,
    actions: Annotated[
        Path | None, typer.Option("--actions", help="Corporate actions: symbol, date, split_ratio.")
    ] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write the report as a page, such as x.html.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Pass bars through the quality gate and say what is bad, what is doubtful, and what is missing."""
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
