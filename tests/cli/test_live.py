"""A paper run in a process of its own, and the commands that people give it from other ones."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cli.running import command, environment, run
from tapeline.ledger.control_facts import RunResumed
from tapeline.ledger.facts import CommandGiven, RunEnded
from tapeline.ledger.order_facts import OrderFilled
from tapeline.store.sqlite_journal import SqliteJournal

PAPER = ("paper", "moving-average-cross", "--frame", "5min", "--to", "2024-01-02", "--symbols", "SIM01,SIM02")
WITHIN_S = 120.0


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        monkeypatch.chdir(name)
        yield Path(name)


@pytest.fixture
def running(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A run of 390 minutes in about half a minute."""
    process = subprocess.Popen(
        command(*PAPER, "--speed", "800"),
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    deadline = time.monotonic() + WITHIN_S
    while run("status").code and time.monotonic() < deadline:
        time.sleep(0.2)
    yield process
    process.kill()
    process.wait()


def journal(folder: Path) -> Path:
    return folder / "tapeline-work" / "run-0001" / "journal.sqlite"


def test_a_run_is_watched_paused_resumed_and_stopped_from_outside(folder: Path, running: subprocess.Popen[str]) -> None:
    shown = run("status")
    assert shown.code == 0, shown.err
    assert "ACTIVE" in shown.out
    assert json.loads(run("status", "--json").out)["symbols"] == 2
    assert run("positions").code == run("orders").code == 0

    paused = run("pause", "--reason", "lunch")
    compared = run("reconcile", journal(folder).parent, "--timeout", "60s")
    as_json = run("reconcile", "--json")
    nothing = run("reconcile", "--accept", "cash", "--yes", "--reason", "a fee")
    refused = run("resume")
    resumed = run("resume", "--reason", "back")
    overridden = run("override", "gross", "--value", "0.2", "--for", "30m", "--reason", "careful")
    asked = run("halt")  # nobody answers
    halted = run("halt", "--yes", "--reason", "enough")
    stopped = run("stop")
    output, _ = running.communicate(timeout=WITHIN_S)

    assert (paused.code, refused.code, resumed.code, overridden.code, halted.code, stopped.code) == (0, 2, 0, 0, 0, 0)
    assert "Trading is REDUCING" in paused.out
    assert asked.code != 0 and "entries and the parts of worked exits are called back" in asked.out
    assert compared.code == as_json.code == 0, compared.err + as_json.err
    assert "working orders agree, cash agrees" in compared.out
    assert json.loads(as_json.out)["agreed"] is True
    assert nothing.code == 2 and "found no difference of cash" in nothing.err
    assert "for a reason only" in refused.sentence
    assert running.returncode == 0
    assert "Trading was HALTED at the end." in output
    with SqliteJournal.reading(journal(folder)) as facts:
        given = [(r.fact.command, r.fact.reason) for r in facts.read(kind=CommandGiven.kind)]  # type: ignore[attr-defined]
    assert given == [
        ("pause", "lunch"),
        ("reconcile", ""),
        ("reconcile", ""),
        ("accept", "a fee"),
        ("resume", ""),
        ("resume", "back"),
        ("override", "careful"),
        ("halt", "enough"),
        ("stop", ""),
    ]
    assert "has ended" in run("pause").sentence


def test_ctrl_c_ends_a_run_between_two_turns_and_keeps_its_journal(
    folder: Path, running: subprocess.Popen[str]
) -> None:
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=WITHIN_S)

    assert running.returncode == 0, output
    assert "The run was stopped; the journal is whole." in output
    with SqliteJournal.reading(journal(folder)) as facts:
        assert len(list(facts.read(kind=RunEnded.kind))) == 1
    assert run("journal", "verify").code == 0


def test_commands_without_a_run_say_so(folder: Path) -> None:
    assert "There is no run" in run("status").sentence
    assert "Run `tapeline paper` here first" in run("pause").sentence
    (folder / "tapeline-work" / "run-0001").mkdir(parents=True)
    journal(folder).touch()
    assert "only a paper run takes commands" in run("halt", "--yes").sentence


def test_a_run_starts_with_the_limits_in_force(folder: Path) -> None:
    (folder / "run.toml").write_text("[limits]\ntrades_per_day = 7\n\n[limits.MovingAverageCross]\npositions = 1\n")

    usual = run(*PAPER, "--speed", "max", "--config", "run.toml")
    bare = run(*PAPER, "--speed", "max", "--config", "run.toml", "--no-limits")

    assert (usual.code, bare.code) == (0, 0), usual.err + bare.err
    assert "Limits of the account: position 0.05, gross 1, risk_per_trade 0.004" in usual.out
    assert "trades_per_day 7, loss_per_trade 0.01" in usual.out
    assert "Limits of the account: trades_per_day 7." in bare.out
    assert "Limits of MovingAverageCross: positions 1." in usual.out and "MovingAverageCross: positions 1" in bare.out


def test_a_run_that_goes_on_with_other_bounds_says_which_and_wants_a_yes(folder: Path) -> None:
    begun = run(*PAPER, "--speed", "max")
    again = (*PAPER, "--speed", "max", "--resume", journal(folder).parent)

    same = run(*again)
    loosened = run(*again, "--no-limits")
    meant = run(*again, "--no-limits", "--yes")
    tightened = run(*again)

    assert [one.code for one in (begun, same, loosened, meant, tightened)] == [0, 0, 2, 0, 0], loosened.err
    assert "Set otherwise" not in same.err + same.out
    assert "Set otherwise: settings.limits.gross: " in loosened.err and ", none now" in loosened.err
    assert "with other bounds than before" in loosened.sentence and "settings.limits.gross" in loosened.sentence
    assert "Set otherwise: settings.limits.gross: none before" in tightened.err
    with SqliteJournal.reading(journal(folder)) as facts:
        assert len(list(facts.read(kind=RunResumed.kind))) == 3


def test_a_second_process_over_a_running_run_is_refused_or_waits(folder: Path, running: subprocess.Popen[str]) -> None:
    again = (*PAPER, "--speed", "max", "--resume", journal(folder).parent)

    refused = run(*again)
    waiting = subprocess.Popen(
        command(*again, "--wait", "100s"),
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    stopped = run("stop")
    output, _ = waiting.communicate(timeout=WITHIN_S)
    running.communicate(timeout=WITHIN_S)

    assert (refused.code, stopped.code, waiting.returncode) == (2, 0, 0), output
    assert f"a journal has one writer: process {running.pid} on " in refused.sentence
    assert "Stop that run first, wait for it" in refused.sentence
    assert "goes on with" not in refused.out + refused.err
    assert "--wait 'soon' is no span of time" in run(*again, "--wait", "soon").sentence
    with SqliteJournal.reading(journal(folder)) as facts:
        assert len(list(facts.read(kind=RunEnded.kind))) == 2
    assert run("journal", "verify").code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--speed", "fast"), "is no speed. Give real, max"),
        (("--speed", "-1"), "is no speed"),
        (("--set", "fost=5"), "Unknown parameter"),
        (("--wash-sales", "refus"), "Did you mean 'refuse'"),
        (("--wash-sales", "warn", "--trades", "none.csv"), "none.csv"),
    ],
)
def test_what_a_run_cannot_begin_with_is_refused_and_leaves_nothing(
    folder: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    done = run(*PAPER, *arguments)

    assert (done.code, sentence in done.sentence) == (2, True), done.err
    assert not (folder / "tapeline-work").exists()


def test_a_killed_process_goes_on_and_trades_what_it_would_have_traded(folder: Path) -> None:
    expected = run(*PAPER, "--speed", "max", "--work", "whole")
    assert expected.code == 0, expected.err
    path = journal(folder)
    for start in range(2):
        more = ("--resume", str(path.parent)) if start else ()
        process = subprocess.Popen(
            command(*PAPER, "--speed", "800", *more), env=environment(), stdout=subprocess.DEVNULL
        )
        before = _records(path)
        deadline = time.monotonic() + WITHIN_S
        while _records(path) < before + 40 and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        process.wait()

    ended = run(*PAPER, "--speed", "max", "--resume", path.parent)

    assert ended.code == 0, ended.err
    with (
        SqliteJournal.reading(path) as killed,
        SqliteJournal.reading(folder / "whole/run-0001/journal.sqlite") as whole,
    ):
        assert len(list(killed.read(kind=RunResumed.kind))) == 2
        assert [r.fact for r in killed.read(kind=OrderFilled.kind)] == [
            r.fact for r in whole.read(kind=OrderFilled.kind)
        ]
    assert run("journal", "verify", path).code == 0


def test_a_run_to_go_on_with_must_be_there(folder: Path) -> None:
    refused = run(*PAPER, "--resume", "nowhere")

    assert refused.code == 2
    assert "There is no journal nowhere to go on with" in refused.sentence
    assert not (folder / "tapeline-work").exists()


def _records(path: Path) -> int:
    if not path.is_file() or not path.stat().st_size:
        return 0
    with SqliteJournal.reading(path) as facts:
        return facts.head().count
