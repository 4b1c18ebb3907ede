"""Bugs that somebody would write one day in what only the whole engine has: gate, switch, flatten, restart, parents.

Like those of `planted.py`, each in the weather in which it must show, in worlds of the engine. The gate refuses an exit
for more than is held, whoever asks for it; bugs that make one are planted together with a gate that does not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from drill.planted import Bug, Plant
from tapeline.domain.control import TradingState, Trigger
from tapeline.domain.position import ZERO
from tapeline.domain.words import Purpose
from tapeline.drill.faults import Fault
from tapeline.engine.guard import Guard
from tapeline.engine.live import LiveEngine
from tapeline.engine.retaking import Retaking
from tapeline.execution.algorithms.working import Work
from tapeline.execution.flatten import Flattening
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.ledger.control_facts import Flattened, TradingStateChanged
from tapeline.ledger.order_facts import OrderIntended
from tapeline.ledger.parent_orders import ParentOrders
from tapeline.risk.gate import Gate


def asks_nothing(plant: Plant) -> None:
    """The gate is left out."""
    plant(Guard, "denies", lambda guard, order, now_ns: None)


def sends_what_waited_when_trading_is_lowered(plant: Plant) -> None:
    """What was decided just before trading was lowered still leaves."""
    plant(OrderKeeper, "withhold", lambda keeper, state, now_ns, text: None)


def decides_on_while_halted(plant: Plant) -> None:
    """The trading state is written down, and nobody asks for it."""
    plant(Guard, "obey_state", lambda guard: None)
    plant(Gate, "_state", lambda gate, order, reduces: None)


def resumes_by_itself(plant: Plant) -> None:
    """Trading goes on when the cause has gone."""
    watch = Guard.watch

    def forgiving(guard: Guard, now_ns: int, *rest: Any) -> None:
        control = guard.views.control
        if control.lowered is not None and control.flatten is None and guard._keeper.is_sure:
            guard._record(TradingStateChanged(now_ns, TradingState.ACTIVE, Trigger.PERSON, "tapeline"))
            guard.obey_state()
        watch(guard, now_ns, *rest)

    plant(Guard, "watch", forgiving)


def closes_while_something_closes(plant: Plant) -> None:
    """A closing order does not wait for the end of the one before it."""
    advance = Flattening.advance

    def hasty(flattening: Flattening, now_ns: int) -> bool:
        is_done = advance(flattening, now_ns)
        for state in [*flattening._views.orders.working.values()]:
            order = state.order
            if order.purpose is Purpose.FLATTEN and order.sequence < 100:
                name = f"{order.client_order_id}-again"
                again = replace(order, client_order_id=name, sequence=order.sequence + 100)
                if name not in flattening._views.orders.states:
                    flattening._keeper.submit([flattening._record(OrderIntended(again)).order])
        return is_done

    plant(Flattening, "advance", hasty)


def forgets_a_flatten_with_the_process(plant: Plant) -> None:
    """A new process does not go on with what an earlier one was asked for."""
    resume = LiveEngine.resume

    def forgetful(engine: LiveEngine, *arguments: Any) -> None:
        resume(engine, *arguments)
        engine.flattening = None

    plant(LiveEngine, "resume", forgetful)


def believes_its_own_books_of_a_flatten(plant: Plant) -> None:
    """A flatten is done when our books say so; the venue is not asked."""

    def believe(flattening: Flattening, now_ns: int) -> bool:
        flattening._record(Flattened(now_ns))
        return True

    plant(Flattening, "_is_verified", believe)


def _lets_exits_overshoot(plant: Plant) -> None:
    plant(Gate, "_more_than_held", lambda gate, order: None)


def forgets_the_ticket_of_a_stop(plant: Plant) -> None:
    """After a restart the book does not know which order protects a holding."""
    _lets_exits_overshoot(plant)
    protect = Retaking._protect

    def careless(retaking: Retaking, order: Any, holding: Any, number: int) -> None:
        protect(retaking, order, holding, number)
        holding["stop_ticket"] = -1

    plant(Retaking, "_protect", careless)


def takes_an_exit_back_as_never_asked(plant: Plant) -> None:
    """After a restart a holding that is being left may be left once more."""
    _lets_exits_overshoot(plant)
    ordered = Retaking.ordered

    def forgetful(retaking: Retaking, fact: Any) -> bool:
        if fact.order.purpose is Purpose.EXIT_RULE:
            return True
        return ordered(retaking, fact)

    plant(Retaking, "ordered", forgetful)


def loses_count_of_a_part(plant: Plant) -> None:
    """What a part of a parent order has filled is forgotten."""
    executed = ParentOrders.executed

    def forgetful(parents: ParentOrders, execution: Any, before: Any = None) -> None:
        state = parents.of_child(execution.client_order_id)
        executed(parents, execution, before)
        if state is not None and execution.client_order_id == next(iter(state.children)):
            state.filled_quantity -= execution.quantity

    plant(ParentOrders, "executed", forgetful)


def does_not_count_what_works(plant: Plant) -> None:
    """What works, or is in doubt, of a parent order is sent again."""
    plant(Work, "exposed_quantity", property(lambda work: ZERO))  # type: ignore[arg-type]  # in place of a property


def leaves_before_the_stop_has_let_go(plant: Plant) -> None:
    """A part of a worked exit is sent at once for what its stop at the venue is still open for."""
    _lets_exits_overshoot(plant)
    plant(Work, "open_quantity", property(lambda work: work.rest_quantity))  # type: ignore[arg-type]  # likewise


def sends_the_rest_of_a_batch_past_the_latch(plant: Plant) -> None:
    """The latch is looked at in each turn, and not before each message."""
    plant(LiveEngine, "_is_barred", lambda engine: False)


def takes_the_latch_away_undone(plant: Plant) -> None:
    """The latch is taken away whether HALTED is durable or not."""
    commit = LiveEngine._commit

    def see(engine: LiveEngine, now_ns: int) -> None:
        latch = engine.control.halted()
        if latch is not None:
            engine.control.release(latch)
            engine.guard.lower(TradingState.HALTED, latch.trigger, latch.why, now_ns, who=latch.who)
            commit(engine, now_ns)

    plant(LiveEngine, "_see_latch", see)


_CRASHES = (Fault.CRASH_WHILE_SENDING,)
BUGS = (
    Bug(asks_nothing, (), "is sent while trading is REDUCING"),
    Bug(decides_on_while_halted, (), "is sent while trading is"),
    Bug(sends_what_waited_when_trading_is_lowered, (), "is sent while trading is HALTED"),
    Bug(resumes_by_itself, (), "a person asked for it"),
    Bug(closes_while_something_closes, (), "it overshot"),
    Bug(forgets_a_flatten_with_the_process, _CRASHES, "that is not done", 0.1),
    Bug(believes_its_own_books_of_a_flatten, (), "the books were not compared since"),
    Bug(forgets_the_ticket_of_a_stop, _CRASHES, "are leaving", 0.1),
    Bug(takes_an_exit_back_as_never_asked, _CRASHES, "are leaving", 0.1),
    Bug(loses_count_of_a_part, (), "are done or on their way"),
    Bug(sends_the_rest_of_a_batch_past_the_latch, (), "leaves while the latch is set"),
    Bug(takes_the_latch_away_undone, (), "The latch is taken away"),
    Bug(leaves_before_the_stop_has_let_go, (), "are done or on their way"),
    Bug(does_not_count_what_works, (Fault.REPORT_DELAYED,), "are done or on their way"),
)
OF_WORKED_ORDERS = tuple(bug for bug in BUGS if bug.plant in (loses_count_of_a_part, leaves_before_the_stop_has_let_go))
"""Those that must show however orders are worked."""
