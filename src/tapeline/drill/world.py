"""The whole under virtual time: one thread, one queue, and everything outside the system a simulation of this package.

    world = World(draw(seed=7, days=5))
    outcome = world.run()

A seed is a run. Nothing in it asks the computer for time, chance or a connection, so the same seed writes the same
journal, and whoever finds a failure has it for good.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tapeline.domain.errors import InvariantError
from tapeline.domain.panel import Sessions
from tapeline.domain.reports import Question, Request
from tapeline.domain.slice import Slice
from tapeline.domain.times import DAY, HOUR, MINUTE, SECOND, from_iso
from tapeline.drill.disk import Disk, ProcessKilled
from tapeline.drill.episodes import SKEW_S, Episodes
from tapeline.drill.exposure import Exposure
from tapeline.drill.faults import CRASHES, Fault, Tally, Weather
from tapeline.drill.feed import FRAME_NS, Feed
from tapeline.drill.invariants import Watch
from tapeline.drill.latch_file import LatchFile
from tapeline.drill.link import Link
from tapeline.drill.market import Market
from tapeline.drill.scenario import SESSION_CLOSE_NS, SESSION_OPEN_NS, Scenario
from tapeline.drill.system import AnySystem, Surroundings, System
from tapeline.drill.venue import Venue
from tapeline.drill.venue_account import in_currency
from tapeline.drill.virtual_time import Chance, ComputerClocks, VirtualTime
from tapeline.ports.journal import Head

BEGIN_NS = from_iso("2030-01-07")
SYMBOLS = ("ABCD", "BCDE", "CDEF", "DEFG", "EFGH")
DEPOSIT = 10_000_000 * 10_000
"""Ten-thousandths; enough that cash is never the reason for anything."""
STEP_NS = MINUTE
TURNS_A_DAY_MAX = 20_000
"""A day of heavy faults takes about three thousand; a system that is woken more often runs in a circle."""
_TURN_NS = SECOND // 1_000
_RESTART_S = (1, 120)
_DOUBLINGS_MAX = 5
"""What brings the process up again waits twice as long for each time that it died in the last hour, as such things do:
a fault that kills it at every tenth commit would else leave it no time to get anywhere."""
_MOMENT_NS = SECOND // 10
"""A fact bears the present of its process's clock if it is no further away; the venue's clock is never wrong."""
_TIMER_LEAST_NS = SECOND // 10
_LATCH_RATE_A_MINUTE, _LATCH_RATE_A_MESSAGE = 0.001, 0.001
"""At which somebody outside sets the latch: at any time, also while no process runs, and between two messages."""
_DEATH_AFTER_WIND_DOWN_MS = (0, 10_000)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a scenario.

    failure : the sentence of what was broken, None if everything held
    digest : head of the journal's chain: equal runs have equal heads
    """

    scenario: Scenario
    failure: str | None
    digest: str
    tally: Tally
    records: int
    executions: int
    submits: int
    starts: int
    checks: int


class World:
    """One scenario and everything it happens to."""

    def __init__(self, scenario: Scenario, system: type[AnySystem] = System) -> None:
        seed = scenario.seed
        self.scenario, self._new_system = scenario, system
        days = BEGIN_NS + np.arange(scenario.days + 1, dtype=np.int64) * DAY
        self._kept: list[tuple[Head, bytes]] = []
        self._sessions = Sessions("drill", days + SESSION_OPEN_NS, days + SESSION_CLOSE_NS)
        self.tally = Tally()
        self.time = VirtualTime(BEGIN_NS)
        self.weather = Weather(seed, self.tally)
        self.market = Market(seed, SYMBOLS)
        self.link = Link(seed, self.time, self.weather, self._wake, self._sent)
        self.venue = Venue(seed, self.time, self.market, DEPOSIT, self._told)
        past: list[Slice] = []
        bounds = system.BOUNDS
        exposure = None if bounds is None else Exposure(bounds, past, in_currency(DEPOSIT))
        self.watch = Watch(self.time, self.venue, system.LIMIT_SHARES, exposure)
        self.link.venue = self.venue
        self.link.reached = self.watch.arrived
        self.link.left = self._left
        self.latch = LatchFile(self.watch.unlatched)
        self.disk = Disk(self.weather, self._durable)
        self.feed = Feed(self.time, self.market, self.weather, past, self._take_slice)
        self.clocks = ComputerClocks(self.time)
        self.system: AnySystem | None = None
        self.starts = 0
        self.episodes = Episodes(self)
        self._chance = Chance(seed, "world")
        self._mind = Chance(seed, "strategy")
        self._outside = Chance(seed, "outside")
        self._turn_is_due = False
        self._winding_down = False
        self._stalled_until_ns = 0
        self._died_ns: list[int] = []
        self._timer_ns = 0
        self._turns = 0

    def run(self) -> Outcome:
        """Let all days pass, then hold both books against one another."""
        failure = None
        try:
            self._plan()
            self.time.run(BEGIN_NS + (self.scenario.days + 1) * DAY)
            self._settle()
        except InvariantError as exc:
            failure = str(exc)
        except Exception as exc:  # whatever the system raises ends a process that should have lived
            line = traceback.extract_tb(exc.__traceback__)[-1]
            failure = f"{type(exc).__name__}: {exc} ({Path(line.filename).name}, line {line.lineno})"
        self.weather.changed(Fault.VENUE_RESTART, self.venue.names_again)
        return Outcome(
            self.scenario,
            failure,
            self.watch.accountant.hash.hex(),
            self.tally,
            self.watch.accountant.count,
            len(self.venue.account.executions),
            self.watch.submits,
            self.starts,
            self.watch.checks,
        )

    def stall(self, until_ns: int) -> None:
        """Let the process stand still."""
        self._stalled_until_ns = max(self._stalled_until_ns, until_ns)

    def set_ahead(self, by_ns: int) -> None:
        """Set the computer's clock ahead, as somebody or a time service does in one step."""
        due_ns = None if self.system is None else self.system.next_time_ns
        if self.system is not None and due_ns is not None and self.system.clock.now_ns() < due_ns:
            self.clocks.offset_ns += by_ns
            if self.system.clock.now_ns() >= due_ns:
                self.weather.changed(Fault.CLOCK_SET_AHEAD)
                self._wake()
        else:
            self.clocks.offset_ns += by_ns

    # What happens when ------------------------------------------------------------------------------------------

    def _plan(self) -> None:
        time = self.time
        time.at(BEGIN_NS + SESSION_OPEN_NS - HOUR, self._start)
        for day in range(self.scenario.days + 1):
            opens, closes = BEGIN_NS + day * DAY + SESSION_OPEN_NS, BEGIN_NS + day * DAY + SESSION_CLOSE_NS
            time.at(opens, self._open)
            for now_ns in range(opens + STEP_NS, closes + 1, STEP_NS):
                time.at(now_ns, self._step, day, opens, closes)
            time.at(closes, self._close)
        self.episodes.plan(self.scenario, BEGIN_NS)
        quiet = BEGIN_NS + self.scenario.days * DAY
        time.at(quiet + SESSION_OPEN_NS - 20 * MINUTE, self.episodes.calm)
        wind_down = quiet + SESSION_OPEN_NS + 3 * HOUR
        time.at(wind_down, self._wind_down)
        crashes = [episode.fault for episode in self.scenario.episodes if episode.fault in CRASHES]
        if crashes:
            # what was asked for outlives the process: where processes die, one dies on its way to the end
            wait = Chance(self.scenario.seed, "wind-down").whole(*_DEATH_AFTER_WIND_DOWN_MS) * SECOND // 1_000
            time.at(wind_down + wait, self._kill, crashes[0])

    def _open(self) -> None:
        self.venue.is_open = True

    def _step(self, day: int, open_ns: int, close_ns: int) -> None:
        self.market.step()
        self.venue.step()
        self.episodes.venue_acts()
        self._somebody_halts(_LATCH_RATE_A_MINUTE)
        if (self.time.now_ns - open_ns) % FRAME_NS == 0:
            self.feed.end_of_frame(day, open_ns, close_ns)

    def _close(self) -> None:
        self.venue.close()

    def _wind_down(self) -> None:
        self._winding_down = True
        if self.system is not None:
            self.system.wind_down()
            self._wake()

    # The process ------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Bring up a process over what the disk has."""
        self.starts += 1
        journal = self.disk.open()
        try:
            self.system = self._new_system(
                Surroundings(
                    journal,
                    self.link,
                    self.clocks,
                    SYMBOLS,
                    self._mind,
                    in_currency(DEPOSIT),
                    self.feed.past,
                    self.latch,
                    self.scenario.seed,
                    self._sessions,
                    self._kept,
                )
            )
            if self._winding_down:
                self.system.wind_down()
        except ProcessKilled as killed:
            self._died(killed)
            return
        self.link.greet()
        self._wake()

    def _kill(self, fault: Fault) -> None:
        if self.system is not None:
            self._died(ProcessKilled(fault))

    def _died(self, killed: ProcessKilled) -> None:
        self.system = None
        self.link.forget(killed.fault)
        now_ns = self.time.now_ns
        self._died_ns = [time_ns for time_ns in self._died_ns if now_ns - time_ns < HOUR]
        wait_s = self._chance.whole(*_RESTART_S) << min(len(self._died_ns), _DOUBLINGS_MAX)
        self._died_ns.append(now_ns)
        self.time.after(wait_s * SECOND, self._start)

    def _wake(self) -> None:
        if not self._turn_is_due and self.system is not None:
            self._turn_is_due = True
            self.time.after(_TURN_NS, self._turn)

    def _turn(self) -> None:
        self._turn_is_due = False
        if self.system is None:
            return
        self._turns += 1
        if self._turns > TURNS_A_DAY_MAX * (self.scenario.days + 1):
            raise InvariantError(f"The system has taken {self._turns} turns and wants another: it never comes to rest.")
        if self.time.now_ns < self._stalled_until_ns:
            self.weather.changed(Fault.PROCESS_STALL)
            self._turn_is_due = True
            self.time.at(self._stalled_until_ns, self._turn)
            return
        try:
            self.system.turn()
        except ProcessKilled as killed:
            self._died(killed)
            return
        if self.system.is_durable:
            self.watch.turned(self.system.views)
        self._set_timer(self.system.next_time_ns, self.system.clock.now_ns())

    def _durable(self, rows: list[tuple[Any, ...]]) -> None:
        """See what was committed; a clock that is wrong has changed something where a fact bears its time."""
        self.watch.durable(rows)
        seconds = self.clocks.offset_ns / SECOND
        if self.system is None or not seconds or seconds > SKEW_S[1]:
            return
        shown_ns = self.system.clock.now_ns()
        if abs(shown_ns - self.time.now_ns) >= SECOND and any(abs(row[2] - shown_ns) < _MOMENT_NS for row in rows):
            self.weather.changed(Fault.CLOCK_SET_BACK if seconds < SKEW_S[0] else Fault.CLOCK_SKEWED)

    def _set_timer(self, next_ns: int | None, now_ns: int) -> None:
        """Wake the process when its own clock will show a moment; one that goes more slowly is asked again."""
        if next_ns is None:
            return
        wait = max(next_ns - now_ns, _TIMER_LEAST_NS)
        due = self.time.now_ns + wait
        if self.time.now_ns < self._timer_ns <= due:
            return
        self._timer_ns = due
        self.time.at(due, self._ring)

    def _ring(self) -> None:
        self._wake()

    def _take_slice(self, now: Slice) -> None:
        if self.system is not None:
            self.system.take(now)
            self._wake()

    # What passes the port ---------------------------------------------------------------------------------------

    def _sent(self, request: Request | Question, name: str | None) -> None:
        if self.weather.strikes(Fault.CRASH_WHILE_SENDING):
            self.weather.changed(Fault.CRASH_WHILE_SENDING)
            raise ProcessKilled(Fault.CRASH_WHILE_SENDING)
        if self.latch.read() is not None:
            self.watch.barred(request, name)
        self.watch.sent(request, name)

    def _left(self) -> None:
        self._somebody_halts(_LATCH_RATE_A_MESSAGE)
        self.episodes.message_left()

    def _somebody_halts(self, rate: float) -> None:
        if self._new_system.HAS_LATCH and not self._winding_down and self._outside.hits(rate):
            self.latch.set(self.time.now_ns)
            self._wake()

    def _told(self, fact: Any) -> None:
        self.watch.told(fact)
        self.link.report(fact)

    def _settle(self) -> None:
        if self.system is None:
            raise InvariantError("After a quiet session no process runs.")
        if self.latch.read() is not None:
            raise InvariantError("After a quiet session the latch is still set.")
        self.watch.turned(self.system.views)
        self.watch.settled(self.system.views)
