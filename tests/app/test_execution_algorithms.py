"""Execution algorithms in whole runs: what must hold at every slice, with brackets, limits and every kind of exit."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from app.worked_orders import ALGORITHMS, PANEL, TRAVELS, Eager, Patient, worked
from engine.builders import real_panel
from tapeline import (
    Account,
    Algorithms,
    Limits,
    Market,
    Panel,
    RuleStrategy,
    RunSettings,
    Split,
    adaptive,
    backtest,
    backtest_each,
    bars,
    fixed_quantity,
    limit,
    participation,
    sweep,
    twap,
    volume_weighted,
)
from tapeline.app.replay import FinishedReplay, replay
from tapeline.app.settings_file import settings_from
from tapeline.domain.errors import ConfigurationError, UnknownNameError
from tapeline.domain.parent import ParentEnd
from tapeline.domain.slice import Slice
from tapeline.domain.times import MINUTE
from tapeline.domain.words import OrderStatus, Purpose, Role, Side
from tapeline.engine import backtest as compiled
from tapeline.engine.loop import EventLoop
from tapeline.feeds.simulated import simulate_market
from tapeline.simulation.execution_settings import Algorithm
from tapeline.tape.calendars import sessions


def ends(finished: FinishedReplay) -> Counter[ParentEnd]:
    return Counter(state.ended.reason for state in finished.views.parents.states.values() if state.ended is not None)


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: algorithm.name)
@pytest.mark.parametrize("latency_s", [0.0, 0.001], ids=["at once", "travels"])
def test_what_must_hold_at_every_slice(algorithm: Algorithm, latency_s: float) -> None:
    """No parent beyond its quantity, no position beyond flat, books that agree, and every share that is held stands
    behind a stop or is on its way out."""

    def look(now: Slice, loop: EventLoop) -> None:
        views = loop.views
        for state in views.parents.states.values():
            children = [views.orders.states[name] for name in state.children]
            exposed = sum((child.exposed_quantity for child in children if child.status.is_working), Decimal(0))
            assert state.filled_quantity + exposed <= state.order.quantity
        for (_, _, symbol), held in views.positions.items():
            assert held.quantity >= 0
            column = loop.desk.columns[symbol]
            holding = loop.desk.book.fixed.holdings[0, column]
            assert float(held.quantity) == holding["quantity"]
            if held.quantity and holding["leaving"] == 0:
                stops = [
                    order.leaves_quantity
                    for order in views.orders.working_of(symbol)
                    if order.order.purpose is Purpose.STOP and order.status is not OrderStatus.PENDING_CANCEL
                ]
                leaving = [
                    state.order.quantity - state.filled_quantity
                    for state in views.parents.open.values()
                    if state.order.symbol == symbol and state.order.purpose is Purpose.SCALE_OUT
                ]
                assert sum(stops + leaving, Decimal(0)) == held.quantity
                protected.append(now.end_ns)

    protected: list[int] = []
    settings = worked(algorithm)
    settings = replace(settings, market=replace(settings.market, latency_s=latency_s))

    finished = replay([Eager()], PANEL, ":memory:", settings, on_slice=look)

    assert len(protected) > 100
    assert not finished.views.parents.open
    assert len(finished.result.executions) == len(finished.views.orders.executions)
    assert len(finished.result.round_trips) == len(finished.views.round_trips)
    assert {ParentEnd.FILLED, ParentEnd.EXIT, ParentEnd.CANCELED} <= set(ends(finished))


def test_a_backtest_with_an_algorithm_is_the_replay_and_one_without_stays_compiled() -> None:
    settings = worked(twap(minutes=20))
    with_algorithm = backtest(Eager(), PANEL, settings)
    without = backtest(Eager(), PANEL, TRAVELS)

    assert with_algorithm.digest == replay([Eager()], PANEL, ":memory:", settings).result.digest
    assert without.digest == compiled.backtest(Eager(), PANEL, TRAVELS).digest
    assert with_algorithm.digest != without.digest
    assert with_algorithm.metrics.keys() == without.metrics.keys()


def test_a_strategy_declares_its_algorithms_and_settings_take_their_place() -> None:
    own = replay([Patient()], PANEL)
    for_all = replay([Patient()], PANEL, settings=RunSettings(execution=Algorithms(participation(), participation())))
    for_it = RunSettings(strategy_execution={"Patient": Algorithms(entry=limit())})
    given = replay([Patient()], PANEL, settings=for_it)

    def names(finished: FinishedReplay) -> set[str]:
        states = finished.views.parents.states.values()
        return {state.intended.algorithm for state in states if state.order.purpose is Purpose.ENTRY}

    assert (names(own), names(for_all), names(given)) == ({"twap"}, {"twap"}, {"limit"})
    assert Patient().version != type("Patient", (Patient,), {"execution": limit()})().version


def test_the_parts_of_a_twap_are_sent_at_their_times_with_ids_of_their_own() -> None:
    """1,000 in three parts of ten minutes from minute five on: 333, 333 and 334; ids count the parts."""
    finished = replay([Patient()], PANEL, settings=RunSettings(account=Account(cash=10_000_000)))
    state = next(iter(finished.views.parents.states.values()))
    children = [finished.views.orders.states[name].order for name in state.children]
    opened = int(PANEL.start_ns[0])

    assert [int(child.quantity) for child in children] == [333, 333, 334]
    assert [(child.decision_time_ns - opened) // MINUTE for child in children] == [5, 15, 25]
    assert [child.client_order_id.rsplit("-", 1)[1] for child in children] == ["1", "2", "3"]
    assert state.name.endswith("-0")
    assert {child.role for child in children} == {Role.ENTRY}


def test_the_compiled_ways_refuse_algorithms_with_a_sentence() -> None:
    settings = worked(twap())
    for run in (
        lambda: compiled.backtest(Eager(), PANEL, settings),
        lambda: backtest_each(Eager, PANEL, settings),
        lambda: sweep(Eager, PANEL, [{}], settings),
        lambda: backtest(Eager(), iter([PANEL]), settings),
    ):
        with pytest.raises(ConfigurationError, match="xecution algorithms"):
            run()


def test_limits_hold_over_parts_as_over_whole_orders() -> None:
    """A tenth of equity is the most of one symbol: what is done and what is still to come count together."""

    def look(now: Slice, loop: EventLoop) -> None:
        tables = loop.desk.book.fixed
        pending = tables.holdings["pending_notional"][0]
        held = np.abs(tables.positions) * tables.prices
        equity = tables.account[0]["equity"]
        seen.append(float(np.nanmax(np.where(tables.positions != 0, held, 0) + pending)) / equity)

    seen: list[float] = []
    settings = worked(twap(minutes=20, every_minutes=2), settings=replace(TRAVELS, limits=Limits(position=0.1)))

    replay([Eager()], PANEL, ":memory:", settings, on_slice=look)

    assert 0.09 < max(seen) < 0.105  # the market moves while the parts are bought


def test_a_split_ends_what_was_decided_before_it() -> None:
    """Decided at the close for the next morning, when one share has become two: the quantity is not the one wanted."""
    days = sessions("XNYS", date(2024, 1, 2), date(2024, 1, 3))
    panel = simulate_market(7, sessions=days, symbols=2).panel
    splits = [Split(panel.symbols[0], date(2024, 1, 3), Decimal(2), Decimal(1))]
    settings = RunSettings(account=Account(cash=10_000_000), execution=Algorithms(twap()))
    daily = type("Daily", (RuleStrategy,), {"enter_long": bars("1d").close > 0, "size": fixed_quantity(1_000)})()

    finished = replay([daily], panel, settings=settings, corporate_actions=splits)

    first = reversed([*finished.views.parents.states.values()])
    found = {state.order.symbol: state for state in first}
    reasons = [found[symbol].ended.reason for symbol in panel.symbols]  # type: ignore[union-attr]
    assert reasons == [ParentEnd.CORPORATE_ACTION, ParentEnd.FILLED]
    assert found[panel.symbols[0]].filled_quantity == 0


def test_a_file_of_settings_names_algorithms() -> None:
    found = settings_from(
        {"execution": {"entry": "twap:minutes=10", "Eager": {"entry": "limit", "exit": "adaptive"}}}, "run.toml"
    )

    assert found.execution == Algorithms(twap(minutes=10.0))
    assert found.strategy_execution == {"Eager": Algorithms(limit(), adaptive())}
    for wrong, words in (
        ({"entri": "twap"}, "Did you mean 'entry'"),
        ({"entry": 5}, "must be a text"),
        ({"entry": "twop"}, "Did you mean 'twap'"),
    ):
        with pytest.raises((ConfigurationError, UnknownNameError), match=words):
            settings_from({"execution": wrong}, "run.toml")
    with pytest.raises(ConfigurationError, match="table of settings"):
        settings_from({"execution": "twap"}, "run.toml")
    with pytest.raises(UnknownNameError, match="strategy_execution"):
        replay([Eager()], PANEL, settings=replace(TRAVELS, strategy_execution={"Eagar": Algorithms(limit())}))


def test_vwap_on_real_minutes_follows_the_volume_of_the_days_before() -> None:
    """Over two weeks of real minutes the parts are spread as past volume was, and nothing is bought twice."""
    panel: Panel = real_panel("minute_us_2018.parquet", "2018-03-05", "2018-03-15", symbols=4)
    settings = worked(
        volume_weighted(minutes=60, every_minutes=10, sessions_min=3),
        twap(minutes=10),
        RunSettings(market=Market(participation=0.1)),
    )

    finished = replay([Eager()], panel, ":memory:", settings)

    states = [s for s in finished.views.parents.states.values() if s.intended.algorithm == "vwap"]
    early = [s for s in states if s.intended.plan["note"]]
    profiled = [s for s in states if not s.intended.plan["note"] and len(s.intended.plan["curve"]) == 6]
    assert all("sessions have volume" in s.intended.plan["note"] for s in early)
    assert len(profiled) > 20
    uneven = 0
    for state in profiled:
        shares = [Decimal(share) for _, share in state.intended.plan["curve"]]
        assert shares == sorted(shares)
        assert shares[-1] == 1
        steps = [later - earlier for earlier, later in pairwise([Decimal(0), *shares])]
        uneven += max(steps) > Decimal("1.2") * min(steps)
        assert state.filled_quantity <= state.order.quantity
    assert uneven > len(profiled) / 2
    assert not finished.views.parents.open
    assert all(state.order.side is Side.BUY for state in states)
