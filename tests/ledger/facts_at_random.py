"""Facts of every kind with random fields, and streams of facts that hang together."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from tests.ledger.builders import MINUTE, T0, a_deposit, a_fill, an_order

from tapeline.domain.adopted import Grounds, HoldingCause, Origin
from tapeline.domain.bar import Bar
from tapeline.domain.cash import CashCause
from tapeline.domain.control import GapCause, TradingState, Trigger
from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.parent import ParentEnd, Pricing
from tapeline.domain.reports import Request
from tapeline.domain.signal import Action, Signal
from tapeline.domain.words import Limit, OrderStatus, OrderType, Purpose, Reason, Role, Side, Stage, TimeInForce
from tapeline.ledger.adopted_facts import (
    AccountDescribed,
    BreakAccepted,
    BustNoted,
    CashAdopted,
    ExecutionAdopted,
    ExecutionBusted,
    ExecutionCorrected,
    HoldingChanged,
)
from tapeline.ledger.control_facts import (
    CommandGiven,
    Flattened,
    GapClosed,
    GapOpened,
    LimitOverridden,
    OrderWarned,
    Reconciled,
    SymbolLocked,
    SymbolUnlocked,
    TradingStateChanged,
)
from tapeline.ledger.facts import CashMoved, RunEnded, RunStarted, SessionClosed, SignalRaised, SplitApplied
from tapeline.ledger.order_facts import (
    CancelIntended,
    CancelRejected,
    OrderAccepted,
    OrderAdopted,
    OrderCanceled,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderIntended,
    OrderRejected,
    OrderReplaced,
    OrderTriggered,
    OutcomeLost,
    ReplaceIntended,
    ReplaceRejected,
)
from tapeline.ledger.parent_facts import ChildOrderPriced, ParentOrderEnded, ParentOrderIntended, ParentOrderStopped
from tapeline.ports.journal import Fact

TEXTS = st.text(max_size=12)
NAMES = st.text(min_size=1, max_size=12).filter(lambda name: not name.isspace())
IDS = st.from_regex(r"[A-Za-z0-9~._-]{1,48}", fullmatch=True)
TIMES = st.integers(0, 2**62)
AMOUNTS = st.decimals("-1e15", "1e15", allow_nan=False, allow_infinity=False)
ABOVE_ZERO = st.decimals("0.000000001", "1e12", allow_nan=False, allow_infinity=False)
OPEN = st.one_of(st.just(Decimal(0)), ABOVE_ZERO)
STAGES = st.sampled_from(Stage)
REASONS = st.sampled_from(Reason)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS)
TREES = st.dictionaries(
    TEXTS,
    st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    low, inner, also, high = sorted(draw(st.lists(ABOVE_ZERO, min_size=4, max_size=4)))
    start = draw(st.integers(0, 2**61))
    return Bar(draw(NAMES), start, start + draw(st.integers(1, 2**60)), inner, high, low, also, draw(OPEN))


@st.composite
def orders(draw: st.DrawFn) -> Order:
    kind = draw(st.sampled_from(OrderType))
    auction = kind.name.endswith(("OPEN", "CLOSE"))
    in_force = (
        TimeInForce.AUCTION
        if auction
        else draw(st.sampled_from([t for t in TimeInForce if t is not TimeInForce.AUCTION]))
    )
    role = draw(st.sampled_from(Role))
    trail = draw(st.sampled_from(["trail_amount", "trail_percent"]))
    return Order(
        client_order_id=draw(IDS),
        strategy=draw(NAMES),
        symbol=draw(NAMES),
        side=draw(st.sampled_from(Side)),
        order_type=kind,
        quantity=draw(ABOVE_ZERO),
        decision_time_ns=draw(TIMES),
        sequence=draw(st.integers(0, 99)),
        time_in_force=in_force,
        limit_price=draw(ABOVE_ZERO) if "LIMIT" in kind.name else None,
        stop_price=draw(ABOVE_ZERO) if kind in (OrderType.STOP, OrderType.STOP_LIMIT) else None,
        expire_time_ns=draw(TIMES) if in_force is TimeInForce.GTD else None,
        purpose=draw(st.sampled_from(Purpose)),
        role=role,
        parent=draw(IDS) if role in (Role.STOP, Role.TARGET) else None,
        group=draw(maybe(NAMES)),
        account=draw(NAMES),
        **({trail: draw(st.decimals("0.01", "99", places=4))} if kind is OrderType.TRAILING_STOP else {}),
    )


@st.composite
def accepted_positions(draw: st.DrawFn) -> BreakAccepted:
    ours, changes = draw(st.integers(-99, 99)), draw(st.dictionaries(NAMES, st.integers(-99, 99), max_size=3))
    return BreakAccepted(
        draw(TIMES), Decimal(ours), Decimal(ours + sum(changes.values())), draw(NAMES), draw(NAMES), draw(NAMES),
        {name: Decimal(change) for name, change in changes.items()}, draw(ABOVE_ZERO), draw(NAMES),
    )  # fmt: skip


@st.composite
def splits(draw: st.DrawFn) -> SplitApplied:
    held = draw(st.integers(-500, 500))
    new, old = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    after = abs(held) * new // old * (1 if held > 0 else -1)
    return SplitApplied(
        draw(TIMES), draw(NAMES), draw(NAMES), Decimal(new), Decimal(old), Decimal(held), Decimal(after)
    )


SIGNALS = st.builds(
    Signal, NAMES, NAMES, TIMES, st.sampled_from(Action), TREES, TEXTS,
    maybe(st.floats(allow_nan=False, allow_infinity=False)),
)  # fmt: skip
EXECUTIONS = st.builds(
    Execution, NAMES, IDS, NAMES, NAMES, st.sampled_from(Side), ABOVE_ZERO, ABOVE_ZERO, AMOUNTS, TIMES,
    STAGES, NAMES,
)  # fmt: skip

GROUNDS = st.builds(Grounds, TEXTS, TEXTS, TEXTS)
STATUSES = maybe(st.sampled_from(OrderStatus))
LOCK = (TIMES, NAMES, AMOUNTS, maybe(AMOUNTS), NAMES)


@st.composite
def corrections(draw: st.DrawFn) -> ExecutionCorrected:
    before = draw(EXECUTIONS)
    after = replace(
        before, execution_id=before.execution_id + "~2", quantity=draw(ABOVE_ZERO), price=draw(ABOVE_ZERO),
        side=draw(st.sampled_from(Side)),
    )  # fmt: skip
    return ExecutionCorrected(draw(TIMES), before, after, draw(GROUNDS), draw(ABOVE_ZERO), draw(maybe(OPEN)))


FACTS_AT_RANDOM: st.SearchStrategy[Fact] = st.one_of(
    st.builds(RunStarted, TIMES, TEXTS, TEXTS, TREES, TEXTS, TEXTS, st.integers()),
    st.builds(SignalRaised, SIGNALS, maybe(bars())),
    st.builds(OrderIntended, orders(), maybe(TEXTS), maybe(TREES), maybe(TEXTS)),
    st.builds(CancelIntended, TIMES, IDS, st.integers(0, 9), maybe(st.sampled_from(Purpose)), maybe(TEXTS)),
    st.builds(
        ReplaceIntended, TIMES, IDS, st.integers(0, 9), maybe(ABOVE_ZERO), stop_price=maybe(ABOVE_ZERO),
        time_in_force=maybe(st.sampled_from(TimeInForce)), expire_time_ns=maybe(TIMES),
    ),
    st.builds(
        OrderDenied, TIMES, IDS, NAMES, NAMES, st.sampled_from(Side), TEXTS, st.sampled_from(Limit),
        st.sampled_from(Purpose), maybe(AMOUNTS), maybe(TEXTS), maybe(TREES),
    ),
    st.builds(OrderAccepted, TIMES, IDS, maybe(TEXTS)),
    st.builds(OrderTriggered, TIMES, IDS, STAGES),
    st.builds(OrderReplaced, TIMES, IDS, ABOVE_ZERO, OPEN, maybe(ABOVE_ZERO), reason=REASONS),
    st.builds(OrderCanceled, TIMES, IDS, REASONS, STAGES),
    st.builds(OrderRejected, TIMES, IDS, REASONS, TEXTS),
    st.builds(OrderExpired, TIMES, IDS, STAGES),
    st.builds(OrderFilled, EXECUTIONS, OPEN),
    st.builds(CashMoved, TIMES, st.sampled_from(CashCause), AMOUNTS, maybe(NAMES), maybe(NAMES), NAMES),
    splits(),
    st.builds(ExecutionAdopted, EXECUTIONS, GROUNDS, ABOVE_ZERO, st.sampled_from(Origin)),
    corrections(),
    st.builds(BustNoted, TIMES, EXECUTIONS, GROUNDS),
    st.builds(ExecutionBusted, TIMES, EXECUTIONS, GROUNDS, ABOVE_ZERO, maybe(OPEN)),
    st.builds(CashAdopted, TIMES, NAMES, st.sampled_from(CashCause), AMOUNTS, GROUNDS, maybe(NAMES), TEXTS, NAMES),
    st.builds(AccountDescribed, TIMES, NAMES, NAMES, GROUNDS),
    st.builds(
        HoldingChanged, TIMES, NAMES, st.sampled_from(HoldingCause), NAMES, AMOUNTS, GROUNDS, maybe(NAMES), AMOUNTS,
        maybe(ABOVE_ZERO), maybe(ABOVE_ZERO), AMOUNTS, maybe(AMOUNTS), maybe(TIMES),
        maybe(AMOUNTS), TEXTS, NAMES,
    ),
    st.builds(SessionClosed, TIMES, st.dictionaries(NAMES, ABOVE_ZERO, max_size=3)),
    st.builds(RunEnded, TIMES, TEXTS, TREES),
    st.builds(OutcomeLost, TIMES, IDS, st.sampled_from(Request), TEXTS),
    st.builds(CancelRejected, TIMES, IDS, STATUSES, TEXTS, st.sampled_from(Reason)),
    st.builds(ReplaceRejected, TIMES, IDS, STATUSES, TEXTS, st.sampled_from(Reason)),
    st.builds(OrderAdopted, TIMES, orders(), maybe(TEXTS)),
    st.builds(GapOpened, TIMES, st.sampled_from(GapCause), TEXTS),
    st.builds(GapClosed, TIMES),
    st.builds(BreakAccepted, TIMES, AMOUNTS, AMOUNTS, NAMES, NAMES, account=NAMES),
    accepted_positions(),
    st.builds(Reconciled, TIMES, st.lists(TREES, max_size=3)),
    st.builds(SymbolLocked, *LOCK),
    st.builds(SymbolUnlocked, *LOCK),
    st.builds(TradingStateChanged, TIMES, st.sampled_from(TradingState), st.sampled_from(Trigger), NAMES, TEXTS),
    st.builds(
        LimitOverridden, st.integers(0, 99), NAMES, AMOUNTS, st.integers(100, 2**62), NAMES, NAMES, maybe(NAMES), NAMES
    ),
    st.builds(CommandGiven, TIMES, NAMES, TREES, NAMES, TEXTS, TEXTS),
    st.builds(Flattened, TIMES),
    st.builds(OrderWarned, TIMES, IDS, NAMES, st.sampled_from(Limit), TEXTS),
    st.builds(
        ParentOrderIntended, orders(), NAMES, ABOVE_ZERO, TREES, TREES, maybe(orders()), maybe(orders()), maybe(TEXTS),
        maybe(TREES), maybe(TEXTS),
    ),
    st.builds(ChildOrderPriced, TIMES, IDS, IDS, st.sampled_from(Pricing), ABOVE_ZERO, OPEN),
    st.builds(ParentOrderStopped, TIMES, IDS, st.sampled_from(ParentEnd), maybe(st.sampled_from(Purpose))),
    st.builds(ParentOrderEnded, TIMES, IDS, st.sampled_from(ParentEnd), ABOVE_ZERO, OPEN, maybe(ABOVE_ZERO)),
)  # fmt: skip


@st.composite
def trading(draw: st.DrawFn) -> list[Fact]:
    """Draw a stream of facts that hangs together: orders, fills in parts, splits, cash, closes."""
    facts: list[Fact] = [a_deposit()]
    held: dict[tuple[str, str], Decimal] = {}
    for number in range(draw(st.integers(0, 12))):
        time = T0 + number * MINUTE
        strategy, symbol = draw(st.sampled_from(["Dip", "Trend"])), draw(st.sampled_from(["ABCD", "WXYZ"]))
        name, key = f"{strategy}-{symbol}-{number}", (strategy, symbol)
        choice = draw(st.sampled_from(["trade", "trade", "trade", "split", "dividend", "close"]))
        if choice == "trade":
            side, quantity = draw(st.sampled_from(Side)), Decimal(draw(st.integers(1, 300)))
            facts.append(
                OrderIntended(
                    an_order(
                        client_order_id=name, strategy=strategy, symbol=symbol, side=side,
                        quantity=quantity, decision_time_ns=time,
                        purpose=draw(st.sampled_from(Purpose)),
                    )
                )
            )  # fmt: skip
            filled = Decimal(0)
            for part in range(draw(st.integers(0, 3))):
                share = min(Decimal(draw(st.integers(1, 200))), quantity - filled)
                if not share:
                    break
                filled += share
                held[key] = held.get(key, Decimal(0)) + side * share
                facts.append(
                    a_fill(
                        quantity - filled, execution_id=f"{name}/{part}", client_order_id=name,
                        strategy=strategy, symbol=symbol, side=side, quantity=share, event_time_ns=time,
                        price=draw(st.decimals("1", "90", places=2)),
                        commission=draw(st.decimals("0", "3", places=2)),
                    )
                )  # fmt: skip
            if filled < quantity and draw(st.booleans()):
                facts.append(OrderCanceled(time, name))
        elif choice == "split" and held.get(key):
            new, old = draw(st.sampled_from([(2, 1), (1, 8), (3, 2), (1, 500)]))
            before = held[key]
            held[key] = Decimal(abs(before) * new // old).copy_sign(before)
            facts.append(SplitApplied(time, symbol, strategy, Decimal(new), Decimal(old), before, held[key]))
            if held[key] * old != before * new:
                cash = draw(st.decimals("0", "40", places=2)).copy_sign(before)
                facts.append(CashMoved(time, CashCause.FRACTION_PAID, cash, symbol, strategy))
        elif choice == "dividend" and held.get(key):
            facts.append(CashMoved(time, CashCause.DIVIDEND, held[key] * Decimal("0.11"), symbol, strategy))
        elif choice == "close":
            facts.append(SessionClosed(time, {"ABCD": Decimal("20.5"), "WXYZ": Decimal("30.25")}))
    return facts
