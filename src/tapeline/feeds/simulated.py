"""A simulated market for demonstrations: invented symbols, honest about being invented.

What it has of a real one: returns with fat tails and clustered volatility, one market factor with a beta
per symbol, overnight gaps, a quiet middle of the day (volume and volatility are U-shaped), prices on the
cent, drifts that last for some hours around which prices swing back and forth, names that skip minutes, and
a trading halt. What it has not: news, spreads, order books, correlations within sectors. A profit made
here says nothing about any market.

The same seed gives the same bytes on every machine. NumPy promises a stable stream for the raw bits of
PCG64 only, and the processor's own exp and log differ in the last digit, so everything here is made of raw
bits and of + - * / and square roots, which IEEE 754 defines exactly; sums run in a fixed order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tapeline.domain.errors import InputError
from tapeline.domain.panel import Floats, Panel, Sessions, Times
from tapeline.domain.times import DAY, frame_text, parse_frame
from tapeline.tape.completeness import completeness
from tapeline.tape.reading import Reading, ReadReport

# Volatility clusters: today's variance is so much of the long-run one, of the last squared return, of the
# last variance. Bollerslev (1986), generalised autoregressive conditional heteroskedasticity; the sizes are
# the usual ones for intraday returns.
_VARIANCE_BASE, _VARIANCE_NEWS, _VARIANCE_MEMORY = 0.02, 0.08, 0.90
_VARIANCE_MAX = 16.0
_DRIFT_MEMORY, _DRIFT_SIZE = 0.995, 0.08  # a drift lasts some 140 bars and then rivals the noise
_SWING_MEMORY, _SWING_SIZE = 0.90, 1.0  # price around fair value: half of a swing is gone after 7 bars
_MARKET_YEARLY, _GAP_SHARE = 0.16, 0.45  # volatility of the factor; a gap against a session's volatility
_HALT_BARS, _HALT_JUMP = 5, 0.03  # a halt takes out five bars and reopens so much higher or lower
_HALT_ROWS_MIN = 200  # a shorter market has none, nor has one of a single symbol: its time would have a hole
_THIN_SHARE = 7  # one symbol in seven skips bars
_LOWEST_CENTS = 100.0


@dataclass(frozen=True, eq=False)
class _Axis:
    """Bars of the sessions: T times, which of them open a session, and how far into it they are (0 to 1)."""

    start_ns: Times
    end_ns: Times
    opens: npt.NDArray[np.bool_]
    progress: Floats


def simulate_market(
    seed: int, *, sessions: Sessions, symbols: int | Sequence[str] = 20, frame: str = "1min"
) -> Reading:
    """Return simulated bars of some symbols over some sessions, and their report.

    seed : 0 or more; the same seed, sessions, symbols and frame give the same bars everywhere
    symbols : names, or how many to call SIM01, SIM02, ...
    frame : length of the base bar
    """
    names = _names(symbols)
    frame_ns = parse_frame(frame)
    if seed < 0:
        raise InputError(f"Seed {seed} is below zero. Give a whole number from 0 on.")
    if len(sessions) == 0:
        raise InputError("No session was given to simulate. Choose a period with a trading day.")
    if frame_ns > DAY or (frame_ns < DAY and frame_ns > int((sessions.close_ns - sessions.open_ns).min())):
        raise InputError(f"Bars of {frame_text(frame_ns)} do not fit into a session. Choose 1d or a shorter frame.")
    axis = _axis(sessions, frame_ns)
    panel = _bars(_Draws(seed, len(axis.end_ns), len(names)), axis, names, frame_ns, sessions)
    report = ReadReport(
        source=f"a simulated market, seed {seed}",
        symbols=names,
        frame_ns=frame_ns,
        rows_read=int(np.count_nonzero(~np.isnan(panel.close))),
        rows_dropped=0,
        dropped_by_symbol={},
        rows_clipped=0,
        zero_volume=0,
        first_ns=int(panel.start_ns[0]),
        last_ns=int(panel.end_ns[-1]),
        completeness=completeness(panel),
    )
    return Reading(panel, report)


class _Draws:
    """Random numbers of T rows and N columns; each purpose has its own stream."""

    def __init__(self, seed: int, rows: int, columns: int) -> None:
        self._seed, self._rows, self._columns, self._purpose = seed, rows, columns, 0

    def uniform(self, rows: int | None = None, columns: int | None = None) -> Floats:
        """Return numbers between 0 and 1, neither included."""
        self._purpose += 1
        shape = (self._rows if rows is None else rows, self._columns if columns is None else columns)
        bits = np.random.PCG64(np.random.SeedSequence([self._seed, self._purpose]))
        raw = np.asarray(bits.random_raw(shape[0] * shape[1]), dtype=np.uint64)
        numbers: Floats = ((raw >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
        return numbers.reshape(shape)

    def student(self, rows: int | None = None, columns: int | None = None) -> Floats:
        """Return Student-t numbers with 4 degrees of freedom, scaled to variance 1, cut at 8.

        Quantile from Shaw (2006), Sampling Student's T distribution: 2 sqrt(cos(arccos(s) / 3) / s - 1)
        with s = sqrt(4 u (1 - u)). The cosine c solves 4 c^3 - 3 c = s, found by Newton from c = 1.
        """
        u = self.uniform(rows, columns)
        s = np.sqrt(4.0 * u * (1.0 - u))
        c = np.ones_like(s)
        for _ in range(6):
            c = c - (4.0 * c * c * c - 3.0 * c - s) / (12.0 * c * c - 3.0)
        size = np.sqrt(2.0) * np.sqrt(np.maximum(c / s - 1.0, 0.0))
        drawn: Floats = np.where(u < 0.5, -1.0, 1.0) * np.minimum(size, 8.0)
        return drawn


def _names(symbols: int | Sequence[str]) -> tuple[str, ...]:
    if isinstance(symbols, int):
        names = tuple(f"SIM{number:02d}" for number in range(1, symbols + 1))
    else:
        names = tuple(symbols)
    if not names or len(set(names)) != len(names):
        raise InputError(f"{len(names)} symbols were asked for; give at least one, and each name once.")
    return names


def _axis(sessions: Sessions, frame_ns: int) -> _Axis:
    if frame_ns == DAY:
        one = np.ones(len(sessions))
        return _Axis(sessions.open_ns, sessions.close_ns, one > 0.0, 0.5 * one)
    count = -(-(sessions.close_ns - sessions.open_ns) // frame_ns)
    session = np.repeat(np.arange(len(sessions)), count)
    first = np.cumsum(count) - count
    number = np.arange(len(session)) - first[session]
    opens, closes = sessions.open_ns[session], sessions.close_ns[session]
    start = opens + number * frame_ns
    progress = (number + 0.5) / count[session]
    return _Axis(start, np.minimum(start + frame_ns, closes), number == 0, progress)


def _bars(draws: _Draws, axis: _Axis, names: tuple[str, ...], frame_ns: int, sessions: Sessions) -> Panel:
    rows, width = len(axis.end_ns), len(names)
    per_session = rows / len(sessions)
    traits = draws.uniform(rows=4, columns=width)
    first_price, beta = 15.0 + 385.0 * traits[0] * traits[0], 0.5 + 1.1 * traits[1]
    own_yearly = 0.18 + 0.42 * traits[2]
    # A session is 1/252 of a year, and the part of it that is not the gap is spread over its bars.
    to_bar = 1.0 / np.sqrt(252.0 * per_session)
    distance = 2.0 * axis.progress - 1.0
    edge = distance * distance
    edge = edge * edge  # 1 at open and close, near 0 between
    shape = (0.70 + 1.0 * edge + 0.5 * (1.0 - axis.progress) * edge)[:, None]

    market = _clustered(draws.student(columns=1))
    own = _clustered(draws.student())
    sigma = own_yearly * to_bar
    drift = _remembering(draws.student(), _DRIFT_MEMORY, _DRIFT_SIZE) * sigma
    swing = _remembering(draws.student(), _SWING_MEMORY, _SWING_SIZE) * sigma * shape
    noise = shape * (beta * (_MARKET_YEARLY * to_bar) * market + sigma * own)
    gap_size = _GAP_SHARE * np.sqrt(per_session)
    gap = gap_size * (beta * (_MARKET_YEARLY * to_bar) * draws.student(columns=1) + sigma * draws.student())
    gap = np.where(axis.opens[:, None], np.clip(gap, -0.2, 0.2), 0.0)
    gap[0] = 0.0
    present = _presence(draws, width)
    _halt(draws, axis, present, gap)

    # cumprod multiplies row by row, in order.
    fair = first_price * np.cumprod((1.0 + gap) * (1.0 + np.clip(noise + drift, -0.15, 0.15)), axis=0)
    before = np.vstack([first_price[None, :], fair[:-1]])
    swing_before = np.vstack([np.zeros((1, width)), swing[:-1]])
    close = _cents(fair * (1.0 + swing))
    reopened = _cents(before * (1.0 + gap) * (1.0 + swing_before))
    jitter = np.floor(3.0 * draws.uniform()) - 1.0
    follows = np.vstack([reopened[:1], close[:-1]]) + jitter
    open_ = np.maximum(np.where(gap != 0.0, reopened, follows), _LOWEST_CENTS)
    reach = 0.5 * sigma * shape * fair * 100.0
    high = np.maximum(open_, close) + np.floor(reach * np.abs(draws.student()) + 0.5)
    low = np.minimum(open_, close) - np.floor(reach * np.abs(draws.student()) + 0.5)
    low = np.maximum(low, np.minimum(np.minimum(open_, close), _LOWEST_CENTS))

    usual = (4.0e6 + 7.6e7 * traits[3] * traits[3]) / first_price / per_session
    thin = np.arange(width) >= width - width // _THIN_SHARE
    usual = np.where(thin, 0.02 * usual, usual)
    crowd = (0.45 + 1.9 * edge)[:, None] * (0.35 + 0.5 * np.abs(own) + 0.6 * draws.uniform())
    volume = np.floor(usual * crowd) + 1.0

    kept = present.any(axis=1)

    def field(values: Floats) -> Floats:
        return np.where(present, values, np.nan)[kept]

    return Panel(
        names,
        frame_ns,
        axis.start_ns[kept],
        axis.end_ns[kept],
        field(open_ / 100.0),
        field(high / 100.0),
        field(low / 100.0),
        field(close / 100.0),
        field(volume),
        sessions,
    )


def _presence(draws: _Draws, width: int) -> npt.NDArray[np.bool_]:
    """Return which bars exist: all of the liquid names, a third to three quarters of the thin ones."""
    chance = np.ones(width)
    thin = width // _THIN_SHARE
    if thin:
        chance[width - thin :] = 0.35 + 0.4 * draws.uniform(rows=1, columns=thin)[0]
    return draws.uniform() < chance


def _halt(draws: _Draws, axis: _Axis, present: npt.NDArray[np.bool_], gap: Floats) -> None:
    """Take out the bars of one halt in one symbol, and let it reopen with a jump."""
    rows, width = present.shape
    where = draws.uniform(rows=1, columns=3)[0]
    begin, halted = int(rows * (0.3 + 0.6 * where[0])), int(width * where[1])
    reopens = begin + _HALT_BARS
    if width == 1 or rows < _HALT_ROWS_MIN or axis.opens[begin : reopens + 1].any():
        return
    present[begin:reopens, halted] = False
    present[reopens, halted] = True
    gap[reopens, halted] = _HALT_JUMP if where[2] < 0.5 else -_HALT_JUMP


def _clustered(drawn: Floats) -> Floats:
    """Return draws whose size depends on the size of those before; long-run variance 1."""
    result = np.empty_like(drawn)
    variance = np.ones(drawn.shape[1])
    for row in range(len(drawn)):
        value = np.sqrt(variance) * drawn[row]
        result[row] = value
        variance = _VARIANCE_BASE + _VARIANCE_NEWS * value * value + _VARIANCE_MEMORY * variance
        variance = np.minimum(variance, _VARIANCE_MAX)
    return result


def _remembering(drawn: Floats, memory: float, size: float) -> Floats:
    """Return an autoregression of order one with standard deviation `size`."""
    result = np.empty_like(drawn)
    fresh = size * np.sqrt(1.0 - memory * memory)
    value = np.zeros(drawn.shape[1])
    for row in range(len(drawn)):
        value = memory * value + fresh * drawn[row]
        result[row] = value
    return result


def _cents(price: Floats) -> Floats:
    return np.maximum(np.floor(price * 100.0 + 0.5), _LOWEST_CENTS)
