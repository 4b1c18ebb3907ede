"""Edges of an order's life at which books go wrong: each was a fault once."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from tapeline import (
    Account,
    Limits,
    Market,
    Panel,
    RuleStrategy,
    RunSettings,
    ScaleOut,
    Split,
    backtest,
    bars,
    distance,
    fixed_quantity,
    percent_of_equity,
    position,
)
from tapeline.app.replay import replay
from tapeline.domain.errors import InvariantError
from tapeline.domain.panel import Sessions
from tapeline.domain.slice import Slice
from tapeline.domain.times import DAY, MINUTE, from_iso
from tapeline.domain.words import Purpose
from tapeline.engine.loop import EventLoop
from tapeline.engine.result import Result
from tapeline.feeds.clock import VirtualClock

MARGIN = Account(kind="margin", leverage=4.0, short_allowed=True)
START = from_iso("2024-01-02T14:30:00Z")


def panel_of(closes: list[float | None], volume: float = 1e6, days: int = 1, **changes: list[float]) -> Panel:
    """Return minute bars of one symbol: each opens at the close before; None is a missing bar."""
    close = np.array([np.nan if value is None else value for value in closes])
    known = close[~np.isnan(close)]
    before = np.full(len(close), known[0])
    last = known[0]
    for row, value in enumerate(close):
        before[row] = last
        last = last if np.isnan(value) else value
    missing = np.isnan(close)
    fields: dict[str, Any] = {
        "open": np.where(missing, np.nan, before),
        "high": np.where(missing, np.nan, np.maximum(before, close)),
        "low": np.where(missing, np.nan, np.minimum(before, close)),
        "close": close,
        "volume": np.where(missing, np.nan, volume),
    }
    fields |= {name: np.array(values) for name, values in changes.items()}
    rows = len(close) // days
    starts = np.concatenate([START + day * DAY + np.arange(rows) * MINUTE for day in range(days)])
    opens = np.array([START + day * DAY for day in range(days)])
    calendar = Sessions("test", opens, opens + rows * MINUTE)
    columns = {name: values[:, None] for name, values in fields.items()}
    return Panel(("A",), MINUTE, starts, starts + MINUTE, **columns, sessions=calendar)


def both_ways(strategies: list[Any], panel: Panel, settings: RunSettings, actions: tuple[Any, ...] = ()) -> Result:
    """Run compiled and through the loop, which compares its books with the ledger's; both must agree."""
    compiled = backtest(strategies, panel, settings, corporate_actions=actions)
    replayed = replay(strategies, panel, ":memory:", settings, corporate_actions=actions)
    assert compiled.digest == replayed.result.digest
    assert compiled.equity.tobytes() == replayed.result.equity.tobytes()
    held = sum(row["side"] * row["quantity"] for row in compiled.executions)
    if not actions:
        assert compiled.positions[0] == pytest.approx(held)
    assert compiled.final_equity == pytest.approx(compiled.cash + compiled.positions[0] * panel.close[-1, 0])
    return compiled


class FirstBar(RuleStrategy):
    """Buy at the first chance and keep."""

    enter_long = bars().close > 0
    size = fixed_quantity(100)


def test_an_order_that_fills_in_hundreds_of_pieces_outgrows_every_table() -> None:
    """One share a bar: 600 fills of one order, more than the book has room for at the start."""
    panel = panel_of([100.0] * 700, volume=100.0)

    class Large(FirstBar):
        size = fixed_quantity(600)

    result = both_ways([Large()], panel, RunSettings(market=Market(participation=0.01)))

    assert len(result.executions) == 600
    assert result.positions[0] == 600


def test_an_exit_calls_back_the_sale_of_a_scale_out_that_waits_in_a_halt() -> None:
    """100 held; half is to be sold, the symbol halts, the exit comes: 100 are sold in all, not 150."""
    closes = [100.0, 100, 110, None, None, None, 130, 130, 130]
    volume = [1e6, 1e6, 1e6, np.nan, np.nan, np.nan, 1e6, 1e6, 1e6]

    class Halted(FirstBar):
        enter_long = bars().close < 105
        exit_long = position.minutes_held >= 4
        scale_out = ScaleOut(bars().close >= 110, fraction=0.5)

    result = both_ways([Halted()], panel_of(closes, volume=volume), RunSettings(account=MARGIN))  # type: ignore[arg-type]

    sold = result.executions[result.executions["side"] < 0]
    assert sold["quantity"].sum() == 100
    assert result.positions[0] == 0


def test_a_split_before_the_entry_fills_doubles_its_bracket_too() -> None:
    """Decided at the last close of a day, 2:1 at the next open: 200 are bought, and the stop covers all 200."""
    panel = panel_of([100.0, 100, 100, 50, 50, 40], days=2)

    class Bracketed(FirstBar):
        enter_long = position_free = bars().close.lag(2) > 99
        stop = distance(20.0)

    split = Split("A", date(2024, 1, 3), Decimal(2), Decimal(1))
    result = both_ways([Bracketed()], panel, RunSettings(account=MARGIN), (split,))

    # the stop, 80 before the split, is 40 after it; the second day opens at 100 and falls to 50, then to 40
    assert [(row["side"], row["quantity"], row["price"]) for row in result.executions] == [
        (1, 200.0, 100.0),
        (-1, 200.0, 40.0),
    ]


def test_two_strategies_share_what_a_split_leaves_of_the_account() -> None:
    """5 and 5 shares, 3:2: the account has 15, so the strategies have 7 and 8."""
    panel = panel_of([100.0, 100, 100, 66, 66, 66], days=2)

    class Five(FirstBar):
        enter_long = bars().close > 99
        exit_long = bars().close < 67
        size = fixed_quantity(5)

    split = Split("A", date(2024, 1, 3), Decimal(3), Decimal(2))
    result = both_ways([Five(), Five()], panel, RunSettings(account=MARGIN), (split,))

    sold = result.executions[result.executions["side"] < 0]
    assert sorted(sold["quantity"]) == [7.0, 8.0]
    assert result.positions[0] == 0


def test_a_reverse_split_to_less_than_a_share_frees_the_symbol() -> None:
    """5 shares, 1:10: half a share is paid in cash, and the strategy may enter again."""
    panel = panel_of([100.0, 100, 100, 1000, 1000, 1000], days=2)

    class Five(FirstBar):
        size = fixed_quantity(5)

    split = Split("A", date(2024, 1, 3), Decimal(1), Decimal(10))
    result = both_ways([Five()], panel, RunSettings(account=MARGIN), (split,))

    # 0.5 share at the mark of 100 / (1/10) = 1,000 is 500
    assert result.financing == 500.0
    assert [row["quantity"] for row in result.executions] == [5.0, 5.0]
    assert result.positions[0] == 5


@pytest.mark.parametrize("far", [{"stop": distance(2 * bars().close)}, {"enter_short": bars().close > 0}])
def test_a_bracket_price_that_no_order_can_have_denies_the_entry(far: dict[str, Any]) -> None:
    """A long's stop or a short's target below zero."""
    body: dict[str, Any] = {"__doc__": "A child at a price below zero.", "size": fixed_quantity(1), **far}
    if "enter_short" in far:
        body["target"] = distance(2 * bars().close)
    else:
        body["enter_long"] = bars().close > 0
    strategy = type("Far", (RuleStrategy,), body)

    result = both_ways([strategy()], panel_of([100.0] * 5), RunSettings(account=MARGIN))

    assert len(result.orders) == 0


def test_the_position_limit_holds_over_all_strategies() -> None:
    """Two strategies want 10 % each of 100,000 at 100; the limit of 10 % leaves the second nothing."""

    class Tenth(FirstBar):
        size = percent_of_equity(10)

    settings = RunSettings(account=MARGIN, limits=Limits(position=0.1))
    result = both_ways([Tenth(), Tenth()], panel_of([100.0] * 5), settings)

    assert result.positions[0] == 100


def test_r_is_measured_from_the_first_stop_even_if_the_stop_moved_before_the_last_fill() -> None:
    """Half fills, the stop moves up, the rest fills: R stays 10 a share, and +20 is 2 R."""
    panel = panel_of([100.0, 100, 100, 100, 120, 120, 120], volume=50.0)

    class Moved(FirstBar):
        stop = distance(10.0)
        move_stop = position.entry_price - 1
        exit_long = bars().close >= 120

    result = both_ways([Moved()], panel, RunSettings(account=MARGIN))

    first = result.round_trips[0]
    assert Purpose(int(first["exit_purpose"])) is Purpose.EXIT_RULE
    assert first["r_multiple"] == pytest.approx(2.0)


def test_a_slice_from_the_future_is_refused() -> None:
    """A feed that hands a slice out before the clock has reached its end stops the run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VirtualClock, "advance", lambda self, to_ns: None)
        with pytest.raises(InvariantError, match=r"handed out at 2024-01-02T14:30:00Z, before its end"):
            replay([FirstBar()], panel_of([100.0] * 3), ":memory:", RunSettings())


def test_a_book_that_holds_what_the_ledger_does_not_stops_the_run() -> None:
    panel = panel_of([100.0] * 30)

    def slip(now: Slice, loop: EventLoop) -> None:
        if loop.slices == 20:
            loop.desk.book.tables.holdings[0, 0]["quantity"] += 1

    with pytest.raises(
        InvariantError, match=r"The book holds 101 \w+ for FirstBar, the ledger 100\. No further orders"
    ):
        replay([FirstBar()], panel, on_slice=slip)
