"""Limits that look at more than one entry: sectors, shorts, open risk, and how the session goes.

The account begins with 10,000; every price is 100 unless a table says otherwise, so a share is one per cent.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bar_tables import bars_of
from engine.acts import MARGIN, SMALL, Told, ToldBothWays, denials, fills, journaled, run
from tapeline import Limits, RuleStrategy, RunSettings, backtest, bars, distance, fixed_quantity, replay, usual_limits
from tapeline.domain.errors import ConfigurationError, UnknownNameError

bar = bars()


def bound(settings: RunSettings = MARGIN, **limits: Any) -> RunSettings:
    return replace(settings, limits=Limits(**limits))


def told(quantity: float = 20, base: type[RuleStrategy] = Told, **declared: object) -> RuleStrategy:
    found: RuleStrategy = type("Told", (base,), {"size": fixed_quantity(quantity), **declared})()
    return found


def folder(where: Path, number: int) -> Path:
    made = where / str(number)
    made.mkdir()
    return made


THREE = bars_of("""
          A       | B       | C
    14:31 100 111 | 100 111 | 100
    14:32 100     | 100     | 100
    14:33 100     | 100     | 100 111
    14:34 100     | 100     | 100
""")


def test_a_sector_takes_so_much_and_no_more() -> None:
    """A and B are of one sector, of which 0.3 is allowed: 20 of A, 10 of B; C has a sector to itself."""
    settings = bound(sector=0.3)
    groups = {"sector": ["tech", "tech", "oil"]}

    compiled = backtest([told()], THREE, settings, groups=groups)
    looped = replay([told()], THREE, ":memory:", settings, groups=groups).result

    assert compiled.executions["quantity"].tolist() == [20, 10, 20]
    assert looped.digest == compiled.digest


def test_symbols_without_a_sector_are_not_bound_by_it() -> None:
    assert run(told(), THREE, bound(sector=0.1)).executions["quantity"].tolist() == [20, 20, 20]


def test_shorts_have_a_bound_of_their_own() -> None:
    panel = bars_of("""
              A       | B
        14:31 100 333 | 100 111
        14:32 100     | 100
    """)

    result = run(told(20, ToldBothWays), panel, bound(short=0.15))

    assert fills(result) == ["14:32 open SELL 15 A 100.00 entry", "14:32 open BUY 20 B 100.00 entry"]


def test_open_risk_counts_entries_that_work_and_shrinks_as_stops_come_nearer() -> None:
    """20 of A at a stop of 5 is 1 %, which with 1.5 % leaves 10 of B; at 97 A risks 2 a share, 0.4 %: 21 of C."""
    panel = bars_of("""
              A       | B       | C
        14:31 100 111 | 100 111 | 100
        14:32 100     | 100     | 100
        14:33 97      | 97      | 100
        14:34 97      | 97      | 100 111
        14:35 97      | 97      | 100
    """)

    result = run(told(30, stop=distance(5), size=fixed_quantity(20)), panel, bound(open_risk=0.015))

    # at 97: A 20 x 2 = 40, B 10 x 2 = 20; equity is 10,000 - 90 = 9,910: (148.65 - 60) / 5 = 17.7
    assert result.executions["quantity"].tolist() == [20, 10, 17]


def test_trades_of_a_session_are_counted_and_the_next_session_begins_anew(tmp_path: Path) -> None:
    panel = bars_of(
        """
              A       | B       | C
        14:31 100 111 | 100 111 | 100 111
        14:32 100     | 100     | 100
        2018-01-03
        14:31 100     | 100     | 100 111
        14:32 100     | 100     | 100
    """,
        calendar="XNYS",
    )
    settings = bound(trades_per_day=2)

    assert [line[:5] + line[11:] for line in fills(run(told(), panel, settings))] == [
        "14:32BUY 20 A 100.00 entry",
        "14:32BUY 20 B 100.00 entry",
        "14:32BUY 20 C 100.00 entry",
    ]
    assert denials(told(), panel, tmp_path, settings) == ["14:31 C trades_per_day"]


DOWN = bars_of(
    """
          A       | B       | C
    14:31 100 111 | 100     | 100
    14:32 100     | 100     | 100
    14:33 90      | 100 111 | 100
    14:34 90      | 100     | 100
    14:35 110     | 100     | 100 111
    14:36 108     | 100 222 | 100
    14:37 106     | 100 111 | 100
    2018-01-03
    14:31 106     | 100 111 | 100
    14:32 106     | 100     | 100
    """,
    calendar="XNYS",
)


def test_a_session_that_has_lost_too_much_makes_no_more_entries(tmp_path: Path) -> None:
    """20 of A at 90 is a loss of 2 % since the open: B is denied. At 110 it is a profit, and C is denied too."""
    settings = bound(loss_per_day=0.02)

    assert denials(told(), DOWN, tmp_path, settings) == [
        "14:33 B loss_per_day",
        "14:35 C loss_per_day",
        "14:37 B loss_per_day",
    ]


def test_a_fall_from_the_sessions_high_stops_entries_until_the_next_session(tmp_path: Path) -> None:
    """From 10,000 to 9,800 at 90 is 2 %, which the high of 10,200 does not undo; the next session begins anew."""
    settings = bound(drawdown_per_day=0.02)

    lines = denials(told(), DOWN, tmp_path, settings)

    assert lines == ["14:33 B drawdown_per_day", "14:35 C drawdown_per_day", "14:37 B drawdown_per_day"]


LOSSES = """
          A       | B
    14:31 100 111 | 100
    14:32 100     | 100
    14:33 99 222  | 100
    14:34 99      | 100
    14:35 99 111  | 100
    14:36 99      | 100
    14:37 98 222  | 100
    14:38 98      | 100
    14:39 98      | 100 111
    14:50 98      | 100 111
    2018-01-03
    14:31 98      | 100 111
    14:32 98      | 100
"""


def test_losses_in_a_row_pause_trading_until_the_next_session(tmp_path: Path) -> None:
    settings = bound(losses_in_row=2)

    assert denials(told(), bars_of(LOSSES, calendar="XNYS"), tmp_path, settings) == [
        "14:39 B losses_in_row",
        "14:50 B losses_in_row",
    ]


def test_a_pause_may_be_shorter_than_the_session(tmp_path: Path) -> None:
    """The second loss was booked at 14:38, so 14:48 is over."""
    settings = bound(losses_in_row=2, pause_minutes=10)

    assert denials(told(), bars_of(LOSSES, calendar="XNYS"), tmp_path, settings) == ["14:39 B losses_in_row"]


def test_a_profit_between_two_losses_starts_the_count_anew(tmp_path: Path) -> None:
    rows = LOSSES.replace("14:36 99      ", "14:36 97      ")

    assert denials(told(), bars_of(rows, calendar="XNYS"), tmp_path, bound(losses_in_row=2)) == []


def test_reward_must_be_worth_the_risk(tmp_path: Path) -> None:
    """Six to the target over four to the stop is 1.5: enough for 1.5, not for 1.6."""
    strategy = told(stop=distance(4), target=distance(6))
    panel = bars_of("A\n14:31 100 111\n14:32 100")

    assert denials(strategy, panel, folder(tmp_path, 1), bound(reward_risk=1.5)) == []
    _, (denied,) = journaled(strategy, panel, folder(tmp_path, 2), bound(reward_risk=1.6))
    assert denied.reason.endswith("the way to the target is 1.50 times that to the stop; 1.60 is the least.")
    assert denied.sizing["limit_value"] == 1.5


def test_a_holding_that_has_lost_what_a_trade_may_lose_is_closed() -> None:
    """20 of A bought at 100: 1 % of 10,000 is lost at 95, which closes at the next open."""
    panel = bars_of("A\n14:31 100 111\n14:32 100\n14:33 96\n14:34 95\n14:35 94\n14:36 94")

    result = run(told(), panel, bound(loss_per_trade=0.01))

    assert fills(result) == ["14:32 open BUY 20 A 100.00 entry", "14:35 open SELL 20 A 94.00 loss_limit"]


def test_an_entry_is_not_sized_by_an_old_price(tmp_path: Path) -> None:
    """A's slice of 14:33 has no bar: the strategy is free to enter by its 15-minute frame, but not by that price."""
    strategy = type("Slow", (Told,), {"frame": "5min"})()
    panel = bars_of(
        """
              A       | B
        14:31 100 111 | 100
        14:32 -       | 100
        14:35 -       | 100
        14:36 100     | 100
    """,
        calendar="XNYS",
    )

    assert [denials(strategy, panel, folder(tmp_path, s), bound(stale_s=s)) for s in (240, 239)] == [
        [],
        ["14:35 A stale_price"],
    ]


def test_a_strategys_limits_bind_it_and_not_the_others() -> None:
    panel = bars_of("A\n14:31 100 111\n14:32 100")
    bounded = type("Bounded", (Told,), {"size": fixed_quantity(20), "limits": Limits(gross=0.1)})()

    assert run([told(), bounded], panel, MARGIN).executions["quantity"].tolist() == [20, 10]


def test_a_run_may_give_a_strategy_other_limits_than_it_declares() -> None:
    panel = bars_of("A\n14:31 100 111\n14:32 100")
    bounded = type("Bounded", (Told,), {"size": fixed_quantity(20), "limits": Limits(gross=0.1)})()
    settings = replace(MARGIN, strategy_limits={"Bounded": Limits(gross=0.15)})

    assert run(bounded, panel, settings).executions["quantity"].tolist() == [15]


def test_the_risk_of_a_trade_is_the_strategys_own_where_it_says_so() -> None:
    """The account's 0.4 % at a stop of 5 is 8 shares; a strategy that declares 1 % gets 20."""
    panel = bars_of("A\n14:31 100 111\n14:32 100")
    plain = told(50, stop=distance(5))
    bold = type(
        "Bold", (Told,), {"size": fixed_quantity(50), "stop": distance(5), "limits": Limits(risk_per_trade=0.01)}
    )()

    assert run([plain, bold], panel, bound(risk_per_trade=0.004)).executions["quantity"].tolist() == [8, 20]


def test_limits_of_a_strategy_that_does_not_run_are_refused() -> None:
    settings = replace(MARGIN, strategy_limits={"Tald": Limits(gross=1.0)})

    with pytest.raises(UnknownNameError, match="Did you mean 'Told'"):
        run(told(), THREE, settings)


@pytest.mark.parametrize("limits", [{"gross": 0.0}, {"trades_per_day": 1.5}, {"pause_minutes": 5}])
def test_impossible_bounds_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        Limits(**limits)  # type: ignore[arg-type]


def test_the_usual_limits_are_those_of_the_documents() -> None:
    """Intraday half of what overnight may use; the numbers stand in docs/limits.md."""
    day, night = usual_limits(overnight=False), usual_limits(overnight=True)

    assert (day.gross, day.short, night.gross, night.short) == (0.5, 0.25, 1.0, 0.5)
    assert (day.risk_per_trade, day.open_risk, day.position, day.positions) == (0.004, 0.03, 0.05, 30)
    assert (day.trades_per_day, day.drawdown_per_day, day.losses_in_row, day.reward_risk) == (100, 0.02, 3, 1.5)
    run(told(), THREE, replace(SMALL, limits=day))
