"""`tapeline simulate`: what it says, and that a failure comes with the line that shows it again."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from cli.running import run
from tapeline.execution.bookings import Bookings


def test_it_tells_what_happened_and_counts_every_kind_of_fault() -> None:
    done = run("simulate", "--seeds", "2", "--days", "1")

    assert done.code == 0, done.err + done.out
    assert "2 seeds, 2 days with faults" in done.out
    assert "a report of the venue is lost" in done.out
    assert "changed the course" in done.out
    assert "Everything held" in done.out


def test_json_holds_the_same_and_nothing_else_is_printed() -> None:
    first, again = (run("simulate", "--seeds", "1", "--days", "2", "--first-seed", "5", "--json") for _ in range(2))
    tree = json.loads(first.out)

    assert first.out == again.out
    assert (tree["seeds"], tree["days"], tree["passed"], tree["failures"]) == (1, 2, True, [])
    assert (tree["dice"]["days"], tree["engine"]["days"]) == (2, 0)
    assert tree["dice"]["faults"]["report_lost"].keys() == {"injected", "changed_the_course"}


def test_a_failure_is_shrunk_and_its_line_fails_again(monkeypatch: pytest.MonkeyPatch) -> None:
    book = Bookings.book

    def free(bookings: Bookings, execution: Any, claimed: Decimal | None = None) -> bool:
        return book(bookings, replace(execution, commission=Decimal(0)), claimed)

    monkeypatch.setattr(Bookings, "book", free)
    failed = run("simulate", "--seeds", "1", "--days", "2", "--first-seed", "3", "--json")
    failure: dict[str, Any] = json.loads(failed.out)["failures"][0]
    words = failure["command"].split()

    again = run(*words[1:])

    assert failed.code == again.code == 1
    assert words[:2] == ["tapeline", "simulate"]
    assert "FAILED seed 3" in again.out
    assert "the venue never said so" in again.out
    assert failure["episodes"] == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--seeds", "0"), "A simulation of 0 seeds was asked for"),
        (("--days", "-1"), "A simulation of -1 days was asked for"),
        (("--episodes", "three"), "no list of numbers"),
        (("--episodes", "0,999"), "has no episode 999"),
    ],
)
def test_words_that_cannot_be_followed(words: tuple[str, ...], sentence: str) -> None:
    done = run("simulate", *words)

    assert done.code == 2
    assert sentence in done.sentence
