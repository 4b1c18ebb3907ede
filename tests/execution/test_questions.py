"""Timers, questions that are asked until they are answered, and settings that contradict themselves."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.domain.errors import ConfigurationError
from tapeline.domain.reports import Query, Question
from tapeline.domain.times import SECOND
from tapeline.execution.questions import Questions
from tapeline.execution.settings import KeeperSettings
from tapeline.execution.timers import Timers

CASH = (Question.CASH, "")
SETTINGS = KeeperSettings(query_timeout_s=4, query_timeout_s_max=20, jitter=0.5)


def some_questions(seed: int = 1, **changes: Any) -> Questions:
    return Questions(SETTINGS, Random(seed), first_id=100)


# Timers ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=12), st.integers(0, 9))
def test_a_key_is_due_at_the_time_it_was_given_last(settings: list[tuple[str, int]], now: int) -> None:
    timers: Timers[str] = Timers()
    for key, due in settings:
        timers.set(key, due)
    last = dict(settings)

    taken = timers.take(now)

    assert sorted(taken) == sorted(key for key, due in last.items() if due <= now)
    assert [last[key] for key in taken] == sorted(last[key] for key in taken)
    assert timers.next_ns == min((due for due in last.values() if due > now), default=None)


def test_a_dropped_key_is_never_due() -> None:
    timers: Timers[str] = Timers()
    timers.set("a", 1)
    timers.drop("a")
    timers.drop("b")

    assert (timers.next_ns, timers.take(10)) == (None, [])


def test_keys_of_one_time_are_due_as_they_were_set_and_need_no_order() -> None:
    timers: Timers[object] = Timers()
    keys = [object() for _ in range(9)]
    for key in keys:
        timers.set(key, 5)

    assert (timers.next_ns, timers.take(4), timers.take(5), timers.next_ns) == (5, [], keys, None)


# Questions ------------------------------------------------------------------------------------------------------


def test_a_question_leaves_once_and_is_closed_by_its_answer() -> None:
    questions = some_questions()
    questions.ask(CASH, 0)

    (query,) = questions.leaving()

    assert (query.query_id, query.question, questions.leaving()) == (100, Question.CASH, [])
    assert questions.answered(CASH, 100) is not None
    assert questions.answered(CASH, 100) is None
    assert questions.next_time_ns is None


def test_waits_double_up_to_the_longest_and_are_lengthened_by_up_to_half() -> None:
    """4, 8, 16, then 20 seconds and no more, each times 1 to 1.5."""
    questions = some_questions()
    questions.ask(CASH, 0)
    now, waits = 0, []
    for _ in range(6):
        due = questions.next_time_ns
        assert due is not None
        waits.append((due - now) / SECOND)
        now = due
        questions.on_time(now)

    for wait, plain in zip(waits, [4, 8, 16, 20, 20, 20], strict=True):
        assert plain <= wait <= 1.5 * plain
    assert [query.query_id for query in questions.leaving()] == [106]


def test_the_same_seed_waits_as_long_and_another_one_does_not() -> None:
    first, same, other = (some_questions(seed) for seed in (1, 1, 2))
    for questions in (first, same, other):
        questions.ask(CASH, 0)

    assert first.next_time_ns == same.next_time_ns != other.next_time_ns


def test_an_answer_to_an_asking_of_before_does_not_count() -> None:
    questions = some_questions()
    questions.ask(CASH, 0)
    questions.ask(CASH, 1)

    assert questions.answered(CASH, 100) is None
    assert questions.answered(CASH, 101) is not None


@pytest.mark.parametrize("wanted", [(50, 90), (90, 50), (90, 50, 70)])
def test_executions_are_asked_for_from_the_earliest_time_that_anybody_wants(wanted: tuple[int, ...]) -> None:
    questions = some_questions()
    for since_ns in wanted:
        questions.ask((Question.EXECUTIONS, ""), 0, since_ns)

    (query,) = questions.leaving()

    assert query.since_ns == 50


def test_nothing_is_asked_without_a_link_and_everything_once_it_is_back() -> None:
    questions = some_questions()
    questions.ask(CASH, 0)
    questions.link_lost()
    questions.ask((Question.POSITIONS, ""), 1)
    questions.on_time(10**12)
    assert (questions.leaving(), questions.next_time_ns) == ([], None)
    assert questions.answered(CASH, 100) is None

    questions.link_restored(2)

    assert {query.question for query in questions.leaving()} == {Question.CASH, Question.POSITIONS}


def test_a_question_is_put_off_to_a_moment_but_not_beyond_it() -> None:
    questions = some_questions()
    questions.ask_again(CASH, 0, not_after_ns=3 * SECOND)

    assert questions.next_time_ns == 3 * SECOND


PLAIN = KeeperSettings(query_timeout_s=4, query_timeout_s_max=1000, jitter=0)


def plain_questions() -> Questions:
    """Return questions that wait 4, 8, 16 seconds and so on exactly."""
    return Questions(PLAIN, Random(1), first_id=100)


def test_an_order_is_asked_for_by_its_name_and_what_is_of_the_account_by_none() -> None:
    questions = some_questions()
    questions.ask((Question.ORDER, "o1"), 0)
    questions.ask(CASH, 0)
    questions.ask((Question.EXECUTIONS, ""), 0, since_ns=50)

    assert questions.leaving() == [
        Query(100, Question.ORDER, "o1"), Query(101, Question.CASH), Query(102, Question.EXECUTIONS, None, 50),
    ]  # fmt: skip


def test_what_was_put_off_is_asked_after_its_wait_and_counts_as_one_try() -> None:
    questions = plain_questions()
    questions.ask_again(CASH, 0)
    assert CASH in questions and questions.next_time_ns == 8 * SECOND

    questions.on_time(8 * SECOND - 1)
    assert questions.leaving() == []
    questions.on_time(8 * SECOND)
    assert [query.query_id for query in questions.leaving()] == [100]
    assert questions.next_time_ns == 16 * SECOND


def test_what_was_under_way_and_is_put_off_has_no_answer_any_more() -> None:
    questions = plain_questions()
    questions.ask(CASH, 0)
    questions.ask_again(CASH, 0)

    assert questions.answered(CASH, 100) is None
    assert CASH in questions


@pytest.mark.parametrize(("not_after_s", "due_s"), [(9, 18), (10, 18), (11, 11), (18, 18), (30, 18)])
def test_a_moment_that_is_over_puts_nothing_forward(not_after_s: int, due_s: int) -> None:
    questions = plain_questions()
    questions.ask_again(CASH, 10 * SECOND, not_after_ns=not_after_s * SECOND)

    assert questions.next_time_ns == due_s * SECOND


def test_a_link_that_is_back_is_asked_each_question_once_and_waits_begin_anew() -> None:
    questions = plain_questions()
    questions.ask(CASH, 0)
    questions.on_time(4 * SECOND)
    questions.on_time(12 * SECOND)
    questions.link_lost()
    questions.link_restored(20 * SECOND)

    assert [query.query_id for query in questions.leaving()] == [103]
    assert questions.next_time_ns == 24 * SECOND


def test_a_question_that_is_dropped_is_neither_asked_again_nor_answered() -> None:
    questions = plain_questions()
    questions.ask(CASH, 0)
    questions.drop(CASH)
    questions.drop((Question.POSITIONS, ""))
    questions.on_time(100 * SECOND)

    assert CASH not in questions
    assert (questions.next_time_ns, questions.answered(CASH, 100)) == (None, None)


def test_a_question_that_is_taken_up_again_keeps_the_number_of_its_tries() -> None:
    questions = plain_questions()
    questions.ask(CASH, 0)
    questions.on_time(4 * SECOND)
    questions.on_time(12 * SECOND)
    asked = questions.answered(CASH, 102)
    assert asked is not None and CASH not in questions

    questions.reopen(CASH, asked)
    questions.ask_again(CASH, 20 * SECOND)

    assert CASH in questions
    assert questions.next_time_ns == (20 + 4 * 2**3) * SECOND


@pytest.mark.parametrize(("told", "apart"), [(20, 0), (10, 0), (30, 0), (9, -1), (31, 1), (0, -10), (45, 15)])
def test_clocks_are_apart_by_what_no_journey_of_question_and_answer_explains(told: int, apart: int) -> None:
    """Asked at 10, answered at 30 by our clock."""
    questions = some_questions()
    questions.ask(CASH, 10)

    assert questions.apart_ns(CASH, 100, told, 30) == apart
    assert questions.apart_ns(CASH, 99, told, 30) == 0
    assert questions.apart_ns((Question.POSITIONS, ""), 100, told, 30) == 0
    questions.link_lost()
    assert questions.apart_ns(CASH, 100, told, 30) == 0


# Settings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"request_timeout_s": 0}, "request_timeout_s must be a number of seconds above zero, found 0"),
        ({"horizon_s": float("inf")}, "horizon_s must be a number of seconds above zero, found inf"),
        ({"query_timeout_s": float("nan")}, "query_timeout_s must be .* found nan"),
        ({"jitter": 1.5}, "jitter must lie between 0 and 1, found 1.5"),
        ({"rounds_max": 1}, "rounds_max must be 2 or more, found 1"),
        ({"overlap_s": 300}, "overlap_s of 300 must be above its compare_every_s of 300"),
        ({"cash_tolerance": Decimal(-1)}, "cash_tolerance must be zero or more, found -1"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        KeeperSettings(**changes)
