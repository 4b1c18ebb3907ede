"""Bars for the tests of the quality gate: a clean random walk on a calendar, into which a test plants its fault."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from tapeline.domain.panel import Sessions
from tapeline.domain.times import DAY, MINUTE
from tapeline.tape.calendars import sessions
from tapeline.tape.quality import Gate, check_bars
from tapeline.tape.quality_reasons import Reason, words_of

FIRST, LAST = date(2018, 6, 1), date(2018, 7, 31)


def calendar(first: date = FIRST, last: date = LAST) -> Sessions:
    """Return New York's sessions; 2018-07-03 is a half day, 2018-07-04 a holiday."""
    return sessions("XNYS", first, last)


def walk(
    *symbols: str, frame_ns: int = 30 * MINUTE, seed: int = 1, first: date = FIRST, last: date = LAST
) -> pl.DataFrame:
    """Return clean bars of full sessions: a random walk on the cent around 100, volumes around 50,000."""
    hours = calendar(first, last)
    if frame_ns >= DAY:
        start = hours.days * DAY
    else:
        parts = zip(hours.open_ns, hours.close_ns, strict=True)
        start = np.concatenate([np.arange(begin, end, frame_ns) for begin, end in parts])
    frames = []
    for number, symbol in enumerate(symbols or ("AAA",)):
        random = np.random.default_rng([seed, number])
        steps = random.normal(0.0, 0.002 if frame_ns < DAY else 0.01, (len(start), 2))
        open_ = 100.0 * np.exp(np.cumsum(np.concatenate([[0.0], steps.sum(axis=1)[:-1]])))
        close = open_ * np.exp(steps[:, 0])
        reach = np.abs(random.normal(0.0, 0.001, (len(start), 2)))
        high, low = np.maximum(open_, close) * (1 + reach[:, 0]), np.minimum(open_, close) * (1 - reach[:, 1])
        # The next open is the close plus the second step, so that bars follow each other as trading does.
        frames.append(
            pl.DataFrame(
                {
                    "symbol": symbol,
                    "start_ns": start,
                    "open": np.round(open_, 2),
                    "high": np.round(high, 2) + 0.01,
                    "low": np.round(low, 2) - 0.01,
                    "close": np.round(close, 2),
                    "volume": np.round(50_000.0 * np.exp(random.normal(0.0, 0.4, len(start)))),
                }
            )
        )
    return numbered(pl.concat(frames))


def numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with the numbers of their places."""
    return frame.drop("row", strict=False).with_columns(pl.int_range(pl.len()).alias("row"))


def planted(frame: pl.DataFrame, rows: int | Sequence[int], **values: object) -> pl.DataFrame:
    """Return the bars with values replaced in some rows; an expression is worked out in place."""
    where = pl.col("row").is_in([rows] if isinstance(rows, int) else list(rows))
    made = {name: value if isinstance(value, pl.Expr) else pl.lit(value) for name, value in values.items()}
    return frame.with_columns(
        pl.when(where).then(value).otherwise(pl.col(name)).alias(name) for name, value in made.items()
    )


def scaled(frame: pl.DataFrame, rows: int | Sequence[int], factor: float) -> pl.DataFrame:
    """Return the bars with the prices of some rows multiplied."""
    return planted(frame, rows, **{name: pl.col(name) * factor for name in ("open", "high", "low", "close")})


def gate_of(frame: pl.DataFrame, *, frame_ns: int = 30 * MINUTE, **others: object) -> Gate:
    """Return the gate's verdict on the calendar of these bars."""
    return check_bars(frame, frame_ns=frame_ns, sessions=sessions("XNYS"), **others)  # type: ignore[arg-type]


def said(gate: Gate) -> dict[int, tuple[str, ...]]:
    """Return what is said of each row that anything is said of, by row number."""
    marks = gate.good.filter(pl.col("marks") > 0)
    told = {row: tuple(words_of(bits)) for row, bits in zip(marks["row"], marks["marks"], strict=True)}
    told |= {row: tuple(words) for row, words in zip(gate.quarantined["row"], gate.quarantined["reasons"], strict=True)}
    return dict(sorted(told.items()))


def rows_with(gate: Gate, reason: Reason) -> list[int]:
    """Return the rows with a reason, by number."""
    return [row for row, words in said(gate).items() if reason in words]
