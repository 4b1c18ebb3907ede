"""Two ways from canonical bytes to a fact, which come to the same."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.builders import T0, a_fill, an_order
from tests.ledger.facts_at_random import FACTS_AT_RANDOM

from tapeline.domain.errors import StorageError
from tapeline.ledger.canonical import decode, encode
from tapeline.ledger.canonical_reading import match, read_object
from tapeline.ledger.facts import FACTS
from tapeline.ledger.order_facts import OrderAccepted, OrderIntended
from tapeline.ports.journal import Fact

OF_AN_ORDER = [
    OrderIntended(an_order()),
    OrderIntended(an_order(), "Dip-ABCD", {"equity": 100_000.0, "wanted": 10.5, "limit": None}),
    OrderAccepted(T0, "Dip-ABCD-1", "V1"),
    a_fill(),
]


def by_json(text: str) -> Fact | None:
    """Read a fact as JSON alone, None where that is refused."""
    try:
        found = json.loads(text)
        fact: Fact = read_object(FACTS[found["kind"]], found, extra=2)
    except Exception:
        return None
    return fact


@given(FACTS_AT_RANDOM)
def test_a_text_that_a_pattern_tells_is_read_as_json_reads_it(fact: Fact) -> None:
    text = encode(fact).decode()
    matched = match(text)

    assert matched is None or matched == fact
    assert by_json(text) == fact


@pytest.mark.parametrize("fact", OF_AN_ORDER, ids=["intended", "intended by a rule", "accepted", "filled"])
def test_patterns_tell_the_facts_of_an_order(fact: Fact) -> None:
    """They are nearly all of a journal, and the reason why there are patterns."""
    assert match(encode(fact).decode()) == fact


@given(st.sampled_from(OF_AN_ORDER), st.data())
def test_a_text_with_a_slip_is_read_or_refused_as_json_would(fact: Fact, data: st.DataObject) -> None:
    text = encode(fact).decode()
    place = data.draw(st.integers(0, len(text) - 1))
    slipped = text[:place] + data.draw(st.sampled_from(["", '"', "\\", "0", "-", "{", "}", ",", "\n", "é", "null"]))
    slipped += text[place + 1 :]
    matched = match(slipped)

    assert matched is None or matched == by_json(slipped)
    if by_json(slipped) is None:
        with pytest.raises(StorageError):
            decode(slipped)


@pytest.mark.parametrize("fact", OF_AN_ORDER, ids=["intended", "intended by a rule", "accepted", "filled"])
def test_what_was_read_is_closed_to_changes_like_what_was_made(fact: Fact) -> None:
    text = encode(fact).decode()
    for found in (match(text), by_json(text)):
        assert type(found) is type(fact)
        with pytest.raises(FrozenInstanceError):
            setattr(found, fields(fact)[0].name, None)  # type: ignore[arg-type]  # fields of a fact
