"""Books with a difference that a comparison found, and a person who accepts it."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from ledger.builders import T0
from risk.builders import Desk, an_order
from tapeline.domain.execution import Execution
from tapeline.domain.words import OrderType, Purpose, Side
from tapeline.execution.acceptance import Acceptance
from tapeline.execution.fitting import Fitting
from tapeline.execution.messages import Cancel, Message, Replace
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.execution.settings import PERFECT, KeeperSettings
from tapeline.ledger.adopted_facts import BreakAccepted
from tapeline.ledger.control_facts import Reconciled, SymbolLocked
from tapeline.ledger.order_facts import OrderFilled

SYMBOL, PRICE = "ABCD", Decimal(100)


def desk_with(account: str = "main", **held: int | str) -> Desk:
    """Return a desk whose strategies hold so much, signed, each bought or sold at 100."""
    desk = Desk()
    hold(desk, account, **held)
    return desk


def hold(desk: Desk, account: str = "main", **held: int | str) -> None:
    for strategy, amount in held.items():
        quantity = Decimal(amount)
        if not quantity:
            continue
        side, name = Side.BUY if quantity > 0 else Side.SELL, f"{account}-{strategy}"
        order = an_order(f"entry-{name}", strategy=strategy, side=side, quantity=abs(quantity), account=account)
        desk.work(order)
        execution = Execution(
            f"E-{name}", order.client_order_id, strategy, SYMBOL, side, order.quantity, PRICE, Decimal(0), T0,
            account=account,
        )  # fmt: skip
        desk.record(OrderFilled(execution, Decimal(0)))


def a_finding(name: str, ours: Any, theirs: Any, kind: str = "POSITION_BREAK") -> dict[str, Any]:
    """Return what a comparison records of one difference."""
    sides = {"ours": f"{ours}", "theirs": None if theirs is None else f"{theirs}"}
    return {"finding": kind, "name": name, "remedy": "REPORT", "text": "", **sides}


def broken(desk: Desk, theirs: int | str | None, account: str = "main") -> None:
    """Let a comparison have found that the venue holds so much."""
    ours = desk.views.quantity(SYMBOL, account)
    desk.record(SymbolLocked(T0, SYMBOL, ours, None if theirs is None else Decimal(theirs), account))
    desk.record(Reconciled(T0, [a_finding(SYMBOL, ours, theirs)]))


def accepting(
    desk: Desk, price: Decimal | None = PRICE, account: str = "main", settings: KeeperSettings = PERFECT
) -> tuple[Acceptance, OrderKeeper]:
    keeper = OrderKeeper(desk.views, desk.record, settings, random=Random(0), account=account)
    return Acceptance(desk.views, desk.record, keeper, {SYMBOL: price}.get), keeper


def accept(desk: Desk, theirs: int | str | None, account: str = "main") -> tuple[BreakAccepted, OrderKeeper]:
    """Let a comparison find, and a person accept, that the venue holds so much."""
    broken(desk, theirs, account)
    acceptance, keeper = accepting(desk, account=account)
    shown = None if theirs is None else str(theirs)
    fact = acceptance.accept(SYMBOL, shown, who="anna", reason="asked them", now_ns=T0 + 1)
    Fitting(["Art", "Dip", "Trend"], desk.views, desk.record, keeper, lambda name: None).fit([fact], T0 + 1)
    return fact, keeper


def exit_of(desk: Desk, name: str, quantity: int, purpose: Purpose = Purpose.STOP, **terms: Any) -> str:
    """Let an exit of a long holding work."""
    known: dict[str, Any] = {"strategy": "Dip", "side": Side.SELL, "quantity": Decimal(quantity), "purpose": purpose}
    if purpose is Purpose.STOP:
        known |= {"order_type": OrderType.STOP, "stop_price": Decimal(90)}
    desk.work(an_order(name, **{**known, **terms}))
    return name


def sent(keeper: OrderKeeper) -> dict[str, Any]:
    """Return by order what leaves: the new total, or None for a cancel."""
    messages = [message for message in keeper.outbox(T0 + 1) if isinstance(message, Cancel | Replace)]
    assert len({message.fact.client_order_id for message in messages}) == len(messages)
    return {message.fact.client_order_id: total_of(message) for message in messages}


def total_of(message: Message) -> Decimal | None:
    return message.fact.quantity if isinstance(message, Replace) else None
