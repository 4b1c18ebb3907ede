"""Build, show and compare universes."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

from tapeline.app.data_choice import DataChoice
from tapeline.app.screen_data import members_of_day, read_facts, universe_from, universe_of
from tapeline.app.screen_settings import load_screener_settings
from tapeline.cli.console import SIMULATED, console, show_text
from tapeline.domain.errors import InputError
from tapeline.domain.times import ns_to_date
from tapeline.report.amounts import plural
from tapeline.screener.universe import CORE, EXTENDED, NO_BARS, Difference, Member, Universe, difference
from tapeline.store.screen_store import ScreenStore

_SHOWN = 20


def run_build(
    choice: DataChoice,
    day: str,
    members: tuple[Path | None, Path | None],
    facts: tuple[Path | None, Path | None],
    config: Path | None,
    store: Path,
    *,
    as_json: bool,
) -> None:
    """Build the universe of a day, keep it, and print it with what changed since the one before.

    members : a list, and stays in an index; facts : of symbols, and dates of earnings
    """
    settings = load_screener_settings(config)
    panel = choice.read().panel
    chosen = _day(day) if day else ns_to_date(int(panel.end_ns[-1])) + timedelta(days=1)
    universe = universe_of(panel, chosen, settings, members_of_day(chosen, *members), read_facts(*facts))
    with ScreenStore.open(store) as kept:
        before = kept.universe(chosen - timedelta(days=1))
        kept.save_universe(chosen, universe.as_dict())
    change = difference(universe_from(before), universe) if before is not None else None
    if as_json:
        changes = None if change is None else asdict(change)
        console.out(json.dumps({**universe.as_dict(), "changes": changes}, allow_nan=False), highlight=False)
        return
    _print(universe)
    if change is not None:
        _print_change(change)
    if choice.is_simulated:
        show_text(SIMULATED)


def show_universe(day: str, store: Path, *, as_json: bool) -> None:
    """Print the universe of a day as it was kept."""
    universe = _kept(_day(day) if day else date.max, store)
    if as_json:
        console.out(json.dumps(universe.as_dict(), allow_nan=False), highlight=False)
    else:
        _print(universe)


def show_difference(before: str, after: str, store: Path, *, as_json: bool) -> None:
    """Print what changed between two days."""
    change = difference(_kept(_day(before), store), _kept(_day(after), store))
    if as_json:
        console.out(json.dumps(asdict(change)), highlight=False)
    else:
        _print_change(change)


def _kept(day: date, store: Path) -> Universe:
    if not store.exists():
        raise InputError(f"There is no store {store}. Build a universe first: tapeline universe build --data FILE.")
    with ScreenStore.open(store) as kept:
        content = kept.universe(day)
    if content is None:
        raise InputError(f"No universe was kept by {day} in {store}. Build it: tapeline universe build --day {day}.")
    return universe_from(content)


def _print(universe: Universe) -> None:
    kept, dropped = universe.kept, universe.dropped
    tiers = [sum(1 for member in kept if member.tier == tier) for tier in (CORE, EXTENDED)]
    show_text(
        f"Universe of {universe.day}: {plural(len(kept), 'symbol')}, {tiers[0]} core, {tiers[1]} extended;"
        f" {len(dropped)} dropped."
    )
    best = sorted(kept, key=lambda member: (-(member.liquidity or 0.0), member.symbol))
    for member in best[:_SHOWN]:
        show_text(
            f"  {member.symbol:8s} {member.tier or 'neither':9s} liquidity {member.liquidity or 0.0:.2f}, "
            + ", ".join(_facts(member))
        )
    if len(best) > _SHOWN:
        show_text(f"  and {len(best) - _SHOWN} more")
    judged = [member for member in dropped if member.reason != NO_BARS]
    for member in judged[:_SHOWN]:
        show_text(f"  {member.symbol} dropped: {member.reason}")
    if len(judged) > _SHOWN:
        show_text(f"  and {len(judged) - _SHOWN} more dropped")
    bare = [member.symbol for member in dropped if member.reason == NO_BARS]
    if bare:
        more = f" and {len(bare) - _SHOWN} more" if len(bare) > _SHOWN else ""
        show_text(f"  {', '.join(bare[:_SHOWN])}{more} dropped: {NO_BARS}")


def _facts(member: Member) -> list[str]:
    """Return what is known of a symbol in words, and what is not."""
    told = {
        "volatility": member.volatility_bucket and f"{member.volatility_bucket} volatility",
        "earnings": {True: "earnings near", False: "no earnings near", None: ""}[member.in_blackout],
        "shortable": {True: "shortable", False: "not shortable", None: ""}[member.is_shortable],
        "market cap": member.market_cap and f"market cap {member.market_cap / 1e6:,.0f} M",
    }
    unknown = [name for name, words in told.items() if not words]
    return [*(words for words in told.values() if words), *([f"unknown: {', '.join(unknown)}"] if unknown else [])]


def _print_change(change: Difference) -> None:
    if not (change.added or change.removed or change.moved):
        show_text("Nothing changed.")
    if change.added:
        show_text(f"Added: {', '.join(change.added)}.")
    for symbol, reason in change.removed:
        show_text(f"Removed: {symbol}, {reason}.")
    for symbol, before, after in change.moved:
        show_text(f"Moved: {symbol}, from {before or 'neither'} to {after or 'neither'}.")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise InputError(f"Day {text!r} is no date. Write it like 2018-04-20.") from exc
