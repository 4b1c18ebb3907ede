"""How orders are worked: the settings of execution algorithms, plain values, checked once.

    twap(minutes=30)                         equal parts over half an hour
    volume_weighted(minutes=60, sessions=20) by the volume of past sessions at this time of day
    participation(rate=0.1)                  a tenth of what trades
    limit(offset_bps=5)                      one limit order, repriced toward the market
    adaptive(minutes=30)                     even parts as limits, the more aggressive the further behind
    market()                                 at once, as one order

What each does is told in docs/execution.md. Without an algorithm an order goes to the venue as the strategy wrote it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from tapeline.domain.errors import ConfigurationError, UnknownNameError


@dataclass(frozen=True, slots=True)
class Algorithm:
    """An algorithm with its settings; make one with the functions below.

    name : by which journal and tables know it
    schedule : how much is due by when: all "at_once", evenly over time ("twap"), by past volume ("vwap"), or a
        share of the present volume ("participation")
    pricing : of each part: "market", "limit" (passive, then mid, then across), or "adaptive" (by how far behind it is)
    minutes : length of the window, None = to the end of the session; every_minutes : between two parts
    rate : largest share of the volume traded since the start (participation)
    sessions : of the volume profile, the newest so many; sessions_min : fewer of them and parts are equal
    offset_bps : of a limit from the last price, at least half the spread; volatility : and at least so many mean
        true ranges, scaled to the time-out; offset_bps_max : at most this
    timeout_s : without a fill, after which a limit is repriced; jitter : share by which waiting after a refusal is
        lengthened at random
    accept : the share filled with which it ends when its time or its last time-out is over; 1 = only all of it
    leftover : what else becomes of the rest then, "cross" = market order, "abandon" = nothing
    avoid_open_minutes, avoid_close_minutes : of a session, in which entries send nothing
    """

    name: str
    schedule: Literal["at_once", "twap", "vwap", "participation"] = "at_once"
    pricing: Literal["market", "limit", "adaptive"] = "market"
    minutes: float | None = None
    every_minutes: float = 5.0
    rate: float = 0.1
    sessions: int = 20
    sessions_min: int = 5
    offset_bps: float = 5.0
    offset_bps_max: float = 50.0
    volatility: float = 0.25
    timeout_s: float = 60.0
    jitter: float = 0.25
    accept: float = 0.8
    leftover: Literal["cross", "abandon"] = "cross"
    avoid_open_minutes: float = 5.0
    avoid_close_minutes: float = 5.0

    def __post_init__(self) -> None:
        for name in ("every_minutes", "rate", "sessions", "sessions_min", "offset_bps_max", "timeout_s"):
            self._need(name, getattr(self, name) > 0, "above zero")
        for name in ("offset_bps", "volatility", "jitter", "avoid_open_minutes", "avoid_close_minutes"):
            self._need(name, getattr(self, name) >= 0, "zero or more")
        self._need("minutes", self.minutes is None or self.minutes > 0, "above zero")
        self._need("rate", self.rate <= 1, "a share up to 1")
        self._need("accept", 0 < self.accept <= 1, "a share above 0 and up to 1")
        self._need("offset_bps_max", self.offset_bps_max >= self.offset_bps, "offset_bps or more")
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise UnknownNameError(name, str(getattr(self, name)), known, where=f"algorithm {self.name}")

    def _need(self, name: str, holds: bool, what: str) -> None:
        value = getattr(self, name)
        if not holds or (value is not None and not math.isfinite(value)):
            raise ConfigurationError(f"Algorithm {self.name}: {name} must be {what}, found {value}.")

    def as_tree(self) -> dict[str, Any]:
        """Return the settings as plain values, for the journal."""
        return asdict(self)


_CHOICES: dict[str, tuple[str, ...]] = {
    "schedule": ("at_once", "twap", "vwap", "participation"),
    "pricing": ("market", "limit", "adaptive"),
    "leftover": ("cross", "abandon"),
}


def market(**settings: Any) -> Algorithm:
    """Send all of it at once as a market order; what it costs is measured like that of the others."""
    return Algorithm("market", **settings)


def limit(offset_bps: float = 5.0, **settings: Any) -> Algorithm:
    """Send all of it at once as a limit order, which is repriced toward the market at each time-out."""
    return Algorithm("limit", pricing="limit", offset_bps=offset_bps, **settings)


def twap(minutes: float = 30.0, **settings: Any) -> Algorithm:
    """Send equal parts over a time."""
    return Algorithm("twap", schedule="twap", minutes=minutes, **settings)


def volume_weighted(minutes: float = 30.0, **settings: Any) -> Algorithm:
    """Send parts over a time as the volume of past sessions was spread over that time of the day."""
    return Algorithm("vwap", schedule="vwap", minutes=minutes, **settings)


def participation(rate: float = 0.1, **settings: Any) -> Algorithm:
    """Send up to a share of what has traded since the start, until the session's end or for `minutes`."""
    return Algorithm("participation", schedule="participation", rate=rate, **{"every_minutes": 1.0, **settings})


def adaptive(minutes: float = 30.0, **settings: Any) -> Algorithm:
    """Send equal parts as passive limits, which cross the spread when behind the schedule or run away from."""
    return Algorithm("adaptive", schedule="twap", pricing="adaptive", minutes=minutes, **settings)


ALGORITHMS: dict[str, Callable[..., Algorithm]] = {
    **{made.__name__: made for made in (market, limit, twap, participation, adaptive)},
    "vwap": volume_weighted,  # the plain name is the indicator's
}
"""Every algorithm by its name."""


@dataclass(frozen=True, slots=True)
class Algorithms:
    """How a strategy's orders are worked: entries, and exits that its rules ask for; None = as the strategy wrote them.

    Exits that cannot wait (flat before the close, a loss limit, flatten) and stops and targets are never worked.
    """

    entry: Algorithm | None = None
    exit: Algorithm | None = None

    def over(self, other: Algorithms) -> Algorithms:
        """Return these, with those of another where there is none."""
        return Algorithms(self.entry or other.entry, self.exit or other.exit)

    def __bool__(self) -> bool:
        return self.entry is not None or self.exit is not None


def algorithm_of(text: str) -> Algorithm:
    """Return an algorithm from a text such as "twap" or "twap:minutes=30,pricing=limit".

    Raises UnknownNameError or ConfigurationError for what is no algorithm or no setting of one.
    """
    name, _, rest = text.partition(":")
    if name not in ALGORITHMS:
        raise UnknownNameError("execution algorithm", name, ALGORITHMS)
    given = dict(part.partition("=")[::2] for part in rest.split(",")) if rest else {}
    return algorithm_from(name, given)


def algorithm_from(name: str, given: Mapping[str, Any]) -> Algorithm:
    """Return an algorithm with settings, as texts or values. Raises what `algorithm_of` raises."""
    made = ALGORITHMS[name]()
    known = {field.name: field.type for field in fields(made) if field.name not in ("name", "schedule")}
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            raise UnknownNameError("setting", key, known, where=f"algorithm {name}")
        values[key] = value if key in _CHOICES else _number(name, key, value, whole=known[key] == "int")
    return replace(made, **values)


def _number(name: str, key: str, value: Any, *, whole: bool) -> float | int:
    try:
        return int(value) if whole else float(value)
    except (TypeError, ValueError):
        raise ConfigurationError(f"Algorithm {name}: {key} must be a number, found {value!r}.") from None
