"""The universe of a day: which symbols may be traded, why the others may not, and what is known of each.

    universe = build_universe(day, members, days, facts)
    universe.kept, universe.dropped, universe.entries["AAPL"].tier

It is built from what was known at the end of the session before, from the members of that day: a symbol that
left the index later is in it, one that joined later is not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import numpy as np

from tapeline.domain.errors import DataError
from tapeline.domain.panel import Floats
from tapeline.screener.sessions import SessionBars

CORE, EXTENDED = "core", "extended"
NO_BARS = "no bars"
CALM, USUAL, WILD = "low", "middle", "high"


@dataclass(frozen=True)
class UniverseSettings:
    """The numbers of the universe; prices in dollars, spreads as fractions of the price."""

    price_min: float = 1.0
    price_max: float = 500.0
    average_sessions: int = 20
    average_volume_min: float = 500_000.0
    market_cap_min: float = 100e6
    spread_max: float = 0.005
    excluded_exchanges: tuple[str, ...] = ("PINK", "OTC")
    core_size: int = 200
    extended_size: int = 800
    dollar_volume_weight: float = 0.6
    spread_weight: float = 0.25
    volatility_weight: float = 0.15
    unknown_rank: float = 0.5
    volatility_returns: int = 20
    blackout_before: int = 2
    blackout_after: int = 1


@dataclass(frozen=True)
class SymbolFacts:
    """What is known of a symbol besides its bars; None is unknown, which is never the same as fine.

    spread : median, as a fraction of the price; earnings : dates of announcements
    """

    market_cap: float | None = None
    spread: float | None = None
    exchange: str | None = None
    is_shortable: bool | None = None
    earnings: tuple[date, ...] | None = None


@dataclass(frozen=True)
class Member:
    """A symbol of the universe on one day; `reason` is empty for those that are kept.

    in_blackout : whether earnings are near; None if no dates are known
    """

    symbol: str
    reason: str = ""
    tier: str | None = None
    liquidity: float | None = None
    volatility_bucket: str | None = None
    price: float | None = None
    average_volume: float | None = None
    market_cap: float | None = None
    is_shortable: bool | None = None
    in_blackout: bool | None = None


@dataclass(frozen=True)
class Universe:
    """The snapshot of a day."""

    day: date
    members: tuple[Member, ...] = field(default=())

    @property
    def kept(self) -> tuple[Member, ...]:
        """Members that may be traded, by symbol."""
        return tuple(member for member in self.members if not member.reason)

    @property
    def dropped(self) -> tuple[Member, ...]:
        """Members that were dropped, each with its reason."""
        return tuple(member for member in self.members if member.reason)

    @property
    def expected(self) -> tuple[str, ...]:
        """Symbols that a screen of the day should see: those kept, and members of which there are no bars at all."""
        return tuple(member.symbol for member in self.members if member.reason in ("", NO_BARS))

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"day": self.day.isoformat(), "members": [asdict(member) for member in self.members]}


@dataclass(frozen=True)
class Difference:
    """What changed from one day's universe to the next: symbols, and for those dropped the reason."""

    added: tuple[str, ...]
    removed: tuple[tuple[str, str], ...]
    moved: tuple[tuple[str, str | None, str | None], ...]


def difference(before: Universe, after: Universe) -> Difference:
    """Return what changed between two days."""
    old, new = ({member.symbol: member for member in day.kept} for day in (before, after))
    everyone = {member.symbol: member for member in after.members}
    removed = [
        (symbol, everyone[symbol].reason if symbol in everyone else "no longer a member")
        for symbol in sorted(old.keys() - new.keys())
    ]
    both = sorted(old.keys() & new.keys())
    moved = [(symbol, old[symbol].tier, new[symbol].tier) for symbol in both if old[symbol].tier != new[symbol].tier]
    return Difference(tuple(sorted(new.keys() - old.keys())), tuple(removed), tuple(moved))


def build_universe(
    day: date,
    members: Sequence[str],
    symbols: Sequence[str],
    days: SessionBars,
    facts: Mapping[str, SymbolFacts] | None = None,
    numbers: UniverseSettings | None = None,
    *,
    sessions: Sequence[date] = (),
) -> Universe:
    """Return the universe of a day.

    members : symbols of the index lists and custom ones that day
    symbols, days : the columns and completed sessions before the day
    sessions : trading dates well around the day, to count the blackout in sessions; without them in calendar days
    Raises DataError if no session is given.
    """
    if not len(days):
        raise DataError(f"The universe of {day} needs sessions before that day; there are none. Begin earlier.")
    numbers, facts = numbers or UniverseSettings(), facts or {}
    columns = {symbol: column for column, symbol in enumerate(symbols)}
    known = [symbol for symbol in sorted(set(members)) if symbol in columns]
    chosen = [columns[symbol] for symbol in known]
    price = _last_known(days.last[:, chosen])
    volume = _mean_of_last(days.volume[:, chosen], numbers.average_sessions)
    dollars = _mean_of_last((days.volume * days.last)[:, chosen], numbers.average_sessions)
    volatility = _volatility(days.last[:, chosen], numbers.volatility_returns)
    found: dict[str, Member] = {}
    for symbol in sorted(set(members) - set(known)):
        found[symbol] = Member(symbol, NO_BARS)
    for index, symbol in enumerate(known):
        fact = facts.get(symbol, SymbolFacts())
        found[symbol] = Member(
            symbol,
            _reason(float(price[index]), float(volume[index]), fact, numbers),
            price=_known(price[index]),
            average_volume=_known(volume[index]),
            market_cap=fact.market_cap,
            is_shortable=fact.is_shortable,
            in_blackout=_blackout(day, fact.earnings, sessions, numbers),
        )
    kept = [index for index, symbol in enumerate(known) if not found[symbol].reason]
    spreads = np.array([_or_nan(facts.get(known[index], SymbolFacts()).spread) for index in kept])
    score = _liquidity(dollars[kept], spreads, volatility[kept], numbers)
    buckets = _buckets(volatility[kept])
    order = sorted(range(len(kept)), key=lambda place: (-_low(float(score[place])), known[kept[place]]))
    for rank, place in enumerate(order):
        member = found[known[kept[place]]]
        tier = (
            CORE if rank < numbers.core_size else EXTENDED if rank < numbers.core_size + numbers.extended_size else None
        )
        found[member.symbol] = Member(
            **{
                **asdict(member),
                "tier": tier,
                "liquidity": _known(score[place]),
                "volatility_bucket": buckets[place],
            }
        )
    return Universe(day, tuple(found[symbol] for symbol in sorted(found)))


def ranks(values: Floats) -> Floats:
    """Return ranks from 0 (lowest) to 1 (highest), equal values share their mean; NaN stays; a single one is 0.5."""
    result = np.full(len(values), np.nan)
    there = np.flatnonzero(~np.isnan(values))
    if len(there) == 1:
        result[there] = 0.5
    elif len(there):
        _, inverse, counts = np.unique(values[there], return_inverse=True, return_counts=True)
        first = np.cumsum(counts) - counts
        result[there] = (first + (counts - 1) / 2)[inverse] / (len(there) - 1)
    return result


def _reason(price: float, volume: float, fact: SymbolFacts, numbers: UniverseSettings) -> str:
    if math.isnan(price):
        return "no price"
    if not numbers.price_min <= price <= numbers.price_max:
        return f"price {price:,.2f} outside {numbers.price_min:g} to {numbers.price_max:g}"
    if math.isnan(volume):
        return f"fewer than {numbers.average_sessions} sessions of volume"
    if volume < numbers.average_volume_min:
        return f"average volume {volume:,.0f} below {numbers.average_volume_min:,.0f}"
    if fact.market_cap is not None and fact.market_cap < numbers.market_cap_min:
        return f"market cap {fact.market_cap:,.0f} below {numbers.market_cap_min:,.0f}"
    if fact.spread is not None and fact.spread > numbers.spread_max:
        return f"median spread {100 * fact.spread:.2f} % above {100 * numbers.spread_max:g} %"
    if fact.exchange is not None and fact.exchange.upper() in numbers.excluded_exchanges:
        return f"exchange {fact.exchange}"
    return ""


def _blackout(
    day: date, earnings: Sequence[date] | None, sessions: Sequence[date], numbers: UniverseSettings
) -> bool | None:
    if earnings is None:
        return None
    if not sessions:
        return any(-numbers.blackout_after <= (event - day).days <= numbers.blackout_before for event in earnings)
    places = np.array([np.datetime64(session) for session in sessions])
    here = int(np.searchsorted(places, np.datetime64(day)))
    for event in earnings:
        if not sessions[0] <= event <= sessions[-1]:
            continue  # how far away is not known, but far
        distance = int(np.searchsorted(places, np.datetime64(event))) - here
        if -numbers.blackout_after <= distance <= numbers.blackout_before:
            return True
    return False


def _liquidity(dollars: Floats, spreads: Floats, volatility: Floats, numbers: UniverseSettings) -> Floats:
    distance = np.abs(volatility - np.nanmedian(volatility)) if np.any(~np.isnan(volatility)) else volatility
    narrow, usual = ranks(-spreads), ranks(-distance)
    for places in (narrow, usual):
        places[np.isnan(places)] = numbers.unknown_rank
    score: Floats = (
        numbers.dollar_volume_weight * ranks(dollars)
        + numbers.spread_weight * narrow
        + numbers.volatility_weight * usual
    )
    return score


def _buckets(volatility: Floats) -> list[str | None]:
    known = volatility[~np.isnan(volatility)]
    if not len(known):
        return [None] * len(volatility)
    low, high = np.quantile(known, [1 / 3, 2 / 3])
    return [None if math.isnan(v) else CALM if v <= low else USUAL if v <= high else WILD for v in volatility]


def _volatility(closes: Floats, count: int) -> Floats:
    result = np.full(closes.shape[1], np.nan)
    for column in range(closes.shape[1]):
        known = closes[~np.isnan(closes[:, column]), column]
        if len(known) > count:
            result[column] = np.diff(np.log(known[-count - 1 :])).std(ddof=1)
    return result


def _mean_of_last(values: Floats, count: int) -> Floats:
    result = np.full(values.shape[1], np.nan)
    for column in range(values.shape[1]):
        known = values[~np.isnan(values[:, column]), column]
        if len(known) >= count:
            result[column] = known[-count:].mean()
    return result


def _last_known(values: Floats) -> Floats:
    here = ~np.isnan(values)
    newest = len(values) - 1 - np.argmax(here[::-1], axis=0)
    result: Floats = np.where(here.any(axis=0), values[newest, np.arange(values.shape[1])], np.nan)
    return result


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _low(value: float) -> float:
    return -math.inf if math.isnan(value) else value
