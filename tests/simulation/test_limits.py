"""No sequence of events takes an entry beyond a limit: the compiled questions against plain sums.

The reference keeps what it was told, entry by entry, in a list, and adds up the worst case in plain Python:
everything that works counts as filled at the price of its decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tapeline import Account, Limits, RuleStrategy, RunSettings, bars, distance, fixed_quantity
from tapeline.domain.times import MINUTE
from tapeline.domain.words import EventKind, IntentKind
from tapeline.engine.assembly import assemble
from tapeline.simulation.book import apply_event
from tapeline.simulation.sizing import SIZE_FIXED, enter

SYMBOLS = ("A", "B", "C", "D")
SECTORS = ["x", "x", "y", ""]
ACCOUNT = Limits(
    position=0.3, gross=0.9, net=0.7, short=0.4, sector=0.45, open_risk=0.05, risk_per_trade=0.02, trades_per_day=25
)
OF_SECOND = Limits(position=0.2, gross=0.35, open_risk=0.03, trades_per_day=12)
CASH = 10_000.0


class First(RuleStrategy):
    """Holds nothing by itself: entries are made by the test."""

    enter_long = bars("1min").close < 0
    stop = distance(1)
    size = fixed_quantity(1)


class Second(First):
    """The same with bounds of its own."""

    limits = OF_SECOND


@dataclass
class Entry:
    """One entry as the reference knows it."""

    strategy: int
    column: int
    side: int
    quantity: float
    price: float
    stop: float
    filled: float = 0.0
    is_open: bool = True

    @property
    def working(self) -> float:
        return self.quantity - self.filled if self.is_open else 0.0


class Desk(RuleBasedStateMachine):
    """Random entries, fills, cancels, exits and prices."""

    def __init__(self) -> None:
        super().__init__()
        run = RunSettings(account=Account(CASH, "margin", 4.0, short_allowed=True), limits=ACCOUNT)
        assembly = assemble(
            [First(), Second()], symbol_count=4, base_frame_ns=MINUTE, settings=run, groups={"sector": SECTORS}
        )
        self.book = assembly.new_book(SYMBOLS)
        tables = self.book.fixed
        tables.account[0]["equity"] = CASH
        tables.prices[:] = tables.marks[:] = [100.0, 50.0, 20.0, 10.0]
        self.entries: list[Entry] = []
        self.tickets: dict[int, Entry] = {}
        self.now = 0

    def event(
        self, kind: EventKind, ticket: int, quantity: float = 0.0, leaves: float = 0.0, price: float = 0.0
    ) -> None:
        apply_event(self.book, int(kind), ticket, -1, quantity, leaves, price, 0.0, self.now, 0, 0, 0)
        self.revalue()

    def revalue(self) -> None:
        tables = self.book.fixed
        values = tables.positions * tables.marks
        account = tables.account[0]
        account["equity"] = account["cash"] + values.sum()
        account["long_exposure"] = values[values > 0].sum()
        account["short_exposure"] = -values[values < 0].sum()

    @rule(column=st.integers(0, 3), change=st.floats(0.9, 1.1))
    def price(self, column: int, change: float) -> None:
        tables = self.book.fixed
        tables.prices[column] = tables.marks[column] = round(float(tables.prices[column]) * change, 2)
        self.revalue()

    @rule(
        strategy=st.integers(0, 1),
        column=st.integers(0, 3),
        side=st.sampled_from([1, -1]),
        wanted=st.integers(1, 200),
        away=st.floats(0.005, 0.1),
    )
    def wish(self, strategy: int, column: int, side: int, wanted: int, away: float) -> None:
        tables = self.book.fixed
        if tables.states[strategy, column] != 0:
            return
        self.now += MINUTE
        tables.account[0]["intents"] = 0
        price = float(tables.prices[column])
        stop = round(price * (1 - side * away), 2)
        enter(self.book, strategy, column, side, SIZE_FIXED, float(wanted), nan, stop, nan, nan, nan, self.now)
        intent = self.book.rows("intents")[0]
        if intent["kind"] == IntentKind.DENIED:
            assert intent["limit"] > 0
            return
        entry = Entry(strategy, column, side, float(intent["quantity"]), price, stop)
        self.entries.append(entry)
        self.tickets[int(intent["ticket"])] = entry
        self.check(entry)

    @rule(part=st.floats(0.01, 1.0), which=st.integers(0, 50))
    def fill(self, part: float, which: int) -> None:
        working = [(ticket, entry) for ticket, entry in self.tickets.items() if entry.working > 0]
        if not working:
            return
        ticket, entry = working[which % len(working)]
        quantity = float(max(1, round(entry.working * part)))
        entry.filled += quantity
        price = float(self.book.fixed.prices[entry.column])
        self.event(EventKind.FILL, ticket, quantity, entry.working, price)
        entry.is_open = entry.working > 0

    @rule(which=st.integers(0, 50))
    def cancel(self, which: int) -> None:
        working = [(ticket, entry) for ticket, entry in self.tickets.items() if entry.working > 0]
        if working:
            ticket, entry = working[which % len(working)]
            entry.is_open = False
            self.event(EventKind.CANCELED, ticket)

    @rule(which=st.integers(0, 50))
    def stop_out(self, which: int) -> None:
        """The stop of a holding that is not entering any more fills whole."""
        done = [(ticket, entry) for ticket, entry in self.tickets.items() if not entry.is_open and entry.filled > 0]
        if done:
            ticket, entry = done[which % len(done)]
            stop = int(self.book.fixed.holdings[entry.strategy, entry.column]["stop_ticket"])
            self.event(EventKind.FILL, stop, entry.filled, 0.0, float(self.book.fixed.prices[entry.column]))
            del self.tickets[ticket]
            self.entries.remove(entry)

    def check(self, newest: Entry) -> None:
        """Add everything up as if all that works were filled, and compare with the bounds."""
        tables = self.book.fixed
        marks, equity = tables.marks, float(tables.account[0]["equity"])
        slack = 1e-9 * equity
        for own, limits in ((None, ACCOUNT), (1, OF_SECOND)):
            if own is not None and newest.strategy != own:
                continue
            of = [e for e in self.entries if own is None or e.strategy == own]
            held = {c: sum(e.side * e.filled for e in of if e.column == c) for c in range(4)}
            single = {c: sum(abs(e.filled) for e in of if e.column == c) for c in range(4)}
            waiting = {c: sum(e.working * e.price for e in of if e.column == c) for c in range(4)}
            signed = sum(e.side * e.working * e.price for e in of)
            shorts = sum(e.working * e.price for e in of if e.side < 0)
            gross = sum(abs(held[c]) * marks[c] + waiting[c] for c in range(4))
            net = sum(held[c] * marks[c] for c in range(4)) + signed
            short = sum(max(-held[c], 0.0) * marks[c] for c in range(4)) + shorts
            here = newest.column
            risk = sum(
                max(e.side * (float(marks[e.column]) - e.stop), 0.0) * e.filled
                + e.side * (e.price - e.stop) * e.working
                for e in of
            )
            checks: list[tuple[str, float, float | None]] = [
                ("position", abs(held[here]) * tables.prices[here] + waiting[here], limits.position),
                ("gross", gross, limits.gross),
                ("open_risk", risk, limits.open_risk),
            ]
            if newest.side > 0:
                checks.append(("net", net, limits.net))
            else:
                checks += [("net", -net, limits.net), ("short", short, limits.short)]
            if SECTORS[here]:
                group = [c for c in range(4) if SECTORS[c] == SECTORS[here]]
                checks.append(("sector", sum(abs(held[c]) * marks[c] + waiting[c] for c in group), limits.sector))
            if own is not None:
                assert single[here] == abs(held[here])
            for name, value, most in checks:
                assert most is None or value <= most * equity + slack, (name, value / equity, most)
        own_risk = newest.quantity * newest.side * (newest.price - newest.stop)
        assert own_risk <= (ACCOUNT.risk_per_trade or 0) * equity + slack
        assert len([None for row in tables.days[:1] if row["entries"] > (ACCOUNT.trades_per_day or 0)]) == 0


def test_no_sequence_of_events_takes_an_entry_beyond_a_limit() -> None:
    run_state_machine_as_test(Desk, settings=settings(max_examples=150, stateful_step_count=60, deadline=None))
