"""The screen: every rule for every symbol at a close of the trigger frame, and who deserves a look.

    screen = Screen(panel.symbols, panel.frame_ns, settings)
    screen.pass_over(panel.rows(0, first))
    for snapshot in screen.advance(panel.rows(first, len(panel))):
        ...  # snapshot.watchlist, snapshot["score.total"]

The rules are formulas, the same that the strategy trades, so a screen and a backtest cannot disagree.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tapeline.domain.panel import Floats, Panel, Times
from tapeline.formula import Node, Program, bars, compile_program
from tapeline.screener.coarse import Coarse, coarse_screen
from tapeline.screener.reading import Readings
from tapeline.screener.regime import RegimeSettings, index_trend
from tapeline.screener.sabr20 import GRADES, PHASES, QUARTILES, STATES, Score, score_formulas
from tapeline.screener.settings import ScreenSettings
from tapeline.screener.tree import CLASSES, CONFIRMATIONS, Tree, decision_tree

Flags = npt.NDArray[np.bool_]

TABLE, CONFIRMATION = "screen", "confirmation"
NO_BAR = "no bar in this session"
CONDITIONS = ("a", "b", "c", "d", "v", "passed")
QUESTIONS = ("q1", "q2", "q3", "q4", "q5", "q6", "hostile")
COMPONENTS = ("setup_strength", "bottom_phase", "accumulation", "trend_momentum", "risk_reward", "volume")
ROLES = ("trigger", "confirmation", "regime")
PASSED_CELLS = 16_384
"""So many bars are passed over at a time: the hundred registers that this takes stay in the processor's cache."""
_WEIGHTS = ("setup", "bottom", "accumulation", "trend", "risk", "volume")


class Rules:
    """All formulas of the screen by name: `coarse.a`, `tree.q1`, `score.total`, `trend`."""

    def __init__(self, settings: ScreenSettings, regime: RegimeSettings | None = None) -> None:
        self.settings, self.regime = settings, regime or RegimeSettings()
        self.readings = Readings(settings)
        self.coarse: Coarse = coarse_screen(self.readings)
        self.tree: Tree = decision_tree(self.readings)
        self.score: Score = score_formulas(self.readings)

    @cached_property
    def formulas(self) -> dict[str, Node]:
        """Every formula by its name."""
        groups: dict[str, Coarse | Tree | Score] = {"coarse": self.coarse, "tree": self.tree, "score": self.score}
        found = {f"{group}.{name}": node for group, nodes in groups.items() for name, node in nodes._asdict().items()}
        found["trend"] = index_trend(self.readings, self.regime)
        found["is_long_enough"] = self.readings.is_long_enough
        found["close"] = self.readings.trigger.close.latest()
        found["volume"] = self.readings.trigger.volume.latest()
        for role in ROLES:
            found[f"bars.{role}"] = getattr(self.readings, role).close.known().latest()
        return found


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The rules' values at one moment.

    time_ns : a close of the trigger frame; symbols : N names
    values : float64 [F, N] by `names`; conditions 1, 0 or NaN
    closes_confirmation : whether a bar of the confirmation frame ends here too
    present : bool [N], whether the symbol has had a bar in the session; stale : bool [N], whether its newest bar of
        the confirmation frame is not the last that could have closed
    """

    time_ns: int
    symbols: tuple[str, ...]
    settings: ScreenSettings
    names: dict[str, int]
    values: Floats
    present: Flags
    stale: Flags
    closes_confirmation: bool

    def __getitem__(self, name: str) -> Floats:
        found: Floats = self.values[self.names[name]]
        return found

    def of(self, symbols: Collection[str]) -> Snapshot:
        """Return the same moment for some of the symbols."""
        columns = [column for column, symbol in enumerate(self.symbols) if symbol in symbols]
        return replace(
            self,
            symbols=tuple(self.symbols[column] for column in columns),
            values=self.values[:, columns],
            present=self.present[columns],
            stale=self.stale[columns],
        )

    def beside(self, others: Sequence[Snapshot]) -> Snapshot:
        """Return the same moment with the symbols of other snapshots after these."""
        if not others:
            return self
        every = (self, *others)
        return replace(
            self,
            symbols=tuple(symbol for one in every for symbol in one.symbols),
            values=np.concatenate([one.values for one in every], axis=1),
            present=np.concatenate([one.present for one in every]),
            stale=np.concatenate([one.stale for one in every]),
        )

    @cached_property
    def passed(self) -> Flags:
        """Symbols that pass the coarse screen, bool [N]."""
        found: Flags = (self["coarse.passed"] == 1) & self.present
        return found

    @cached_property
    def handed_over(self) -> list[int]:
        """Columns that the coarse screen hands over, best score first."""
        numbers = self.settings.coarse
        score = self["coarse.score"]
        return self._best(self.passed & (score >= numbers.handed_over_score), score, numbers.handed_over_max)

    @cached_property
    def watchlist_all(self) -> list[int]:
        """Columns of grade A and A+, best total first."""
        good = (self["score.grade"] >= GRADES.index("A")) & self.present
        return self._best(good, self["score.total"], self.settings.score.watchlist_max)

    @cached_property
    def watchlist(self) -> list[int]:
        """Columns worth a look: grade A or A+, not hostile, and handed over where the profile asks for it."""
        good = (self["score.grade"] >= GRADES.index("A")) & self.present
        good &= self["tree.setup_class"] != CLASSES.index("rejected")
        if not self.settings.switches.fine_on_all:
            handed = np.zeros(len(self.symbols), dtype=bool)
            handed[self.handed_over] = True
            good &= handed
        return self._best(good, self["score.total"], self.settings.score.watchlist_max)

    def _best(self, chosen: Flags, score: Floats, count: int) -> list[int]:
        columns = [int(column) for column in np.flatnonzero(chosen)]
        return sorted(columns, key=lambda column: (-score[column], self.symbols[column]))[:count]

    def flags(self, took_s: float | None = None) -> list[str]:
        """Return what is odd about this run: slow, few_passed, many_passed, incomplete."""
        numbers, universe = self.settings.coarse, len(self.symbols)
        found = ["slow"] if took_s is not None and took_s > numbers.slow_run_s else []
        share = self.passed.sum() / universe
        if share < numbers.passed_share_low:
            found.append("few_passed")
        elif share > numbers.passed_share_high:
            found.append("many_passed")
        short = self.present & (self["is_long_enough"] != 1)
        unfit = int((~self.present).sum() + (self.stale & self.present).sum() + short.sum())
        if unfit / universe > numbers.missing_share_max:
            found.append("incomplete")
        return found

    def remarks(self, column: int) -> list[str]:
        """Return what is not known of a symbol and why, in words; nothing for one of which all is known."""
        if not self.present[column]:
            return [NO_BAR]
        if not self._lacking[column]:
            return []
        frames, found = self.settings.frames, []
        bare = [role for role in ROLES if math.isnan(self[f"bars.{role}"][column])]
        found += [f"no bar of {getattr(frames, role)} yet" for role in bare]
        if self["is_long_enough"][column] != 1 and "confirmation" not in bare:
            found.append(f"fewer than {self.settings.coarse.bars_min} bars of {frames.confirmation}")
        if self.stale[column]:
            found.append(f"no bar of {frames.confirmation} in the last one that could have closed")
        if self["volume"][column] == 0:
            found.append(f"no volume in the newest bar of {frames.trigger}")
        for frame, names in (
            (frames.confirmation, [f"coarse.{name}" for name in CONDITIONS[:5]]),
            (frames.regime, ["tree.q1", "tree.hostile"]),
            (frames.trigger, [f"tree.{name}" for name in QUESTIONS[2:6]]),
        ):
            unknown = [name.split(".")[1] for name in names if math.isnan(self[name][column])]
            if unknown:
                found.append(f"{', '.join(unknown)} unknown: too few or flat bars of {frame}")
        return found

    @cached_property
    def _lacking(self) -> Flags:
        """Whether there is anything to remark on, bool [N]; most rows are whole, and asked for one by one."""
        asked = [f"coarse.{name}" for name in CONDITIONS[:5]] + [f"tree.{name}" for name in QUESTIONS]
        unknown = np.isnan([self[name] for name in (*asked, *(f"bars.{role}" for role in ROLES))]).any(axis=0)
        found: Flags = unknown | self.stale | (self["is_long_enough"] != 1) | (self["volume"] == 0)
        return found

    def as_dict(self, profile: str, *, all_fine: bool = False, took_s: float | None = None) -> dict[str, Any]:
        """Return plain data for JSON, without the regime; rows in order of symbols."""
        fine = set(self.handed_over) if not all_fine else set(range(len(self.symbols)))
        names = self.symbols
        return {
            "at": self.time_ns,
            "profile": profile,
            "universe": len(names),
            "passed": int(self.passed.sum()),
            "flags": self.flags(took_s),
            "handed_over": [names[column] for column in self.handed_over],
            "watchlist": [names[column] for column in self.watchlist],
            "watchlist_all": [names[column] for column in self.watchlist_all],
            "rows": [self.row(column, fine=column in fine) for column in self._by_name() if self.present[column]],
            "dropped": [
                {"symbol": names[column], "reason": NO_BAR, "remarks": []}
                for column in self._by_name()
                if not self.present[column]
            ],
        }

    def _by_name(self) -> list[int]:
        return sorted(range(len(self.symbols)), key=lambda column: self.symbols[column])

    def row(self, column: int, *, fine: bool = True) -> dict[str, Any]:
        """Return one symbol's conditions and numbers; without `fine` those of tree and score are None."""

        def number(name: str) -> float | None:
            value = float(self[name][column])
            return None if math.isnan(value) else value

        def truth(name: str) -> bool | None:
            value = number(name)
            return None if value is None else value == 1.0

        def word(name: str, words: Sequence[str]) -> str | None:
            value = number(name)
            return None if value is None else words[int(value)] or None

        weights = self.settings.score
        raw = {name: number(f"score.{name}") for name in COMPONENTS}
        scaled = {
            name: None
            if raw[name] is None
            else raw[name] / getattr(weights, f"{part}_raw") * getattr(weights, f"{part}_weight")
            for name, part in zip(COMPONENTS, _WEIGHTS, strict=True)
        }
        found: dict[str, Any] = {
            "symbol": self.symbols[column],
            "coarse": {**{name: truth(f"coarse.{name}") for name in CONDITIONS}, "score": number("coarse.score")},
            "tree": {
                **{name: truth(f"tree.{name}") for name in QUESTIONS},
                "confirmation": word("tree.confirmation", CONFIRMATIONS),
                "trigger": truth("tree.trigger"),
                "overhead_clear": truth("tree.overhead_clear"),
                "class": word("tree.setup_class", CLASSES),
            },
            "sabr20": None if number("score.total") is None else {"total": number("score.total"), **scaled},
            "raw": None if number("score.total") is None else raw,
            "state": word("score.state", STATES),
            "accumulation_phase": word("score.phase", PHASES),
            "accumulation_ratio": number("score.ratio"),
            "grade": word("score.grade", GRADES),
            "rr": number("score.rr"),
            "stop": number("score.stop"),
            "target": number("score.target"),
            "quartile": word("score.quartile", QUARTILES),
            "bars_since_pivot": number("score.bars_since_pivot"),
            "drawdown_pct": number("score.drawdown_pct"),
            "exhaustion": number("score.exhaustion"),
            "t2_stale": bool(self.stale[column]),
            "remarks": self.remarks(column),
        }
        kept = ("symbol", "coarse", "t2_stale", "remarks")
        return found if fine else {name: value if name in kept else None for name, value in found.items()}


class Screen:
    """The rules at work on a stream of bars.

    symbols : N names; frame_ns : length of the base bars
    """

    def __init__(
        self, symbols: tuple[str, ...], frame_ns: int, settings: ScreenSettings, regime: RegimeSettings | None = None
    ) -> None:
        self.symbols, self.settings = symbols, settings
        self.rules = Rules(settings, regime)
        frames = settings.frames
        tables = {
            TABLE: (bars(frames.trigger), self.rules.formulas),
            CONFIRMATION: (bars(frames.confirmation), {"close": bars(frames.confirmation).close}),
        }
        self.program: Program = compile_program(tables, symbol_count=len(symbols), base_frame_ns=frame_ns)
        self.table, self._confirmation = self.program.tables[TABLE], self.program.tables[CONFIRMATION]
        self.begin(symbols)

    @property
    def chunk_rows(self) -> int:
        """Base rows of a chunk of good size."""
        return self.program.chunk_rows

    def begin(self, symbols: tuple[str, ...], column: int | None = None) -> None:
        """Begin anew, with as many other symbols; they stand in the rows from a column on, None = they are all."""
        self.symbols, self._column = symbols, column
        self.program.reset()
        self._session = -1
        self._present = np.zeros(len(symbols), dtype=bool)
        self._fresh = np.ones(len(symbols), dtype=bool)  # before the first hour ends, none could have

    def pass_over(self, rows: Panel) -> None:
        """Take in any number of base rows of whose closes nobody wants a snapshot, for a fraction of the work."""
        sessions = _sessions_of(rows)
        # Chunks of whole sessions mostly have as many rows of each frame, so they share their calls.
        ends = np.append(np.flatnonzero(np.diff(sessions)) + 1, len(rows))
        first, count = 0, max(1, PASSED_CELLS // len(self.symbols))
        while first < len(rows):
            whole = ends[(ends > first) & (ends <= first + count)]
            last = int(whole[-1]) if len(whole) else first + count
            self.program.pass_over(rows.rows(first, last), self._column)
            self._freshen()
            first = last
        self._see(rows, sessions, 0, len(rows))

    def advance(self, rows: Panel) -> Iterator[Snapshot]:
        """Take in base rows; yield a snapshot for each close of the trigger frame among them.

        A snapshot is valid by itself; its arrays are copies.
        """
        self.program.advance(rows, self._column)
        ends: Times = self.table.end_ns
        confirmed: Times = self._confirmation.end_ns
        closes = np.isin(ends, confirmed)
        sessions = _sessions_of(rows)
        base = 0
        for number, end_ns in enumerate(ends.tolist()):
            base = self._see(rows, sessions, base, int(np.searchsorted(rows.end_ns, end_ns, side="right")))
            ended = int(np.searchsorted(confirmed, end_ns, side="right"))
            if ended:
                self._fresh = self._confirmation.exists[ended - 1] == 1.0
            yield Snapshot(
                end_ns,
                self.symbols,
                self.settings,
                self.table.rows,
                self.table.values[:, number].copy(),
                self._present.copy(),
                ~self._fresh,
                bool(closes[number]),
            )
        self._see(rows, sessions, base, len(rows))
        self._freshen()

    def _freshen(self) -> None:
        if len(self._confirmation.end_ns):
            self._fresh = self._confirmation.exists[-1] == 1.0

    def _see(self, rows: Panel, sessions: Times, first: int, last: int) -> int:
        """Note who traded in the newest session of some rows; return where the next ones begin."""
        if last > first:
            now = int(sessions[last - 1])
            others = np.flatnonzero(sessions[first:last] != now)
            begin = first + (int(others[-1]) + 1 if len(others) else 0)
            if now != self._session or len(others):
                self._session, self._present = now, np.zeros(len(self.symbols), dtype=bool)
            column = self._column or 0
            close = rows.close[begin:last, column : column + len(self.symbols)]
            self._present = self._present | (~np.isnan(close)).any(axis=0)
        return max(first, last)


def _sessions_of(rows: Panel) -> Times:
    """Return the ordinal of each row's session; -1 for all of data without sessions."""
    if rows.sessions is None:
        return np.full(len(rows), -1)
    return rows.sessions.index_of(rows.start_ns) + rows.sessions.ordinal
