"""One trade, told briefly: why it was entered, how its size came about, what was filled, what became of it.

Everything but the round trip's sums is read from the journal, as `tapeline why` reads it, which shows all.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, cast

import numpy as np

from tapeline.domain.times import to_iso
from tapeline.domain.words import Purpose, Side
from tapeline.engine.result import Result
from tapeline.ledger.canonical import amount_text
from tapeline.ledger.facts import SignalRaised
from tapeline.ledger.order_facts import OrderFilled, OrderIntended
from tapeline.ledger.why import OrderChain, explain_order
from tapeline.ledger.why_text import conditions, sizing_text
from tapeline.ports.journal import Journal
from tapeline.report.amounts import CURRENCY, money, number, plural, signed

LABEL_WIDTH, WIDTH_MIN, GAP = 11, 60, 3
FILLS_SHOWN = 4

_EXITS = {
    Purpose.STOP: "its stop was reached",
    Purpose.TARGET: "its target was reached",
    Purpose.EXIT_RULE: "its exit rule came true",
    Purpose.FLAT_BEFORE_CLOSE: "it goes flat before the close",
    Purpose.SCALE_OUT: "it scaled out",
    Purpose.LOSS_LIMIT: "it had lost what one trade may lose",
    Purpose.FLATTEN: "everything was closed on demand",
}


def best_round_trip(result: Result) -> Any | None:
    """Return the round trip that earned most, of those with a stop if there are any; None without any."""
    trips = result.round_trips
    if not len(trips):
        return None
    with_stop = trips[~np.isnan(trips["r_multiple"])]
    chosen = with_stop if len(with_stop) else trips
    return chosen[int(np.argmax(chosen["net_pnl"]))]


def trade_lines(result: Result, trip: Any, journal: Journal, width: int) -> Iterator[str]:
    """Yield the lines that tell one round trip. width : of the terminal, in characters"""
    width = max(width, WIDTH_MIN)
    entry_id, exit_id = result.order_id(int(trip["entry_ticket"])), result.order_id(int(trip["exit_ticket"]))
    entry = explain_order(journal, entry_id).orders[0]
    leaving = explain_order(journal, exit_id).orders[0]
    intended = cast(OrderIntended, entry.decision.fact)
    order = intended.order
    done = "bought" if order.side is Side.BUY else "sold short"
    yield f"{order.strategy} {done} {_amount(order.quantity)} {order.symbol}"
    told = [
        *_decision(entry, width),
        ("size", sizing_text(intended.sizing or {}, CURRENCY)),
        ("in", _fills(entry)),
        *_protection(entry, journal),
        ("out", f"{_fills(leaving)}: {_EXITS[Purpose(int(trip['exit_purpose']))]}"),
        *(_conditions(leaving, width) if trip["exit_purpose"] == Purpose.EXIT_RULE else ()),
        ("outcome", _outcome(result, trip)),
    ]
    for label, text in told:
        yield from _folded(label, text, width)
    yield f"  {'all of it':{LABEL_WIDTH}}./tapeline why {entry_id}"


def _decision(chain: OrderChain, width: int) -> Iterator[tuple[str, str]]:
    if chain.signal is None:
        return
    raised = cast(SignalRaised, chain.signal.fact)
    joined, _ = conditions(raised.signal.explanation)
    how = {"&": ", for all of these were:", "|": ", for one of these was:"}.get(joined, ":")
    yield "decided", f"{_moment(raised.event_time_ns)}: {raised.signal.action.word} was true{how}"
    yield from _conditions(chain, width)
    if raised.bar is not None:
        names = ("open", "high", "low", "close", "volume")
        values = ", ".join(f"{name} {_amount(getattr(raised.bar, name))}" for name in names)
        yield "last bar", values


def _conditions(chain: OrderChain, width: int) -> Iterator[tuple[str, str]]:
    if chain.signal is None:
        return
    found = conditions(cast(SignalRaised, chain.signal.fact).signal.explanation)[1]
    lines = [(f"{_sign(value)} {text}", detail) for text, value, detail in found]
    room = max(len(line) for line, _ in lines)
    beside = 2 + LABEL_WIDTH + room + GAP + max(len(detail) for _, detail in lines) <= width
    for line, detail in lines:
        yield "", f"{line:{room + GAP}}{detail}".rstrip() if beside else line
        if detail and not beside:
            yield "", f"  {detail}"


def _folded(label: str, text: str, width: int) -> list[str]:
    spaces = len(text) - len(text.lstrip())
    first = f"  {label:{LABEL_WIDTH}}{'':{spaces}}"
    return textwrap.wrap(
        text.lstrip(),
        width,
        initial_indent=first,
        subsequent_indent=" " * (len(first) + (0 if label else 2)),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _protection(entry: OrderChain, journal: Journal) -> Iterator[tuple[str, str]]:
    for relation, name in entry.related:
        if not relation.endswith("of its bracket"):
            continue
        order = cast(OrderIntended, explain_order(journal, name).orders[0].decision.fact).order
        if order.trail_amount is not None:
            yield "stop", f"trails the best price since the entry by {_price(order.trail_amount)}"
        elif order.stop_price is not None:
            yield "stop", f"at {_price(order.stop_price)}"
        elif order.limit_price is not None:
            yield "target", f"at {_price(order.limit_price)}"


def _fills(chain: OrderChain) -> str:
    fills = [record.fact.execution for record in chain.events if isinstance(record.fact, OrderFilled)]
    if not fills:
        return "nothing was filled"
    shown = [f"{_amount(fill.quantity)} at {_amount(fill.price)}" for fill in fills[:FILLS_SHOWN]]
    if len(fills) > FILLS_SHOWN:
        shown.append(f"{plural(len(fills) - FILLS_SHOWN, 'more fill')}")
    commission = money(float(sum((fill.commission for fill in fills), Decimal(0))))
    return (
        f"{fills[0].side.name} {', '.join(shown)} on {_moment(fills[0].event_time_ns)},"
        f" commission {commission} {CURRENCY}"
    )


def _outcome(result: Result, trip: Any) -> str:
    sessions = int(
        result.session[np.searchsorted(result.times_ns, trip["exit_ns"])]
        - result.session[np.searchsorted(result.times_ns, trip["entry_ns"])]
    )
    held = plural(sessions, "session") if sessions else "within the session"
    multiple = float(trip["r_multiple"])
    risk = "" if multiple != multiple else f", {number(multiple)} times the risk of its first stop (R)"
    return f"{signed(float(trip['net_pnl']))} {CURRENCY} after costs{risk}; held {held}"


def _moment(time_ns: int) -> str:
    return f"{to_iso(time_ns)[:16].replace('T', ' ')} UTC"


def _amount(value: Decimal) -> str:
    whole, point, rest = amount_text(value).partition(".")
    return f"{int(whole):,}{point}{rest}"


def _price(value: Decimal) -> str:
    digits = 2 if value == value.quantize(Decimal("0.01")) else 4
    return f"{value:,.{digits}f} {CURRENCY}"


def _sign(value: bool | None) -> str:
    signs = {True: "✓", False: "✗", None: "?"}
    plain = {True: "+", False: "-", None: "?"}
    try:
        "✓✗".encode(sys.stdout.encoding or "utf-8")
    except (LookupError, UnicodeEncodeError):
        return plain[value]
    return signs[value]
