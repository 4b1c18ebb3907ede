"""Free-form code: its verbs do what the rules do, and what they cannot do they answer in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bar_tables import bars_of
from engine.acts import MARGIN, SMALL, bar, denials, fills, orders, run, settings_with, wants_in, wants_out, wants_short
from tapeline import Market, Panel, RunSettings, Strategy, backtest, fixed_quantity, position, risk_per_stop
from tapeline.domain.errors import FormulaError, InputError, UnknownNameError
from tapeline.ledger.facts import SignalRaised
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.strategies.view import SliceView

Code = Callable[[SliceView], object]


def coded(code: Code, **declared: Any) -> Strategy:
    """Return a strategy whose slices run a function; it sees the signals, close and the close of two bars ago."""

    class Coded(Strategy):
        told_in, told_out, told_short = wants_in, wants_out, wants_short
        close = bar.close * 1
        close_before = bar.close.lag(2)
        size = fixed_quantity(10)

        def on_slice(self, now: SliceView) -> None:
            code(now)

    return type("Coded", (Coded,), declared)()


def at(times: dict[int, Code]) -> Code:
    """Return code that runs a function in the slices with these numbers, counted from 1."""
    ends: list[int] = []

    def code(now: SliceView) -> None:
        if not ends or now.time_ns < ends[-1]:  # another run begins
            ends.clear()
        ends.append(now.time_ns)
        times.get(len(ends), lambda _: None)(now)

    return code


THREE = bars_of("""
          A       | B       | C
    14:31 100 111 | 50      | 20 111
    14:32 100     | 50 111  | 20
    14:33 101 222 | 51      | -
    14:34 101     | 51      | 21
""")

WHERE: dict[str, tuple[Code, list[str]]] = {
    "a name": (at({1: lambda now: now.enter("B")}), ["14:32 B"]),
    "a column": (at({1: lambda now: now.enter(2)}), ["14:32 C"]),
    "a condition": (lambda now: now.enter(now.told_in), ["14:32 A", "14:32 C", "14:33 B"]),
    "a truth per symbol": (at({1: lambda now: now.enter(np.array([False, True, True]))}), ["14:32 B", "14:32 C"]),
    "all": (at({1: lambda now: now.enter(True)}), ["14:32 A", "14:32 B", "14:32 C"]),
    "none": (lambda now: now.enter(False), []),
    "who has no bar is left out": (at({3: lambda now: now.enter(True)}), ["14:34 A", "14:34 B"]),
    "a condition that is unknown": (at({1: lambda now: now.enter(now.close_before)}), []),
    "who is held is left out": (lambda now: now.enter("A"), ["14:32 A"]),
}


@pytest.mark.parametrize("case", WHERE)
def test_entries_by_name_column_and_condition(case: str) -> None:
    code, expected = WHERE[case]

    result = run(coded(code), THREE)

    assert [" ".join((line.split()[0], line.split()[4])) for line in fills(result)] == expected


def test_it_holds_the_same_positions_limits_and_exits_as_a_rule() -> None:
    def code(now: SliceView) -> None:
        now.exit(now.told_out)
        now.enter(now.told_in)

    result = run(coded(code, positions_max=2), THREE)

    # B is the third that wants in, at 14:32, when A and C are held
    assert fills(result) == [
        "14:32 open BUY 10 A 100.00 entry",
        "14:32 open BUY 10 C 20.00 entry",
        "14:34 open SELL 10 A 101.00 exit_rule",
    ]


def test_a_bracket_and_a_tightened_stop() -> None:
    """Between 98 and 104; the stop goes to 99 and, told 98.50, stays there."""
    panel = bars_of("""
              A
        14:31 100
        14:32 100
        14:33 100
        14:34 100 100 98 98
    """)
    code = at(
        {
            1: lambda now: now.enter("A", stop=98.0, target=now.close + 4),
            2: lambda now: now.set_stop("A", 99.0),
            3: lambda now: now.set_stop("A", 98.5),
        }
    )

    result = run(coded(code), panel)

    assert orders(result)[1:] == [
        "14:31 SELL STOP 10 A 99 FILLED",
        "14:31 SELL LIMIT 10 A 104 CANCELED one_cancels_other",
    ]
    assert fills(result)[1] == "14:34 inside SELL 10 A 99.00 stop"
    assert result.round_trips["r_multiple"].tolist() == [-0.5]


def test_a_trail_a_quantity_and_the_short_side() -> None:
    panel = bars_of("""
              A
        14:31 100
        14:32 100
        14:33 97 98 95 96
        14:34 96 98 96 98
    """)

    result = run(coded(at({1: lambda now: now.enter("A", side=-1, quantity=7, trail=2.0)})), panel, MARGIN)

    # the lowest low of 95 and 2 above it
    assert fills(result) == ["14:32 open SELL 7 A 100.00 entry", "14:34 inside BUY 7 A 97.00 stop"]


def test_the_account_and_the_holdings_can_be_read() -> None:
    seen: dict[int, tuple[Any, ...]] = {}

    def look(now: SliceView) -> None:
        flat = now.is_flat("A"), now.is_flat(1)
        seen[now.time_ns] = (now.equity, now.cash, now.quantity.tolist(), now.has_bar.tolist(), *flat)
        now.enter(now.told_in)

    run(coded(look), THREE)

    first, second, third, last = seen.values()
    assert first == (10_000.0, 10_000.0, [0, 0, 0], [True] * 3, True, True)
    # A for 1,000 and C for 200
    assert second == (10_000.0, 8_800.0, [10, 0, 10], [True] * 3, False, True)
    # B for 510; A is 10 dearer, C keeps its mark of 20
    assert third == (10_010.0, 8_290.0, [10, 10, 10], [True, True, False], False, False)
    assert last[0] == 10_020.0


def test_an_entry_under_way_is_not_flat() -> None:
    seen: list[bool] = []

    def code(now: SliceView) -> None:
        now.enter("A")
        seen.append(now.is_flat("A"))

    run(coded(code), bars_of("A\n14:31 100\n14:32 100"))

    assert seen == [False, False] * 2  # both ways


PROTECTION: dict[str, tuple[Code, str]] = {
    "an unknown stop": (lambda now: now.enter("A", stop=now.close_before), "no_stop"),
    "an unknown target": (lambda now: now.enter("A", target=now.close_before + 1), "no_stop"),
    "an unknown trail": (lambda now: now.enter("A", trail=now.close_before), "no_stop"),
    "a stop that is no number": (lambda now: now.enter("A", stop=float("nan")), "no_stop"),
    "a stop on the wrong side": (lambda now: now.enter("A", stop=now.close + 1), "no_stop"),
    "too little": (lambda now: now.enter("A", quantity=0.5), "below_one_step"),
    "a quantity of nothing": (lambda now: now.enter("A", quantity=0.0), "below_one_step"),
}


@pytest.mark.parametrize("case", PROTECTION)
def test_what_rules_are_denied_code_is_denied(case: str, tmp_path: Path) -> None:
    code, limit = PROTECTION[case]
    strategy, panel = coded(at({1: code})), bars_of("A\n14:31 100\n14:32 100\n14:33 100")

    assert fills(run(strategy, panel)) == []
    assert denials(strategy, panel, tmp_path) == [f"14:31 A {limit}"]


def test_code_sizes_by_risk_like_a_rule() -> None:
    """1 % of 10,000 at risk with the stop 4 away is 25."""
    strategy = coded(at({1: lambda now: now.enter("A", stop=now.close - 4)}), size=risk_per_stop(1))

    assert fills(run(strategy, THREE)) == ["14:32 open BUY 25 A 100.00 entry"]


def test_before_the_start_of_trading_code_is_not_asked() -> None:
    asked: list[int] = []

    run(coded(lambda now: asked.append(now.time_ns)), THREE, settings_with(trade_from="2018-01-02T14:33:00Z"))

    assert len(asked) == 2 * 2  # the slices of 14:33 and 14:34, both ways


def test_it_is_told_the_symbols_before_the_first_slice() -> None:
    told: list[tuple[str, ...]] = []
    strategy = coded(lambda now: told.append(()), on_start=lambda self, symbols: told.append(symbols))

    run(strategy, THREE)

    assert told[0] == ("A", "B", "C")
    assert told.count(("A", "B", "C")) == 2


WRONG: dict[str, tuple[Code, RunSettings, type[Exception], str]] = {
    "an unknown symbol": (lambda now: now.enter("AA"), SMALL, UnknownNameError, "Unknown symbol 'AA' in the run"),
    "a column outside": (lambda now: now.exit(3), SMALL, InputError, "Column 3 is outside 0 to 2"),
    "a negative column": (lambda now: now.is_flat(-1), SMALL, InputError, "Column -1 is outside 0 to 2"),
    "another shape": (lambda now: now.enter(np.ones(2)), SMALL, InputError, r"shape \(2,\); 3 symbols need \(3,\)"),
    "another side": (lambda now: now.enter("A", side=2), SMALL, InputError, "side must be 1 .* found 2"),
    "a short in a cash account": (lambda now: now.enter("A", side=-1), SMALL, InputError, "Use a margin account"),
    "verbs without end": (
        at(
            {
                3: lambda now: [now.set_stop("A", 60.0 + step) for step in range(30)],
                1: lambda now: now.enter("A", stop=60),
            }
        ),
        SMALL,
        InputError,
        "Call each verb once for a symbol and slice",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_done_is_said(case: str) -> None:
    code, settings, kind, sentence = WRONG[case]

    with pytest.raises(kind, match=sentence):
        run(coded(code), THREE, settings)


def test_a_formula_of_the_position_is_refused_with_what_to_read_instead() -> None:
    with pytest.raises(FormulaError, match=r"Coded: held reads position.*now\.quantity"):
        run(coded(lambda now: None, held=position.quantity * 1), THREE)


def test_the_session_of_a_slice_is_known() -> None:
    """The half day of 3 July 2018 ran from 13:30 to 17:00 UTC."""
    seen: list[tuple[int, int]] = []

    def code(now: SliceView) -> None:
        seen.append(((now.session_close_ns - now.time_ns) // 60_000_000_000, now.session))

    panel: Panel = bars_of("A\n2018-07-03\n13:31 100\n16:50 100", calendar="XNYS")
    run(coded(code), panel)

    assert [minutes for minutes, _ in seen] == [209, 10] * 2
    assert len({session for _, session in seen}) == 1


SIX = bars_of("""
          A
    14:31 100
    14:32 100
    14:33 102
    14:34 103
    14:35 104
    14:36 105
    14:37 99 99 96 97
""")


def test_a_part_is_sold_as_often_as_asked_and_the_rest_gets_a_new_pair_or_a_stop_only() -> None:
    """Half of ten, then three of five; the first new stop is tighter, the second is none and stays."""
    code = at(
        {
            1: lambda now: now.enter("A", stop=98.0, target=110.0),
            3: lambda now: now.scale_out("A", 0.5, stop=99.0),
            5: lambda now: now.scale_out("A", 0.6, stop=98.5, keep_target=False),
        }
    )

    result = run(coded(code), SIX)

    assert fills(result) == [
        "14:32 open BUY 10 A 100.00 entry",
        "14:34 open SELL 5 A 103.00 scale_out",
        "14:36 open SELL 3 A 105.00 scale_out",
        "14:37 open SELL 2 A 99.00 stop",
    ]
    assert orders(result)[3:] == [
        "14:33 SELL MARKET 5 A FILLED",
        "14:33 SELL STOP 5 A 99 CANCELED requested",
        "14:33 SELL LIMIT 5 A 110 CANCELED requested",
        "14:35 SELL MARKET 3 A FILLED",
        "14:35 SELL STOP 2 A 99 FILLED",
    ]


def test_a_short_part_is_bought_back_and_its_stop_comes_down() -> None:
    panel = bars_of("""
              A
        14:31 100
        14:32 100
        14:33 97
        14:34 97
        14:35 97 99 97 98
    """)
    code = at(
        {
            1: lambda now: now.enter("A", side=-1, stop=104.0),
            3: lambda now: now.scale_out("A", 0.5, stop=98.5),
        }
    )

    result = run(coded(code), panel, MARGIN)

    assert fills(result)[1:] == ["14:34 open BUY 5 A 97.00 scale_out", "14:35 inside BUY 5 A 98.50 stop"]


def test_no_part_is_sold_of_what_is_flat_of_one_share_or_while_another_is_under_way() -> None:
    late = settings_with(market=Market(latency_s=1.0))
    code = at(
        {
            1: lambda now: (now.scale_out("A", 0.5), now.enter("A", quantity=1)),
            3: lambda now: (now.scale_out("A", 0.5), now.exit("A")),
        }
    )
    twice = at({1: lambda now: now.enter("A", stop=90.0), 3: lambda now: [now.scale_out("A", 0.5) for _ in range(2)]})

    assert [line.split()[3] for line in fills(run(coded(code), SIX))] == ["1", "1"]
    assert [line.split()[3] for line in fills(run(coded(twice), SIX, late))] == ["10", "5"]


def test_an_entry_may_have_a_worst_price_and_ends_with_it_unknown() -> None:
    panel = bars_of("""
              A
        14:31 100
        14:32 101
        14:33 101 101 99 100
    """)
    limited = at({1: lambda now: now.enter("A", stop=95.0, limit=99.999)})
    unknown = at({1: lambda now: now.enter("A", limit=np.array([np.nan]))})

    result = run(coded(limited), panel)

    assert orders(result)[0] == "14:31 BUY LIMIT 10 A 99.99 FILLED"
    assert fills(result) == ["14:33 inside BUY 10 A 99.99 entry"]
    assert len(run(coded(unknown), panel).orders) == 0


def test_a_holding_its_last_round_trip_and_the_moment_can_be_read() -> None:
    seen: list[tuple[Any, ...]] = []

    def look(now: SliceView) -> None:
        held, trip = now.holding("A"), now.last_round_trip("A")
        seen.append(
            (
                held["quantity"],
                held["entry_price"],
                held["stop_price"],
                held["risk"],
                held["pending_notional"],
                now.can_change("A"),
                None if trip is None else (trip["net_pnl"], trip["exit_price"]),
                now.last_price.tolist(),
            )
        )
        assert (now.tick.tolist(), now.may_enter) == ([0.01], True)

    code = at({1: lambda now: now.enter("A", stop=98.0), 3: lambda now: now.exit("A")})

    def both(now: SliceView) -> None:
        look(now)
        code(now)

    backtest(coded(both), SIX, SMALL)

    flat = 0.0, np.nan, np.nan, np.nan, 0.0, False
    np.testing.assert_equal(seen[0], (*flat, None, [100.0]))
    assert seen[1] == (10.0, 100.0, 98.0, 2.0, 0.0, True, None, [100.0])
    np.testing.assert_equal(seen[3], (*flat, (30.0, 103.0), [103.0]))


def test_what_is_told_is_in_the_journal_beside_the_formulas_and_a_refusal_with_it(tmp_path: Path) -> None:
    def code(now: SliceView) -> None:
        now.tell("A", {"why": "too dear"})
        now.refuse("A", 7)

    panel = bars_of("""
              A
        14:31 100
        14:32 101
    """)

    assert denials(coded(at({1: code})), panel, tmp_path) == ["14:31 A own_rule"]
    with SqliteJournal.reading(tmp_path / "run.journal") as journal:
        (signal,) = (record.fact.signal for record in journal.read(kind=SignalRaised.kind))
    assert {"text": "why", "value": "too dear"} in signal.explanation["children"]
    assert {"text": "close", "value": 100.0} in signal.explanation["children"]
