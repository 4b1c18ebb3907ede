"""Which bars a command wants, and how they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from tapeline.domain.corporate import CorporateAction
from tapeline.domain.errors import InputError
from tapeline.domain.panel import Panel, Sessions
from tapeline.domain.times import DAY, ns_to_date
from tapeline.engine.assembly import AnyStrategy
from tapeline.feeds.corporate_actions import read_corporate_actions
from tapeline.feeds.groups import Groups, read_groups
from tapeline.feeds.membership import MEMBER, with_membership
from tapeline.feeds.parquet import read_bars
from tapeline.feeds.simulated import simulate_market
from tapeline.formula.node import ordered
from tapeline.formula.series import series
from tapeline.lake.lake import open_lake
from tapeline.tape.calendars import sessions
from tapeline.tape.reading import Reading

SIMULATED_SYMBOLS = 24
SIMULATED_FIRST, SIMULATED_LAST = date(2024, 1, 2), date(2024, 2, 14)


@dataclass(frozen=True)
class DataChoice:
    """Which bars a command wants, in the words of the command line; empty texts mean all.

    path : of a file or folder
    lake : a data lake as folder or folder@snapshot, instead of a path; bars : the length of its bars, where it has
        several
    Without both the market of a seed is simulated, whose period and symbols can be chosen like a file's.
    actions : file of splits and dividends; membership : file of the stays in an index, read as `series("member")`
    groups : file of the symbols' groups for `demean(by=...)`
    """

    path: Path | None
    symbols: str = ""
    first: str = ""
    last: str = ""
    label: str = "start"
    calendar: str = "XNYS"
    seed: int = 7
    actions: Path | None = None
    membership: Path | None = None
    lake: str = ""
    bars: str = ""
    groups: Path | None = None

    @property
    def is_simulated(self) -> bool:
        """Whether the bars are invented."""
        return self.path is None and not self.lake

    def read(self) -> Reading:
        """Return the bars. Raises what reading or simulating raises."""
        return self.read_with_actions()[0]

    def read_with_actions(self) -> tuple[Reading, list[CorporateAction]]:
        """Return the bars, and the corporate actions of their symbols: of the file named, else those a lake knows."""
        names = [name.strip() for name in self.symbols.split(",") if name.strip()]
        known: list[CorporateAction] = []
        if not self.lake:
            if self.bars:
                raise InputError(
                    f"--bars {self.bars} chooses among the bars of a lake. Name one with --lake, or leave it out."
                )
            reading = self._read(names)
        else:
            if self.path is not None:
                raise InputError(f"Bars were asked from {self.path} and from lake {self.lake}. Leave one of them out.")
            lake = open_lake(self.lake)
            first, last = _day(self.first, "--from"), _day(self.last, "--to")
            reading = lake.read(names or None, first=first, last=last, frame=self.bars or None)
            days = [ns_to_date(reading.report.first_ns), ns_to_date(reading.report.last_ns)]
            known = lake.corporate_actions(reading.panel.symbols, *days)
        if self.membership is not None:
            reading = reading._replace(panel=with_membership(reading.panel, self.membership))
        return reading, known if self.actions is None else self._read_actions(self.actions, reading.panel)

    def read_groups(self, symbols: Sequence[str]) -> Groups | None:
        """Return the groupings of the symbols, None without a file."""
        return None if self.groups is None else read_groups(self.groups, symbols)

    def check_series(self, strategies: Sequence[AnyStrategy]) -> None:
        """Raise InputError for a strategy that asks who is a member when no file tells it."""
        member = series(MEMBER)
        for strategy in strategies if self.membership is None else ():
            if any(node is member for node in ordered(strategy.formulas().values())):
                raise InputError(
                    f"Strategy {strategy.name} chooses among the members of an index, and nothing says who they are."
                    " Give --membership a Parquet file with symbol, start_date and end_date."
                )

    def _read_actions(self, path: Path, panel: Panel) -> list[CorporateAction]:
        first, last = (_utc_date(int(times[at])) for times, at in ((panel.start_ns, 0), (panel.end_ns, -1)))
        # what happened by the first bar happened to nothing that is held or computed
        return read_corporate_actions(path, symbols=panel.symbols, first=first + timedelta(days=1), last=last)

    def _read(self, names: list[str]) -> Reading:
        if self.path is None:
            return simulate_market(self.seed, sessions=self._simulated_sessions(), symbols=names or SIMULATED_SYMBOLS)
        return read_bars(
            self.path,
            symbols=names or None,
            first=_day(self.first, "--from"),
            last=_day(self.last, "--to"),
            label=self.label,  # type: ignore[arg-type]  # checked by the reader, which names the choices
            calendar=None if self.calendar.lower() == "none" else self.calendar,
        )

    def _simulated_sessions(self) -> Sessions:
        if self.calendar.lower() == "none":
            raise InputError(
                "The simulated market has the sessions of an exchange, so --calendar none does not fit it."
                " Leave it out, or name a file with --data."
            )
        first = _day(self.first, "--from") or SIMULATED_FIRST
        last = _day(self.last, "--to") or first + (SIMULATED_LAST - SIMULATED_FIRST)
        if last < first:
            raise InputError(f"The period from {first} to {last} ends before it begins. Swap the two dates.")
        chosen = sessions(self.calendar, first, last)
        if not len(chosen):
            raise InputError(
                f"{self.calendar} has no session from {first} to {last}. Choose a period with a trading day."
            )
        return chosen


def _utc_date(time_ns: int) -> date:
    return date(1970, 1, 1) + timedelta(days=time_ns // DAY)


def _day(text: str, option: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as exc:
        raise InputError(f"{option} {text!r} is no date. Write it like 2018-02-16.") from exc
