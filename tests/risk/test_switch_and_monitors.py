"""The trading state goes down by itself and up only by a person, over books that agree."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ledger.builders import T0
from tapeline.domain.control import GapCause, TradingState, Trigger
from tapeline.domain.errors import ConfigurationError, InputError
from tapeline.domain.times import MINUTE, SECOND
from tapeline.ledger.control_facts import GapClosed, GapOpened, Reconciled, SymbolLocked, TradingStateChanged
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact
from tapeline.risk.monitors import Alarm, Monitors, MonitorSettings
from tapeline.risk.switch import RECONCILED_WITHIN_NS, TradingSwitch


class Books:
    """Views and the facts that made them."""

    def __init__(self) -> None:
        self.views, self.facts = Views(), list[Fact]()
        self.switch = TradingSwitch(self.views, self.record)

    def record(self, fact: Fact) -> Fact:
        self.views.apply(fact)
        self.facts.append(fact)
        return fact

    def lower(self, state: TradingState = TradingState.HALTED) -> bool:
        return self.switch.lower(state, Trigger.DRAWDOWN, "too deep", T0)

    def raise_up(self, now_ns: int = T0, reason: str = "seen and understood") -> None:
        self.switch.raise_to(TradingState.ACTIVE, who="anna", reason=reason, now_ns=now_ns)


def test_it_goes_down_once_and_says_why() -> None:
    books = Books()

    assert books.lower(TradingState.REDUCING)
    assert not books.lower(TradingState.REDUCING)
    assert books.lower(TradingState.HALTED)
    assert not books.lower(TradingState.REDUCING)

    assert books.switch.state is TradingState.HALTED
    assert books.facts[0] == TradingStateChanged(T0, TradingState.REDUCING, Trigger.DRAWDOWN, "tapeline", "too deep")
    assert len(books.facts) == 2


def test_a_restart_does_not_raise_it() -> None:
    books = Books()
    books.lower()
    again = Views()
    again.apply_all(books.facts)

    assert TradingSwitch(again, books.record).state is TradingState.HALTED


def test_a_person_raises_it_over_books_that_agree() -> None:
    books = Books()
    books.lower()
    books.record(Reconciled(T0, []))

    books.raise_up(T0 + MINUTE)

    assert books.switch.state is TradingState.ACTIVE
    assert books.facts[-1] == TradingStateChanged(
        T0 + MINUTE, TradingState.ACTIVE, Trigger.PERSON, "anna", "seen and understood"
    )


def test_without_a_reason_it_stays() -> None:
    books = Books()
    books.lower()
    books.record(Reconciled(T0, []))

    with pytest.raises(InputError, match="for a reason only"):
        books.raise_up(reason="  ")
    assert books.switch.state is TradingState.HALTED


def test_books_that_were_not_compared_lately_keep_it_down() -> None:
    books = Books()
    books.lower()

    with pytest.raises(InputError, match="never"):
        books.raise_up()
    books.record(Reconciled(T0, []))
    with pytest.raises(InputError, match="last at 2024-01-02T15:00:00Z"):
        books.raise_up(T0 + RECONCILED_WITHIN_NS + 1)


def test_a_gap_keeps_it_down_until_it_is_closed() -> None:
    books = Books()
    books.lower()
    books.record(GapOpened(T0, GapCause.LINK_LOST))
    books.record(Reconciled(T0, []))

    with pytest.raises(InputError, match="A gap is open"):
        books.raise_up()
    books.record(GapClosed(T0))
    books.raise_up()
    assert books.switch.state is TradingState.ACTIVE


def test_an_unexplained_position_keeps_it_down() -> None:
    books = Books()
    books.lower()
    books.record(Reconciled(T0, []))
    books.record(SymbolLocked(T0, "ABCD", Decimal(10), Decimal(0)))

    with pytest.raises(InputError, match="ABCD are not explained"):
        books.raise_up()


CASH = {"finding": "CASH_BREAK", "name": "main", "ours": "1000", "theirs": "990.5", "remedy": "REPORT", "text": ""}
ASKED = {"finding": "ORDER_MISSING", "name": "Dip-1", "ours": "100", "theirs": None, "remedy": "ASK", "text": ""}
BOOKED = {"finding": "EXECUTION_MISSING", "name": "E7", "ours": "0", "theirs": "20", "remedy": "BOOK", "text": ""}


def test_a_comparison_that_left_something_open_keeps_it_down_until_one_passes() -> None:
    books = Books()
    books.lower()
    books.record(Reconciled(T0, [BOOKED, CASH, ASKED]))

    with pytest.raises(InputError) as refused:
        books.raise_up()
    assert "CASH_BREAK of main (ours 1000, theirs 990.5); ORDER_MISSING of Dip-1 (ours 100)." in str(refused.value)
    assert "E7" not in str(refused.value), "what was booked is resolved"
    again = Views()
    again.apply_all(books.facts)
    assert again.to_bytes() == books.views.to_bytes() != Views().to_bytes()
    assert again.control.unresolved == books.views.control.unresolved
    books.record(Reconciled(T0 + 1, [BOOKED]))
    books.raise_up()
    assert books.switch.state is TradingState.ACTIVE


def test_of_many_differences_the_first_are_named() -> None:
    books = Books()
    books.lower()
    books.record(Reconciled(T0, [{**ASKED, "name": f"Dip-{number}"} for number in range(1, 8)]))

    with pytest.raises(InputError, match=r"ORDER_MISSING of Dip-5 \(ours 100\) and more\.") as refused:
        books.raise_up()
    assert "Dip-6" not in str(refused.value)


def test_what_is_up_already_cannot_be_raised() -> None:
    with pytest.raises(InputError, match="is not above that"):
        Books().raise_up()


def states(*alarms: Alarm | None) -> list[str | None]:
    return [None if alarm is None else f"{alarm.state.name} {alarm.trigger.name}" for alarm in alarms]


def test_equity_halts_at_its_fall_from_the_sessions_highest() -> None:
    """Five per cent of 110,000 is 5,500; the next session begins anew."""
    watch = Monitors(MonitorSettings(drawdown=0.05))

    assert states(
        watch.see_equity(100_000, 1),
        watch.see_equity(110_000, 1),
        watch.see_equity(104_501, 1),
        watch.see_equity(104_500, 1),
        watch.see_equity(104_500, 2),
    ) == [None, None, None, "HALTED DRAWDOWN", None]


def test_a_fall_that_a_person_accepted_counts_no_more_until_the_next_session() -> None:
    watch = Monitors(MonitorSettings(drawdown=0.05))
    watch.see_equity(100_000, 1)
    watch.see_equity(94_000, 1)
    watch.accept_equity()

    alarms = watch.see_equity(94_000, 1), watch.see_equity(89_301, 1), watch.see_equity(89_300, 1)
    assert states(*alarms) == [None, None, "HALTED DRAWDOWN"]
    assert "5.00% below the highest since trading was resumed of 94,000.00" in alarms[2].text  # type: ignore[union-attr]  # it is an alarm
    watch.accept_equity()
    assert states(watch.see_equity(80_000, 2), watch.see_equity(76_000, 2)) == [None, "HALTED DRAWDOWN"]


def test_equity_of_nothing_halts() -> None:
    assert states(Monitors(MonitorSettings()).see_equity(0.0, 1)) == ["HALTED DRAWDOWN"]


def test_errors_of_the_broker_count_within_a_minute() -> None:
    watch = Monitors(MonitorSettings(broker_errors_per_minute=3))
    times = [0, 10, 60, 69, 80]

    assert states(*(watch.see_broker_error(T0 + s * SECOND, "no") for s in times)) == [
        None,
        None,
        None,
        "REDUCING BROKER_ERRORS",
        None,
    ]


def test_a_feed_is_silent_when_most_of_it_is() -> None:
    watch = Monitors(MonitorSettings(silent_share=0.5))

    assert states(watch.see_silence([], 4), watch.see_silence(["A"], 4), watch.see_silence(["A", "B"], 4)) == [
        None,
        None,
        "REDUCING FEED_SILENT",
    ]
    alarm = watch.see_silence(list("ABCDEFG"), 8)
    assert alarm is not None
    assert alarm.text == "The feed is silent for 7 of 8 symbols: A, B, C, D, E and 2 more."


def test_a_break_must_stand_to_lower_the_state() -> None:
    watch = Monitors(MonitorSettings(breaks_in_row=2))

    assert states(
        watch.see_comparison(1), watch.see_comparison(0), watch.see_comparison(2), watch.see_comparison(1)
    ) == [None, None, None, "REDUCING RECONCILIATION_BREAK"]


def test_clocks_that_are_apart_and_turns_that_take_long_lower_the_state() -> None:
    watch = Monitors(MonitorSettings(clock_skew_s=2.0, turn_s=5.0))

    assert states(
        watch.see_clocks(T0, T0 + 2 * SECOND),
        watch.see_clocks(T0 + 2 * SECOND + 1, T0),
        watch.see_turn(5 * SECOND),
        watch.see_turn(5 * SECOND + 1),
        watch.see_journal_failure("the disk is full"),
    ) == [None, "REDUCING CLOCK_SKEW", None, "REDUCING LOOP_STALLED", "HALTED JOURNAL_FAILURE"]


def test_impossible_bounds_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="silent_share must be above zero"):
        MonitorSettings(silent_share=0)


@pytest.mark.parametrize("name", ["drawdown", "silent_share"])
def test_a_share_that_was_meant_in_per_cent_is_refused(name: str) -> None:
    """It would switch the watch off; all of it is a bound."""
    assert getattr(MonitorSettings(**{name: 1.0}), name) == 1.0
    with pytest.raises(ConfigurationError, match=f"{name} is a share between 0 and 1, found 5; 5 % is 0.05"):
        MonitorSettings(**{name: 5.0})
