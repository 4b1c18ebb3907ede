"""The whole under simulated faults: every kind alone, two hundred days of all, and the same bytes for a seed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

import pytest

from drill.builders import a_scenario
from house.paths import PACKAGE
from tapeline.domain.control import TradingState
from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.times import DAY, MINUTE, SECOND
from tapeline.domain.words import Purpose
from tapeline.drill.accountant import Accountant
from tapeline.drill.campaign import DAYS_FOR_EVERY_FAULT, Campaign, run_campaign, system_of
from tapeline.drill.exposure import Exposure
from tapeline.drill.faults import CRASHES, Fault, Tally
from tapeline.drill.live_system import BOUNDS, LiveSystem
from tapeline.drill.scenario import SESSION_CLOSE_NS, draw
from tapeline.drill.system import AnySystem, System
from tapeline.drill.world import BEGIN_NS, Outcome, World
from tapeline.ledger.canonical import decode
from tapeline.ledger.order_facts import OrderIntended

DAYS, SEEDS_IN_ALL, SEEDS_AT_ONCE = 5, 40, 5
"""Two hundred days, in parts that several workers can share."""
RATES = {Fault.CRASH_WHILE_SENDING: 0.05, Fault.CRASH_IN_COMMIT: 0.05, Fault.CRASH_BEFORE_COMMIT: 0.05}
"""Where a fault at every third chance would let nothing happen at all."""
SEEDS_OF_ALGORITHMS = (1, 10, 20, 30)
"""In each of these worlds orders are worked in another way."""
PYTHONS = [sys.executable, *filter(None, (shutil.which(f"python3.{minor}") for minor in (12, 13, 14)))]
ELSEWHERE = """
from tapeline.drill.campaign import system_of
from tapeline.drill.scenario import SESSION_CLOSE_NS, draw
from tapeline.drill.world import World
print(*(World(draw(seed, days), system_of(seed)).run().digest for seed, days in ((11, 2), (10, 1))))
"""


def test_without_faults_a_day_passes_and_both_books_agree() -> None:
    outcome = World(a_scenario()).run()

    assert outcome.failure is None
    assert outcome.executions > 20
    assert outcome.starts == 1


def test_a_wrong_clock_counts_where_a_fact_bears_its_time_and_not_at_each_turn() -> None:
    world = World(a_scenario())
    world.clocks.offset_ns = SECOND // 2
    world.run()
    by_half_a_second = world.tally.changed[Fault.CLOCK_SKEWED]
    other = World(a_scenario())
    other.clocks.offset_ns = 2 * SECOND
    other.run()

    assert by_half_a_second == 0
    assert 0 < other.tally.changed[Fault.CLOCK_SKEWED] < other._turns


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name.lower())
def test_each_fault_changes_the_course_of_something_and_breaks_nothing(fault: Fault) -> None:
    outcome = World(a_scenario(fault, rate=RATES.get(fault, 0.3))).run()

    assert outcome.failure is None
    assert outcome.tally.injected[fault] > 0
    assert outcome.tally.changed[fault] > 0


@pytest.mark.parametrize(
    ("system", "seed", "rate", "kinds"),
    [
        (LiveSystem, 760870, 0.3, (Fault.EXECUTION_BUSTED, Fault.CRASH_IN_COMMIT, Fault.EXECUTION_CORRECTED)),
        (LiveSystem, 760220, 0.3, (Fault.REPORT_CORRUPT, Fault.EXECUTION_BUSTED)),
        (System, 760190, 0.05, (Fault.SWIZZLE, Fault.ANSWER_LOST, Fault.EXECUTION_BUSTED)),
    ],
    ids=["a third version after a restart", "a pair whose end is not told", "a stop whose first fill is not told"],
)
def test_few_kinds_together_find_what_many_hide(
    system: type[AnySystem], seed: int, rate: float, kinds: tuple[Fault, ...]
) -> None:
    assert World(a_scenario(*kinds, seed=seed, rate=rate), system).run().failure is None


@pytest.mark.parametrize("number", range(12))
def test_any_three_kinds_together_break_nothing(number: int) -> None:
    dice = Random(number)
    kinds, rate = dice.sample(list(Fault), 3), dice.choice((0.05, 0.15, 0.3))

    outcome = World(a_scenario(*kinds, seed=10 * number, rate=rate), LiveSystem).run()

    assert outcome.failure is None, f"{kinds} at {rate}: {outcome.failure}"


def test_the_whole_engine_with_its_strategies_passes_a_day_without_faults() -> None:
    outcome = World(a_scenario(), LiveSystem).run()

    assert outcome.failure is None
    assert outcome.executions > 20
    assert outcome.starts == 1


@pytest.mark.parametrize(
    ("fault", "seed"),
    [*zip(Fault, cycle(SEEDS_OF_ALGORITHMS), strict=False)],
    ids=lambda part: part.name.lower() if isinstance(part, Fault) else str(part),
)
def test_each_fault_changes_the_course_of_the_engine_and_breaks_nothing(fault: Fault, seed: int) -> None:
    outcome = World(a_scenario(fault, rate=RATES.get(fault, 0.3), halves=6, seed=seed), LiveSystem).run()

    assert outcome.failure is None
    assert outcome.executions > 20
    assert outcome.tally.changed[fault] > 0
    assert fault not in CRASHES or outcome.starts > 2


@pytest.mark.parametrize(
    ("seed", "entry", "exit_"),
    [
        (40, "twap", "limit"),
        (10, "vwap", "twap"),
        (20, "adaptive", "participation"),
        (30, "participation", "adaptive"),
    ],
)
def test_orders_are_worked_in_each_way_in_some_world(seed: int, entry: str, exit_: str) -> None:
    """On the second day there is a volume profile, and nothing enters in the last minutes of a session."""
    world = World(a_scenario(seed=seed, days=2), LiveSystem)

    outcome = world.run()

    rows = world.disk.file.execute("SELECT body FROM facts WHERE kind = 'ParentOrderIntended'")
    wanted = [decode(body.encode()) for (body,) in rows]
    ways = Counter((fact.order.purpose is Purpose.ENTRY, fact.algorithm) for fact in wanted if not fact.plan["note"])
    assert outcome.failure is None
    assert set(ways) == {(True, entry), (False, exit_)}
    for fact in wanted:
        entered_by = (fact.plan["end_ns"] - BEGIN_NS) % DAY
        assert entered_by <= SESSION_CLOSE_NS - 5 * MINUTE


@pytest.mark.parametrize("fault", CRASHES, ids=lambda fault: fault.name.lower())
def test_a_latch_that_was_set_while_no_process_ran_halts_the_next_one(fault: Fault) -> None:
    """However often it dies before the journal has it; and somebody outside sets others during the day."""
    world = World(a_scenario(fault, rate=0.5, halves=2), LiveSystem)
    world.latch.set(BEGIN_NS)

    outcome = world.run()

    rows = world.disk.file.execute("SELECT body FROM facts WHERE kind = 'TradingStateChanged' ORDER BY sequence")
    changes = [decode(body.encode()) for (body,) in rows]
    assert outcome.failure is None
    assert (changes[0].state, changes[0].who) == (TradingState.HALTED, "somebody")
    assert sum(change.who == "somebody" for change in changes) > 1
    assert world.latch.read() is None


def a_campaign(seed: int, *, but_for: Fault) -> Campaign:
    """Return the campaign of one seed of two hundred days in which every kind of fault but one changed something."""
    tally = Tally()
    for fault in Fault:
        tally.changed[fault] = int(fault is not but_for)
    campaign = Campaign()
    campaign.add(Outcome(a_scenario(seed=seed, days=DAYS_FOR_EVERY_FAULT), None, "", tally, 0, 0, 0, 1, 0))
    return campaign


def test_a_fault_that_the_engine_never_met_fails_enough_days_of_the_engine() -> None:
    """What the dice met does not count for the engine, nor the other way round."""
    of_engine, of_dice = (a_campaign(seed, but_for=Fault.STALL) for seed in (10, 11))

    assert (of_engine.engine.untested, of_engine.dice.untested) == ([Fault.STALL], [])
    assert (of_dice.engine.untested, of_dice.dice.untested) == ([], [Fault.STALL])
    assert not of_engine.passed
    assert not of_dice.passed


def test_the_limits_in_force_bind_and_hold_at_the_venue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries are cut by gross and by position, and as many holdings are reached as there may be."""
    cut: Counter[str] = Counter()
    most = 0
    take_in, count = Accountant.read, Exposure.filled

    def read(accountant: Accountant, rows: list[tuple[Any, ...]]) -> None:
        facts = [decode(row[7].encode()) for row in rows if row[1] == OrderIntended.kind]
        cut.update(fact.sizing["limit"] for fact in facts if fact.sizing)
        take_in(accountant, rows)

    def filled(exposure: Exposure, execution: Execution, order: Order) -> str | None:
        nonlocal most
        broken = count(exposure, execution, order)
        most = max(most, len(exposure._held))
        return broken

    monkeypatch.setattr(Accountant, "read", read)
    monkeypatch.setattr(Exposure, "filled", filled)

    assert World(a_scenario(), LiveSystem).run().failure is None
    assert cut["gross"] > 0
    assert cut["position"] > 0
    assert most == BOUNDS.account.positions


def test_every_tenth_seed_has_the_whole_engine() -> None:
    assert [system_of(seed) for seed in (1, 10, 11, 200)] == [System, LiveSystem, System, LiveSystem]


@pytest.mark.parametrize("first_seed", range(1, SEEDS_IN_ALL + 1, SEEDS_AT_ONCE))
def test_nothing_breaks_over_two_hundred_days_of_faults(first_seed: int) -> None:
    campaign = run_campaign(first_seed, SEEDS_AT_ONCE, DAYS, shrinks=False)

    assert [failure.command + " " + str(failure.outcome.failure) for failure in campaign.failures] == []


@pytest.mark.parametrize(
    ("seed", "days"),
    [
        (135, 2),
        (509, 2),
        (510, 2),
        (10054, 5),
        (20001, 5),
        (20038, 2),
        (20043, 3),
        (20356, 3),
        (82259, 3),
        (500095, 3),  # a child's last fill is told while those before it wait for their orders
        (601433, 5),  # a sale and a purchase are taken back that come to no shares
        (500363, 5),  # our clock is more than an hour ahead when reports are lost
        (200237, 2),
        (200278, 2),
    ],
)
def test_seeds_that_once_broke_something_hold(seed: int, days: int) -> None:
    assert World(draw(seed, days)).run().failure is None


@pytest.mark.parametrize("seed", [302026, 302050])
def test_an_execution_that_is_taken_back_leaves_no_exit_for_more_than_is_held(seed: int) -> None:
    """A bust of an earlier exit turns a holding round while a bracket for the whole of it works."""
    assert World(draw(seed, 2), LiveSystem).run().failure is None


@pytest.mark.parametrize(
    ("seed", "days"),
    [
        (2140, 1),  # HALTED while the stop of a worked exit lets go of a part
        (730150, 5),  # an entry's second fill and a first one of its stop are lost, and the stop says it is done
        (3290, 2),  # the broker sells what a flatten closes, and the report of it is lost
        (500410, 3),  # it sells a moment before, and the report is on its way
    ],
)
def test_seeds_of_the_engine_that_once_broke_something_hold(seed: int, days: int) -> None:
    assert World(draw(seed, days), LiveSystem).run().failure is None


def test_the_same_seed_writes_the_same_bytes() -> None:
    first, second, other = (World(draw(seed, 2)).run() for seed in (11, 11, 12))

    assert first.digest == second.digest
    assert first.tally.changed == second.tally.changed
    assert first.digest != other.digest


@pytest.mark.parametrize("python", PYTHONS, ids=lambda python: Path(python).name)
def test_another_process_writes_the_same_bytes_whatever_its_hashes(python: str) -> None:
    """Dice and engine. Every Python of this machine that has the packages takes part; that of the tests always does."""
    if (
        python != sys.executable
        and subprocess.run([python, "-c", "import numpy, numba"], capture_output=True).returncode
    ):
        pytest.skip(f"{python} does not start or lacks packages")
    variables = {**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([python, "-c", ELSEWHERE], env=variables, capture_output=True, text=True, check=False)

    digests = [World(draw(11, 2)).run().digest, World(draw(10, 1), LiveSystem).run().digest]
    assert done.stdout.split() == digests, done.stderr


def test_a_longer_run_begins_like_a_shorter_one() -> None:
    short, long = draw(3, 2), draw(3, 4)

    assert long.episodes[: len(short.episodes)] == short.episodes
    assert long.with_days(2) == short
