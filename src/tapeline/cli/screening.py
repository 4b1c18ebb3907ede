"""Print what the screen says: at a moment, over a replay, and what it was worth."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from rich.live import Live
from rich.text import Text

from tapeline.app.data_choice import DataChoice
from tapeline.app.screen_data import day_of, members_of_day, moment_of, only_members, universe_of
from tapeline.app.screen_evaluation import evaluate
from tapeline.app.screen_explain import explain_at
from tapeline.app.screen_remarks import own_bars, read_name_uses, with_names
from tapeline.app.screen_settings import ScreenerSettings, load_screener_settings
from tapeline.app.screen_validation import validate
from tapeline.app.screening import Screening, Vix, screen_at, screen_feed
from tapeline.app.vix import read_vix
from tapeline.app.watchlist import Refresh, Watchlist
from tapeline.cli.console import SIMULATED, console, messages, show_text
from tapeline.cli.interruption import between_slices
from tapeline.cli.screen_tables import (
    best_columns,
    evaluation_lines,
    explanation_lines,
    regime_lines,
    switches_table,
    unknown_lines,
    validation_lines,
    watch_view,
    watchlist_table,
)
from tapeline.domain.errors import InputError, UnknownNameError
from tapeline.domain.panel import Panel
from tapeline.domain.times import to_iso
from tapeline.report.amounts import plural
from tapeline.screener.universe import Universe
from tapeline.store.screen_store import ScreenStore

WATCHED, ALERTS_SHOWN = 20, 5


@dataclass(frozen=True)
class ScreenChoice:
    """What a command screens, in the words of the command line.

    filters : on or off; at : a moment, empty for the end of the bars
    """

    data: DataChoice
    profile: str = "tapeline"
    config: Path | None = None
    frames: str = ""
    vix: Path | None = None
    filters: str = "off"
    at: str = ""
    names: Path | None = None
    members: Path | None = None
    membership: Path | None = None

    def settings(self) -> ScreenerSettings:
        """Return the settings. Raises what reading them raises."""
        return load_screener_settings(self.config, self.profile, self.frames)

    def read(self) -> Panel:
        """Return the bars, after a word about what was left out of them. Raises what reading them raises."""
        reading = self.data.read()
        for sentence in reading.report.sentences():
            show_text(sentence, messages)
        return reading.panel

    def read_vix(self) -> Vix | None:
        """Return the closes of VIX, None without a file."""
        return None if self.vix is None else read_vix(self.vix, self.data.calendar)

    def universe(self, panel: Panel, settings: ScreenerSettings, at_ns: int) -> Universe | None:
        """Return the day's universe with the filters on, None with filters off."""
        if self.filters not in ("on", "off"):
            raise UnknownNameError("filters", self.filters, ["on", "off"])
        if self.filters == "off":
            if self.members is not None or self.membership is not None:
                raise InputError("Members make a universe, which is off. Add --filters on, or leave them out.")
            return None
        day = day_of(panel, at_ns)
        universe = universe_of(panel, day, settings, members_of_day(day, self.members, self.membership))
        messages.print(
            f"The universe of {universe.day} keeps {len(universe.kept)} of {plural(len(universe.members), 'symbol')}."
        )
        return universe


class Screened(NamedTuple):
    """A screening, the bars it was made from, and how long it took."""

    screening: Screening
    panel: Panel
    took_s: float


def show_screen(
    choice: ScreenChoice, *, all_fine: bool, as_json: bool, explain: str, top: int, store: Path | None
) -> None:
    """Print the screen at a moment as a table or as JSON, or one symbol's conditions."""
    screening, panel, took_s = _screened(choice)
    settings, at_ns = screening.settings, screening.snapshot.time_ns
    if store is not None:
        with ScreenStore.open(store) as kept:
            Watchlist(kept).refresh(screening)
    if explain:
        told = explain_at(panel, at_ns, settings, explain)
        if as_json:
            console.out(json.dumps(told.as_dict(), allow_nan=False), highlight=False)
            return
        symbols = screening.snapshot.symbols
        for remark in screening.remarks(symbols.index(explain)) if explain in symbols else ():
            show_text(f"{explain}: {remark}.")
        for line in explanation_lines(told):
            show_text(line)
        return
    if as_json:
        console.out(json.dumps(screening.as_dict(all_fine=all_fine, took_s=took_s), allow_nan=False), highlight=False)
        return
    _print(screening, choice, top, took_s)


def show_regime(choice: ScreenChoice, *, as_json: bool) -> None:
    """Print the market's regime at a moment."""
    screening = _screened(choice).screening
    if screening.regime is None:
        frame = screening.settings.screen.frames.confirmation
        raise InputError(f"No bar of {frame} had closed by then, and the regime is told at such a close. Ask later.")
    if as_json:
        told = {**(screening.regime_as_dict() or {}), "recommendations": screening.regime.recommendations()}
        console.out(json.dumps(told, allow_nan=False), highlight=False)
        return
    for line in regime_lines(screening.regime):
        show_text(line)


def watch_screen(choice: ScreenChoice, *, store: Path | None, pause_s: float, follow_s: float) -> None:
    """Replay the bars and show the watchlist anew at each close of the trigger frame, until they end or Ctrl-C.

    follow_s : at their end look for new ones every so many seconds; 0 ends there
    """
    settings, panel, vix = choice.settings(), choice.read(), choice.read_vix()
    since_ns = moment_of(choice.at, panel) if choice.at else _last_open(panel)
    count = alerts = 0
    stopped = ""
    with nullcontext() if store is None else ScreenStore.open(store) as kept, between_slices() as check:
        bars = iter([panel]) if follow_s <= 0 else chain([panel], _newer(choice, panel, follow_s, check))
        try:
            with _live() as show:
                for refresh in Watchlist(kept).follow(screen_feed(bars, settings, vix, first_ns=since_ns)):
                    count, alerts = count + 1, alerts + len(refresh.alerts)
                    show(refresh)
                    _wait(pause_s, check)
        except KeyboardInterrupt:
            stopped = " Stopped by you."
    kept_in = f" Kept in {store}." if store is not None else ""
    show_text(f"Refreshed {plural(count, 'time')}; {plural(alerts, 'alert')}.{kept_in}{stopped}")
    if choice.data.is_simulated:
        show_text(SIMULATED)


def _newer(choice: ScreenChoice, panel: Panel, follow_s: float, check: Callable[[], None]) -> Iterator[Panel]:
    """Yield the bars of the same symbols again and again, without a word."""
    same = replace(choice.data, symbols=",".join(panel.symbols))
    while True:
        _wait(follow_s, check)
        yield same.read().panel


def _wait(seconds: float, check: Callable[[], None]) -> None:
    """Wait, and look for Ctrl-C meanwhile."""
    until = time.monotonic() + seconds
    check()
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.1))
        check()


def show_evaluation(choice: ScreenChoice, *, horizon: int, switches: bool, as_json: bool) -> None:
    """Print what grades and scores were worth over the bars."""
    settings, panel = choice.settings(), choice.read()
    found = evaluate(panel, settings, horizon=horizon, switches=switches)
    if as_json:
        console.out(json.dumps(found, allow_nan=False), highlight=False)
        return
    for line in evaluation_lines(found):
        show_text(line)
    if switches:
        console.print(switches_table(found["switches"]))
    for line in found["verdict"]:
        show_text(line)
    if choice.data.is_simulated:
        show_text(SIMULATED)


def show_validation(choice: ScreenChoice, *, as_json: bool) -> None:
    """Print recall and precision of the coarse filter."""
    settings, panel = choice.settings(), choice.read()
    found = validate(panel, settings)
    if as_json:
        console.out(json.dumps(found, allow_nan=False), highlight=False)
        return
    for line in validation_lines(found):
        show_text(line)


def _screened(choice: ScreenChoice) -> Screened:
    settings, panel, vix = choice.settings(), choice.read(), choice.read_vix()
    at_ns = moment_of(choice.at, panel)
    uses = None if choice.names is None else read_name_uses(choice.names)
    if uses is not None:
        panel = own_bars(panel, uses, at_ns)
    universe = choice.universe(panel, settings, at_ns)
    if universe is not None:
        panel = only_members(panel, universe, besides=settings.regime.indices)
    begun = time.monotonic()
    screening = screen_at(panel, at_ns, settings, vix)
    took_s = time.monotonic() - begun
    if universe is not None:
        screening = screening.of(universe.expected)
    if uses is not None:
        screening = with_names(screening, panel, uses)
    return Screened(screening, panel, took_s)


def _print(screening: Screening, choice: ScreenChoice, top: int, took_s: float) -> None:
    found = screening.as_dict(all_fine=True, took_s=took_s)
    show_text(
        f"{found['at']}, profile {found['profile']}: {found['passed']} of {plural(found['universe'], 'symbol')} pass"
        f" the coarse screen, {len(found['handed_over'])} are handed over, {len(found['watchlist'])} on the watchlist."
    )
    if found["flags"]:
        show_text(f"Flags: {', '.join(found['flags'])}.")
    if screening.regime is not None:
        show_text(regime_lines(screening.regime)[0])
        if screening.regime.missing:
            show_text(f"Unknown to the regime: {', '.join(screening.regime.missing)}.")
    columns = best_columns(screening, top)
    console.print(watchlist_table(screening, columns))
    for line in unknown_lines(screening, columns):
        show_text(line)
    for one in found["dropped"][:top]:
        show_text(f"{one['symbol']} dropped: {'; '.join([one['reason'], *one['remarks']])}.")
    if len(found["dropped"]) > top:
        show_text(f"and {len(found['dropped']) - top} more dropped")
    if choice.data.is_simulated:
        show_text(SIMULATED)


def _last_open(panel: Panel) -> int:
    if panel.sessions is None:
        raise InputError("The screen needs the sessions of an exchange. Leave --calendar none out.")
    return int(panel.sessions.open_ns[panel.sessions.open_ns < panel.end_ns[-1]][-1])


@contextmanager
def _live() -> Iterator[Any]:
    """Give the function that shows a refresh: a table that is drawn anew in a terminal, else lines."""
    if not console.is_terminal:

        def tell(refresh: Refresh) -> None:
            found = refresh.screening.snapshot
            names = ", ".join(f"{row['symbol']} {row['grade']}" for row in refresh.rows) or "nobody"
            show_text(f"{to_iso(found.time_ns)}  {names}")
            for _, _, sentence in refresh.alerts:
                show_text(f"  {sentence}")

        yield tell
        return
    told: list[tuple[int, str]] = []
    with Live(Text("Waiting for the first close ..."), console=console, refresh_per_second=8) as live:

        def draw(refresh: Refresh) -> None:
            told.extend((refresh.screening.snapshot.time_ns, sentence) for _, _, sentence in refresh.alerts)
            live.update(watch_view(refresh, told[-ALERTS_SHOWN:], WATCHED), refresh=True)

        yield draw
