"""Strategies in a user's own file: found, run the two ways, and answered in sentences when they fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.bar_files import write_bars
from cli.running import run

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
HEAD = "from tapeline import RuleStrategy, Strategy, bars, sma\n\n\n"
BARS = ("--data", "bars.parquet")

RULE = f'''{HEAD}class Rise(RuleStrategy):
    """Hold after a rise."""

    enter_long = bars().close > sma(bars().close, 5)
    exit_long = bars().close < sma(bars().close, 5)
'''


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_bars(tmp_path / "bars.parquet")
    return tmp_path


@pytest.mark.parametrize("name", ["rise.py", "rise.py:Rise", "./rise.py:Rise"])
def test_a_file_and_a_class_are_found(folder: Path, name: str) -> None:
    (folder / "rise.py").write_text(RULE)

    outcome = run("backtest", name, *BARS, "--json")

    assert outcome.code == 0, outcome.err
    result = json.loads(outcome.out)
    assert result["manifest"]["strategies"][0]["class"] == "Rise"
    assert result["round_trips"]


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_the_examples_trade_the_same_both_ways(example: Path) -> None:
    market = ("--to", "2024-01-12")
    compiled = run("backtest", example, *market, "--json")
    looped = run("backtest", example, *market, "--json", "--journal", "run.sqlite")

    assert compiled.code == looped.code == 0, compiled.err + looped.err
    first, second = json.loads(compiled.out), json.loads(looped.out)
    assert first["round_trips"], "an example should trade"
    assert first["digest"] == second["digest"]


BROKEN = {
    "a slip of syntax": ("class A(:\n", "stopped at line 1: SyntaxError: invalid syntax."),
    "an error while it is read": (
        "import math\n\n1 / 0\n",
        "stopped at line 3: ZeroDivisionError: division by",
    ),
    "a missing module": (
        "import no_such_module\n",
        "stopped at line 1: ModuleNotFoundError: No module named",
    ),
    "an exit": ("raise SystemExit(3)\n", "stopped at line 1: SystemExit: 3."),
    "nothing in it": ("x = 1\n", "defines no subclass of RuleStrategy or Strategy. Write one"),
    "two strategies": (
        RULE + "\n\nclass Other(Rise):\n    pass\n",
        "my.py defines Rise, Other. Say which: my.py:Rise.",
    ),
    "and instead of &": (
        f"{HEAD}class A(RuleStrategy):\n    enter_long = bars().close > 1 and bars().close < 9\n",
        "stopped at line 5: The truth of (close > 1) is not known while the formula is written. Use & | ~",
    ),
    "no entry": (
        f"{HEAD}class A(RuleStrategy):\n    exit_long = bars().close > 1\n",
        "Strategy A has neither enter_long nor enter_short",
    ),
    "a number for a formula": (
        f"{HEAD}class A(RuleStrategy):\n    enter_long = 3\n",
        "Strategy A: enter_long must be a formula, found int 3.",
    ),
    "an error while it runs": (
        f"{HEAD}class A(Strategy):\n    fast = sma(bars().close, 3)\n\n    def on_slice(self, now):\n"
        "        now.enter(now.fst > 1)\n",
        "stopped at line 8: AttributeError: 'SliceView' object has no attribute 'fst'.",
    ),
    "a symbol that is not there": (
        f"{HEAD}class A(Strategy):\n    fast = sma(bars().close, 3)\n\n    def on_slice(self, now):\n"
        '        now.enter("ALFFA")\n',
        "stopped at line 8: Unknown symbol 'ALFFA' in the run. Did you mean 'ALFA'?",
    ),
}


@pytest.mark.parametrize("way", ["compiled", "journaled"])
@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_answered_with_its_line(folder: Path, case: str, way: str) -> None:
    text, sentence = BROKEN[case]
    (folder / "my.py").write_text(text)
    before = set(folder.rglob("*"))

    outcome = run("backtest", "my.py", *BARS, *(("--journal", "run.sqlite") if way == "journaled" else ()))

    assert outcome.code == 2, outcome
    assert sentence in outcome.sentence
    assert set(folder.rglob("*")) == before


def test_an_unknown_class_is_answered_with_those_there_are(folder: Path) -> None:
    (folder / "my.py").write_text(RULE)

    assert "Unknown strategy class 'Ris' in my.py. Did you mean 'Rise'?" in run("backtest", "my.py:Ris", *BARS).sentence


def test_a_file_that_is_not_there_is_said() -> None:
    assert "Strategy file my.py does not exist." in run("backtest", "my.py", *BARS).sentence
