"""Options that several commands share: which bars, how a run works, which journal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

WORK = Path("tapeline-work")
BARS, RUN, OUTPUT = "Bars", "Run", "Output"
"""Headings under which --help lists options."""


def journal_in(path: Path | None) -> Path | None:
    """Return the journal that an option names: the file itself, or that of the run whose folder it is."""
    from tapeline.app.run_files import JOURNAL

    return path / JOURNAL if path is not None and path.is_dir() else path


Data = Annotated[
    Path | None,
    typer.Option("--data", help="Parquet file or folder; default: a simulated market.", rich_help_panel=BARS),
]
Symbols = Annotated[str, typer.Option("--symbols", help="Such as AAPL,MSFT; default: all.", rich_help_panel=BARS)]
First = Annotated[str, typer.Option("--from", help="First session, such as 2018-02-16.", rich_help_panel=BARS)]
Last = Annotated[str, typer.Option("--to", help="Last session, itself included.", rich_help_panel=BARS)]
Label = Annotated[str, typer.Option("--label", help="What ts names: start or end of a bar.", rich_help_panel=BARS)]
Calendar = Annotated[
    str,
    typer.Option("--calendar", help="Exchange, or none for bars around the clock.", rich_help_panel=BARS),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the simulated market.", rich_help_panel=BARS)]
Actions = Annotated[
    Path | None,
    typer.Option("--actions", help="File of splits and dividends.", rich_help_panel=BARS),
]
Membership = Annotated[
    Path | None,
    typer.Option("--membership", help="File of who was in an index when.", rich_help_panel=BARS),
]
Groups = Annotated[
    Path | None,
    typer.Option("--groups", help="File of symbols with their sector or other groups.", rich_help_panel=BARS),
]
Lake = Annotated[
    str,
    typer.Option("--lake", help="Bars of a data lake: folder or folder@snapshot.", rich_help_panel=BARS),
]
Bars = Annotated[
    str,
    typer.Option("--bars", help="Length of the lake's bars, such as 1min.", rich_help_panel=BARS),
]
Execution = Annotated[
    str,
    typer.Option("--execution", help="How entries are worked, such as twap:minutes=30.", rich_help_panel=RUN),
]
ExecutionExit = Annotated[
    str,
    typer.Option("--execution-exit", help="How exits that rules ask for are worked.", rich_help_panel=RUN),
]
Journal = Annotated[
    Path | None,
    typer.Option(
        "--journal", callback=journal_in, help="Journal or folder of a run; default: the newest below ./tapeline-work."
    ),
]
