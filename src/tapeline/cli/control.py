"""What people tell a running system, and what they ask of it, from another terminal.

A command is left in the control file beside the run's journal; the run takes it in its next turn, records it with who,
when and why, and answers.
"""

from __future__ import annotations

import getpass
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from tapeline.app.run_files import newest_journal
from tapeline.cli.console import console, show_text
from tapeline.cli.live_tables import accepted_remarks, positions_table, show_orders, status_view
from tapeline.domain.control import Trigger
from tapeline.domain.errors import InputError
from tapeline.domain.times import MINUTE, SECOND
from tapeline.feeds.clock import SystemClock
from tapeline.ports.control import Latch
from tapeline.store.control_file import ControlFile

ANSWER_WITHIN_S = 10.0
POLL_S = 0.1
SPANS = {"s": SECOND, "m": MINUTE, "h": 60 * MINUTE}

ASKS_FIRST = {
    "halt": "Trading stops at once: nothing is decided, entries that work are called back, stops and targets go on"
    " working. Halt",
    "flatten": "Every order is canceled and every position closed at the market. Flatten",
}


def tell(
    name: str,
    journal: Path | None,
    work: Path,
    *,
    reason: str = "",
    arguments: Mapping[str, Any] | None = None,
    yes: bool = False,
    as_json: bool = False,
) -> None:
    """Give a command to a run and print its answer. Raises InputError where it was refused or nobody answers."""
    path = running(journal, work)
    if name in ASKS_FIRST and not yes and not typer.confirm(f"{ASKS_FIRST[name]} {path.parent.name}?"):
        raise InputError("Nothing was done.")
    with ControlFile.open(path) as desk:
        text = given(name, path, desk, reason=reason, arguments=arguments)
    if as_json:
        console.out(json.dumps({"command": name, "done": True, "text": text}), highlight=False)
    else:
        show_text(text)


def given(
    name: str, path: Path, desk: ControlFile, *, reason: str = "", arguments: Mapping[str, Any] | None = None
) -> str:
    """Give a command to the run of a journal and return its answer. Raises InputError as `tell` does."""
    status = desk.status()
    if status is not None and status.body["has_ended"]:
        raise InputError(f"The run of {path} has ended at {status.body['time']}; it takes no more commands.")
    number = desk.give(name, who=getpass.getuser(), reason=reason, now_ns=SystemClock().now_ns(), arguments=arguments)
    deadline_s = time.monotonic() + ANSWER_WITHIN_S
    while (answer := desk.answer_of(number)) is None:
        if time.monotonic() > deadline_s:
            raise InputError(_nobody(name, path, desk, number))
        time.sleep(POLL_S)
    if not answer.done:
        raise InputError(answer.text)
    return answer.text


def accept(name: str, journal: Path | None, work: Path, *, reason: str, price: str, yes: bool, as_json: bool) -> None:
    """Accept the difference of a symbol or of `cash` that was shown last. Raises InputError where it was refused."""
    path = running(journal, work)
    with ControlFile.open(path) as desk:
        status = desk.status()
    findings = [] if status is None else status.body["findings"]
    kind = "CASH_BREAK" if name == "cash" else "POSITION_BREAK"
    named = [one for one in findings if one["finding"] == kind and name in ("cash", one["name"])]
    shown = named[0]["theirs"] if named else None
    if named and not yes:
        ours, theirs = named[0]["ours"], "nothing" if shown is None else shown
        question = f"Our books have {ours} of {name}, the broker's {theirs}. No execution explains it. Book theirs in"
        if not typer.confirm(f"{question} {path.parent.name}?"):
            raise InputError("Nothing was done.")
    arguments = {"name": name, "theirs": shown, **({"price": price} if price else {})}
    tell("accept", path, work, reason=reason, arguments=arguments, as_json=as_json)


def show(what: str, journal: Path | None, work: Path, *, as_json: bool) -> None:
    """Print the state, the positions or the working orders of a run."""
    path = running(journal, work)
    with ControlFile.open(path) as desk:
        status, latch = desk.status(), desk.halted()
    if status is None:
        raise InputError(f"The run of {path} has shown nothing yet. Ask again in a moment.")
    if as_json:
        body = status.body if what == "status" else status.body[what]
        console.out(json.dumps(body, indent=2), highlight=False)
        return
    if latch is not None:
        show_text(f"Nothing is sent any more: {latch.why}, set by {latch.who}; the run has not answered yet.")
    if what == "status":
        console.print(status_view(status.body))
        return
    rows = status.body[what]
    show_text(f"At {status.body['time']}:" if rows else f"At {status.body['time']} there are no {what}.")
    if rows and what == "positions":
        console.print(positions_table(rows))
    elif rows:
        show_orders(rows)
    for sentence in accepted_remarks(status.body["accepted"]) if what == "positions" else ():
        show_text(sentence)


def span_ns(text: str, option: str = "--for") -> int:
    """Return a span such as 30m, 45s or 2h in nanoseconds. Raises InputError for anything else."""
    found = re.fullmatch(r"(\d+)(s|m|h)", text)
    if found is None:
        raise InputError(f"{option} {text!r} is no span of time. Write it like 30m, 45s or 2h.")
    return int(found[1]) * SPANS[found[2]]


def running(journal: Path | None, work: Path) -> Path:
    """Return the journal of a run that takes commands. Raises InputError where there is none."""
    path = newest_journal(work, begin="tapeline paper") if journal is None else journal
    if not Path(f"{path}.control").exists():
        raise InputError(f"Nothing runs on {path}: only a paper run takes commands. Start one with `tapeline paper`.")
    return path


def _nobody(name: str, path: Path, desk: ControlFile, number: int) -> str:
    if name in ASKS_FIRST:
        why = f"{name} was asked for, and the run did not answer within {ANSWER_WITHIN_S:g} s"
        desk.set_latch(Latch(Trigger.PERSON, getpass.getuser(), why, SystemClock().now_ns()))
        return (
            f"The run of {path} did not answer within {ANSWER_WITHIN_S:g} s. Nothing more will be sent by it; the "
            f"command waits for it."
        )
    status = desk.status()
    seen = "never showed a sign of life" if status is None else f"was last seen at {status.body['time']} of its time"
    return (
        f"The run of {path} did not answer within {ANSWER_WITHIN_S:g} s; it {seen}. Command {number} waits for it; see"
        " whether it still runs."
    )
