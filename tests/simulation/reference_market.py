"""A slow simulated market, straight from the written rules, to compare the compiled one with.

It takes and gives what a conformance case holds, computes with exact fractions, keeps orders as objects and
looks for the next event by asking everybody. It shares no line with the kernel: where the two agree on
random scripts, a misreading must have been made twice.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

from simulation.reference_orders import (
    AFTER_AUCTION,
    ARRIVAL,
    CANCELED,
    EXPIRED,
    EXPIRY,
    FILLED,
    NEVER,
    ON_CLOSE,
    ON_OPEN,
    REJECTED,
    SESSION,
    Bar,
    Bracket,
    LastFill,
    Order,
    cut,
    day_of,
    half_up,
    moment,
    number,
    square_root,
    text,
)


class Market:
    """One account on the bars of a case."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.case = case
        self.settings, self.costs, self.account = case["settings"], case["costs"], case["account"]
        self.tick = {s: Fraction(f["tick"]) for s, f in case["instruments"].items()}
        self.step = {s: Fraction(f.get("fractional") or f["lot"]) for s, f in case["instruments"].items()}
        self.participation = Fraction(self.settings.get("participation", "1"))
        self.touch = self.settings.get("limit_fill", "through") == "touch"
        self.limits_first = self.settings.get("inside_first", "stop") == "limit"
        self.cash = Fraction(self.account["cash"])
        self.margin = self.account["type"] == "margin"
        self.positions = dict.fromkeys(self.tick, Fraction(0))
        self.last_close: dict[str, Fraction] = {}
        self.last_fill: dict[str, Fraction] = {}
        self.ranges: dict[str, list[Fraction]] = {s: [] for s in self.tick}
        self.session_closes: dict[str, list[Fraction]] = {s: [] for s in self.tick}
        self.traded_close: dict[str, Fraction] = {}
        self.slices = self._slices()
        self.sessions = [(moment(s["open"]), moment(s["close"])) for s in case["sessions"]]
        if not self.sessions:
            self.sessions = [(min(bar.start for b in self.slices for bar in b.values()), max(self._ends()))]
        self.frame = max(bar.end - bar.start for bars in self.slices for bar in bars.values())
        self.opened = 0  # sessions that have opened
        self.orders: dict[str, Order] = {}
        self.waiting: list[tuple[int, int, dict[str, Any]]] = []
        self.executions: list[dict[str, str]] = []
        self.bars: dict[str, Bar] = {}
        self.used: dict[str, Fraction] = {}
        self.stage = ""
        self.flows = {
            "borrow": Fraction(0),
            "interest": Fraction(0),
            "dividends": Fraction(0),
            "fractions": Fraction(0),
        }
        self.commissions = Fraction(0)

    def _slices(self) -> list[dict[str, Bar]]:
        slices: dict[int, dict[str, Bar]] = {}
        for b in self.case["bars"]:
            bar = Bar(moment(b["start"]), moment(b["end"]), *(Fraction(b[f]) for f in "ohlcv"))
            slices.setdefault(bar.end, {})[b["symbol"]] = bar
        return [slices[end] for end in sorted(slices)]

    def _ends(self) -> list[int]:
        return [bar.end for bars in self.slices for bar in bars.values()]

    # -- instructions
    # ------------------------------------------------------------------------------------------

    def send(self, rank: int, action: dict[str, Any]) -> None:
        decided = moment(action["at"])
        arrival = decided + int(Fraction(str(action.get("latency_s", 0))) * 1_000_000)
        self.waiting.append((arrival, rank, action | {"decided": decided}))
        if action["do"] != "submit":
            return
        child = "parent" in action
        order = Order(
            name=action["id"],
            symbol=action["symbol"],
            buys=action["side"] == "BUY",
            kind=action["type"],
            time_in_force=action.get("time_in_force"),
            quantity=Fraction(0) if child else Fraction(action["quantity"]),
            limit=number(action.get("limit_price")),
            stop=number(action.get("stop_price")),
            trail_amount=number(action.get("trail_amount")),
            trail_percent=number(action.get("trail_percent")),
            expire_at=moment(action["expire_at"]) if "expire_at" in action else NEVER,
            group=action.get("oca"),
            decided=decided,
            submitted=arrival,
            arrival=arrival,
            rank=rank,
            dormant=child,
        )
        self.orders[order.name] = order
        if child:
            entry = self.orders[action["parent"]]
            entry.bracket = entry.bracket or Bracket(entry)
            order.parent = entry.bracket
            setattr(entry.bracket, action["role"], order)

    def round_down(self, symbol: str, price: Fraction) -> Fraction:
        return cut(price, self.tick[symbol])

    def round_up(self, symbol: str, price: Fraction) -> Fraction:
        return -cut(-price, self.tick[symbol])

    def put_on_tick(self, order: Order) -> None:
        """Limits away from filling, triggers away from the market."""
        if order.limit is not None:
            order.limit = (self.round_down if order.buys else self.round_up)(order.symbol, order.limit)
        if order.stop is not None:
            order.stop = (self.round_up if order.buys else self.round_down)(order.symbol, order.stop)

    def session_of(self, time: int) -> tuple[int, int] | None:
        """Return the session that contains a time, or the next one."""
        return next((s for s in self.sessions if time < s[1]), None)

    def last_bar_start(self, session: tuple[int, int]) -> int:
        opens, closes = session
        start = opens
        while start + self.frame < closes:
            start += self.frame
        return start

    def arrive(self, order: Order) -> None:
        """What an order that arrives, or arrives anew, is told."""
        session = self.session_of(order.arrival)
        if order.kind in ON_OPEN:
            order.auction = next((s[0] for s in self.sessions if s[0] >= order.arrival), NEVER)
        elif order.kind in ON_CLOSE:
            order.auction = session[1] if session else NEVER
            if session and order.arrival > self.last_bar_start(session):
                self.end(order, REJECTED, "too_late")
                return
        else:
            order.day_end = session[1] if session else NEVER
        if order.deadline[0] <= order.arrival and order.deadline[1] == EXPIRY:
            self.end(order, EXPIRED)

    def act(self, time: int, rank: int, action: dict[str, Any]) -> None:
        order = self.orders[action["id"]]
        if not order.alive:
            return
        if action["do"] == "submit":
            if not order.arrived:
                order.arrived = True
                self.put_on_tick(order)
                if order.kind == "TRAILING_STOP" and order.parent is None:
                    order.extreme = self.last_close.get(order.symbol)
                self.arrive(order)
        elif not order.arrived or order.submitted > time:
            return
        elif action["do"] == "cancel":
            self.end(order, CANCELED, "requested")
        elif not action.get("void"):
            self.change(order, time, rank, action)

    def change(self, order: Order, time: int, rank: int, action: dict[str, Any]) -> None:
        before = (
            order.limit,
            order.stop,
            order.trail_amount,
            order.trail_percent,
            order.time_in_force,
            order.expire_at,
        )
        anew = False
        if "quantity" in action and order.parent is None:
            total = Fraction(action["quantity"])
            if total <= order.filled:
                self.end(order, CANCELED, "requested")
                return
            anew = total > order.quantity
            order.quantity = total
        order.limit = number(action.get("limit_price")) or order.limit
        order.stop = number(action.get("stop_price")) or order.stop
        self.put_on_tick(order)
        if "trail_amount" in action:
            order.trail_amount, order.trail_percent = Fraction(action["trail_amount"]), None
        if "trail_percent" in action:
            order.trail_amount, order.trail_percent = None, Fraction(action["trail_percent"])
        if order.kind not in ON_OPEN + ON_CLOSE:
            order.time_in_force = action.get("time_in_force", order.time_in_force)
            if order.time_in_force == "GTD" and "expire_at" in action:
                order.expire_at = moment(action["expire_at"])
        after = (
            order.limit,
            order.stop,
            order.trail_amount,
            order.trail_percent,
            order.time_in_force,
            order.expire_at,
        )
        if anew or after != before:
            order.rank = rank
            if not order.dormant:
                order.arrival = time
                self.arrive(order)

    # -- the end of orders
    # -------------------------------------------------------------------------------------

    def end(self, order: Order, status: str, reason: str = "") -> None:
        if not order.alive:
            return
        order.status, order.reason = status, reason
        if order.bracket is not None and order.filled == 0:
            for child in order.bracket.children():
                self.end(child, CANCELED, "no_entry")

    def leave_entry(self, child: Order) -> None:
        if child.parent is not None:
            self.end(child.parent.entry, CANCELED, "exit")

    # -- the clock
    # ---------------------------------------------------------------------------------------------

    def run_clock(self, until: int, *, before_decisions: bool) -> None:
        """Let happen what is due up to a time; before the decisions at it only expiries are."""
        while True:
            events: list[tuple[int, int, tuple[int, int], Any]] = []
            for order in self.orders.values():
                if order.alive and order.arrived and order.deadline[0] < NEVER:
                    events.append((*order.deadline, (order.arrival, order.rank), order))
            if self.opened < len(self.sessions):
                events.append((self.sessions[self.opened][0], SESSION, (0, 0), None))
            for arrival, rank, action in self.waiting:
                events.append((arrival, ARRIVAL, (arrival, rank), action))
            last_kind = EXPIRY if before_decisions else ARRIVAL
            due = [e for e in events if (e[0], e[1]) <= (until, last_kind)]
            if not due:
                return
            time, kind, (_, rank), what = min(due, key=lambda e: e[:3])
            if kind in (EXPIRY, AFTER_AUCTION):
                self.end(what, EXPIRED)
            elif kind == SESSION:
                self.open_session(time)
            else:
                self.waiting = [w for w in self.waiting if w[1] != rank]
                self.act(time, rank, what)

    def mark(self, symbol: str) -> Fraction:
        return self.last_close.get(symbol, self.last_fill.get(symbol, Fraction(0)))

    def open_session(self, time: int) -> None:
        index = self.opened
        self.opened += 1
        for symbol, close in self.traded_close.items():
            self.session_closes[symbol].append(close)
        self.traded_close = {}
        if index > 0:
            days = day_of(time) - day_of(self.sessions[index - 1][0])
            for symbol, position in self.positions.items():
                if position < 0:
                    fee = half_up(-position * self.mark(symbol) * Fraction(self.costs["borrow"]) * days / 360)
                    self.cash -= fee
                    self.flows["borrow"] += fee
            if self.cash < 0:
                fee = half_up(-self.cash * Fraction(self.costs["interest"]) * days / 360)
                self.cash -= fee
                self.flows["interest"] += fee
        due = [a for a in self.case["corporate_actions"] if self._ex_session(a) == index]
        for action in due:
            if action["kind"] == "dividend":
                paid = half_up(Fraction(action["amount"]) * self.positions[action["symbol"]])
                self.cash += paid
                self.flows["dividends"] += paid
        for action in due:
            if action["kind"] == "split":
                self.split(time, action["symbol"], Fraction(action["new"]) / Fraction(action["old"]))

    def _ex_session(self, action: dict[str, Any]) -> int | None:
        ex = date.fromisoformat(action["ex"]).toordinal() - date(1970, 1, 1).toordinal()
        return next((i for i, s in enumerate(self.sessions) if day_of(s[0]) >= ex), None)

    def split(self, time: int, symbol: str, ratio: Fraction) -> None:
        position = self.positions[symbol] * ratio
        kept = cut(abs(position), self.step[symbol])
        fraction = abs(position) - kept
        sign = 1 if position >= 0 else -1
        if fraction:
            paid = sign * half_up(fraction * self.mark(symbol) / ratio)
            self.cash += paid
            self.flows["fractions"] += paid
        self.positions[symbol] = sign * kept
        for prices in (self.last_close, self.last_fill):
            if symbol in prices:
                prices[symbol] /= ratio
        for history in (self.ranges, self.session_closes):
            history[symbol] = [value / ratio for value in history[symbol]]
        for order in self.orders.values():
            if order.symbol == symbol and order.alive and order.decided < time:
                self.split_order(order, ratio)
        for order in self.orders.values():
            if order.symbol == symbol and order.bracket is not None:
                self.split_work(order.bracket, ratio)
        for _, _, action in self.waiting:
            if action["do"] == "replace" and action["decided"] < time and self.orders[action["id"]].symbol == symbol:
                action["void"] = True

    def split_order(self, order: Order, ratio: Fraction) -> None:
        step = self.step[order.symbol]
        for name in ("limit", "stop", "trail_amount", "extreme"):
            if getattr(order, name) is not None:
                setattr(order, name, getattr(order, name) / ratio)
        self.put_on_tick(order)
        if order.parent is None:
            leaves = cut(order.leaves * ratio, step)
            order.quantity = order.filled + leaves
            if leaves == 0:
                self.end(order, CANCELED, "corporate_action")

    def split_work(self, bracket: Bracket, ratio: Fraction) -> None:
        if bracket.work == 0:
            return
        bracket.work = cut(bracket.work * ratio, self.step[bracket.entry.symbol])
        if bracket.work == 0:
            for child in bracket.children():
                self.end(child, CANCELED, "corporate_action")

    # -- money
    # -------------------------------------------------------------------------------------------------

    def to_cents(self, amount: Fraction) -> Fraction:
        return amount if self.settings.get("commission_rounding") == "none" else half_up(amount)

    def per_share_total(self, part: dict[str, str], quantity: Fraction, value: Fraction) -> Fraction:
        if quantity == 0:
            return Fraction(0)
        total = max(Fraction(part["rate"]) * quantity, Fraction(part.get("minimum", "0")))
        if "maximum_pct" in part:
            total = min(total, Fraction(part["maximum_pct"]) / 100 * value)
        return self.to_cents(total)

    def commission(self, order: Order, quantity: Fraction, price: Fraction, end: int) -> Fraction:
        total = Fraction(0)
        for part in self.costs["commission"]:
            if part["model"] == "percent":
                total += self.to_cents(Fraction(part["rate"]) * price * quantity)
            elif part["model"] == "per_share":
                total += self.per_share_total(part, order.filled + quantity, order.value + price * quantity)
                total -= self.per_share_total(part, order.filled, order.value)
            elif not order.buys:
                rows = [r for r in part["table"] if moment(r["from"] + "T00:00:00Z") <= day_of(end) * 86_400_000_000]
                if rows:
                    row = rows[-1]
                    total += self.to_cents(Fraction(row["per_notional"]) * price * quantity)
                    per_share = min(Fraction(row["per_share"]) * quantity, Fraction(row["per_share_cap"]))
                    total += self.to_cents(per_share)
        return total

    def slippage(self, order: Order, price: Fraction, quantity: Fraction, bar: Bar) -> Fraction:
        model = self.costs["slippage"]
        if model is None or not order.slips:
            return Fraction(0)
        if model["model"] == "bps":
            return price * Fraction(model["bps"]) / 10_000
        if model["model"] == "spread":
            return Fraction(model["spread"]) / 2
        if model["model"] == "volatility":
            ranges = self.ranges[order.symbol][-int(model["n"]) :]
            return Fraction(model["k"]) * sum(ranges, Fraction(0)) / len(ranges) if ranges else Fraction(0)
        closes = self.session_closes[order.symbol][-21:]
        sigma = Fraction(model["initial_sigma"])
        if len(closes) == 21:
            returns = [late / early - 1 for early, late in pairwise(closes)]
            mean = sum(returns) / 20
            sigma = square_root(sum(((r - mean) ** 2 for r in returns), Fraction(0)) / 19)
        return Fraction(model["k"]) * sigma * square_root(quantity / bar.volume) * price

    def power(self, symbol: str, price: Fraction) -> Fraction:
        """What may be opened: cash, or buying power with the symbol itself at the price of the fill."""
        if not self.margin:
            return self.cash
        marks = {s: price if s == symbol else self.mark(s) for s in self.positions}
        equity = self.cash + sum(p * marks[s] for s, p in self.positions.items())
        gross = sum(abs(p) * marks[s] for s, p in self.positions.items())
        return Fraction(self.account["leverage"]) * equity - gross

    def payable(self, order: Order, quantity: Fraction, price: Fraction, bar: Bar) -> Fraction:
        step, power = self.step[order.symbol], self.power(order.symbol, price)
        low, high = 0, int(quantity / step)
        while low < high:
            middle = (low + high + 1) // 2
            if middle * step * price + self.commission(order, middle * step, price, bar.end) <= power:
                low = middle
            else:
                high = middle - 1
        return low * step

    def short_allowed(self) -> bool:
        return self.margin and bool(self.account.get("short_allowed"))

    # -- executions
    # --------------------------------------------------------------------------------------------

    def available(self, symbol: str) -> Fraction:
        return cut(self.participation * self.bars[symbol].volume, self.step[symbol]) - self.used.get(
            symbol, Fraction(0)
        )

    def fill_price(self, order: Order, price: Fraction, quantity: Fraction) -> Fraction:
        price += order.sign * self.slippage(order, price, quantity, self.bars[order.symbol])
        price = (self.round_up if order.buys else self.round_down)(order.symbol, price)
        return max(price, self.tick[order.symbol])

    def split_by_position(self, order: Order, quantity: Fraction) -> tuple[Fraction, Fraction]:
        position = self.positions[order.symbol]
        closing = min(quantity, abs(position)) if position * order.sign < 0 else Fraction(0)
        return closing, quantity - closing

    def fill(
        self, order: Order, market_price: Fraction, *, at_stop: bool = False, most: Fraction | None = None
    ) -> None:
        bar = self.bars[order.symbol]
        quantity = min(order.leaves, self.available(order.symbol))
        if most is not None:
            quantity = min(quantity, most)
        if quantity <= 0:
            return
        price = self.fill_price(order, market_price, quantity)
        closing, opening = self.split_by_position(order, quantity)
        before = order.filled
        if order.time_in_force == "FOK" and not self.fits(order, closing, opening, price):
            return
        if closing:
            self.execute(order, closing, price)
        if opening and order.alive:
            if not order.buys and not self.short_allowed():
                self.end(order, CANCELED, "short_not_allowed")
            else:
                payable = self.payable(order, opening, price, bar)
                if payable:
                    self.execute(order, payable, price)
                if payable < opening:
                    self.end(order, CANCELED, "insufficient_buying_power" if self.margin else "insufficient_cash")
        if order.filled > before:
            if order.last_fill is None or order.last_fill.bar is not bar:
                order.last_fill = LastFill(bar, market_price)
            order.last_fill.market_price = market_price
            if self.stage == "inside":
                if at_stop:
                    order.last_fill.inside_by_stop += order.filled - before
                else:
                    order.last_fill.inside_otherwise += order.filled - before

    def fits(self, order: Order, closing: Fraction, opening: Fraction, price: Fraction) -> bool:
        """Whether a fill-or-kill order would be done whole: try it on a copy of what money depends on."""
        if closing + opening < order.leaves or (opening and not order.buys and not self.short_allowed()):
            return False
        kept = self.cash, self.positions[order.symbol], order.filled, order.value
        bar = self.bars[order.symbol]
        if closing:
            self.cash -= order.sign * closing * price + self.commission(order, closing, price, bar.end)
            self.positions[order.symbol] += order.sign * closing
            order.filled, order.value = order.filled + closing, order.value + closing * price
        whole = self.payable(order, opening, price, bar) == opening
        self.cash, self.positions[order.symbol], order.filled, order.value = kept
        return whole

    def execute(self, order: Order, quantity: Fraction, price: Fraction) -> None:
        bar = self.bars[order.symbol]
        commission = self.commission(order, quantity, price, bar.end)
        self.cash -= order.sign * quantity * price + commission
        self.commissions += commission
        self.positions[order.symbol] += order.sign * quantity
        self.last_fill[order.symbol] = price
        self.used[order.symbol] = self.used.get(order.symbol, Fraction(0)) + quantity
        order.filled += quantity
        order.value += quantity * price
        self.executions.append(
            {
                "order": order.name,
                "bar_end": (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=bar.end)).isoformat(),
                "stage": self.stage,
                "quantity": text(quantity),
                "price": text(price),
                "commission": text(commission),
            }
        )
        if order.bracket is not None:
            order.bracket.work += quantity
            for child in order.bracket.children():
                if child.dormant and child.alive:
                    self.wake(child, price, bar)
        if order.parent is not None:
            order.parent.work -= quantity
            self.leave_entry(order)
        if order.leaves == 0:
            order.status = FILLED
        if order.parent is not None and order.parent.work == 0:
            for other in order.parent.children():
                if other is not order:
                    self.end(other, CANCELED, "one_cancels_other")
        if order.group is not None:
            self.reduce_group(order, quantity, bar)

    def wake(self, child: Order, price: Fraction, bar: Bar) -> None:
        child.dormant = False
        child.arrival = bar.start if self.stage == "open" else bar.end
        child.woken_at_open_of = bar if self.stage == "open" else None
        child.woken_inside = bar if self.stage == "inside" else None
        if child.kind == "TRAILING_STOP":
            child.extreme = price
        session = self.session_of(child.arrival)
        child.day_end = session[1] if session else NEVER

    def reduce_group(self, order: Order, quantity: Fraction, bar: Bar) -> None:
        for other in self.orders.values():
            known = other.arrived or (other.decided <= bar.start if self.stage == "open" else other.decided < bar.end)
            if other is order or other.group != order.group or not other.alive or not known or other.parent is not None:
                continue
            left = cut(max(other.leaves - quantity, Fraction(0)), self.step[other.symbol])
            other.quantity = other.filled + left
            if other.leaves == 0:
                self.end(other, CANCELED, "one_cancels_other")

    # -- a slice
    # -----------------------------------------------------------------------------------------------

    def active(self, *, late: bool = False) -> list[Order]:
        """Orders that may act in this slice, by arrival, then number; late ones are children in step 2d."""
        found = []
        for order in self.orders.values():
            bar = self.bars.get(order.symbol)
            if bar is None or not order.alive or not order.arrived or order.dormant:
                continue
            if late or order.arrival <= bar.start:
                found.append(order)
        return sorted(found, key=lambda order: (order.arrival, order.rank))

    def satisfied(self, order: Order, price: Fraction) -> bool:
        assert order.limit is not None
        return price <= order.limit if order.buys else price >= order.limit

    def level(self, order: Order) -> Fraction:
        if order.kind != "TRAILING_STOP":
            assert order.stop is not None
            return order.stop
        assert order.extreme is not None
        trail = order.trail_amount
        if trail is None:
            assert order.trail_percent is not None
            trail = order.extreme * order.trail_percent / 100
        if order.buys:
            return self.round_up(order.symbol, order.extreme + trail)
        return self.round_down(order.symbol, order.extreme - trail)

    def passed(self, order: Order, price: Fraction) -> bool:
        return price >= self.level(order) if order.buys else price <= self.level(order)

    def trigger(self, order: Order) -> None:
        order.triggered = True
        self.leave_entry(order)

    def play(self, bars: dict[str, Bar]) -> None:
        start, end = next((bar.start, bar.end) for bar in bars.values())
        self.run_clock(start, before_decisions=False)
        session = next((s for s in self.sessions if s[0] <= start < s[1]), None)
        if session is not None:
            self.bars = {symbol: bar for symbol, bar in bars.items() if bar.volume > 0}
            self.used = {}
            self.play_open(session, start)
            self.play_inside(start, end)
            self.play_close(session, end)
        self.bars = {}
        self.run_clock(end, before_decisions=True)

    def play_open(self, session: tuple[int, int], start: int) -> None:
        self.stage = "open"
        if start == session[0]:
            for order in self.active():
                if order.kind in ON_OPEN and order.auction == start and order.alive:
                    price = self.bars[order.symbol].open
                    if order.kind == "MARKET_ON_OPEN" or self.satisfied(order, price):
                        self.fill(order, price)
                    self.end(order, EXPIRED)
        for order in self.active():
            bar = self.bars[order.symbol]
            if not order.alive or order.woken_at_open_of is bar:
                continue
            if order.kind == "TRAILING_STOP" and order.extreme is None:
                order.extreme = bar.open
            if order.is_stop and self.passed(order, bar.open):
                self.trigger(order)
            if order.is_market or (order.is_limit and self.satisfied(order, bar.open)):
                self.fill(order, bar.open)
        for order in self.active():
            if order.immediate and order.kind not in ON_OPEN + ON_CLOSE:
                self.end(order, CANCELED, "immediate")

    def play_inside(self, start: int, end: int) -> None:
        self.stage = "inside"
        held_back = [
            order for order in self.orders.values()
            if order.parent is not None and not order.dormant and order.parent.entry.alive
        ]  # fmt: skip
        early = [order for order in self.active() if order not in held_back]
        self.stops_and_limits(early)
        arriving = sorted(w for w in self.waiting if start < w[0] < end and w[2]["do"] == "submit")
        for arrival, rank, action in arriving:
            self.act(arrival, rank, action)
        for arrival, _, action in arriving:
            order = self.orders[action["id"]]
            bar = self.bars.get(order.symbol)
            if order.kind == "MARKET" and order.alive and bar is not None:
                between = bar.open + Fraction(arrival - start, end - start) * (bar.close - bar.open)
                self.fill(order, max(bar.open, between) if order.buys else min(bar.open, between))
                if order.immediate:
                    self.end(order, CANCELED, "immediate")
        late = [
            order for order in self.active(late=True)
            if order in held_back or order.woken_inside is self.bars[order.symbol]
        ]  # fmt: skip
        self.stops_and_limits(late)

    def stops_and_limits(self, orders: list[Order]) -> None:
        steps = [self.inside_limit, self.inside_stop] if self.limits_first else [self.inside_stop, self.inside_limit]
        for step in steps:
            for order in orders:
                if order.alive and not order.immediate:
                    step(order, self.bars[order.symbol])

    def entry_fill(self, child: Order, bar: Bar) -> LastFill | None:
        """How the entry of a child filled in this bar, None if it did not."""
        fill = child.parent.entry.last_fill if child.parent is not None else None
        return fill if fill is not None and fill.bar is bar else None

    def inside_stop(self, order: Order, bar: Bar) -> None:
        if not order.is_stop or not self.passed(order, bar.high if order.buys else bar.low):
            return
        price = self.level(order)
        entry_fill = self.entry_fill(order, bar)
        if entry_fill is not None:
            price = max(price, entry_fill.market_price) if order.buys else min(price, entry_fill.market_price)
        self.trigger(order)
        if order.kind != "STOP_LIMIT":
            self.fill(order, price, at_stop=True)
            return
        order.rests_in = bar
        if self.satisfied(order, price):
            self.fill(order, price, at_stop=True)

    def inside_limit(self, order: Order, bar: Bar) -> None:
        if not order.is_limit or order.rests_in is bar:
            return
        assert order.limit is not None
        through = 0 if self.touch else self.tick[order.symbol]
        reached = bar.low <= order.limit - through if order.buys else bar.high >= order.limit + through
        if not reached:
            return
        entry_fill = self.entry_fill(order, bar)
        if entry_fill is None or order is not order.parent.target:  # type: ignore[union-attr]
            self.fill(order, order.limit)
            return
        assert order.parent is not None
        most = order.leaves - entry_fill.inside_otherwise
        stop = order.parent.stop
        if (
            stop is not None
            and stop.alive
            and (stop.triggered or self.passed(stop, bar.high if stop.buys else bar.low))
        ):
            most -= entry_fill.inside_by_stop
        price = min(order.limit, bar.high) if order.buys else max(order.limit, bar.low)
        self.fill(order, price, most=most)

    def play_close(self, session: tuple[int, int], end: int) -> None:
        self.stage = "close"
        for order in self.active():
            if order.kind in ON_CLOSE and order.auction == end and order.alive:
                price = self.bars[order.symbol].close
                if order.kind == "MARKET_ON_CLOSE" or self.satisfied(order, price):
                    self.fill(order, price)
                self.end(order, EXPIRED)
        for order in self.active():
            bar = self.bars[order.symbol]
            if order.kind == "TRAILING_STOP" and order.extreme is not None:
                order.extreme = min(order.extreme, bar.low) if order.buys else max(order.extreme, bar.high)
        for symbol, bar in self.bars.items():
            before = self.last_close.get(symbol)
            reached = [bar.high, bar.low] if before is None else [bar.high, bar.low, before]
            self.ranges[symbol].append(max(reached) - min(reached))
            self.last_close[symbol] = bar.close
            self.traded_close[symbol] = bar.close
        for order in self.orders.values():
            of_the_day = order.arrived and order.time_in_force in ("DAY", "IOC", "FOK")
            if of_the_day and order.symbol in self.bars and order.deadline[0] <= end:
                self.end(order, EXPIRED)


def simulate(case: dict[str, Any]) -> dict[str, Any]:
    """Return executions, orders, cash and positions of a case, as its format describes them."""
    market = Market(case)
    for rank, action in enumerate(case["actions"]):
        market.send(rank, action)
    for bars in market.slices:
        market.play(bars)
    market.run_clock(max(max(market._ends()), market.sessions[-1][1]), before_decisions=False)
    return {
        "executions": market.executions,
        "orders": {
            name: {"status": order.status, "reason": order.reason, "filled": text(order.filled)}
            for name, order in market.orders.items()
        },
        "cash": text(market.cash),
        "positions": {symbol: text(position) for symbol, position in market.positions.items()},
    }
