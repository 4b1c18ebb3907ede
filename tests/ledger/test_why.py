"""Why: from an execution back to the bar, from the journal alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.ledger.builders import MINUTE, T0, a_bar, a_fill, a_run, a_signal, a_stop, a_target, an_order

from tapeline.domain.adopted import Grounds
from tapeline.domain.errors import InputError, UnknownNameError
from tapeline.domain.words import Limit, Reason, Role, Side
from tapeline.ledger.adopted_facts import ExecutionAdopted, ExecutionBusted, ExecutionCorrected
from tapeline.ledger.order_facts import OrderAccepted, OrderCanceled, OrderDenied, OrderIntended, OrderTriggered
from tapeline.ledger.why import explain, explain_execution
from tapeline.ledger.why_text import as_plain, conditions, render
from tapeline.store.sqlite_journal import SqliteJournal

SIZING = {"equity": 100_000.0, "price": 9.98, "stop": 9.5, "risk": 0.48, "wanted": 833.3, "limit": "position"}


@pytest.fixture
def journal() -> Iterator[SqliteJournal]:
    signal = a_signal()
    facts = [
        a_run(),
        signal,
        OrderIntended(an_order(role=Role.ENTRY), signal.signal_id, SIZING),
        OrderIntended(a_stop(), signal.signal_id),
        OrderIntended(a_target(), signal.signal_id),
        OrderAccepted(T0, "Dip-ABCD-1"),
        a_fill(),
        OrderTriggered(T0 + 2 * MINUTE, "Dip-ABCD-2"),
        a_fill(
            execution_id="E-2", client_order_id="Dip-ABCD-2", side=Side.SELL, price=Decimal("9.50"),
            event_time_ns=T0 + 2 * MINUTE,
        ),
        OrderCanceled(T0 + 2 * MINUTE, "Dip-ABCD-3", Reason.ONE_CANCELS_OTHER),
        a_signal(symbol="WXYZ"),
        OrderDenied(
            T0, "Dip-WXYZ-1", "Dip", "WXYZ", Side.BUY, "gross is above its limit", Limit.GROSS,
            wanted_quantity=Decimal("12.5"), signal_id=a_signal(symbol="WXYZ").signal_id,
        ),
        a_signal(symbol="IDLE", time_ns=T0 + MINUTE),
    ]  # fmt: skip
    with SqliteJournal.writing(":memory:") as journal:
        for fact in facts:
            journal.append(fact)
        journal.commit()
        yield journal


def test_an_execution_leads_back_to_order_sizing_signal_bar_and_manifest(journal: SqliteJournal) -> None:
    assert (
        render(explain(journal, "E-1"))
        == """\
Why E-1

Order Dip-ABCD-1
  BUY 100 ABCD, MARKET, GTC, for entry, by Dip
  stop of its bracket: Dip-ABCD-2
  target of its bracket: Dip-ABCD-3
  Signal #2  2024-01-02T15:00:00Z  Dip enter_long ABCD, rule 5ba1, rank 0.5
    close < band.lower = true   [9.98 < 10.02]
    Decision bar ABCD 2024-01-02T14:59:00Z to 2024-01-02T15:00:00Z: \
open 10.1  high 10.2  low 9.95  close 9.98  volume 12000
  Quantity: equity 100,000.00, price 9.98, risk 0.48, stop 9.5, wanted 833.3, cut by the position limit
  What happened
    #3  2024-01-02T15:00:00Z  OrderIntended
    #6  2024-01-02T15:00:00Z  OrderAccepted
    #7  2024-01-02T15:01:00Z  OrderFilled E-1: BUY 100 at 10, commission 1

Run #1, from 2024-01-02T15:00:00Z
  code 0.1.0, SHA-256 c0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0de
  data /data/bars.parquet, SHA-256 da7ada7ada7ada7ada7ada7ada7ada7ada7ada7ada7ada7ada7ada7ada7ada7a
  seed 7, 2 settings, SHA-256 358f5d6c5f2253ef1966de97517ec0b19694d15afa87928f6829766de1eece13

What the journal cannot show
  The bars of ABCD before and after the decision are in /data/bars.parquet; \
the journal has the numbers that the decision used, not the bars around them."""
    )


def test_the_whole_answer_has_every_setting(journal: SqliteJournal) -> None:
    text = render(explain(journal, "E-1"), whole=True)

    assert "\n    cash = 100000\n    strategies[0] = Dip\n" in text


def test_joined_conditions_are_told_one_by_one() -> None:
    tree = {
        "text": "((a > b) & (c < d).any(3))",
        "value": True,
        "children": [
            {"text": "(a > b)", "value": True, "detail": "2 > 1"},
            {"text": "(c < d).any(3)", "value": True, "detail": "now false"},
        ],
    }

    assert conditions(tree) == ("&", [("a > b", True, "2 > 1"), ("(c < d).any(3)", True, "now false")])
    assert conditions(tree["children"][0]) == ("", [("a > b", True, "2 > 1")])  # type: ignore[index]


def test_the_stop_of_a_bracket_is_explained_with_its_entry(journal: SqliteJournal) -> None:
    answer = explain(journal, "Dip-ABCD-2")

    assert [chain.client_order_id for chain in answer.orders] == ["Dip-ABCD-2", "Dip-ABCD-1"]
    assert [record.fact.kind for record in answer.orders[0].events] == ["OrderTriggered", "OrderFilled"]
    assert dict(answer.orders[0].related) == {
        "entry of its bracket": "Dip-ABCD-1", "cancels it, or is canceled by it": "Dip-ABCD-3"
    }  # fmt: skip


def test_the_events_of_an_execution_end_with_it(journal: SqliteJournal) -> None:
    assert [record.sequence for record in explain(journal, "E-1").orders[0].events] == [6, 7]


def test_a_cancel_shows_its_reason(journal: SqliteJournal) -> None:
    assert "OrderCanceled: one_cancels_other" in render(explain(journal, "Dip-ABCD-3"))


def test_a_moment_shows_everything_decided_for_the_symbol(journal: SqliteJournal) -> None:
    answer = explain(journal, "ABCD@2024-01-02T15:00:00Z")

    assert [chain.client_order_id for chain in answer.orders] == ["Dip-ABCD-1", "Dip-ABCD-2", "Dip-ABCD-3"]
    assert answer.signals == ()


def test_a_moment_of_an_execution_shows_its_order(journal: SqliteJournal) -> None:
    answer = explain(journal, "ABCD@2024-01-02T15:02:00Z")

    assert [chain.client_order_id for chain in answer.orders] == ["Dip-ABCD-2", "Dip-ABCD-1"]


def test_a_denied_wish_shows_the_sentence_of_the_limit(journal: SqliteJournal) -> None:
    text = render(explain(journal, "WXYZ@2024-01-02T15:00:00Z"))

    assert "Order Dip-WXYZ-1, denied before it was sent" in text
    assert "OrderDenied: gross is above its limit" in text


def test_a_signal_without_an_order_is_shown_too(journal: SqliteJournal) -> None:
    answer = explain(journal, "IDLE@2024-01-02T15:01:00Z")

    assert [record.fact.kind for record in answer.signals] == ["SignalRaised"]
    assert "A signal that led to no order" in render(answer)


def test_bars_that_the_caller_has_are_shown_and_not_missed(journal: SqliteJournal) -> None:
    asked = []

    def bars_around(symbol: str, time_ns: int) -> list[object]:
        asked.append((symbol, time_ns))
        return [a_bar(), a_bar(start_ns=T0, end_ns=T0 + MINUTE)]

    answer = explain(journal, "E-1", bars_around)  # type: ignore[arg-type]

    assert asked == [("ABCD", T0)]
    assert answer.not_shown == ()
    assert "Bars around the decision, from the data file" in render(answer)


def test_what_was_not_recorded_is_said() -> None:
    with SqliteJournal.writing(":memory:") as journal:
        journal.append(OrderIntended(an_order()))
        journal.commit()

        answer = explain(journal, "Dip-ABCD-1")

    assert answer.manifest is None
    assert "no RunStarted stands before the decision" in answer.not_shown[-1]
    assert "No signal stands behind it" in render(answer)


def test_the_plain_form_is_json_with_records_as_they_stand(journal: SqliteJournal) -> None:
    plain = json.loads(json.dumps(as_plain(explain(journal, "E-1"))))

    (order,) = plain["orders"]
    assert order["signal"]["fact"]["signal"]["explanation"]["detail"] == "9.98 < 10.02"
    assert order["decision"]["sequence"] == 3
    assert order["decision"]["time"] == "2024-01-02T15:00:00Z"
    assert plain["manifest"]["fact"]["data_digest"] == "da7a" * 16


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        (
            "Dip-ABCD-11",
            "Unknown order or execution 'Dip-ABCD-11' in the journal. Did you mean 'Dip-ABCD-1'?",
        ),
        ("Dp-ABCD-3", "Did you mean 'Dip-ABCD-3'?"),
        ("E-22", "Did you mean 'E-2'?"),
        ("ABCE@2024-01-02T15:00:00Z", "Unknown symbol 'ABCE' in the journal. Did you mean 'ABCD'?"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(journal: SqliteJournal, question: str, sentence: str) -> None:
    with pytest.raises(UnknownNameError) as refusal:
        explain(journal, question)
    assert sentence in str(refusal.value)


def test_a_moment_of_nothing_names_the_moments_before_and_after(journal: SqliteJournal) -> None:
    with pytest.raises(InputError) as refusal:
        explain(journal, "ABCD@2024-01-02T15:01:30Z")
    assert str(refusal.value) == (
        "Nothing was decided or executed for ABCD at 2024-01-02T15:01:30Z; "
        "the last before is 2024-01-02T15:01:00Z and the first after is 2024-01-02T15:02:00Z."
    )


def test_a_moment_without_a_zone_is_refused(journal: SqliteJournal) -> None:
    with pytest.raises(InputError, match="has no time zone"):
        explain(journal, "ABCD@2024-01-02T15:00:00")


def test_an_execution_that_no_order_caused_says_where_it_came_from() -> None:
    journal = SqliteJournal.writing(":memory:")
    adopted = ExecutionAdopted(a_fill(execution_id="b1").execution, Grounds("flex U1"))
    right = replace(adopted.execution, execution_id="b1~2", price=Decimal(11))
    for fact in (adopted, ExecutionCorrected(T0, adopted.execution, right, Grounds("flex U1"))):
        journal.append(fact)
    journal.commit()

    with pytest.raises(InputError, match="b1 was taken from flex U1"):
        explain(journal, "b1")
    with pytest.raises(InputError, match="b1~2 corrects b1, by flex U1"):
        explain_execution(journal, "b1~2")


def test_a_corrected_and_a_busted_fill_stand_among_the_events_of_their_order() -> None:
    journal = SqliteJournal.writing(":memory:")
    fill = a_fill()
    right = replace(fill.execution, execution_id="E-1~2", price=Decimal("9.97"))
    grounds = Grounds("broker")
    for fact in (
        OrderIntended(an_order()), fill, ExecutionCorrected(T0, fill.execution, right, grounds),
        ExecutionBusted(T0, right, grounds),
    ):  # fmt: skip
        journal.append(fact)
    journal.commit()

    text = render(explain(journal, "Dip-ABCD-1"))

    assert f"ExecutionCorrected {fill.execution_id} -> E-1~2: BUY 100 at 9.97" in text
    assert "ExecutionBusted E-1~2, by broker" in text
