"""Run our benchmarks and the peers' back to back on this machine and set the ratios against the goals.

    PEERS_ENVS=/path/to/envs python benchmarks/compare.py [--only W1] [--rounds 3] [--out results.json]

Each case is one process that prints one JSON line. Within a goal ours and the peers' take turns, so that they
meet the same machine; over several rounds the medians count. Speed is bars per second, so a slow peer may run
a part of the workload. A peer whose environment is missing is named in the table and does no harm.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("TAPELINE_SHARED") or HERE.parent.parent / "shared")
PEERS = SHARED / "bench" / "peers"
CASE_LIMIT_S = 600

Line = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One process: a script with arguments, in our environment (peer "") or in that of a peer."""

    script: str
    arguments: tuple[str, ...]
    peer: str = ""

    @property
    def label(self) -> str:
        return " ".join((self.script.removesuffix(".py").removeprefix("bench_"), *self.arguments))


@dataclass(frozen=True)
class Goal:
    """What is to be reached: a ratio to the fastest of some peers, or a figure of ours alone.

    must, mark : the ratio that must be reached and the one to beat; for a figure of ours, the bounds
    figure : the field of our line that is the figure; empty for a ratio of bars per second
    lower_is_better : whether a figure must stay below its bounds
    same : how the results must agree with the peers': "" (no results), "equity" or "cents" or "check"
    """

    work: str
    ours: Case
    against: tuple[Case, ...] = ()
    must: float = 1.0
    mark: float | None = None
    figure: str = ""
    lower_is_better: bool = False
    same: str = ""


def ours(*arguments: str, script: str = "bench_tapeline.py") -> Case:
    return Case(script, arguments)


def vectorbt(work: str) -> tuple[Case, ...]:
    few = ("--repeats", "7", "--budget", "20")
    return (
        Case("bench_vectorbt.py", (work, "--variant", "numba", *few), "vectorbt"),
        Case("bench_vectorbt.py", (work, "--variant", "rust", *few), "vectorbt_rust"),
    )


def backtesting(work: str) -> Case:
    return Case("bench_backtesting.py", (work, "--repeats", "3", "--budget", "15"), "backtesting")


def nautilus(work: str, scale: str) -> Case:
    few = ("--repeats", "2", "--budget", "15")
    return Case("bench_nautilus.py", (work, "--scale", scale, *few), "nautilus")


def talib(*arguments: str) -> Case:
    return Case("bench_talib.py", (*arguments, "--repeats", "7"), "indic")


START_UP = ours(script="bench_start_up.py")
LOOP_W1 = ours("W1", "--variant", "event")

GOALS = (
    Goal("W1: EMA cross, 1 x 500 k", ours("W1"), vectorbt("W1"), 5, 10, same="equity"),
    Goal("W2: EMA cross, 100 x 10 k", ours("W2"), vectorbt("W2"), 10, 20, same="equity"),
    Goal("W3: brackets, 200 k, to vectorbt", ours("W3"), vectorbt("W3"), 10, 30),
    Goal("W3: brackets, 200 k, to backtesting.py", ours("W3"), (backtesting("W3"),), 200, same="cents"),
    Goal("W4: 100 pairs x 50 k", ours("W4"), vectorbt("W4"), 10, 20, same="equity"),
    Goal("E1: loop, W1, slices/s", LOOP_W1, (), 100_000, None, figure="bars_per_s"),
    Goal("E1: loop, W1, to nautilus_trader", LOOP_W1, (nautilus("W1", "0.1"),), 2.1),
    Goal("E1: loop, W1, to backtesting.py", LOOP_W1, (backtesting("W1"),), 0, 1),
    Goal("E1: loop, W2 with shared cash", ours("W2", "--variant", "event"), (nautilus("W2", "0.2"),), 30),
    Goal("I1: five indicators, one thread", ours("I1"), (talib("I1"),), 1.5, 2, same="check"),
    Goal(
        "I1: five indicators, two threads",
        ours("I1", "--variant", "mt"),
        (talib("I1"),),
        3,
        4,
        same="check",
    ),
    Goal("I2: one series of 5 M bars, one thread", ours("I2"), (talib("I2"),), 0.7, same="check"),
    Goal("I2, two threads", ours("I2", "--variant", "mt"), (talib("I2"),), 1, 1.3, same="check"),
    Goal(
        "I3: one bar, 2,000 symbols",
        ours("I3"),
        (talib("I3", "--variant", "stream"),),
        20,
        60,
        same="check",
    ),
    Goal("J1: loop with journal, s", ours("J1"), (), 90, 45, "seconds", lower_is_better=True),
    Goal("memory of W1, MB", ours("W1"), (), 250, None, "peak_rss_mb", lower_is_better=True),
    Goal("kernels compiled anew, s", START_UP, (), 20, None, "kernels_s", lower_is_better=True),
    Goal("small backtest, cold process, s", START_UP, (), 1.5, None, "backtest_s", lower_is_better=True),
    Goal("--help, s", START_UP, (), 0.5, None, "help_s", lower_is_better=True),
)


def run(case: Case) -> Line:
    """Run one case; give its JSON line, or a line with only the reason why there is none."""
    if case.peer:
        envs = os.environ.get("PEERS_ENVS")
        python = Path(envs) / case.peer / "bin" / "python" if envs else None
        if python is None or not python.exists():
            return {"missing": f"no environment {case.peer}"}
        folder = PEERS
    else:
        python, folder = Path(sys.executable), HERE
    if not (folder / case.script).exists():
        return {"missing": f"no {case.script}"}
    path = os.pathsep.join((str(HERE.parent / "src"), str(PEERS)))
    try:
        done = subprocess.run(
            [str(python), str(folder / case.script), *case.arguments],
            cwd=folder,
            env={**os.environ, **({} if case.peer else {"PYTHONPATH": path})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CASE_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"missing": f"longer than {CASE_LIMIT_S} s"}
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not lines:
        reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        return {"missing": reason[:120]}
    return dict(json.loads(lines[-1]))


def speed(lines: list[Line]) -> float | None:
    """Return the median bars per second of a case's rounds, None if it never ran."""
    found = [line["n_bars"] / line["seconds"] for line in lines if "seconds" in line]
    return statistics.median(found) if found else None


def agreement(kind: str, mine: Line, theirs: Line) -> str:
    """Return how our result stands to a peer's: "same", or the two that differ."""
    if kind == "check":
        pairs = list(zip(mine["check"], theirs["check"], strict=True))
        wrong = [f"{a} / {b}" for a, b in pairs if abs(a - b) > 2e-6 * max(1.0, abs(b))]
        return "same" if not wrong else "; ".join(wrong)
    a, b = float(mine["final_equity"]), float(theirs["final_equity"])
    near = abs(a - b) < 0.005 if kind == "cents" else math.isclose(a, b, rel_tol=1e-9)
    trips = mine["n_trades"] == theirs["n_trades"]
    return "same" if near and trips else f"{a:,.4f}, {mine['n_trades']} / {b:,.4f}, {theirs['n_trades']}"


def row(goal: Goal, results: dict[Case, list[Line]]) -> list[str]:
    """Return the cells of one goal: work, ours, peer, ratio or figure, must, mark, verdict, results."""
    lines = [line for line in results[goal.ours] if "missing" not in line]
    must = f"{goal.must:g}" if goal.must else ""
    mark = "" if goal.mark is None else f"{goal.mark:g}"
    if not lines:
        return [goal.work, results[goal.ours][0]["missing"], "", "", must, mark, "not measured", ""]
    if goal.figure:
        if goal.figure not in lines[0]:
            return [goal.work, f"no {goal.figure}", "", "", must, mark, "not measured", ""]
        value = statistics.median(float(line[goal.figure]) for line in lines)
        return [goal.work, f"{value:,.4g}", "", f"{value:,.4g}", must, mark, verdict(goal, value), ""]
    fastest = max(goal.against, key=lambda case: speed(results[case]) or 0.0)
    theirs, mine = speed(results[fastest]), speed(lines)
    if theirs is None or mine is None:
        reason = results[fastest][0].get("missing", "did not run")
        return [goal.work, rate(mine), reason, "", must, mark, "not measured", ""]
    other = next(line for line in results[fastest] if "missing" not in line)
    same = agreement(goal.same, lines[0], other) if goal.same else ""
    ratio = mine / theirs
    label = f"{fastest.label.split(' --scale')[0].split(' --repeats')[0]}: {rate(theirs)}"
    return [goal.work, rate(mine), label, f"{ratio:.1f}", must, mark, verdict(goal, ratio), same]


def verdict(goal: Goal, value: float) -> str:
    def better(bound: float) -> bool:
        return value < bound if goal.lower_is_better else value >= bound

    if goal.mark is not None and better(goal.mark):
        return "mark beaten"
    if not better(goal.must):
        return "MISSED"
    return "reached" if goal.must else "mark missed"


def rate(bars_per_s: float | None) -> str:
    return "-" if bars_per_s is None else f"{bars_per_s / 1e6:,.3g} M/s"


def table(goals: list[Goal], results: dict[Case, list[Line]]) -> Iterator[str]:
    yield "| work | ours | fastest peer | ratio or figure | must reach | mark | verdict | results |"
    yield "|---|---|---|---|---|---|---|---|"
    for goal in goals:
        yield "| " + " | ".join(row(goal, results)) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="regular expression on the name of the work")
    parser.add_argument("--rounds", type=int, default=1, help="how often each case runs; medians count")
    parser.add_argument("--out", type=Path, help="where to write all JSON lines; not into the repository")
    options = parser.parse_args()
    goals = [goal for goal in GOALS if re.search(options.only, goal.work)]
    results: dict[Case, list[Line]] = {}
    for round_number in range(options.rounds):
        for goal in goals:
            for case in (goal.ours, *goal.against):
                if len(results.get(case, [])) <= round_number:
                    print(case.label, file=sys.stderr, flush=True)
                    results.setdefault(case, []).append(run(case))
    print("\n".join(table(goals, results)))
    if options.out:
        rows = [{"case": case.label, **line} for case, lines in results.items() for line in lines]
        options.out.write_text("".join(json.dumps(line) + "\n" for line in rows))


if __name__ == "__main__":
    main()
