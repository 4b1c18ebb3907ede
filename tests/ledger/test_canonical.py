"""Canonical bytes: one form per fact, by the rules that the module states."""

from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.builders import T0, a_fill, a_run
from tests.ledger.facts_at_random import AMOUNTS, FACTS_AT_RANDOM, TREES

from tapeline.domain.errors import InputError, StorageError
from tapeline.domain.words import OrderStatus, Reason
from tapeline.ledger.canonical import amount_text, decode, encode, encode_tree
from tapeline.ledger.chain import GENESIS, link
from tapeline.ledger.control_facts import CommandGiven
from tapeline.ledger.facts import FACTS, RunEnded
from tapeline.ledger.order_facts import CancelRejected, OrderAccepted, OrderCanceled, ReplaceRejected
from tapeline.ports.journal import Fact


@given(FACTS_AT_RANDOM)
def test_every_fact_comes_back_from_its_bytes_and_gives_the_same_bytes_again(fact: Fact) -> None:
    body = encode(fact)

    assert decode(body) == fact
    assert encode(decode(body)) == body


@given(FACTS_AT_RANDOM)
def test_the_bytes_are_json_with_sorted_keys_and_no_white_space(fact: Fact) -> None:
    body = encode(fact)

    plain = json.loads(body)
    written = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert written.encode() == body
    assert plain["kind"] == fact.kind


def test_the_bytes_of_a_fact_are_these() -> None:
    """Written by hand from the rules: whoever changes them breaks every journal there is."""
    assert encode(OrderCanceled(T0, "Dip-ABCD-1", Reason.ONE_CANCELS_OTHER)) == (
        b'{"client_order_id":"Dip-ABCD-1","event_time_ns":1704207600000000000,"kind":"OrderCanceled",'
        b'"reason":"ONE_CANCELS_OTHER","schema":1,"stage":"CLOCK"}'
    )
    assert encode(a_fill(leaves="0.50")) == (
        b'{"execution":{"account":"main","client_order_id":"Dip-ABCD-1","commission":"1",'
        b'"event_time_ns":1704207660000000000,"execution_id":"E-1","price":"10","quantity":"100",'
        b'"side":"BUY","stage":"CLOCK","strategy":"Dip","symbol":"ABCD"},"kind":"OrderFilled",'
        b'"leaves_quantity":"0.5","schema":1}'
    )


def test_the_chain_starts_and_goes_on_as_documented() -> None:
    # Both computed with sha256sum outside of this program.
    assert GENESIS.hex() == "76b99e415c9e9d9dcef552eb9bb867e5c32431a1957126f248915636b5852811"
    assert (
        link(GENESIS, 1, "OrderAccepted", b"{}").hex()
        == "66b58d688e62b50889e5a5c4ef4d34f143aa9d1e0be7a49914cc74795c3d60d0"
    )


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Decimal("1.50"), "1.5"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-0.00"), "0"),
        (Decimal("0E+5"), "0"),
        (Decimal("1E-9"), "0.000000001"),
        (Decimal("-12.3400"), "-12.34"),
        (Decimal("123456789012345678901234567890.10"), "123456789012345678901234567890.1"),
    ],
)
def test_an_amount_has_one_text(amount: Decimal, text: str) -> None:
    assert amount_text(amount) == text


@given(AMOUNTS)
def test_equal_amounts_have_equal_texts_whatever_their_exponent(amount: Decimal) -> None:
    assert Decimal(amount_text(amount)) == amount
    sign, digits, exponent = amount.as_tuple()
    assert amount_text(Decimal((sign, (*digits, 0, 0), exponent - 2))) == amount_text(amount)


def test_trees_write_what_floats_can_be() -> None:
    tree = {
        "b": float("nan"),
        "a": [0.1, 1e300, -0.0, float("inf"), -float("inf")],
        "c": {"é": True, "z": None},
    }

    assert encode_tree(tree).decode() == ('{"a":[0.1,1e+300,-0.0,"inf","-inf"],"b":null,"c":{"z":null,"é":true}}')


def test_numbers_of_numpy_are_written_as_plain_ones() -> None:
    tree = {"f": np.float64(0.1), "i": np.int64(3), "b": np.bool_(True), "n": np.float64("nan")}

    assert encode_tree(tree) == b'{"b":true,"f":0.1,"i":3,"n":null}'


@given(TREES)
def test_trees_come_back_as_they_were(tree: dict[str, object]) -> None:
    fact = RunEnded(T0, "", tree)

    assert decode(encode(fact)) == fact


@given(st.dictionaries(st.text(max_size=3), st.integers(), min_size=2, max_size=6))
def test_the_order_in_which_a_tree_was_built_does_not_show(tree: dict[str, int]) -> None:
    assert encode_tree(dict(reversed(tree.items()))) == encode_tree(tree)


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        ({1: "a"}, "keys of a tree are texts; found 1"),
        ({"a": {1, 2}}, "found set"),
        ({"a": Decimal("NaN")}, "NaN cannot be written"),
        ({"a": "\ud800"}, "not Unicode"),
    ],
)
def test_what_has_no_canonical_form_is_refused(tree: dict[object, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        encode(a_run(configuration=tree))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"not json", "are no fact"),
        (b'{"kind":"OrderAccepted"}', "'schema' is missing"),
        (b'{"kind":"OrderAcepted","schema":1}', "Did you mean 'OrderAccepted'.* newer version may know it"),
        (b"[1]", "are no fact"),
        (b"\xff", "are no fact"),
    ],
)
def test_bytes_that_are_no_fact_are_refused_with_a_sentence(body: bytes, sentence: str) -> None:
    with pytest.raises(StorageError, match=sentence):
        decode(body)


def test_a_fact_of_a_newer_schema_asks_for_a_newer_version() -> None:
    body = encode(OrderAccepted(T0, "X")).replace(b'"schema":1', b'"schema":2')

    with pytest.raises(StorageError, match=r"schema 2; this program knows up to 1\. .* newer version"):
        decode(body)


@pytest.mark.parametrize("fact_type", [CancelRejected, ReplaceRejected])
@pytest.mark.parametrize(("status", "reason"), [("null", Reason.NEVER_ARRIVED), ('"FILLED"', Reason.NONE)])
def test_a_refusal_of_the_first_schema_was_our_own_word_where_it_has_no_status(
    fact_type: type[CancelRejected], status: str, reason: Reason
) -> None:
    body = (
        f'{{"client_order_id":"X","event_time_ns":{T0},"kind":"{fact_type.kind}","schema":1,'
        f'"status":{status},"text":"late"}}'
    )
    known = None if status == "null" else OrderStatus.FILLED
    assert decode(body) == fact_type(T0, "X", known, "late", reason)
    with pytest.raises(StorageError, match="no fact"):
        decode(body.replace(f'"status":{status},', ""))


def test_a_field_too_many_is_refused() -> None:
    body = encode(OrderAccepted(T0, "X")).replace(b'"schema":1', b'"more":1,"schema":1')

    with pytest.raises(StorageError, match="OrderAccepted has 3 fields, found 4"):
        decode(body)


def test_every_fact_is_named_like_its_class() -> None:
    assert all(kind == fact.__name__ for kind, fact in FACTS.items())


def test_a_command_of_the_first_schema_has_no_number() -> None:
    body = (
        b'{"arguments":{},"command":"halt","event_time_ns":5,"kind":"CommandGiven","reason":"news","refusal":"",'
        b'"schema":1,"who":"anna"}'
    )

    assert decode(body) == CommandGiven(5, "halt", {}, "anna", "news")
