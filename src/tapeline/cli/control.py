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

from tapeline.app.run_files import journals, newest_journal, run_name
from tapeline.cli.console import console, folded, show_text
from tapeline.cli.live_tables import accepted_remarks, positions_table, show_orders, status_view
from tapeline.domain.control import Trigger
from tapeline.domain.errors import InputError
from tapeline.domain.times import MINUTE, SECOND
from tapeline.feeds.clock import SystemClock
from tapeline.ports.control import Latch
from tapeline.store.control_file import ControlFile, Status
from tapeline.store.sqlite_file import WriterLock, lease_of

SILENT = 2
"""Exit code where a run was shown that gives no sign of life."""

ANSWER_WITHIN_S = 10.0
POLL_S = 0.1
SPANS = {"s": SECOND, "m": MINUTE, "h": 60 * MINUTE}

_SHOWN_WITH = {"positions": ("positions",), "orders": ("orders", "orders_working", "worked", "worked_count")}

ASKS_FIRST = {
    "halt": "Trading stops at once: nothing is decided, entries and the parts of worked exits are called back, stops"
    " and targets go on working. Halt",
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
    if name in ASKS_FIRST and not yes and not _confirmed(f"{ASKS_FIRST[name]} {run_name(path)}?"):
        raise InputError("Nothing was done.")
    with ControlFile.open(path) as desk:
        text = given(name, path, desk, reason=reason, arguments=arguments)
    if as_json:
        console.out(json.dumps({"run": str(path), "command": name, "done": True, "text": text}), highlight=False)
    else:
        show_text(f"{run_name(path)}: {text}")


def given(
    name: str, path: Path, desk: ControlFile, *, reason: str = "", arguments: Mapping[str, Any] | None = None
) -> str:
    """Give a command to the run of a journal and return its answer. Raises InputError as `tell` does."""
    lives = WriterLock.is_held(path)  # before the state: a run shows its end before it lets go
    status = desk.status()
    if status is not None and status.body["has_ended"]:
        raise InputError(f"The run of {path} has ended at {status.body['time']}; it takes no more commands.")
    if not lives:
        raise InputError(_left_for_the_next(name, path, desk, status, reason))
    number = desk.give(name, who=getpass.getuser(), reason=reason, now_ns=SystemClock().now_ns(), arguments=arguments)
    deadline_s = time.monotonic() + ANSWER_WITHIN_S
    while (answer := desk.answer_of(number)) is None:
        if time.monotonic() > deadline_s:
            raise InputError(_nobody(name, path, desk, number))
        time.sleep(POLL_S)
    if not answer.done:
        raise InputError(f"{run_name(path)}: {answer.text}")
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
        if not _confirmed(f"{question} {run_name(path)}?"):
            raise InputError("Nothing was done.")
    arguments = {"name": name, "theirs": shown, **({"price": price} if price else {})}
    tell("accept", path, work, reason=reason, arguments=arguments, as_json=as_json)


def show(what: str, journal: Path | None, work: Path, *, as_json: bool) -> None:
    """Print the state, the positions or the working orders of a run."""
    path = running(journal, work)
    lives = WriterLock.is_held(path)
    with ControlFile.open(path) as desk:
        status, latch = desk.status(), desk.halted()
    if status is None:
        raise InputError(silence_of(path, None, lives=lives) or f"{run_name(path)} has shown nothing yet; ask again.")
    silence = silence_of(path, status, lives=lives)
    if as_json:
        body = status.body if what == "status" else {name: status.body[name] for name in ("time", *_SHOWN_WITH[what])}
        shown = {"run": str(path), "silent": silence or None, **body}
        console.out(json.dumps(shown, indent=2), highlight=False)
    else:
        if silence:
            show_text(f"{silence} What it showed last:")
        _show_state(what, path, status.body, latch)
    if silence:
        raise typer.Exit(SILENT)


def _show_state(what: str, path: Path, body: Mapping[str, Any], latch: Latch | None) -> None:
    if latch is not None:
        show_text(f"Nothing is sent any more: {latch.why}, set by {latch.who}; the run has not answered yet.")
    if what == "status":
        console.print(status_view(body, run_name(path)))
        return
    rows = body[what]
    at = f"{run_name(path)} at {body['time']}"
    show_text(f"{at}:" if rows else f"{at}: there are no {what}.")
    if what == "orders":
        show_orders(body)
    if rows and what == "positions":
        console.print(positions_table(rows))
    for sentence in accepted_remarks(body["accepted"]) if what == "positions" else ():
        show_text(sentence)


def silence_of(path: Path, status: Status | None, *, lives: bool) -> str:
    """Return in a sentence that a run gives no sign of life; empty where it gives one, or has ended.

    lives : whether a process writes the journal
    """
    if status is not None and status.body["has_ended"]:
        return ""
    is_known = status is not None and status.shown_ns > 0
    silent_s = (SystemClock().now_ns() - status.shown_ns) // SECOND if status is not None and is_known else 0
    since = f"anything for {silent_s:,} s" if is_known else "anything yet"
    if not lives:
        return f"{run_name(path)} has not shown {since}; no process writes its journal: it died."
    if silent_s > ANSWER_WITHIN_S:
        lease = lease_of(path)
        holder = "a process" if lease is None else lease.holder
        return f"{run_name(path)} has not shown {since}, though {holder} still has its journal: it hangs."
    return ""


def span_ns(text: str, option: str = "--for") -> int:
    """Return a span such as 30m, 45s or 2h in nanoseconds. Raises InputError for anything else."""
    found = re.fullmatch(r"(\d+)(s|m|h)", text)
    if found is None:
        raise InputError(f"{option} {text!r} is no span of time. Write it like 30m, 45s or 2h.")
    return int(found[1]) * SPANS[found[2]]


def running(journal: Path | None, work: Path) -> Path:
    """Return the journal of a run that takes commands: the one named, the one that runs, else the newest.

    Raises InputError where there is none, or where several run and none is named.
    """
    path = _chosen(work) if journal is None else journal
    if not _takes_commands(path):
        raise InputError(f"Nothing runs on {path}: only a paper run takes commands. Start one with `tapeline paper`.")
    return path


def _confirmed(question: str) -> bool:
    return typer.confirm("\n".join(folded(question, console)))


def _left_for_the_next(name: str, path: Path, desk: ControlFile, status: Status | None, reason: str) -> str:
    from tapeline.engine.commands import OBEYED_LATE

    silence = silence_of(path, status, lives=False)
    if name not in OBEYED_LATE:
        return f"{silence} Nobody takes {name}; go on with the run by `tapeline paper ... --resume {path.parent}`."
    desk.give(name, who=getpass.getuser(), reason=reason, now_ns=SystemClock().now_ns())
    if name in ASKS_FIRST:
        why = f"{name} was asked for while no process wrote the journal"
        desk.set_latch(Latch(Trigger.PERSON, getpass.getuser(), why, SystemClock().now_ns()))
    return f"{silence} The next start of the run obeys {name} before anything else. See to the broker until then."


def _chosen(work: Path) -> Path:
    known = [path for path in journals(work) if _takes_commands(path)]
    live = [path for path in known if WriterLock.is_held(path)]
    if len(live) > 1:
        raise InputError(
            f"{len(live)} runs are under way: {', '.join(map(run_name, live))}. Say which one is meant, such as"
            f" --journal {live[-1].parent}."
        )
    return [*known, *live][-1] if known else newest_journal(work, begin="tapeline paper")


def _takes_commands(path: Path) -> bool:
    return Path(f"{path}.control").exists()


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
