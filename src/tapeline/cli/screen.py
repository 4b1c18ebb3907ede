"""`tapeline screen` and `tapeline universe`: only the words; what they do is imported when asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

screen_app = typer.Typer(help="Screen symbols for momentum reversals.", invoke_without_command=True)
universe_app = typer.Typer(help="Say which symbols may be traded on a day, and why not.", no_args_is_help=True)

_BARS, _RULES = "Bars", "Rules"
STORE = Path("tapeline-screen.sqlite")

Data = Annotated[
    Path | None, typer.Option("--data", help="Parquet file or folder; default: simulated.", rich_help_panel=_BARS)
]
Lake = Annotated[str, typer.Option("--lake", help="A data lake: folder or folder@snapshot.", rich_help_panel=_BARS)]
Bars = Annotated[str, typer.Option("--bars", help="Length of the lake's bars, such as 5min.", rich_help_panel=_BARS)]
Symbols = Annotated[str, typer.Option("--symbols", help="Such as AAPL,MSFT; default: all.", rich_help_panel=_BARS)]
First = Annotated[str, typer.Option("--from", help="First session, such as 2018-02-16.", rich_help_panel=_BARS)]
Last = Annotated[str, typer.Option("--to", help="Last session, itself included.", rich_help_panel=_BARS)]
Label = Annotated[str, typer.Option("--label", help="What ts names: start or end of a bar.", rich_help_panel=_BARS)]
Calendar = Annotated[str, typer.Option("--calendar", help="Exchange of the sessions.", rich_help_panel=_BARS)]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the simulated market.", rich_help_panel=_BARS)]
At = Annotated[str, typer.Option("--at", help="Moment, such as 2018-04-20T18:15:00Z; default: the end of the bars.")]
Profile = Annotated[str, typer.Option("--profile", help="tapeline, or source: as written.", rich_help_panel=_RULES)]
Config = Annotated[Path | None, typer.Option("--config", help="YAML file of changed numbers.", rich_help_panel=_RULES)]
Frames = Annotated[
    str,
    typer.Option("--frames", help="15min/1h/4h, 30min/1h/1d or 1h/4h/1d.", rich_help_panel=_RULES),
]
VixFile = Annotated[
    Path | None, typer.Option("--vix", help="Parquet or CSV with date and close.", rich_help_panel=_RULES)
]
Filters = Annotated[
    str, typer.Option("--filters", help="on: the day's universe only; off: every symbol.", rich_help_panel=_RULES)
]
Names = Annotated[
    Path | None,
    typer.Option("--names", help="Parquet or CSV of renames: symbol, date, mapped_symbol.", rich_help_panel=_BARS),
]
Members = Annotated[
    Path | None,
    typer.Option("--members", help="Text file, a symbol a line; default: all of the bars.", rich_help_panel=_RULES),
]
Membership = Annotated[
    Path | None,
    typer.Option(
        "--membership", help="Stays in an index: symbol, start_date, end_date; members of the day.",
        rich_help_panel=_RULES,
    ),
]  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]
Store = Annotated[Path, typer.Option("--store", help="File in which snapshots are kept.")]


@screen_app.callback()
def screen(
    context: typer.Context,
    data: Data = None,
    lake: Lake = "",
    bars: Bars = "",
    symbols: Symbols = "",
    first: First = "",
    last: Last = "",
    label: Label = "start",
    calendar: Calendar = "XNYS",
    seed: Seed = 7,
    at: At = "",
    profile: Profile = "tapeline",
    config: Config = None,
    frames: Frames = "",
    vix: VixFile = None,
    filters: Filters = "off",
    members: Members = None,
    membership: Membership = None,
    names: Names = None,
    all_fine: Annotated[bool, typer.Option("--all-fine", help="Tree and score of every symbol.")] = False,
    as_json: AsJson = False,
    explain: Annotated[str, typer.Option("--explain", help="Symbol whose conditions are shown with numbers.")] = "",
    top: Annotated[int, typer.Option("--top", help="Rows shown, best first.")] = 20,
    store: Annotated[Path | None, typer.Option("--store", help="Keep the snapshot in this file.")] = None,
) -> None:
    """Screen symbols at a moment: coarse filter, decision tree, score, watchlist, regime."""
    if context.invoked_subcommand is not None:
        return
    from tapeline.app.data_choice import DataChoice
    from tapeline.cli.screening import ScreenChoice, show_screen

    choice = DataChoice(data, symbols, first, last, label, calendar, seed, lake=lake, bars=bars)
    show_screen(
        ScreenChoice(choice, profile, config, frames, vix, filters, at, names, members, membership),
        all_fine=all_fine, as_json=as_json, explain=explain, top=top, store=store,
    )  # fmt: skip


@screen_app.command("watch")
def watch(
    data: Data = None,
    lake: Lake = "",
    bars: Bars = "",
    symbols: Symbols = "",
    first: First = "",
    last: Last = "",
    label: Label = "start",
    calendar: Calendar = "XNYS",
    seed: Seed = 7,
    since: Annotated[
        str, typer.Option("--since", help="Moment from which on it is shown; default: last session.")
    ] = "",
    profile: Profile = "tapeline",
    config: Config = None,
    frames: Frames = "",
    vix: VixFile = None,
    store: Annotated[Path | None, typer.Option("--store", help="Keep each refresh in this file.")] = None,
    speed: Annotated[float, typer.Option("--speed", help="Seconds between two refreshes.")] = 0.0,
    follow: Annotated[
        float, typer.Option("--follow", help="Seconds between two looks for new bars at their end; 0: none.")
    ] = 0.0,
) -> None:
    """Replay bars and refresh the watchlist at each close of the trigger frame; with --follow go on as bars arrive."""
    from tapeline.app.data_choice import DataChoice
    from tapeline.cli.screening import ScreenChoice, watch_screen

    choice = DataChoice(data, symbols, first, last, label, calendar, seed, lake=lake, bars=bars)
    watch_screen(
        ScreenChoice(choice, profile, config, frames, vix, "off", since), store=store, pause_s=speed, follow_s=follow,
    )  # fmt: skip


@screen_app.command("evaluate")
def evaluate(
    data: Data = None,
    lake: Lake = "",
    bars: Bars = "",
    symbols: Symbols = "",
    first: First = "",
    last: Last = "",
    label: Label = "start",
    calendar: Calendar = "XNYS",
    seed: Seed = 7,
    profile: Profile = "tapeline",
    config: Config = None,
    frames: Frames = "",
    horizon: Annotated[int, typer.Option("--horizon", help="Closes of the trigger frame ahead.")] = 16,
    switches: Annotated[bool, typer.Option("--switches/--no-switches", help="Turn each switch over, too.")] = True,
    as_json: AsJson = False,
) -> None:
    """Say what grades and scores were worth afterwards, with intervals, and which condition decides."""
    from tapeline.app.data_choice import DataChoice
    from tapeline.cli.screening import ScreenChoice, show_evaluation

    choice = DataChoice(data, symbols, first, last, label, calendar, seed, lake=lake, bars=bars)
    chosen = ScreenChoice(choice, profile, config, frames)
    show_evaluation(chosen, horizon=horizon, switches=switches, as_json=as_json)


@screen_app.command("validate")
def validate(
    data: Data = None,
    lake: Lake = "",
    bars: Bars = "",
    symbols: Symbols = "",
    first: First = "",
    last: Last = "",
    label: Label = "start",
    calendar: Calendar = "XNYS",
    seed: Seed = 7,
    profile: Profile = "tapeline",
    config: Config = None,
    frames: Frames = "",
    as_json: AsJson = False,
) -> None:
    """Hold the coarse filter against the fine one: recall, precision, and which condition to move."""
    from tapeline.app.data_choice import DataChoice
    from tapeline.cli.screening import ScreenChoice, show_validation

    choice = DataChoice(data, symbols, first, last, label, calendar, seed, lake=lake, bars=bars)
    show_validation(ScreenChoice(choice, profile, config, frames), as_json=as_json)


@universe_app.command("build")
def build(
    data: Data = None,
    lake: Lake = "",
    bars: Bars = "",
    symbols: Symbols = "",
    label: Label = "start",
    calendar: Calendar = "XNYS",
    seed: Seed = 7,
    day: Annotated[str, typer.Option("--day", help="Its day; default: after the last session of the bars.")] = "",
    members: Members = None,
    membership: Membership = None,
    facts: Annotated[
        Path | None, typer.Option("--facts", help="Parquet: symbol, market_cap, spread, exchange, is_shortable.")
    ] = None,
    earnings: Annotated[Path | None, typer.Option("--earnings", help="Parquet: symbol, earnings_date.")] = None,
    config: Config = None,
    store: Store = STORE,
    as_json: AsJson = False,
) -> None:
    """Build the universe of a day from the sessions before it, and keep it."""
    from tapeline.app.data_choice import DataChoice
    from tapeline.cli.universe import run_build

    choice = DataChoice(data, symbols, "", "", label, calendar, seed, lake=lake, bars=bars)
    run_build(choice, day, (members, membership), (facts, earnings), config, store, as_json=as_json)


@universe_app.command("show")
def show(
    day: Annotated[str, typer.Option("--day", help="Its day; default: the newest that was kept.")] = "",
    store: Store = STORE,
    as_json: AsJson = False,
) -> None:
    """Show a universe that was kept."""
    from tapeline.cli.universe import show_universe

    show_universe(day, store, as_json=as_json)


@universe_app.command("diff")
def diff(
    before: Annotated[str, typer.Argument(help="The earlier day, such as 2018-04-19.")],
    after: Annotated[str, typer.Argument(help="The later day.")],
    store: Store = STORE,
    as_json: AsJson = False,
) -> None:
    """Show what changed from one day's universe to another's, with the reasons."""
    from tapeline.cli.universe import show_difference

    show_difference(before, after, store, as_json=as_json)
