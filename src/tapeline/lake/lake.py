"""A lake as it was at one commit: bars, corporate actions, indices, sectors, formulas, and where they came from.

    lake = open_lake("lake")                     the newest commit, or open_lake("lake@2024-q1"), a named snapshot
    panel, report = lake.read(["AAPL"], first="2024-01-02", last="2024-12-31")
    for panel in lake.panels(first="2024-01-02"):  ...   session chunks of bounded size

What was opened does not change under the reader: a load that ends meanwhile is seen by those who open the lake after.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl

from tapeline.domain.corporate import CorporateAction
from tapeline.domain.errors import DataError, InputError, UnknownNameError
from tapeline.domain.panel import Panel, Sessions
from tapeline.domain.times import from_iso, parse_frame
from tapeline.lake.adjust import adjusted
from tapeline.lake.bars import Choice, chosen_bars, chosen_files, rows_of
from tapeline.lake.chunks import CHUNK_BARS, session_spans
from tapeline.lake.commits import Commit, newest, read_commit, read_lake
from tapeline.lake.layout import SYMBOL_HISTORY, bars_table, kind_of
from tapeline.lake.reference import actions_of, members_on, sectors_on
from tapeline.lake.snapshots import commit_of
from tapeline.lake.symbols import SymbolHistory
from tapeline.lake.table import StoredFile, Table
from tapeline.tape.assemble import assemble
from tapeline.tape.calendars import sessions as calendar_sessions
from tapeline.tape.reading import Reading, period


def open_lake(place: str | Path, at: str | int | None = None) -> Lake:
    """Return a lake at its newest commit, a named snapshot or a commit's number.

    place : the folder, or folder@snapshot
    Raises InputError for a folder that is no lake, or a snapshot that is not there or gone.
    """
    folder, named = split_place(place) if at is None else (Path(place), str(at))
    described = read_lake(folder)
    if named is None:
        return Lake(folder, described["calendar"], newest(folder))
    if named.isdigit():
        return Lake(folder, described["calendar"], read_commit(folder, int(named)))
    snapshots = _frame(folder, newest(folder), "snapshots")
    return Lake(folder, described["calendar"], commit_of(folder, snapshots, named), named)


def split_place(place: str | Path) -> tuple[Path, str | None]:
    """Return the folder and the snapshot of "folder@snapshot"; a folder whose own name has an @ is taken as it is."""
    text = str(place)
    if "@" not in text or Path(text).is_dir():
        return Path(text), None
    folder, _, named = text.rpartition("@")
    return Path(folder), named or None


@dataclass(eq=False)
class Lake:
    """What a commit of a lake holds.

    calendar : the exchange whose sessions its bars have, None for bars around the clock
    snapshot : the name by which it was opened
    """

    folder: Path
    calendar: str | None
    commit: Commit
    snapshot: str | None = None

    def __post_init__(self) -> None:
        self._tables: dict[str, Table] = {}
        self._history: SymbolHistory | None = None

    @property
    def name(self) -> str:
        """The lake and its commit in words; what a result is traced back to."""
        named = f", snapshot {self.snapshot}" if self.snapshot else ""
        return f"lake {self.folder}@{self.commit.number}{named}"

    @property
    def frames(self) -> list[str]:
        """The bar lengths that are stored, such as "1min" and "1d"."""
        names = [name.removeprefix("bars/") for name in self.commit.tables if name.startswith("bars/")]
        return sorted(names, key=parse_frame)

    @property
    def history(self) -> SymbolHistory:
        """Which company a symbol meant on a day."""
        if self._history is None:
            self._history = SymbolHistory(self.table("symbol_history"))
        return self._history

    def sessions(self) -> Sessions | None:
        """Return the sessions of the lake's calendar, all that are known."""
        return None if self.calendar is None else calendar_sessions(self.calendar)

    def table(self, name: str) -> pl.DataFrame:
        """Return a small table: loads, snapshots, quarantine, or one of facts about securities."""
        return self._table(name).rows(self._table(name).files(self.commit.tables.get(name)))

    def files(self, frame: str) -> tuple[StoredFile, ...]:
        """Return the files of the bars of a length."""
        name = bars_table(self.frame_ns(frame))
        return self._table(name).files(self.commit.tables.get(name))

    def frame_ns(self, frame: str | None) -> int:
        """Return the length of a frame that is stored; None is the only one."""
        known = self.frames
        if not known:
            raise InputError(f"{self._here()} has no bars yet. Import some with `tapeline data import`.")
        if frame is None and len(known) > 1:
            raise InputError(f"{self._here()} has bars of {', '.join(known)}. Say which are meant with frame=...")
        frame_ns = parse_frame(known[0] if frame is None else frame)
        if frame_ns not in [parse_frame(one) for one in known]:
            raise UnknownNameError("frame", str(frame), known, where=self.name)
        return frame_ns

    def read(
        self,
        symbols: Sequence[str] | None = None,
        *,
        first: date | str | None = None,
        last: date | str | None = None,
        frame: str | None = None,
        adjusted_at: str | int | None = None,
    ) -> Reading:
        """Return bars as a panel, with a report of how they were read.

        symbols : the columns wanted, in this order; None takes every security of the period, by name
        first, last : session dates, both included; None takes all
        frame : bar length; None where the lake has only one
        adjusted_at : a moment (ISO text or UTC nanoseconds): prices and volumes in the shares of that moment, by the
            splits with an ex-date up to it; None gives raw prices, which is what runs expect
        Raises InputError or one of its kinds, in one sentence.
        """
        since, until = period(first, last)
        frame_ns = self.frame_ns(frame)
        names = self._names(symbols, since, until)
        asked = self._asked(since, until)
        files = self._chosen(frame_ns, since, until)
        table = self._table(bars_table(frame_ns))
        rows = chosen_bars(table, files, Choice(None if names is None else tuple(names), since, until))
        found = set(rows["security"].rle().struct.field("value").to_list()) if rows.height else set()
        if names is None:
            names = self._called(sorted(found), since, until)
        elif missing := [security for security in names if security not in found]:
            self._refuse_unknown(missing, names, frame_ns)
        if not rows.height:
            raise self._nothing(frame_ns, names, since, until)
        bars = rows_of(rows, names, frame_ns, self.name)
        reading = assemble(bars, sessions=asked, frame_ns=frame_ns, first=since, last=until)
        if adjusted_at is None:
            return reading
        at_ns = from_iso(adjusted_at) if isinstance(adjusted_at, str) else int(adjusted_at)
        return Reading(adjusted(reading.panel, self._actions(names), at_ns, self.sessions()), reading.report)

    def panels(
        self,
        symbols: Sequence[str] | None = None,
        *,
        first: date | str | None = None,
        last: date | str | None = None,
        frame: str | None = None,
        bars_max: int = CHUNK_BARS,
    ) -> Iterator[Panel]:
        """Yield the bars as panels of whole sessions, oldest first, each with the same columns.

        bars_max : bars of a panel at most, but at least one session; the next panel is read while one is in use, so
            two are in memory
        """
        since, until = period(first, last)
        frame_ns = self.frame_ns(frame)
        asked = self._asked(since, until)
        files = self._chosen(frame_ns, since, until)
        names = self._names(symbols, since, until)
        if names is None:
            found = self._securities(files, since, until, frame_ns)
            if not found:
                raise self._nothing(frame_ns, {}, since, until)
            names = self._called(sorted(found), since, until)
        spans = session_spans(files, since, until, len(names), frame_ns, bars_max, asked)

        def load(span: tuple[date, date]) -> Panel | None:
            chosen = chosen_files(files, Choice(None, *span))
            rows = chosen_bars(self._table(bars_table(frame_ns)), chosen, Choice(self._filter(names, symbols), *span))
            if not rows.height:
                return None
            panel = assemble(rows_of(rows, names, frame_ns, self.name), sessions=asked, frame_ns=frame_ns).panel
            return replace(panel, sessions=asked)  # of all panels: a run over them has one calendar

        with ThreadPoolExecutor(max_workers=1) as ahead:
            waiting = ahead.submit(load, spans[0]) if spans else None
            for number in range(len(spans)):
                assert waiting is not None
                panel = waiting.result()
                waiting = ahead.submit(load, spans[number + 1]) if number + 1 < len(spans) else None
                if panel is not None:
                    yield panel

    def bars(
        self,
        symbols: Sequence[str] | None = None,
        *,
        first: date | str | None = None,
        last: date | str | None = None,
        frame: str | None = None,
        every_revision: bool = False,
    ) -> pl.DataFrame:
        """Return bars as stored, one row each, with vendor, revision, load and marks, by security and time.

        every_revision : with the rows that were corrected later
        """
        since, until = period(first, last)
        frame_ns = self.frame_ns(frame)
        names = self._names(symbols, since, until)
        table = self._table(bars_table(frame_ns))
        choice = Choice(None if names is None else tuple(names), since, until)
        rows = chosen_bars(
            table,
            self._chosen(frame_ns, since, until),
            choice,
            tuple(table.kind.columns),
            every_revision=every_revision,
        )
        return rows.sort("security", "start", "revision")

    def corporate_actions(
        self, symbols: Sequence[str], first: date | None = None, last: date | None = None
    ) -> list[CorporateAction]:
        """Return splits and dividends of some symbols with ex-dates first..last, oldest first, for `backtest`."""
        return self._actions({self.history.security(symbol, first, last): symbol for symbol in symbols}, first, last)

    def actions_of_securities(self, securities: Sequence[str]) -> list[CorporateAction]:
        """Return all corporate actions of securities by their ids."""
        return self._actions({security: security for security in securities})

    def actions_by_symbol(self, symbols: Sequence[str]) -> list[CorporateAction]:
        """Return all corporate actions of whoever used some symbols."""
        everybody = SymbolHistory(SYMBOL_HISTORY.empty())
        return actions_of(self.table("corporate_actions"), everybody, {s: s for s in symbols}, None, None, self.name)

    def index_members(self, index: str, day: date) -> tuple[str, ...]:
        """Return the symbols that an index had on a day, by name. Raises UnknownNameError for an unknown index."""
        return members_on(self.table("index_membership"), index, day, self.name)

    def sectors(self, day: date, scheme: str | None = None) -> dict[str, str]:
        """Return the sector of each symbol as it was known on a day; scheme may be left out where there is one."""
        return sectors_on(self.table("sectors"), day, scheme, self.name)

    def _table(self, name: str) -> Table:
        if name not in self._tables:
            self._tables[name] = Table(self.folder / name, kind_of(name))
        return self._tables[name]

    def _actions(
        self, names: dict[str, str], first: date | None = None, last: date | None = None
    ) -> list[CorporateAction]:
        return actions_of(self.table("corporate_actions"), self.history, names, first, last, self.name)

    def _here(self) -> str:
        return self.name[0].upper() + self.name[1:]

    def _asked(self, since: date | None, until: date | None) -> Sessions | None:
        whole = self.sessions()
        if whole is None:
            return None
        asked = whole.between(since, until)
        if not len(asked):
            raise InputError(
                f"{whole.name} has no session from {since or 'its beginning'} to {until or 'its end'}. Choose a period "
                "with a trading day."
            )
        return asked

    def _names(self, symbols: Sequence[str] | None, since: date | None, until: date | None) -> dict[str, str] | None:
        """Return the names asked for, by security."""
        if symbols is None:
            return None
        asked = (symbols,) if isinstance(symbols, str) else tuple(symbols)
        if not asked:
            raise InputError(f"No symbol was asked of {self.name}. Name at least one, or leave symbols out.")
        names: dict[str, str] = {}
        for symbol in asked:
            security = self.history.security(symbol, since, until)
            if security in names:
                other = names[security]
                what = "was asked twice" if other == symbol else f"and {other} are one security, {security}"
                raise InputError(f"Symbol {symbol!r} {what} in {self.name}. Name each once.")
            names[security] = symbol
        return names

    def _chosen(self, frame_ns: int, since: date | None, until: date | None) -> list[StoredFile]:
        name = bars_table(frame_ns)
        return chosen_files(self._table(name).files(self.commit.tables.get(name)), Choice(None, since, until))

    @staticmethod
    def _filter(names: dict[str, str], symbols: Sequence[str] | None) -> tuple[str, ...] | None:
        return None if symbols is None else tuple(names)

    def _securities(
        self, files: Sequence[StoredFile], since: date | None, until: date | None, frame_ns: int
    ) -> set[str]:
        """Return the securities that have bars in a period, file by file: names of millions of bars are large."""
        table, found = self._table(bars_table(frame_ns)), set[str]()
        for file in files:
            rows = chosen_bars(table, [file], Choice(None, since, until), ("security",))
            found.update(rows["security"].rle().struct.field("value"))
        return found

    def _called(self, securities: list[str], since: date | None, until: date | None) -> dict[str, str]:
        """Return what securities were called at the end of a period; their id where that is not unique."""
        if not self.history:
            return {security: security for security in securities}
        last = self.history.last_symbols(since, until)
        symbols = [last.get(security, security) for security in securities]
        return {
            security: symbol if symbols.count(symbol) == 1 else security
            for security, symbol in zip(securities, symbols, strict=True)
        }

    def _refuse_unknown(self, missing: list[str], names: dict[str, str], frame_ns: int) -> None:
        known = self._securities(self._chosen(frame_ns, None, None), None, None, frame_ns)
        for security in missing:
            if security not in known:
                raise UnknownNameError("symbol", names[security], known, where=self.name)

    def _nothing(self, frame_ns: int, names: dict[str, str], since: date | None, until: date | None) -> InputError:
        table = bars_table(frame_ns)
        files = self._table(table).files(self.commit.tables.get(table))
        days = [day for file in files for day in (file.first, file.last) if day is not None]
        if not days:
            return DataError(f"{self._here()} has no bars any more. Import some.")
        shown = list(names.values())
        whose = f" of {', '.join(shown[:5])}{', ...' if len(shown) > 5 else ''}" if shown else ""
        return InputError(
            f"{self._here()} has no bars{whose} from {since or 'its beginning'} to {until or 'its end'}; its bars run "
            f"from {min(days)} to {max(days)}. Choose a period inside."
        )


def _frame(folder: Path, commit: Commit, name: str) -> pl.DataFrame:
    table = Table(folder / name, kind_of(name))
    return table.rows(table.files(commit.tables.get(name)))
