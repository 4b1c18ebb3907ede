"""The portfolio of a journal: by hand, and against a second reckoning that only adds up executions."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.builders import MINUTE, T0, a_deposit, a_fill, a_stop, an_execution, an_order, traded
from tests.ledger.facts_at_random import trading

from tapeline.domain.adopted import EXTERNAL, Grounds, HoldingCause
from tapeline.domain.cash import CashCause
from tapeline.domain.errors import UnknownNameError
from tapeline.domain.execution import Execution
from tapeline.domain.times import DAY, HOUR
from tapeline.domain.words import OrderType, Purpose, Side
from tapeline.ledger.adopted_facts import (
    CashAdopted,
    ExecutionAdopted,
    ExecutionBusted,
    ExecutionCorrected,
    HoldingChanged,
)
from tapeline.ledger.attribution import ACCOUNT, BY, OPEN, OUTSIDE, attribute, by_month, pieces_of, span_word
from tapeline.ledger.facts import CashMoved, SessionClosed, SplitApplied
from tapeline.ledger.order_facts import OrderFilled, OrderIntended
from tapeline.ledger.portfolio import NO_SECTOR, Exposure, Portfolio, portfolio_of
from tapeline.ledger.profits import WHOLE
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact

GROUNDS = Grounds("statement")
NOW = T0 + 100 * MINUTE
Stream = list[Fact]


def views_of(*facts: Fact) -> Views:
    views = Views()
    views.apply_all(facts)
    return views


def made(views: Views, by: str, **names: Any) -> dict[str, Decimal]:
    return {part.label: part.profit for part in attribute(pieces_of(views, "main", NOW), by, **names)}


TWO_STRATEGIES = (
    a_deposit(10_000),
    *traded(
        """
        BUY  100 ABCD at 10.00 costs 1.00
        BUY  100 ABCD at 12.00 costs 1.00
        SELL  50 ABCD at 13.00 costs 1.00 for scale_out
        """
    ),
    *traded("SELL 30 ABCD at 12.50 costs 0.50\nSELL 20 WXYZ at 40.00 costs 0.50", strategy="Trend", first=4),
    SessionClosed(T0 + 9 * MINUTE, {"ABCD": Decimal(14), "WXYZ": Decimal(39)}),
)
"""Dip: 150 of ABCD at an average of 11, 50 sold for 2 more each. Trend: short 30 of ABCD and 20 of WXYZ."""


def test_a_portfolio_of_two_strategies_by_hand() -> None:
    portfolio = portfolio_of(views_of(*TWO_STRATEGIES))
    dip, short_abcd, short_wxyz = portfolio.holdings

    assert (dip.position.average_price, dip.market_value, dip.unrealized) == (11, 2100, 450)
    assert [(lot.quantity, lot.cost, lot.acquired_ns) for lot in dip.lots or ()] == [
        (50, 500, T0 + MINUTE),
        (100, 1200, T0 + 2 * MINUTE),
    ]
    assert (short_abcd.market_value, short_abcd.unrealized) == (-420, -45)
    assert (short_wxyz.market_value, short_wxyz.unrealized) == (-780, 20)
    assert [(lot.quantity, lot.cost) for lot in short_wxyz.lots or ()] == [(-20, -800)]
    of_dip, of_trend = portfolio.strategies["Dip"], portfolio.strategies["Trend"]
    assert (of_dip.realized, of_dip.unrealized, of_dip.commissions, of_dip.net) == (100, 450, 3, 547)
    assert (of_trend.realized, of_trend.unrealized, of_trend.commissions, of_trend.net) == (0, -25, 1, -26)
    # cash: 10,000 - 2,200 + 650 + 375 + 800 - 4 = 9,621
    assert portfolio.cash == 9621
    assert portfolio.now.equity == 9621 + 2100 - 420 - 780 == 10_521


def test_an_account_counts_each_symbol_once_and_a_strategy_what_is_its_own() -> None:
    portfolio = portfolio_of(views_of(*TWO_STRATEGIES), sectors={"ABCD": "Energy"}, betas={"ABCD": 1.5})

    assert portfolio.exposure == Exposure(Decimal(1680), Decimal(780))
    assert (portfolio.exposure.gross, portfolio.exposure.net) == (2460, 900)
    assert portfolio.by_strategy["Trend"] == Exposure(Decimal(0), Decimal(1200))
    assert portfolio.sectors == {
        "Energy": Exposure(Decimal(1680), Decimal(0)),
        NO_SECTOR: Exposure(Decimal(0), Decimal(780)),
    }
    assert portfolio.beta is not None
    assert (portfolio.beta.net, portfolio.beta.unknown) == (2520.0, ("WXYZ",))


def test_a_beta_that_is_not_a_number_is_unknown_and_none_is_asked_for_when_none_is_given() -> None:
    views = views_of(*TWO_STRATEGIES)
    with_nan = portfolio_of(views, betas={"ABCD": float("nan"), "WXYZ": 0.5}).beta

    assert with_nan is not None
    assert (with_nan.net, with_nan.unknown) == (-390.0, ("ABCD",))
    assert portfolio_of(views).beta is None
    assert portfolio_of(views).sectors == {}


def test_attribution_by_hand() -> None:
    facts = [
        a_deposit(10_000),
        *traded(
            """
            BUY  100 ABCD at 10.00 costs 1.00
            SELL 100 ABCD at 11.00 costs 1.00 for target
            SELL  50 WXYZ at 20.00 costs 1.00
            BUY   50 WXYZ at 21.00 costs 1.00 for stop
            BUY   10 ABCD at 12.00 costs 1.00
            CLOSE ABCD 12.50
            """
        ),
        CashMoved(T0 + 8 * MINUTE, CashCause.DIVIDEND, Decimal(3), "WXYZ", "Dip"),
        CashMoved(T0 + 9 * MINUTE, CashCause.INTEREST, Decimal("0.25")),
    ]
    views = views_of(*facts)

    assert made(views, "exit") == {"target": 98, OPEN: 4, OUTSIDE: 3, ACCOUNT: Decimal("0.25"), "stop": -52}
    assert made(views, "side") == {"long": 102, OUTSIDE: 3, ACCOUNT: Decimal("0.25"), "short": -52}
    assert made(views, "symbol") == {"ABCD": 102, "WXYZ": -49, ACCOUNT: Decimal("0.25")}
    assert made(views, "sector", sectors={"ABCD": "Energy"})["Energy"] == 102
    assert made(views, "signal", signals={"Dip-ABCD-1": "enter_long"})["enter_long"] == 98
    assert made(views, "holding")["under an hour"] == 98 - 52
    assert made(views, "holding")["under a day"] == 4
    parts = attribute(pieces_of(views, "main", NOW), "exit")
    assert {part.label: part.round_trips for part in parts} == {"target": 1, "stop": 1, OPEN: 0, OUTSIDE: 0, ACCOUNT: 0}


def test_spans_begin_where_the_one_before_ends() -> None:
    words = [span_word(span) for span in (HOUR - 1, HOUR, DAY, 5 * DAY, 30 * DAY)]

    assert words == ["under an hour", "under a day", "1 to 5 days", "5 to 30 days", "30 days and more"]


def test_another_way_to_attribute_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="sector"):
        attribute([], "sectors")


def test_a_month_is_marked_to_market_in_new_yorks_calendar() -> None:
    """Bought at 10 in January; at 12 when January closes, 11 in February, then 5 of interest."""
    january, february = T0 + 29 * DAY + 10 * HOUR, T0 + 40 * DAY  # 2024-02-01 01:00 UTC is still January there
    views = views_of(
        a_deposit(),
        *traded("BUY 100 ABCD at 10.00 costs 1.00"),
        SessionClosed(january, {"ABCD": Decimal(12)}),
        SessionClosed(february, {"ABCD": Decimal(11)}),
        CashMoved(february + DAY, CashCause.INTEREST, Decimal(5)),
    )
    now = portfolio_of(views, time_ns=february + DAY).now

    months = by_month(views.profits.closes["main"], now)
    of_dip = by_month(views.profits.closes["main"], now, "Dip")

    assert [(part.label, part.profit) for part in months] == [("2024-01", 199), ("2024-02", -95)]
    assert [(part.label, part.profit) for part in of_dip] == [("2024-01", 199), ("2024-02", -100)]


def test_one_r_is_what_the_round_trip_stood_to_lose_at_its_first_stop() -> None:
    """100 at 10 with a stop at 9.50 stand to lose 50; sold at 11 less 2 of commissions they made 98."""
    facts = [a_deposit(), OrderIntended(an_order()), OrderIntended(a_stop()), a_fill()]
    exit_order = an_order(client_order_id="Dip-ABCD-9", side=Side.SELL, purpose=Purpose.EXIT_RULE)
    exit_fill = a_fill(execution_id="E-9", client_order_id="Dip-ABCD-9", side=Side.SELL, price=Decimal(11))

    holding = portfolio_of(views_of(*facts, SessionClosed(T0, {"ABCD": Decimal("10.26")}))).holdings[0]
    closed = views_of(*facts, OrderIntended(exit_order), exit_fill)

    assert (holding.risk, holding.net, holding.r_multiple) == (50, 25, 0.5)
    assert [piece.r_multiple for piece in pieces_of(closed, "main", NOW)] == [98 / 50]


@pytest.mark.parametrize(
    ("terms", "risk"),
    [
        ({"order_type": OrderType.TRAILING_STOP, "stop_price": None, "trail_amount": Decimal("0.30")}, 30),
        ({"order_type": OrderType.TRAILING_STOP, "stop_price": None, "trail_percent": Decimal(2)}, 20),
        ({"stop_price": Decimal(10)}, None),
    ],
)
def test_a_trailing_stop_is_a_distance_and_a_stop_at_the_entry_risks_nothing(
    terms: dict[str, Any], risk: int | None
) -> None:
    views = views_of(a_deposit(), OrderIntended(an_order()), OrderIntended(a_stop(**terms)), a_fill())

    assert portfolio_of(views).holdings[0].risk == risk


def test_a_split_changes_neither_risk_nor_the_cost_of_lots() -> None:
    facts = [a_deposit(), OrderIntended(an_order()), OrderIntended(a_stop()), a_fill()]
    splits = [
        SplitApplied(T0 + 2 * MINUTE, "ABCD", "Dip", Decimal(3), Decimal(2), Decimal(100), Decimal(150)),
        SplitApplied(T0 + 3 * MINUTE, "ABCD", "Dip", Decimal(4), Decimal(5), Decimal(150), Decimal(120)),
    ]

    for count, quantity in ((1, 150), (2, 120)):
        (holding,) = portfolio_of(views_of(*facts, *splits[:count])).holdings
        assert holding.risk == 50
        assert [(lot.quantity, lot.cost) for lot in holding.lots or ()] == [(quantity, 1000)]


def test_a_fraction_that_a_split_cuts_off_takes_its_cost_from_the_lots() -> None:
    """101 of old become 12 of new and five eighths, for which cash comes: 12 of 12.625 keep their cost."""
    facts = [a_deposit(), *traded("BUY 1 ABCD at 10.00 costs 0\nBUY 100 ABCD at 12.00 costs 0")]
    split = SplitApplied(T0 + 5 * MINUTE, "ABCD", "Dip", Decimal(1), Decimal(8), Decimal(101), Decimal(12))
    (holding,) = portfolio_of(views_of(*facts, split)).holdings
    lots = holding.lots or ()

    assert sum(lot.quantity for lot in lots) == 12
    # each lot's part is rounded by itself, at eight decimals
    assert sum(lot.cost for lot in lots) == pytest.approx(Decimal(1210 * 12 * 8) / 101, abs=Decimal("1e-7"))
    assert holding.position.cost == pytest.approx(Decimal(1210 * 12 * 8) / 101, abs=Decimal("1e-7"))


def test_a_correction_changes_lots_and_risk_as_if_it_had_always_been_so() -> None:
    facts = [a_deposit(), OrderIntended(an_order()), OrderIntended(a_stop()), a_fill()]
    corrected = replace(an_execution(), execution_id="E-1~2", price=Decimal("10.10"))
    views = views_of(*facts, ExecutionCorrected(NOW, an_execution(), corrected, GROUNDS))
    (holding,) = portfolio_of(views).holdings

    assert (holding.risk, [(lot.execution_id, lot.cost) for lot in holding.lots or ()]) == (60, [("E-1~2", 1010)])


def test_shares_that_come_from_another_broker_are_no_profit() -> None:
    """100 come at a cost of 1,000 and are worth 1,250 at the close; 40 leave again at their cost of 400."""

    def moved(cause: HoldingCause, quantity: int, basis: int | None = None) -> HoldingChanged:
        return HoldingChanged(
            T0, f"{cause}", cause, "ABCD", Decimal(quantity), GROUNDS, basis=None if basis is None else Decimal(basis)
        )

    come, close = moved(HoldingCause.TRANSFER_IN, 100, 1000), SessionClosed(T0 + DAY, {"ABCD": Decimal("12.50")})
    held = portfolio_of(views_of(a_deposit(500), come, close))
    left = portfolio_of(views_of(a_deposit(500), come, close, moved(HoldingCause.TRANSFER_OUT, -40)))

    assert (held.now.equity, held.now.inflow, held.now.outflow) == (1750, 1500, 0)
    assert (held.strategies[EXTERNAL].net, held.now.profits[EXTERNAL]) == (250, 250)
    assert held.holdings[0].lots is None
    assert (left.now.equity, left.now.outflow, left.strategies[EXTERNAL].net) == (1250, 400, 150)


def test_a_symbol_without_a_price_is_named_and_counts_at_its_cost() -> None:
    come = HoldingChanged(T0, "x", HoldingCause.TRANSFER_IN, "ABCD", Decimal(100), GROUNDS)
    portfolio = portfolio_of(views_of(a_deposit(500), come))

    assert (portfolio.unmarked, portfolio.holdings[0].mark, portfolio.now.equity) == (("ABCD",), None, 500)
    priced = portfolio_of(views_of(a_deposit(500), come, SessionClosed(T0, {"ABCD": Decimal(9)})))
    assert (priced.unmarked, priced.now.equity) == ((), 1400)


class Reckoning:
    """A second way to the same sums: executions as they stand, cash as it moved, nothing averaged."""

    def __init__(self, facts: Stream) -> None:
        self.profit: dict[str, Decimal] = defaultdict(Decimal)
        self.quantity: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self.marks: dict[str, Decimal] = {}
        self.flows = Decimal(0)
        standing: dict[str, Execution] = {}
        split: tuple[str, int] | None = None
        for fact in facts:
            if isinstance(fact, OrderFilled | ExecutionAdopted):
                standing[fact.execution_id] = fact.execution
                self.marks[fact.symbol] = fact.execution.price
                self.quantity[fact.execution.strategy, fact.symbol] += fact.execution.signed_quantity
            elif isinstance(fact, ExecutionCorrected):
                self._change(standing.pop(fact.corrected.execution_id), fact.execution)
                standing[fact.execution_id] = fact.execution
            elif isinstance(fact, ExecutionBusted):
                self._change(standing.pop(fact.busted.execution_id), None)
            elif isinstance(fact, CashMoved):
                if fact.cause in (CashCause.DEPOSIT, CashCause.WITHDRAWAL):
                    self.flows += fact.amount
                else:
                    self.profit[fact.strategy or WHOLE] += fact.amount
            elif isinstance(fact, CashAdopted):
                self.profit[WHOLE] += fact.amount
            elif isinstance(fact, SplitApplied):
                self.quantity[fact.strategy, fact.symbol] = fact.quantity_after
                if split != (fact.symbol, fact.event_time_ns):
                    split = fact.symbol, fact.event_time_ns
                    mark = self.marks[fact.symbol] * fact.old_shares / fact.new_shares
                    self.marks[fact.symbol] = mark.quantize(Decimal("1e-8"), "ROUND_HALF_UP")
            elif isinstance(fact, SessionClosed):
                self.marks |= fact.marks
        for execution in standing.values():
            self.profit[execution.strategy] -= execution.signed_quantity * execution.price + execution.commission
        self.values = {key: held * self.marks[key[1]] for key, held in self.quantity.items() if held}
        for (strategy, _), value in self.values.items():
            self.profit[strategy] += value

    def _change(self, before: Execution, after: Execution | None) -> None:
        change = (after.signed_quantity if after else 0) - before.signed_quantity
        self.quantity[before.strategy, before.symbol] += change


@st.composite
def lives(draw: st.DrawFn) -> Stream:
    """Trading with money that comes and goes, executions of others, and a few that are corrected or busted."""
    facts: Stream = []
    for fact in draw(trading()):
        facts.append(fact)
        time = max(T0, fact.event_time_ns)
        what = draw(st.sampled_from(["", "", "", "deposit", "withdrawal", "interest", "fee", "external"]))
        amount = draw(st.decimals("0.01", "5000", places=2)) if what else Decimal(0)
        if what == "deposit":
            facts.append(CashMoved(time, CashCause.DEPOSIT, amount))
        elif what == "withdrawal":
            facts.append(CashMoved(time, CashCause.WITHDRAWAL, -amount))
        elif what == "interest":
            facts.append(CashMoved(time, CashCause.INTEREST, amount))
        elif what == "fee":
            facts.append(CashAdopted(time, f"fee {len(facts)}", CashCause.FEE, -amount, GROUNDS))
        elif what == "external":
            found = an_execution(
                execution_id=f"X{len(facts)}", client_order_id="theirs", strategy=EXTERNAL, price=amount,
                side=draw(st.sampled_from(Side)), quantity=Decimal(draw(st.integers(1, 50))), event_time_ns=time,
            )  # fmt: skip
            facts.append(ExecutionAdopted(found, GROUNDS))
    was_split = {(fact.strategy, fact.symbol) for fact in facts if isinstance(fact, SplitApplied)}
    fills = [fact.execution for fact in facts if isinstance(fact, OrderFilled | ExecutionAdopted)]
    for number, execution in enumerate(fills):
        # what a split makes of a late correction is held in test_rebooking.py
        if (execution.strategy, execution.symbol) in was_split or draw(st.integers(0, 4)):
            continue
        if draw(st.booleans()):
            facts.append(ExecutionBusted(NOW, execution, GROUNDS))
        else:
            new = replace(
                execution, execution_id=f"{execution.execution_id}~2", price=draw(st.decimals("1", "90", places=2)),
                quantity=draw(st.sampled_from([execution.quantity, Decimal(1)])),
            )  # fmt: skip
            facts.append(ExecutionCorrected(NOW + number, execution, new, GROUNDS))
    if draw(st.booleans()):
        facts.append(SessionClosed(NOW + 99, {"ABCD": Decimal("21.5"), "WXYZ": Decimal("29.75")}))
    return facts


def reconciled(facts: Stream) -> tuple[Views, Portfolio, Reckoning]:
    views = views_of(*facts)
    return views, portfolio_of(views, time_ns=NOW + 100), Reckoning(facts)


@given(lives())
def test_every_sum_adds_up_whatever_happened(facts: Stream) -> None:
    views, portfolio, reckoning = reconciled(facts)
    now = portfolio.now

    assert {name: sums.net for name, sums in portfolio.strategies.items() if sums.net} == {
        name: profit for name, profit in reckoning.profit.items() if profit
    }
    assert now.profits == {name: portfolio.strategies[name].net for name in now.profits}
    assert portfolio.sums.net == sum(reckoning.profit.values()) == now.equity - now.inflow + now.outflow
    assert now.inflow - now.outflow == reckoning.flows
    assert now.equity == portfolio.cash + sum(reckoning.values.values()) == views.equity_now()


@given(lives())
def test_whatever_pieces_are_grouped_by_they_are_the_whole(facts: Stream) -> None:
    views, portfolio, reckoning = reconciled(facts)
    whole = sum(reckoning.profit.values())
    pieces = pieces_of(views, "main", NOW)

    for by in BY:
        assert sum(part.profit for part in attribute(pieces, by, sectors={"ABCD": "Energy"})) == whole
    closes = views.profits.closes.get("main", [])
    assert sum(part.profit for part in by_month(closes, portfolio.now)) == whole
    for name in portfolio.strategies:
        assert sum(part.profit for part in by_month(closes, portfolio.now, name)) == reckoning.profit[name]
        assert sum(piece.profit for piece in pieces if piece.strategy == name) == reckoning.profit[name]


@given(lives())
def test_what_belongs_to_no_round_trip_is_only_what_came_after_one(facts: Stream) -> None:
    """Income can follow an exit; else every cent that a strategy made is in a round trip."""
    views, _, _ = reconciled(facts)
    late = any(isinstance(fact, CashMoved) and fact.symbol is not None for fact in facts)

    outside = [piece for piece in pieces_of(views, "main", NOW) if piece.side is None and piece.strategy]

    assert late or not outside


@given(lives())
def test_exposures_are_those_of_a_second_sum(facts: Stream) -> None:
    _, portfolio, reckoning = reconciled(facts)
    by_symbol: dict[str, Decimal] = defaultdict(Decimal)
    for (_, symbol), value in reckoning.values.items():
        by_symbol[symbol] += value

    assert portfolio.exposure.long == sum(max(value, Decimal(0)) for value in by_symbol.values())
    assert portfolio.exposure.net == sum(by_symbol.values()) == portfolio.now.equity - portfolio.cash
    for name, exposure in portfolio.by_strategy.items():
        own = [value for (strategy, _), value in reckoning.values.items() if strategy == name]
        assert exposure.gross == sum(map(abs, own))
        assert exposure.net == sum(own)


@given(lives())
def test_lots_are_the_last_shares_in_when_the_first_go_out_first(facts: Stream) -> None:
    """Each share by itself, first in, first out; a split is left to the sum of the lots."""
    _, portfolio, _ = reconciled(facts)
    was_split = {(fact.strategy, fact.symbol) for fact in facts if isinstance(fact, SplitApplied)}

    for holding in portfolio.holdings:
        position, lots = holding.position, holding.lots or ()
        assert sum(lot.quantity for lot in lots) == position.quantity
        assert all((lot.quantity > 0) == (position.quantity > 0) for lot in lots)
        assert [lot.acquired_ns for lot in lots] == sorted(lot.acquired_ns for lot in lots)
        if (position.strategy, position.symbol) not in was_split:
            assert [price for lot in lots for price in [lot.cost / lot.quantity] * int(abs(lot.quantity))] == (
                pytest.approx(shares_left(facts, position.strategy, position.symbol))
            )


def shares_left(facts: Stream, strategy: str, symbol: str) -> list[Decimal]:
    """Return the price of each share that is left, oldest first, with nothing but a list of shares."""
    executions: dict[str, Execution | None] = {}
    for fact in facts:
        if isinstance(fact, OrderFilled | ExecutionAdopted):
            executions[fact.execution_id] = fact.execution
        elif isinstance(fact, ExecutionCorrected):
            executions[fact.corrected.execution_id] = fact.execution
        elif isinstance(fact, ExecutionBusted):
            executions[fact.busted.execution_id] = None
    shares: list[tuple[int, Decimal]] = []
    for execution in executions.values():
        if execution is not None and (execution.strategy, execution.symbol) == (strategy, symbol):
            for _ in range(int(execution.quantity)):
                if shares and shares[0][0] != int(execution.side):
                    shares.pop(0)
                else:
                    shares.append((int(execution.side), execution.price))
    return [price for _, price in shares]
