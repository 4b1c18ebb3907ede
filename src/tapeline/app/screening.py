"""Screens over data: a moment, a session, a whole history; with the regime of each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tapeline.app.screen_newest import newest_of
from tapeline.app.screen_settings import ScreenerSettings
from tapeline.domain.errors import DataError
from tapeline.domain.panel import BAR_FIELDS, Floats, Panel, Times
from tapeline.domain.times import parse_frame, to_iso
from tapeline.engine.assembly import AnyStrategy
from tapeline.formula import bars, compile_program
from tapeline.screener.reading import Readings
from tapeline.screener.regime import Regime, index_trend, market_regime
from tapeline.screener.screen import CONFIRMATION, Screen, Snapshot
from tapeline.screener.sessions import SessionBars, SessionHistory, session_bars
from tapeline.strategies.reversal import REGIME_FAVOURABILITY, REGIME_POSITIONS, REGIME_SIZE, MomentumReversal


@dataclass(frozen=True, eq=False)
class Vix:
    """Closes of the volatility index: float64, with the ends of their sessions in UTC nanoseconds, oldest first."""

    end_ns: Times
    close: Floats

    def until(self, time_ns: int) -> Floats:
        """Return the closes of the sessions that were over."""
        return self.close[: int(np.searchsorted(self.end_ns, time_ns, side="right"))]


@dataclass(frozen=True, eq=False)
class Screening:
    """A snapshot of the screen with the regime that held.

    notes : what is known of symbols besides, in sentences
    """

    snapshot: Snapshot
    regime: Regime | None
    settings: ScreenerSettings
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def as_dict(self, *, all_fine: bool = False, took_s: float | None = None) -> dict[str, Any]:
        """Return plain data for JSON; infinite ratios are the text "inf"."""
        found = self.snapshot.as_dict(self.settings.profile, all_fine=all_fine, took_s=took_s)
        found["at"] = to_iso(found["at"])
        found["regime"] = self.regime_as_dict()
        for one in (*found["rows"], *found["dropped"]):
            one["remarks"] += self.notes.get(one["symbol"], ())
        return {name: plain(value) for name, value in found.items()}

    def remarks(self, column: int) -> list[str]:
        """Return what is not known of a symbol and why, in words."""
        return [*self.snapshot.remarks(column), *self.notes.get(self.snapshot.symbols[column], ())]

    def of(self, symbols: Collection[str]) -> Screening:
        """Return the screening of some of the symbols; the regime stays that of the market."""
        return replace(self, snapshot=self.snapshot.of(symbols))

    def regime_as_dict(self) -> dict[str, Any] | None:
        """Return the regime as plain data for JSON, None before the first close of the confirmation frame."""
        return None if self.regime is None else plain(self.regime.as_dict())


def screen_history(
    panel: Panel, settings: ScreenerSettings, vix: Vix | None = None, *, first_ns: int | None = None
) -> Iterator[Screening]:
    """Yield a screening for each close of the trigger frame.

    first_ns : earlier ones are passed over. Raises DataError for data without sessions.
    """
    return screen_feed([panel], settings, vix, first_ns=first_ns)


def screen_feed(
    panels: Iterable[Panel], settings: ScreenerSettings, vix: Vix | None = None, *, first_ns: int | None = None
) -> Iterator[Screening]:
    """Yield a screening for each close of the trigger frame as the bars for it arrive.

    panels : the same bars each time, with what came since; rows up to the last one seen are taken as known, so a
        correction of them is not seen
    Raises DataError for data without sessions, or with other symbols than before.
    """
    screen: Screen | None = None
    regime, seen_ns = None, 0
    for panel in panels:
        if screen is None:
            screen = Screen(panel.symbols, panel.frame_ns, settings.screen, settings.regime)
        elif panel.symbols != screen.symbols:
            raise DataError("The symbols of the bars changed while they were watched. Name them with --symbols.")
        known = int(np.searchsorted(panel.end_ns, seen_ns, side="right"))
        read = known if first_ns is None else max(known, int(np.searchsorted(panel.end_ns, first_ns)))
        screen.pass_over(panel.rows(known, read))
        seen_ns = int(panel.end_ns[read - 1]) if read > known else seen_ns
        for chunk in _chunks(panel.rows(read, len(panel)), screen):
            seen_ns = int(chunk.end_ns[-1])
            for snapshot in screen.advance(chunk):
                wanted = first_ns is None or snapshot.time_ns >= first_ns
                if snapshot.closes_confirmation and wanted:
                    regime = regime_of(panel, snapshot, settings, vix)
                if wanted:
                    yield Screening(snapshot, regime, settings)


def screen_at(panel: Panel, at_ns: int, settings: ScreenerSettings, vix: Vix | None = None) -> Screening:
    """Return the screening of the last close of the trigger frame up to a moment.

    The regime is that of the last close of the confirmation frame. Raises DataError if nothing had closed by then.
    """
    past = rows_until(panel, at_ns)
    newest = newest_of(past, settings)
    if newest is None:
        raise nothing_closed(panel, at_ns, settings)
    last, confirmation = newest
    regime = regime_of(past, confirmation, settings, vix) if confirmation is not None else None
    return Screening(last, regime, settings, _silences(past, last, settings))


def _silences(past: Panel, snapshot: Snapshot, settings: ScreenerSettings) -> dict[str, tuple[str, ...]]:
    """Return since when those are silent that have no bar in the newest one of the trigger frame."""
    assert past.sessions is not None
    opened = int(past.sessions.open_ns[np.searchsorted(past.sessions.open_ns, snapshot.time_ns) - 1])
    length = parse_frame(settings.screen.frames.trigger)
    begins = opened + (snapshot.time_ns - opened - 1) // length * length
    newest = past.close[int(np.searchsorted(past.end_ns, begins, side="right")) :]
    found: dict[str, tuple[str, ...]] = {}
    for column in np.flatnonzero(np.isnan(newest).all(axis=0)).tolist():
        rows = np.flatnonzero(~np.isnan(past.close[:, column]))
        since = f"its last bar ended {to_iso(int(past.end_ns[rows[-1]]))}" if len(rows) else "no bar at all"
        found[past.symbols[column]] = (since,)
    return found


def rows_until(panel: Panel, at_ns: int) -> Panel:
    """Return the rows that had ended by a moment.

    Where nothing traded up to that moment a row without bars stands for it, so that the frames that ended in
    between do close.
    """
    past = panel.rows(0, int(np.searchsorted(panel.end_ns, at_ns, side="right")))
    if len(past) == 0 or panel.sessions is None or past.series:
        return past
    session = int(panel.sessions.index_of(past.start_ns[-1:])[0])
    if session < 0:
        return past
    opened, closed = int(panel.sessions.open_ns[session]), int(panel.sessions.close_ns[session])
    end = min(at_ns, closed)
    end -= 0 if end == closed else (end - opened) % panel.frame_ns
    last = int(past.end_ns[-1])
    if end <= last:
        return past
    nothing = np.full((1, len(panel.symbols)), np.nan)
    prices: dict[str, Any] = {name: np.concatenate([getattr(past, name), nothing]) for name in BAR_FIELDS}
    starts, ends = (
        np.append(times, time) for times, time in ((past.start_ns, end - panel.frame_ns), (past.end_ns, end))
    )
    return replace(past, start_ns=starts, end_ns=ends, **prices)


def _chunks(rows: Panel, screen: Screen) -> Iterator[Panel]:
    for first in range(0, len(rows), screen.chunk_rows):
        yield rows.rows(first, min(first + screen.chunk_rows, len(rows)))


def nothing_closed(panel: Panel, at_ns: int, settings: ScreenerSettings) -> DataError:
    """Return the error for a moment before the first close of the trigger frame."""
    begins = to_iso(int(panel.end_ns[0])) if len(panel) else "nothing"
    return DataError(
        f"No bar of {settings.screen.frames.trigger} had closed by {to_iso(at_ns)}; the data begin with {begins}."
        " Choose a later time."
    )


def regime_of(panel: Panel, snapshot: Snapshot, settings: ScreenerSettings, vix: Vix | None) -> Regime:
    """Return the regime at a snapshot's time."""
    row = int(np.searchsorted(panel.end_ns, snapshot.time_ns, side="right")) - 1
    return _regime(panel.symbols, snapshot["trend"], session_bars(panel, row), snapshot.time_ns, settings, vix)


def regimes(panel: Panel, settings: ScreenerSettings, vix: Vix | None = None) -> Iterator[tuple[int, Regime]]:
    """Yield the regime at each close of the confirmation frame, with its time; the indices alone are computed.

    Raises DataError for data without sessions.
    """
    columns = [place for place, symbol in enumerate(panel.symbols) if symbol in settings.regime.indices] or [0]
    names = tuple(panel.symbols[column] for column in columns)
    open_, high, low, close, volume = (np.ascontiguousarray(getattr(panel, name)[:, columns]) for name in BAR_FIELDS)
    indices = Panel(
        names, panel.frame_ns, panel.start_ns, panel.end_ns, open_, high, low, close, volume, panel.sessions
    )  # fmt: skip
    frame = bars(settings.screen.frames.confirmation)
    trend = index_trend(Readings(settings.screen), settings.regime)
    program = compile_program(
        {CONFIRMATION: (frame, {"trend": trend})}, symbol_count=len(columns), base_frame_ns=panel.frame_ns
    )
    table = program.tables[CONFIRMATION]
    history = SessionHistory(panel)
    for first in range(0, len(panel), program.chunk_rows):
        program.advance(indices.rows(first, min(first + program.chunk_rows, len(panel))))
        for number, time_ns in enumerate(table.end_ns.tolist()):
            trends = np.full(len(panel.symbols), np.nan)
            trends[columns] = table.values[table.rows["trend"], number]
            row = int(np.searchsorted(panel.end_ns, time_ns, side="right")) - 1
            yield time_ns, _regime(panel.symbols, trends, history.at(row), time_ns, settings, vix)


def with_regime(panel: Panel, settings: ScreenerSettings, vix: Vix | None = None) -> Panel:
    """Return the panel with the regime beside its bars, for `MomentumReversal`.

    The series regime_size, regime_positions and regime_favourability hold in each row what the last close of the
    confirmation frame up to the row's end gave; they are unknown before the first. Raises DataError without sessions.
    """
    names = (REGIME_SIZE, REGIME_POSITIONS, REGIME_FAVOURABILITY)
    values = np.full((len(names), len(panel)), np.nan)
    for time_ns, regime in regimes(panel, settings, vix):
        row = int(np.searchsorted(panel.end_ns, time_ns))
        numbers = regime.size_multiplier, regime.max_positions, regime.favourability
        values[:, row:] = np.array(numbers, dtype=np.float64)[:, np.newaxis]
    for name, numbers_of_rows in zip(names, values, strict=True):
        panel = panel.with_series(name, np.repeat(numbers_of_rows[:, np.newaxis], len(panel.symbols), axis=1))
    return panel


def with_regime_asked(panel: Panel, strategies: Sequence[AnyStrategy], vix: Vix | None = None) -> Panel:
    """Return the panel with the regime beside its bars if a strategy is the reversal, by that strategy's settings."""
    for strategy in strategies:
        if isinstance(strategy, MomentumReversal):
            return with_regime(panel, ScreenerSettings(screen=strategy.screen, regime=strategy.regime), vix)
    return panel


def _regime(
    symbols: tuple[str, ...], trends: Floats, days: SessionBars, time_ns: int, settings: ScreenerSettings,
    vix: Vix | None,
) -> Regime:  # fmt: skip
    switches = settings.screen.switches
    return market_regime(
        symbols,
        trends,
        days,
        None if vix is None else vix.until(time_ns),
        settings.regime,
        proxy_scaled=switches.proxy_scaled,
        funds_left_out=switches.funds_left_out,
    )


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: unknown is None, infinite the text "inf"."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, float):
        if value != value:
            return None
        if value in (float("inf"), float("-inf")):
            return "inf" if value > 0 else "-inf"
    return value
