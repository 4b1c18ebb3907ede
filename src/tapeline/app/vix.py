"""Closes of the volatility index from a file of days."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from tapeline.app.screening import Vix
from tapeline.domain.errors import DataError
from tapeline.feeds.table_files import DAY, NUMBER, read_table
from tapeline.tape.calendars import FIRST_YEAR, sessions


def read_vix(path: Path, calendar: str = "XNYS") -> Vix:
    """Return the closes of a Parquet or CSV file with the columns date and close.

    A close is known from its session's end on; days without a session of the calendar are left out.
    Raises UnknownNameError for a file that is not there, DataError for one without these columns or days.
    """
    days = _read_csv(path) if path.suffix == ".csv" else read_table(path, {"date": DAY, "close": NUMBER})
    days = days.filter(pl.col("close").cast(pl.Float64).is_finite()).unique("date", keep="last").sort("date")
    if days.is_empty():
        raise DataError(f"{path} has no day with a close. Leave --vix out, and VIX is named as missing.")
    dates = days["date"].to_list()
    trading = sessions(calendar, max(dates[0], date(FIRST_YEAR, 1, 1)), dates[-1])
    day = days["date"].to_physical().to_numpy()
    place = np.minimum(np.searchsorted(trading.days, day), len(trading) - 1)
    held = trading.days[place] == day
    return Vix(trading.close_ns[place[held]], days["close"].cast(pl.Float64).to_numpy()[held])


def _read_csv(path: Path) -> pl.DataFrame:
    if not path.exists():
        raise DataError(f"There is no file {path} with VIX. Name a Parquet or CSV file with date and close.")
    try:
        table = pl.read_csv(path, columns=["date", "close"], schema_overrides={"date": pl.Date, "close": pl.Float64})
    except (pl.exceptions.PolarsError, OSError) as exc:
        reason = str(exc).splitlines()[0]
        raise DataError(f"{path} is no table of VIX ({reason}). It needs date, such as 2018-02-16, and close.") from exc
    return table.drop_nulls()
