"""A venue without faults: the keeper adds nothing to what it tells, and changes nothing of it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.builders import SETTINGS, Reversal, simulated_panel
from tapeline import replay
from tapeline.domain.reports import EXTERNAL
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.execution.settings import PERFECT, KeeperSettings
from tapeline.ledger.canonical import decode, encode
from tapeline.ledger.order_facts import (
    CancelIntended,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderIntended,
    OrderRejected,
    OrderReplaced,
    OrderTriggered,
    ReplaceIntended,
)
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact
from tapeline.store.sqlite_journal import SqliteJournal

TOLD = (OrderAccepted, OrderTriggered, OrderReplaced, OrderCanceled, OrderRejected, OrderExpired, OrderFilled)
LIVE = KeeperSettings()


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The journal of a replay with brackets, partial fills, trailing stops and denials."""
    path: Path = tmp_path_factory.mktemp("replay") / "run.sqlite"
    replay([Reversal()], simulated_panel(symbols=3), path, SETTINGS["margin"])
    with SqliteJournal.reading(path) as journal:
        return [record.fact for record in journal.read()]


def kept(facts: list[Any], settings: KeeperSettings) -> list[bytes]:
    """Return the journal that a keeper writes when these facts are intended and told again, in their order."""
    views, written = Views(), []

    def record(fact: Fact) -> Any:
        written.append(encode(fact))
        recorded = decode(written[-1])
        views.apply(recorded)
        return recorded

    keeper = OrderKeeper(views, record, settings, random=Random(1))
    for fact in facts:
        now_ns = fact.event_time_ns
        if not isinstance(fact, TOLD):
            record(fact)
        if isinstance(fact, OrderIntended):
            keeper.submit([fact.order])
        elif isinstance(fact, CancelIntended):
            keeper.cancel(fact)
        elif isinstance(fact, ReplaceIntended):
            keeper.replace(fact)
        elif isinstance(fact, TOLD):
            assert keeper.take([fact], now_ns) == [fact]
        keeper.outbox(now_ns)
    return written


@pytest.mark.parametrize("settings", [PERFECT, LIVE], ids=["perfect", "live"])
def test_facts_are_the_same_and_in_the_same_order(facts: list[Any], settings: KeeperSettings) -> None:
    kinds = {type(fact) for fact in facts}
    assert {OrderFilled, OrderReplaced, OrderCanceled, OrderTriggered, ReplaceIntended, CancelIntended} <= kinds

    assert kept(facts, settings) == [encode(fact) for fact in facts]


def test_executions_that_come_without_our_names_are_given_them(facts: list[Any]) -> None:
    """An adapter does not know our strategies; what is journaled is the same."""
    nameless = [
        replace(fact, execution=replace(fact.execution, strategy=EXTERNAL)) if isinstance(fact, OrderFilled) else fact
        for fact in facts
    ]
    views = Views()

    def record(fact: Fact) -> Any:
        views.apply(fact)
        return fact

    keeper = OrderKeeper(views, record, LIVE, random=Random(1))
    for named, fact in zip(facts, nameless, strict=True):
        if isinstance(fact, OrderFilled):
            assert keeper.take([fact], fact.event_time_ns) == [named]
        else:
            record(fact)


def test_a_perfect_venue_costs_next_to_nothing(facts: list[Any]) -> None:
    """Less than a microsecond or two for each report, against tens for the journal; measured generously."""
    told = [fact for fact in facts if isinstance(fact, TOLD)] * 20
    keeper = OrderKeeper(Views(), lambda fact: fact, PERFECT, random=Random(1))
    spans = []
    for _ in range(5):
        began = time.process_time()
        for fact in told:
            keeper.take((fact,), 0)
        spans.append(time.process_time() - began)

    assert min(spans) / len(told) < 20e-6
