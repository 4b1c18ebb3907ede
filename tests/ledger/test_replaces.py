"""Which replaces left and which waited, read from a journal: of one order one at a time, told from the facts alone."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.builders import T0

from tapeline.domain.words import OrderStatus, Reason
from tapeline.ledger.order_facts import (
    CancelIntended,
    CancelRejected,
    OrderAccepted,
    OrderReplaced,
    ReplaceIntended,
    ReplaceRejected,
)
from tapeline.ledger.replaces import KINDS, Cancels, Replaces
from tapeline.ports.journal import Fact


def wanted(price: str, name: str = "o1") -> ReplaceIntended:
    return ReplaceIntended(T0, name, limit_price=Decimal(price))


def replaced(price: str = "1", name: str = "o1", reason: Reason = Reason.REQUESTED) -> OrderReplaced:
    return OrderReplaced(T0, name, Decimal(10), Decimal(10), Decimal(price), reason=reason)


def refused(status: OrderStatus | None = None, name: str = "o1") -> ReplaceRejected:
    """Return the venue's refusal; without a status, our own word that it never left."""
    return ReplaceRejected(T0, name, status, reason=Reason.NEVER_ARRIVED if status is None else Reason.NONE)


def seen(*facts: Fact) -> Replaces:
    replaces = Replaces()
    for fact in facts:
        replaces.see(fact)
    return replaces


def test_of_three_replaces_the_first_leaves_and_of_those_in_line_only_the_newest_is_sent_anew() -> None:
    asked = [wanted("99.10"), wanted("99.20"), wanted("99.30")]
    before = seen(*asked)
    assert before.lines == {"o1": asked[1:]}
    assert before.stayed == {("o1", 2), ("o1", 3)}

    after = seen(*asked, replaced("99.10"), refused(), refused(), wanted("99.30"))

    assert after.lines == {"o1": []}
    assert after.stayed == {("o1", 2), ("o1", 3)}, "the fourth is the one that left"


def test_the_venues_refusal_and_its_answer_let_the_next_one_leave_and_its_own_terms_do_not() -> None:
    """Terms that nobody asked for (reason NONE) answer no replace."""
    for answer in (refused(OrderStatus.NEW), replaced(), replaced(reason=Reason.CORPORATE_ACTION)):
        assert seen(wanted("99"), answer).lines == {}
        assert seen(wanted("99"), answer, wanted("98"), wanted("97")).lines == {"o1": [wanted("97")]}
    assert seen(wanted("99"), replaced(reason=Reason.NONE)).lines == {"o1": []}


def test_what_our_own_word_refuses_has_never_left_the_last_that_waits_first() -> None:
    held_up = seen(wanted("99"), wanted("98"), refused())
    assert (held_up.lines, held_up.stayed) == ({"o1": []}, {("o1", 2)})

    without_a_link = seen(wanted("99"), refused())
    assert (without_a_link.lines, without_a_link.stayed) == ({}, {("o1", 1)})


def test_a_venue_that_refuses_without_a_word_about_the_order_was_asked() -> None:
    """Of an order that it does not know, for one."""
    unknown = seen(wanted("99"), wanted("98"), ReplaceRejected(T0, "o1", None, "unknown order"))
    assert (unknown.lines, unknown.stayed) == ({}, {("o1", 2)})

    cancels = Cancels()
    for fact in (CancelIntended(T0, "o1"), CancelRejected(T0, "o1", None, "unknown order"), CancelIntended(T0, "o1")):
        cancels.see(fact)
    assert cancels.stayed == set()
    cancels.see(CancelRejected(T0, "o1", None, "trading is HALTED", Reason.NEVER_ARRIVED))
    assert cancels.stayed == {("o1", 2)}


def test_a_refusal_of_a_cancel_that_nobody_asked_for_says_nothing_of_the_first_that_is_asked() -> None:
    cancels = Cancels()
    for fact in (CancelRejected(T0, "o1", None, "held up", Reason.NEVER_ARRIVED), CancelIntended(T0, "o1")):
        cancels.see(fact)

    assert ("o1", 1) not in cancels.stayed


def test_orders_do_not_wait_for_each_other_and_answers_to_nothing_say_nothing() -> None:
    replaces = seen(
        OrderAccepted(T0, "o1"), refused(), refused(OrderStatus.NEW), replaced(), wanted("99"), wanted("50", "o2"),
        wanted("51", "o2"), replaced(name="o3"),
    )  # fmt: skip

    assert replaces.lines == {"o1": [], "o2": [wanted("51", "o2")]}
    assert replaces.stayed == {("o2", 2)}


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["o1", "o2"]), st.sampled_from(["ask", "ask", "replaced", "refused", "held up", "terms"])
    ),
    max_size=30,
)


@given(STEPS)
def test_whatever_happens_one_replace_of_an_order_is_under_way_and_no_other_has_left(
    steps: list[tuple[str, str]],
) -> None:
    """An order keeper as a clerk would keep it: a drawer for what was sent, a pile for what waits, and the facts."""
    replaces, count = Replaces(), {"o1": 0, "o2": 0}
    sent: dict[str, int | None] = {"o1": None, "o2": None}
    pile: dict[str, list[tuple[int, ReplaceIntended]]] = {"o1": [], "o2": []}
    left: set[tuple[str, int]] = set()

    def ask(name: str) -> None:
        count[name] += 1
        fact = wanted(str(count[name]), name)
        replaces.see(fact)
        if sent[name] is None:
            sent[name] = count[name]
            left.add((name, count[name]))
        else:
            pile[name].append((count[name], fact))

    for name, step in steps:
        if step == "ask":
            ask(name)
        elif step == "terms":
            replaces.see(replaced(name=name, reason=Reason.NONE))
        elif step == "held up":
            for _ in pile[name]:
                replaces.see(refused(name=name))
            pile[name].clear()
        else:
            replaces.see(replaced(name=name) if step == "replaced" else refused(OrderStatus.PARTIALLY_FILLED, name))
            sent[name] = None
            if pile[name]:
                for _ in pile[name]:
                    replaces.see(refused(name=name))
                pile[name].clear()
                ask(name)
        assert replaces.lines == {
            of: [fact for _, fact in pile[of]] for of, number in sent.items() if number is not None
        }
        assert replaces.stayed == {(of, n) for of, total in count.items() for n in range(1, total + 1)} - left


def test_only_three_kinds_of_facts_speak_of_replaces() -> None:
    """A reader of the journal asks for these and needs no other."""
    assert {type(fact).kind for fact in (wanted("1"), replaced(), refused())} == set(KINDS)
