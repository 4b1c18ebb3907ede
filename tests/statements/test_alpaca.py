"""Alpaca's activities: JSON, CSV and the API against a real server on this machine."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tapeline.domain.adopted import HoldingCause, Origin
from tapeline.domain.cash import CashCause
from tapeline.domain.errors import DataError, InputError, UnknownNameError
from tapeline.domain.times import to_iso
from tapeline.domain.words import Side
from tapeline.statements.alpaca import FIELDS, read_alpaca, statement_of
from tapeline.statements.alpaca_client import AlpacaKeys, fetch_activities
from tapeline.statements.web import HttpWeb


def a_fill(number: int, side: str, qty: str, price: str, moment: str, **more: str) -> dict[str, str]:
    return {
        "id": f"2025010615300000{number}::f{number}", "activity_type": "FILL", "transaction_time": moment, "side": side,
        "type": "fill", "qty": qty, "price": price, "symbol": "QXR", "order_id": f"order-{number}", "leaves_qty": "0",
        "cum_qty": qty, **more,
    }  # fmt: skip


def an_entry(kind: str, key: str, day: str, **more: str) -> dict[str, str]:
    return {"id": key, "activity_type": kind, "date": day, "status": "executed", **more}


ACTIVITIES: list[dict[str, str]] = [
    an_entry("CSD", "e1", "2025-01-02", net_amount="5000"),
    a_fill(1, "buy", "100", "20.00", "2025-01-07T00:30:00.25Z"),
    a_fill(2, "sell_short", "10", "30", "2025-01-08T15:00:00Z", symbol="SHRT"),
    an_entry("FEE", "e2", "2025-01-08", net_amount="-0.03", activity_sub_type="REG", description="TAF fee"),
    an_entry("DIV", "e3", "2025-02-14", net_amount="12.5", symbol="QXR", qty="100", per_share_amount="0.125"),
    an_entry("DIVNRA", "e4", "2025-02-14", net_amount="-1.88", symbol="QXR"),
    an_entry("DIVROC", "e5", "2025-02-20", net_amount="3", symbol="QXR"),
    an_entry("JNLC", "e6", "2025-02-21", net_amount="-100"),
    an_entry("SPLIT", "e7", "2025-03-03", symbol="QXR", qty="-100"),
    an_entry("SPLIT", "e8", "2025-03-03", symbol="QXR", qty="200"),
    an_entry("NC", "e9", "2025-04-01", symbol="QXR", qty="-200"),
    an_entry("NC", "e10", "2025-04-01", symbol="QXS", qty="200"),
    a_fill(3, "buy", "1", "0.5", "2025-04-02T15:00:00Z", symbol="QXS250620C00010000"),
    an_entry("OPXRC", "e11", "2025-06-20", symbol="QXS250620C00010000", qty="-1"),
    an_entry("OPTRD", "e12", "2025-06-20", symbol="QXS", qty="100", price="10", net_amount="-1000"),
    an_entry("ACATS", "e13", "2025-07-01", symbol="HELD", qty="30"),
    an_entry("MA", "e14", "2025-08-01", symbol="HELD", qty="-30", net_amount="900"),
    an_entry("SPIN", "e15", "2025-09-01", symbol="NEWQ", qty="30"),
    an_entry("ZZZ", "e16", "2025-09-02"),
    an_entry("INT", "e17", "2025-09-03", net_amount="1", status="canceled"),
    a_fill(4, "sell", "200", "11", "2025-09-04T15:00:00Z", type="trade_bust", previous_id="f9", symbol="QXS"),
    a_fill(5, "sell", "200", "11.5", "2025-09-04T15:00:00Z", type="trade_correct", previous_id="f8", symbol="QXS"),
]


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    path = tmp_path / "activities.json"
    path.write_text(json.dumps([ACTIVITIES[:8], ACTIVITIES[8:]]))
    return path


def test_fills_are_executions_at_their_moment(pages: Path) -> None:
    """00:30 UTC on the 7th is 19:30 of the 6th in New York; the moment is kept, the exchange's zone decides later."""
    statement = read_alpaca(pages)
    bought, short = (entry.fact.execution for entry in statement.executions[:2])

    assert (bought.execution_id, bought.client_order_id) == ("20250106153000001::f1", "order-1")
    assert (bought.side, bought.quantity, bought.price, bought.commission) == (Side.BUY, 100, 20, 0)
    assert to_iso(bought.event_time_ns) == "2025-01-07T00:30:00.25Z"
    assert (short.side, short.symbol, short.account) == (Side.SELL, "SHRT", "alpaca")
    assert [entry.fact.origin for entry in statement.executions[:2]] == [Origin.TRADE, Origin.SHORT_SALE]
    assert (statement.first, statement.last) == (date(2025, 1, 2), date(2025, 9, 4))


def test_cash_is_told_by_cause(pages: Path) -> None:
    found = [(entry.fact.cause, entry.fact.amount) for entry in read_alpaca(pages).cash]

    assert found == [
        (CashCause.DEPOSIT, 5000),
        (CashCause.FEE, Decimal("-0.03")),
        (CashCause.DIVIDEND, Decimal("12.5")),
        (CashCause.TAX_WITHHELD, Decimal("-1.88")),
        (CashCause.JOURNALED, -100),
    ]


def test_rows_in_pairs_are_one_change(pages: Path) -> None:
    by_cause = {entry.fact.cause: entry.fact for entry in read_alpaca(pages).changes}
    split, renamed, merged = (
        by_cause[cause] for cause in (HoldingCause.SPLIT, HoldingCause.SYMBOL_CHANGE, HoldingCause.CASH_MERGER)
    )

    assert (split.symbol, split.quantity, split.new_shares, split.old_shares) == ("QXR", 100, 200, 100)
    assert (renamed.symbol, renamed.new_symbol, renamed.quantity, renamed.new_quantity) == ("QXR", "QXS", -200, 200)
    assert (merged.symbol, merged.quantity, merged.cash) == ("HELD", -30, 900)
    assert by_cause[HoldingCause.TRANSFER_IN].basis is None
    assert by_cause[HoldingCause.OPTION_EXERCISE].quantity == -1


def test_shares_of_an_exercise_are_its_delivery(pages: Path) -> None:
    option, delivered = [e.fact for e in read_alpaca(pages).executions if e.fact.symbol.startswith("QXS")][:2]

    assert (option.multiplier, delivered.origin, delivered.execution.price) == (100, Origin.EXERCISE, 10)


def test_busts_and_corrections_name_what_they_change(pages: Path) -> None:
    statement = read_alpaca(pages)

    assert [bust.execution_id for bust in statement.busts] == ["f9"]
    assert [entry.corrects for entry in statement.executions if entry.corrects] == ["f8"]


def test_what_is_not_taken_is_said(pages: Path) -> None:
    said = [remark.sentence for remark in read_alpaca(pages).remarks]

    assert any("activity type ZZZ is not taken" in sentence for sentence in said)
    assert any("INT is canceled" in sentence for sentence in said)
    assert any("spin-off of NEWQ" in sentence for sentence in said)
    assert any("HELD came without basis" in sentence for sentence in said)


def test_a_csv_of_the_same_activities_says_the_same(pages: Path, tmp_path: Path) -> None:
    path = tmp_path / "activities.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(ACTIVITIES)
    from_csv, from_json = read_alpaca(path), read_alpaca(pages)

    assert [e.fact for e in from_csv.executions] == [e.fact for e in from_json.executions]
    assert [e.fact for e in from_csv.cash] == [e.fact for e in from_json.cash]
    assert [e.fact for e in from_csv.changes] == [e.fact for e in from_json.changes]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"side": "hold"}, "Unknown side 'hold'"),
        ({"transaction_time": "2025-01-06T15:30:00"}, "has no zone"),
        ({"transaction_time": "soon"}, "is no time such as"),
        ({"qty": "-1"}, "above zero"),
        ({"qty": "many"}, "qty 'many' is no number"),
        ({"qty": "1e999999999"}, "qty '1e999999999' is no number of an account"),
        ({"price": "1e-400"}, "price '1e-400' is no number of an account"),
        ({"id": ""}, "FILL has no id"),
        ({"type": "guess"}, "Unknown type of fill 'guess'"),
        ({"activity_type": "DIV"}, "DIV has no date"),
    ],
)
def test_an_entry_that_cannot_be_used_is_refused_with_its_place(change: dict[str, str], sentence: str) -> None:
    with pytest.raises(DataError) as refused:
        statement_of([("x.json entry 7", {**ACTIVITIES[1], **change})])

    assert str(refused.value).startswith("x.json entry 7: ")
    assert sentence in str(refused.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"message": "x"}')
    (tmp_path / "b.json").write_text("[{")
    (tmp_path / "c.csv").write_text("id,activity_type,profit\n1,FILL,2\n")

    with pytest.raises(DataError, match="no list of activities"):
        read_alpaca(tmp_path / "a.json")
    with pytest.raises(DataError, match="no readable JSON"):
        read_alpaca(tmp_path / "b.json")
    with pytest.raises(UnknownNameError, match="Unknown column 'profit'"):
        read_alpaca(tmp_path / "c.csv")


# The API ----------------------------------------------------------------------------------------------------

KEYS = AlpacaKeys("KEYID", "very-secret")
MANY = [an_entry("FEE", f"n{number:04d}", "2025-01-08", net_amount="-0.01") for number in range(250)]


@contextmanager
def a_server(answers: list[int] | None = None, circle: bool = False) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve MANY by pages as Alpaca does, after the statuses given; yield the address and what was asked."""
    asked: list[dict[str, Any]] = []
    first = list(answers or [])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            asked.append({**query, "path": urlsplit(self.path).path, "key": self.headers["APCA-API-KEY-ID"],
                          "secret": self.headers["APCA-API-SECRET-KEY"], "line": self.requestline})  # fmt: skip
            status = first.pop(0) if first else 200
            token = query.get("page_token")
            start = 0 if token is None or circle else next(n for n, a in enumerate(MANY) if a["id"] == token) + 1
            body: object = MANY[start : start + int(query["page_size"])]
            if status != 200:
                body = {"code": 42910000, "message": "rate limit exceeded"}
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def fetched(base: str, pauses: list[float] | None = None) -> list[Any]:
    with HttpWeb(timeout_s=5.0) as web:
        wait = (pauses if pauses is not None else []).append
        return list(fetch_activities(web, KEYS, date(2025, 1, 1), date(2025, 7, 31), wait, base))


def test_pages_are_asked_for_until_the_last_and_the_keys_are_headers_only() -> None:
    with a_server() as (base, asked):
        found = fetched(base)

    assert [activity["id"] for _, activity in found] == [entry["id"] for entry in MANY]
    assert found[100][0] == "page 2 entry 1"
    assert [question.get("page_token") for question in asked] == [None, "n0099", "n0199"]
    assert {(q["path"], q["key"], q["secret"]) for q in asked} == {("/v2/account/activities", "KEYID", "very-secret")}
    assert (asked[0]["after"], asked[0]["until"]) == ("2025-01-01T00:00:00-05:00", "2025-07-31T23:59:59.999999-04:00")
    assert not any("secret" in q["line"] or "KEYID" in q["line"] for q in asked)
    assert len(statement_of(found).cash) == 250


def test_too_many_questions_and_a_tired_server_are_asked_again_after_a_pause() -> None:
    pauses: list[float] = []
    with a_server([429, 504]) as (base, asked):
        assert len(fetched(base, pauses)) == 250

    assert (pauses, len(asked)) == ([3.0, 6.0], 5)


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [([401], "refuses the keys"), ([429] * 9, "status 429 after 5 tries: rate limit exceeded"), ([302], "status 302")],
)
def test_a_refusal_is_told_and_shows_no_key(answers: list[int], sentence: str) -> None:
    with a_server(answers) as (base, _), pytest.raises(InputError, match=sentence) as refused:
        fetched(base)

    assert "very-secret" not in str(refused.value)


def test_pages_that_go_in_circles_are_noticed() -> None:
    with a_server(circle=True) as (base, _), pytest.raises(DataError, match="pages in a circle"):
        fetched(base)


def test_a_server_that_is_not_there_and_one_without_encryption() -> None:
    with pytest.raises(InputError, match=r"127\.0\.0\.1 gave no answer"):
        fetched("http://127.0.0.1:9")
    with pytest.raises(InputError, match="keys are not sent without encryption"):
        fetched("http://api.alpaca.markets")


def test_keys_are_not_shown_and_must_be_there() -> None:
    assert "very-secret" not in repr(KEYS)
    with pytest.raises(InputError, match="APCA_API_KEY_ID and APCA_API_SECRET_KEY"):
        AlpacaKeys("", "")
