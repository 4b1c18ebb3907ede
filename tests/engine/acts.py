"""Strategies that act when told, and what they did as lines of text.

In these tests the volume of a bar is the signal, so that prices are free to show the fills: 111 wants in, 222 wants
out, 333 wants in short, 444 wants both sides at once. Every run is made both ways, compiled and through the event
loop, and must trade the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tapeline import Account, Market, Panel, Result, RuleStrategy, RunSettings, backtest, bars, fixed_quantity, replay
from tapeline.domain.corporate import CorporateAction
from tapeline.domain.times import to_iso
from tapeline.domain.words import OrderStatus, OrderType, Purpose, Reason, Side, Stage
from tapeline.engine.assembly import AnyStrategy
from tapeline.ledger.order_facts import OrderDenied, OrderIntended
from tapeline.store.sqlite_journal import SqliteJournal

bar = bars()
wants_in = (bar.volume == 111) | (bar.volume == 444)
wants_out = bar.volume == 222
wants_short = (bar.volume == 333) | (bar.volume == 444)

SMALL = RunSettings(account=Account(cash=10_000.0))
MARGIN = RunSettings(account=Account(cash=10_000.0, kind="margin", leverage=4.0, short_allowed=True))


def settings_with(**parts: object) -> RunSettings:
    """Return the small cash account's settings with other parts."""
    return RunSettings(**{"account": SMALL.account, **parts})  # type: ignore[arg-type]


def sharing(participation: float) -> RunSettings:
    """Return the small cash account at a market that gives each bar's orders a share of its volume."""
    return settings_with(market=Market(participation=participation))


class Told(RuleStrategy):
    """Buy ten when told, sell when told."""

    enter_long = wants_in
    exit_long = wants_out
    size = fixed_quantity(10)


class ToldBothWays(Told):
    """Also sell short when told."""

    enter_short = wants_short
    exit_short = wants_out


def run(
    strategies: AnyStrategy | Sequence[AnyStrategy],
    panel: Panel,
    settings: RunSettings = SMALL,
    corporate_actions: Sequence[CorporateAction] = (),
) -> Result:
    """Run strategies compiled and through the event loop; fail if they trade differently."""
    chosen = list(strategies) if isinstance(strategies, Sequence) else [strategies]
    result = backtest(chosen, panel, settings, corporate_actions=corporate_actions)
    looped = replay(chosen, panel, ":memory:", settings, corporate_actions=corporate_actions).result
    assert list(looped.execution_lines()) == list(result.execution_lines())
    assert list(looped.order_lines()) == list(result.order_lines())
    assert looped.digest == result.digest
    assert looped.equity.tobytes() == result.equity.tobytes()
    return result


def fills(result: Result) -> list[str]:
    """Return each execution as a line: time, stage, side, quantity, symbol, price, purpose of its order."""
    return [
        f"{_time(row['time_ns'])} {Stage(int(row['stage'])).name.lower()} {Side(int(row['side'])).name}"
        f" {row['quantity']:g} {result.symbols[row['symbol']]} {row['price']:.2f}"
        f" {Purpose(int(result.orders[row['ticket']]['purpose'])).word}"
        for row in result.executions
    ]


def orders(result: Result) -> list[str]:
    """Return each order as a line: time, side, type, quantity, symbol, price if any, what became of it and why."""
    found = []
    for row in result.orders:
        prices = [f"{row[name]:g}" for name in ("limit_price", "stop_price", "trail") if row[name] == row[name]]
        end = OrderStatus(int(row["status"])).name, Reason(int(row["reason"])).word
        kind = OrderType(int(row["order_type"])).name
        words = (_time(row["decided_ns"]), Side(int(row["side"])).name, kind, f"{row['quantity']:g}")
        found.append(" ".join([*words, result.symbols[row["symbol"]], *prices, *filter(None, end)]))
    return found


def journaled(
    strategies: AnyStrategy | Sequence[AnyStrategy], panel: Panel, folder: Path, settings: RunSettings = SMALL
) -> tuple[list[OrderIntended], list[OrderDenied]]:
    """Run strategies through the event loop and return the orders and the denials that the journal holds."""
    chosen = list(strategies) if isinstance(strategies, Sequence) else [strategies]
    replay(chosen, panel, folder / "run.journal", settings)
    with SqliteJournal.reading(folder / "run.journal") as journal:
        intended = [record.fact for record in journal.read(kind=OrderIntended.kind)]
        denied = [record.fact for record in journal.read(kind=OrderDenied.kind)]
    return intended, denied  # type: ignore[return-value]


def denials(
    strategies: AnyStrategy | Sequence[AnyStrategy], panel: Panel, folder: Path, settings: RunSettings = SMALL
) -> list[str]:
    """Return each denial of the journal as a line: time, symbol, the limit that refused it."""
    _, denied = journaled(strategies, panel, folder, settings)
    return [f"{_time(fact.event_time_ns)} {fact.symbol} {fact.limit.word}" for fact in denied]


def _time(time_ns: int) -> str:
    return to_iso(int(time_ns))[11:16]
