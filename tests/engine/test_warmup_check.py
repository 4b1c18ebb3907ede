"""Data that is too short for a strategy's entries is refused with the formula that needs more."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tapeline import Panel, RuleStrategy, Strategy, atr, backtest, bars, distance, replay, risk_per_stop, sma, sweep
from tapeline.domain.errors import DataError
from tapeline.domain.panel import Sessions
from tapeline.engine.assembly import assemble
from tapeline.engine.warmup_check import bars_of, check_warmup
from tapeline.feeds.simulated import simulate_market
from tapeline.formula.frame import Frame
from tapeline.formula.parameters import param
from tapeline.simulation.settings import RunSettings
from tapeline.tape.calendars import sessions

MINUTE = 60 * 10**9
HOUR, DAY = 60 * MINUTE, 24 * 60 * MINUTE

close = bars("1h").close
known, never = close > sma(close, 3), close > sma(close, 300)


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Two whole sessions and a half day: 7 + 7 + 4 bars of an hour."""
    calendar: Sessions = sessions("XNYS", date(2023, 6, 30), date(2023, 7, 5))
    return simulate_market(3, sessions=calendar, symbols=2).panel


def check(rule: dict[str, Any], panel: Panel, kind: type = RuleStrategy, trade_from: str = "") -> None:
    strategy = type("Mine", (kind,), rule)()
    settings = RunSettings(trade_from=trade_from)
    check_warmup(assemble([strategy], symbol_count=2, base_frame_ns=MINUTE, settings=settings), panel)


def test_bars_of_a_frame_are_counted_within_sessions(panel: Panel) -> None:
    assert len(panel) == 390 + 210 + 390
    assert bars_of(Frame(0), panel) == 990
    assert bars_of(Frame(HOUR), panel) == 7 + 4 + 7
    assert bars_of(Frame(DAY), panel) == 3


@pytest.mark.parametrize(
    "enter_long",
    [
        known,
        known | never,
        ~(known & never),
        never.any(2) | known,
        (known & (close > 0)).any(50),
        (known | never).lag(1),
        close > close.lag(17),
    ],
    ids=str,
)
def test_an_entry_that_can_become_true_is_let_through(enter_long: Any, panel: Panel) -> None:
    check({"enter_long": enter_long}, panel)


@pytest.mark.parametrize(
    "enter_long",
    [never, known & never, ~(known | never), never.any(3), known.all(50), close > close.lag(18)],
    ids=str,
)
def test_an_entry_that_cannot_is_refused(enter_long: Any, panel: Panel) -> None:
    with pytest.raises(DataError, match=r"Strategy Mine can never enter: enter_long needs .*; the data has 18 "):
        check({"enter_long": enter_long}, panel)


def test_the_innermost_formula_is_named_with_what_it_needs(panel: Panel) -> None:
    with pytest.raises(DataError) as refusal:
        check({"enter_long": known & (never.lag(2) | (sma(close, 400) > 1))}, panel)

    assert str(refusal.value) == (
        "Strategy Mine can never enter: enter_long needs sma(close[1h], 300), which has its first value at bar 300"
        " of 1h; the data has 18 (2023-06-30T13:30:00Z to 2023-07-05T20:00:00Z). Give a longer period, or the"
        " formula fewer bars."
    )


def test_one_side_is_enough(panel: Panel) -> None:
    check({"enter_long": never, "enter_short": known}, panel)


def test_a_stop_that_is_never_known_is_refused(panel: Panel) -> None:
    rule = {"enter_long": known, "stop": distance(atr(bars("1d"), 14)), "size": risk_per_stop(1)}

    with pytest.raises(DataError, match=r"stop needs atr\(bars\[1d\], 14\), .* at bar 15 of 1d; the data has 3"):
        check(rule, panel)


def test_free_form_code_needs_one_formula_of_all(panel: Panel) -> None:
    check({"one": known, "other": never}, panel, Strategy)
    check({}, panel, Strategy)
    with pytest.raises(DataError, match=r"Strategy Mine can never enter: other needs sma"):
        check({"other": never}, panel, Strategy)


def test_trading_that_begins_behind_the_data_is_refused(panel: Panel) -> None:
    with pytest.raises(DataError, match=r"Trading was to begin at 2024-01-01, and the data ends at 2023-07-05T20"):
        check({"enter_long": known}, panel, trade_from="2024-01-01")


class Patient(RuleStrategy):
    """Waits for an average."""

    length = param(3, low=1)
    enter_long = bars("1h").close > sma(bars("1h").close, length)


def test_every_way_of_running_asks(panel: Panel) -> None:
    for run in (
        lambda: backtest(Patient(length=300), panel),
        lambda: replay([Patient(length=300)], panel),
        lambda: sweep(Patient, panel, [{"length": 3}, {"length": 300}]),
    ):
        with pytest.raises(DataError, match="can never enter"):
            run()
