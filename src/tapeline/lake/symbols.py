"""Which company a symbol meant on a day.

Tickers are used again: CZR was Caesars until July 2020 and is Eldorado Resorts, renamed, since then. Bars are kept by
security, an id that never changes its meaning; a symbol is what a security was called from one day to another. Where
the table of symbol history says nothing of a symbol, the symbol itself is the security's id.

A symbol asked for over a period in which two companies used it is refused; one that was renamed inside the period is
one security, under whatever name it is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import polars as pl

from tapeline.domain.errors import DataError, InputError
from tapeline.lake.layout import overlaps


@dataclass(frozen=True)
class Use:
    """A security called by a symbol from `first` to `last`; None is until today."""

    symbol: str
    security: str
    first: date
    last: date | None

    def __str__(self) -> str:
        return f"{self.security} from {self.first} to {self.last or 'today'}"


class SymbolHistory:
    """The uses of all symbols that were ever given to two securities, or taken from one."""

    def __init__(self, rows: pl.DataFrame) -> None:
        """Take rows of the table; raises DataError where two securities have one symbol on one day."""
        self._uses: dict[str, list[Use]] = {}
        for row in sorted(rows.iter_rows(named=True), key=lambda row: (row["symbol"], row["first"])):
            use = Use(row["symbol"], row["security"], row["first"], row["last"])
            self._uses.setdefault(use.symbol, []).append(use)
        self._securities = self.securities_of(set(self._uses))
        for uses in self._uses.values():
            for earlier, later in pairwise(uses):
                if earlier.last is None or earlier.last >= later.first:
                    raise DataError(
                        f"Symbol {later.symbol} means two securities on {later.first}: {earlier}, and {later}. End the "
                        "first use before the second begins."
                    )

    def __bool__(self) -> bool:
        return bool(self._uses)

    def security(self, symbol: str, first: date | None, last: date | None) -> str:
        """Return the security that a symbol means over a period. Raises InputError where that is not one."""
        uses = self._uses.get(symbol)
        if uses is None:
            return symbol
        met = [use for use in uses if overlaps(use.first, use.last, first, last)]
        found = {use.security for use in met}
        if len(found) == 1:
            return found.pop()
        period = f"from {first or 'the beginning'} to {last or 'the end'}"
        if not met:
            if symbol in self._securities:
                return symbol
            raise InputError(
                f"Symbol {symbol} was asked {period}, but nobody used it then: it was "
                f"{'; '.join(str(use) for use in uses)}. Choose a period inside, or correct the symbol history."
            )
        raise InputError(
            f"Symbol {symbol} was asked {period}, in which it was used by two companies: "
            f"{'; '.join(str(use) for use in met)}. Ask for one by its security's id, or for a period of one of them."
        )

    def assign(self, bars: pl.DataFrame, source: str) -> pl.DataFrame:
        """Return bars with the column `security`, by the columns `symbol` and `session`.

        Raises DataError for bars of a symbol on a day on which the history knows nobody who used it.
        """
        if not any(symbol in self._uses for symbol in bars["symbol"].rle().struct.field("value").unique()):
            return bars.hstack([bars["symbol"].alias("security")])
        uses = [use for uses in self._uses.values() for use in uses]
        table = pl.DataFrame(
            {
                "symbol": [use.symbol for use in uses],
                "security": [use.security for use in uses],
                "used_from": [use.first for use in uses],
                "used_to": [use.last for use in uses],
            },
            schema={"symbol": pl.String, "security": pl.String, "used_from": pl.Date, "used_to": pl.Date},
        )
        days = bars.select("symbol", "session").unique().sort("session")
        days = days.join_asof(
            table.sort("used_from"), left_on="session", right_on="used_from", by="symbol", check_sortedness=False
        )
        known = pl.col("symbol").is_in(list(self._uses))
        unused = known & (pl.col("security").is_null() | (pl.col("session") > pl.col("used_to")).fill_null(value=False))
        missing = days.filter(unused)
        if missing.height:
            symbol, day = missing.row(0)[:2]
            raise DataError(
                f"{source} has bars of {symbol} on {day}, when nobody used that symbol: the lake's symbol history has "
                f"{'; '.join(str(use) for use in self._uses[symbol])}. Correct the history, or leave the bars out."
            )
        days = days.select("symbol", "session", pl.coalesce("security", "symbol").alias("security"))
        return bars.join(days, on=["symbol", "session"], how="left", maintain_order="left")

    def securities_of(self, symbols: set[str]) -> set[str]:
        """Return every security that was ever called by one of some symbols."""
        return {use.security for symbol in symbols for use in self._uses.get(symbol, ())}

    def symbol_of(self, security: str, day: date) -> str:
        """Return what a security was called on a day; its id where the history does not say."""
        for uses in self._uses.values():
            for use in uses:
                if use.security == security and overlaps(use.first, use.last, day, day):
                    return use.symbol
        return security

    def last_symbols(self, first: date | None, last: date | None) -> dict[str, str]:
        """Return what each security was called last within a period."""
        met = [use for uses in self._uses.values() for use in uses if overlaps(use.first, use.last, first, last)]
        return {use.security: use.symbol for use in sorted(met, key=lambda use: use.first)}
