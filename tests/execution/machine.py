"""Everything that can happen to orders, in any order: the rules of a model-based test.

A trader's keeper and a plain venue are joined by a link that passes, delays, doubles, reorders, loses and breaks. After
any course of events comes a quiet phase, in which the link has no faults; then both books must say the same.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from execution.running import SETTINGS, Trader
from tapeline.domain.times import SECOND
from tapeline.domain.words import Purpose, Side

QUIET_S = 3600
"""Above the horizon, the longest wait for an answer and the time to the next comparison, several times over."""

symbols = st.sampled_from(["A", "B"])
sides = st.sampled_from([Side.BUY, Side.SELL])
places = st.integers(0, 9)
quantities = st.integers(1, 12)
prices = st.integers(95, 105).map(str)


class Troubles(RuleBasedStateMachine):
    """One run: rules do something to the trader, the venue or the link; time passes only by rules."""

    def __init__(self) -> None:
        super().__init__()
        self.trader = self.new_trader()
        self.names: list[str] = []

    def new_trader(self) -> Trader:
        """Return the trader under test; mutants have keepers of their own."""
        return Trader(SETTINGS)

    @property
    def link(self) -> Any:
        return self.trader.link

    def pick(self, at: int, names: list[str]) -> str:
        return names[at % len(names)]

    def working(self) -> list[str]:
        return [name for name in self.names if name in self.trader.views.orders.working]

    def working_there(self) -> list[str]:
        return [line.name for line in self.trader.venue.lines.values() if line.works]

    def perhaps_turn(self, is_wanted: bool) -> None:
        """A turn, so that what was decided leaves and what arrived is read; else it is done with the next one."""
        if is_wanted:
            self.trader.turn()

    @initialize(is_quick=st.booleans())
    def begin(self, is_quick: bool) -> None:
        self.trader.start()
        if is_quick:
            self.trader.settle_for(5)
            self.names += [self.trader.place(symbol, Side.BUY, 10) for symbol in "AB"]
            self.trader.settle()

    # The strategy's wishes ----------------------------------------------------------------------------------

    @precondition(lambda self: self.trader.views.control.gap is None)
    @rule(symbol=symbols, side=sides, quantity=quantities, price=prices, leaves=st.booleans())
    def an_entry(self, symbol: str, side: Side, quantity: int, price: str, leaves: bool) -> None:
        if self.trader.keeper.may_risk(symbol):
            self.names.append(self.trader.place(symbol, side, quantity, price))
            self.perhaps_turn(leaves)

    @precondition(lambda self: any(p.quantity for p in self.trader.views.positions.values()))
    @rule(symbol=symbols)
    def an_exit(self, symbol: str) -> None:
        held = self.trader.views.position("Dip", symbol).quantity
        if held:
            side = Side.SELL if held > 0 else Side.BUY
            self.names.append(self.trader.place(symbol, side, int(abs(held)), "100", purpose=Purpose.EXIT_RULE))

    @precondition(lambda self: self.working())
    @rule(at=places, leaves=st.booleans())
    def a_cancel(self, at: int, leaves: bool) -> None:
        self.trader.cancel(self.pick(at, self.working()))
        self.perhaps_turn(leaves)

    @precondition(lambda self: self.working())
    @rule(at=places, quantity=quantities, price=prices, leaves=st.booleans())
    def a_replace(self, at: int, quantity: int, price: str, leaves: bool) -> None:
        self.trader.replace(self.pick(at, self.working()), quantity, price)
        self.perhaps_turn(leaves)

    # The venue ----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.working_there())
    @rule(at=places, quantity=quantities, price=prices)
    def a_fill(self, at: int, quantity: int, price: str) -> None:
        line = self.trader.venue.lines[self.pick(at, self.working_there())]
        self.trader.fill(line.name, min(quantity, int(line.leaves)), price)

    @precondition(lambda self: self.working_there())
    @rule(at=places)
    def an_expiry(self, at: int) -> None:
        self.link.say(self.trader.venue.expire(self.pick(at, self.working_there()), self.trader.now))

    @precondition(lambda self: self.link.outward)
    @rule()
    def a_refusal(self) -> None:
        self.trader.venue.refuses_next = True

    @precondition(lambda self: not any(name.startswith("hand") for name in self.trader.venue.lines))
    @rule(symbol=symbols, side=sides, quantity=quantities)
    def somebody_else_trades(self, symbol: str, side: Side, quantity: int) -> None:
        self.trader.venue.place_by_hand("hand-1", symbol, side, quantity, "101")

    # The link -----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.link.outward)
    @rule(at=places)
    def a_letter_arrives(self, at: int) -> None:
        self.link.let_out(at % len(self.link.outward))

    @precondition(lambda self: self.link.outward)
    @rule()
    def all_letters_arrive(self) -> None:
        while self.link.outward:
            self.link.let_out()

    @precondition(lambda self: self.link.inward)
    @rule(at=places, is_read=st.booleans())
    def a_report_arrives(self, at: int, is_read: bool) -> None:
        self.link.let_in(at % len(self.link.inward))
        self.perhaps_turn(is_read)

    @precondition(lambda self: self.link.inward)
    @rule(at=places)
    def a_report_is_doubled(self, at: int) -> None:
        self.link.inward.append(self.link.inward[at % len(self.link.inward)])

    @precondition(lambda self: self.link.inward)
    @rule(at=places)
    def a_report_is_lost(self, at: int) -> None:
        self.link.inward.pop(at % len(self.link.inward))

    @precondition(lambda self: self.link.outward)
    @rule(at=places)
    def a_letter_is_lost(self, at: int) -> None:
        self.link.outward.pop(at % len(self.link.outward))

    @precondition(lambda self: self.link.outward)
    @rule(at=places, after=st.booleans())
    def a_request_fails(self, at: int, after: bool) -> None:
        self.link.fail(at % len(self.link.outward), after=after)

    @precondition(lambda self: self.link.is_up)
    @rule(letters_arrive=st.booleans())
    def the_link_breaks(self, letters_arrive: bool) -> None:
        self.link.lose(letters_arrive=letters_arrive)
        self.trader.turn()  # the adapter knows at once, and sends nothing into a dead link

    @precondition(lambda self: not self.link.is_up)
    @rule()
    def the_link_is_back(self) -> None:
        self.link.restore()

    @precondition(lambda self: self.link.is_up)
    @rule()
    def all_goes_well_for_a_while(self) -> None:
        self.trader.settle_for(3)

    # The program --------------------------------------------------------------------------------------------

    @rule()
    def a_turn(self) -> None:
        self.trader.turn()

    @rule(seconds=st.sampled_from([0.01, 1, 7, 30, 120, 400]))
    def time_passes(self, seconds: float) -> None:
        self.link.expire_letters(self.trader.now + int(seconds * SECOND), SETTINGS.horizon_s)
        self.trader.wait(seconds)

    @rule()
    def the_program_stops_and_starts(self) -> None:
        self.trader.stop()
        if not self.link.is_up:
            self.link.is_up = True
        self.trader.start()

    # What must hold -----------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_wrong(self) -> None:
        self.trader.assert_never_wrong()

    @invariant()
    def the_worst_that_can_happen_is_counted(self) -> None:
        self.trader.assert_worst_is_counted()

    def teardown(self) -> None:
        trader = self.trader
        if not self.link.is_up:
            self.link.restore()
        trader.settle_for(QUIET_S)
        trader.assert_settled()
        before = trader.views.to_bytes()
        for _ in range(2):
            trader.stop()
            trader.start()
            trader.settle_for(60)
            trader.assert_settled()
        assert without_control(before) == without_control(trader.views.to_bytes()), "a start changed the books"


def without_control(tree: bytes) -> str:
    """Return the bytes of the views without the time of the last comparison."""
    found = json.loads(tree)
    found.get("control", {}).pop("reconciled_ns", None)
    return json.dumps(found, sort_keys=True)
