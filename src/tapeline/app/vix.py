"""Closes of the volatility index from a file of days."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from tapeline.app.screening import Vix
from tapeline.domain.errors import DataError, InputError
from tapeline.tape.calendars import FIRST_YEAR, sessions


def read_vix(path: Path, calendar: str = "XNYS") -> Vix:
    """Return the closes of a Parquet or CSV file with the columns date and close.

    A close is known from its session's end on; days without a session of the calendar are left out.
    Raises InputError for a file that cannot be read, DataError for one without these columns or days.
    """
    try:
        table = pl.read_csv(path, try_parse_dates=True) if path.suffix == ".csv" else pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as exc:
        reason = " ".join(str(exc).split())
        raise InputError(f"File {path} with VIX cannot be read: {reason}. Give a Parquet or CSV file.") from exc
    missing = [name for name in ("date", "close") if name not in table.columns]
    if missing:
        raise DataError(
            f"{path} has no column {' and '.join(missing)}, but {', '.join(table.columns)}. VIX needs date and close."
        )
    try:
        days = table.select(pl.col("date").cast(pl.Date), pl.col("close").cast(pl.Float64))
    except pl.exceptions.PolarsError as exc:
        raise DataError(f"{path}: date must hold days and close numbers; found {table.schema}. Mend it there.") from exc
    days = days.drop_nulls().filter(pl.col("close").is_finite()).unique("date").sort("date")
    if days.is_empty():
        raise DataError(f"{path} has no day with a close. Leave --vix out, and the screen names VIX as missing.")
    dates = days["date"].to_list()
    trading = sessions(calendar, max(dates[0], date(FIRST_YEAR, 1, 1)), dates[-1])
    day = days["date"].to_physical().to_numpy()
    place = np.minimum(np.searchsorted(trading.days, day), len(trading) - 1)
    held = trading.days[place] == day
    return Vix(trading.close_ns[place[held]], days["close"].to_numpy()[held])
