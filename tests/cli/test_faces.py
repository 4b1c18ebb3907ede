"""What a stranger sees: help and versions at once, whole numbers in narrow terminals, one trade explained."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.bar_files import write_bars
from cli.running import LIMIT_S, Outcome, command, environment, run, start
from tapeline import __version__

HELP_S = 0.5
MATTERS = ("--to", "2024-01-12")  # nine sessions of the simulated market: enough for every strategy's warm-up


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Outcome]]:
    """The demo of a short period, once for all tests of this file."""
    folder = tmp_path_factory.mktemp("demo")
    yield folder, start("demo", *MATTERS, folder=folder)


def test_the_demo_goes_the_whole_chain(demo: tuple[Path, Outcome]) -> None:
    folder, outcome = demo

    assert outcome.code == 0, outcome.err
    assert "a simulated market, seed 7" in outcome.out
    assert "The market was simulated: nothing here says anything about a strategy's worth." in outcome.out
    for word in ("net profit", "commissions", "largest drawdown", "round trips", "Drawdown, deepest"):
        assert word in outcome.out
    assert (folder / "tapeline-work" / "run-0001" / "result.json").exists()


def test_no_number_is_cut_at_eighty_columns(demo: tuple[Path, Outcome]) -> None:
    _, outcome = demo

    tables = outcome.out[outcome.out.index("Account") : outcome.out.index("The market was simulated")]
    assert "…" not in tables
    assert max(map(len, tables.splitlines())) <= 80
    for strategy in ("MovingAverageCross", "IntradayMeanReversion", "SwingTrend"):
        assert re.search(rf"^ {strategy} +[\d,]+ +[\d.]+ % +[+-][\d,.]+ +[\d,.]+ ", tables, re.MULTILINE)


def test_what_is_no_terminal_gets_neither_progress_nor_colour(demo: tuple[Path, Outcome]) -> None:
    _, outcome = demo

    assert "\x1b" not in outcome.out + outcome.err
    assert "equity" not in outcome.err


def test_one_trade_is_explained_with_a_pointer_that_works(
    demo: tuple[Path, Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, outcome = demo
    monkeypatch.chdir(folder)
    told = outcome.out[outcome.out.index("The best trade") :]

    for label in ("decided", "size", "in", "stop", "out", "outcome"):
        assert re.search(rf"^  {label} +\S", told, re.MULTILINE), told
    found = re.search(r"\./tapeline why (\S+)", told)
    assert found is not None

    why = run("why", found.group(1))
    whole = run("why", found.group(1), "--all")

    assert why.code == 0, why.err
    assert f"Order {found.group(1)}" in why.out
    assert "settings.account.cash" not in why.out
    assert "settings.account.cash = 100000.0" in whole.out


def test_the_chain_of_the_newest_run_is_verified(demo: tuple[Path, Outcome], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, outcome = demo
    monkeypatch.chdir(folder)
    found = re.search(r"Head of the journal: ([0-9a-f]{64})", outcome.out)
    assert found is not None

    with_head = run("journal", "verify", "--head", found.group(1))
    with_another = run("journal", "verify", "--head", "0" * 64)

    assert with_head.code == 0, with_head.err
    assert "unbroken" in with_head.out
    assert with_another.code == 2
    assert "The head that was kept is none of the" in with_another.sentence


def test_help_and_version_answer_at_once(tmp_path: Path) -> None:
    """In processor time, the best of three: the machine that runs the tests does other things too."""
    for words in (["--help"], ["backtest", "--help"], ["--version"]):
        times = []
        for _ in range(3):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run(
                command(*words), cwd=tmp_path, env=environment(), capture_output=True, text=True,
                timeout=LIMIT_S, check=False,
            )  # fmt: skip
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            assert done.returncode == 0, done.stderr
        assert min(times) < HELP_S, f"{words}: {min(times):.2f} s"


def test_help_imports_neither_compiler_nor_tables(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['tapeline', '--help']\n"
        "from tapeline.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in ('numba', 'polars', 'numpy', 'exchange_calendars') if name in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True,
        timeout=LIMIT_S, check=True,
    )  # fmt: skip

    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("words", [(), ("demo",), ("backtest",), ("why",), ("strategies",), ("journal", "verify")])
def test_every_command_has_help(words: tuple[str, ...]) -> None:
    outcome = run(*words, "--help")

    assert outcome.code == 0
    assert f"Usage: tapeline {' '.join(words)}".rstrip() in outcome.out


def test_the_version_is_that_of_the_package() -> None:
    assert run("--version").out == f"tapeline {__version__}\n"


def test_a_slip_in_a_command_is_answered_with_the_nearest() -> None:
    outcome = run("backtets")

    assert outcome.code == 2
    assert "Did you mean 'backtest'?" in outcome.err


def test_the_strategies_are_listed_with_rule_and_parameters() -> None:
    outcome = run("strategies")

    assert "moving-average-cross" in outcome.out
    assert "Buy when the fast average crosses above the slow one" in outcome.out
    assert "--set fast_bars=20" in outcome.out


def test_a_run_without_orders_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_bars(tmp_path / "bars.parquet")
    (tmp_path / "never.py").write_text(
        "from tapeline import RuleStrategy, bars\n\n\nclass Never(RuleStrategy):\n    enter_long = bars().close > 1e9\n"
    )

    outcome = run("backtest", "never.py", "--data", "bars.parquet")

    assert outcome.code == 0, outcome.err
    assert "No order was sent: no entry condition came true" in outcome.out
    assert re.search(r"\bnan\b", outcome.out) is None
