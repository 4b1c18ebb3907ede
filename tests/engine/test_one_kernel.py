"""There is one market kernel: what is planted in it shows in the conformance cases, the backtest and the event loop.

The sources are copied, one line of the copy is changed, and a process of its own runs the copy: the adapter of the
conformance cases, a compiled backtest, and a replay of the same bars.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from bar_tables import bars_of
from engine.acts import fills, run
from engine.bracketed import BARS, Bracketed
from shared import shared_path

ROOT = Path(__file__).resolve().parents[2]
MATCHING = Path("tapeline") / "simulation" / "matching.py"
LINE = "        through = 0.0 if state.limit_touch else symbol.tick\n"
PLANTED = "        through = 0.0 if state.limit_touch else 2.0 * symbol.tick\n"
LIMIT_S = 400

SCRIPT = f"""
import importlib.util, json, sys
from pathlib import Path

def module(name, path):
    specification = importlib.util.spec_from_file_location(name, path)
    found = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(found)
    return found

cases, check_path = Path(sys.argv[1]), sys.argv[2]
check = module("check", check_path)
adapter = module("fills_adapter", {str(ROOT / "tests" / "conformance" / "fills_adapter.py")!r})
failed = []
for case in json.loads(cases.read_text())["cases"]:
    question = {{name: value for name, value in case.items() if name != "expect"}}
    if check.check(case, adapter.simulate(question)):
        failed.append(case["id"])

import tapeline
from bar_tables import bars_of
from engine.bracketed import BARS, Bracketed

panel = bars_of(BARS)
compiled = tapeline.backtest(Bracketed(), panel)
looped = tapeline.replay([Bracketed()], panel).result
print(json.dumps({{
    "source": tapeline.__file__,
    "failed": failed,
    "compiled": list(compiled.execution_lines()),
    "looped": list(looped.execution_lines()),
    "same": compiled.digest == looped.digest,
}}))
"""


def of_sources(sources: Path, cache: Path) -> dict[str, Any]:
    """Return what the script finds when it runs on some sources, with a cache for their machine code."""
    variables = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(sources), str(ROOT / "tests"))),
        "TAPELINE_CACHE": str(cache),
    }
    command = [sys.executable, "-c", SCRIPT, str(shared_path("fills/cases.json")), str(shared_path("fills/check.py"))]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert Path(found["source"]).is_relative_to(sources)
    return found


def test_a_change_in_the_kernel_changes_conformance_backtest_and_event_loop_alike(tmp_path: Path) -> None:
    """Planted: a limit must be traded through by two ticks. The target of 102 sees 102.01, one tick more, and waits.

    As it is, the target fills at 14:33; with the fault the holding is sold by its stop at 14:34.
    """
    sound = fills(run(Bracketed(), bars_of(BARS)))
    sources = tmp_path / "src"
    shutil.copytree(ROOT / "src", sources, ignore=shutil.ignore_patterns("__pycache__"))
    text = (sources / MATCHING).read_text()
    assert text.count(LINE) == 1, "the line to plant the fault in is gone; choose another"
    (sources / MATCHING).write_text(text.replace(LINE, PLANTED))

    found = of_sources(sources, tmp_path / "cache")

    assert sound[1] == "14:33 inside SELL 10 A 102.00 target"
    assert len(found["failed"]) > 0, "the conformance cases run on another kernel"
    assert found["same"]
    assert found["compiled"] == found["looped"]
    assert [line.split()[1:6] for line in found["compiled"]][1] == [
        "2018-01-02T14:34:00Z",
        "INSIDE",
        "SELL",
        "10",
        "98",
    ]
