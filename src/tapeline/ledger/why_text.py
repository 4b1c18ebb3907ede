"""The answer to "why" as plain data for JSON, and as text for a terminal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, cast

from tapeline.domain.bar import Bar
from tapeline.domain.times import to_iso
from tapeline.domain.words import Stage
from tapeline.ledger.adopted_facts import BustNoted, ExecutionBusted, ExecutionCorrected
from tapeline.ledger.canonical import amount_text, encode_tree
from tapeline.ledger.facts import RunStarted, SignalRaised
from tapeline.ledger.order_facts import OrderFilled, OrderIntended
from tapeline.ledger.why import Answer, OrderChain
from tapeline.ports.journal import Fact, Record

_STAGES = {Stage.OPEN: "at the open", Stage.INSIDE: "inside the bar", Stage.CLOSE: "at the close"}


def as_plain(answer: Answer) -> dict[str, Any]:
    """Return the answer as nested plain values; each fact is what its canonical bytes say."""
    return {
        "asked": answer.asked,
        "orders": [
            {
                "client_order_id": chain.client_order_id,
                "decision": _plain_record(chain.decision),
                "signal": _plain_record(chain.signal) if chain.signal is not None else None,
                "events": [_plain_record(record) for record in chain.events],
                "related": [{"client_order_id": name, "is": relation} for relation, name in chain.related],
            }
            for chain in answer.orders
        ],
        "signals_without_order": [_plain_record(record) for record in answer.signals],
        "manifest": _plain_record(answer.manifest) if answer.manifest is not None else None,
        "bars": [_plain_bar(bar) for bar in answer.bars],
        "not_shown": list(answer.not_shown),
    }


def render(answer: Answer, *, whole: bool = False) -> str:
    """Return the answer as text, from the order down to the bar and the manifest.

    whole : with every setting of the run, instead of their number and digest
    """
    lines = [f"Why {answer.asked}"]
    for chain in answer.orders:
        lines += ["", *order_lines(chain)]
    for record in answer.signals:
        lines += ["", "A signal that led to no order", *_indented(_signal_lines(record))]
    if answer.bars:
        lines += ["", "Bars around the decision, from the data file", *_indented(map(bar_line, answer.bars))]
    if answer.manifest is not None:
        lines += ["", *manifest_lines(answer.manifest, whole=whole)]
    if answer.not_shown:
        lines += ["", "What the journal cannot show", *_indented(answer.not_shown)]
    return "\n".join(lines)


def conditions(explanation: Mapping[str, Any]) -> tuple[str, list[tuple[str, bool | None, str]]]:
    """Return the conditions that an explanation's root joins, each with its truth and the numbers it saw.

    The first part is "&" if all of them were needed, "|" if one was, and empty if there is one only.
    """
    joined = joined_by(explanation)
    parts = explanation["children"] if joined else [explanation]
    return joined, [(bare(str(p.get("text", ""))), p.get("value"), str(p.get("detail", ""))) for p in parts]


def joined_by(explanation: Mapping[str, Any]) -> str:
    """Return "&" or "|" if the root of an explanation joins conditions by it, else an empty text."""
    children = explanation.get("children", ())
    joins = len(children) > 1 and all(map(_is_condition, children))
    return _joint(str(explanation.get("text", ""))) if joins else ""


def sizing_text(sizing: Mapping[str, Any], currency: str = "") -> str:
    """Return how a quantity came about, as one sentence without its full stop."""
    known = dict(sizing)
    unit = f" {currency}" if currency else ""
    parts = []
    if (equity := known.pop("equity", None)) is not None:
        parts.append(f"equity {equity:,.2f}{unit}")
    if (price := known.pop("price", None)) is not None:
        parts.append(f"price {_value_text(price)}{unit}")
    wanted, limit, quantity = (known.pop(name, None) for name in ("wanted", "limit", "quantity"))
    used, bound = known.pop("limit_value", None), known.pop("limit_bound", None)
    parts += [f"{name} {_value_text(value)}" for name, value in known.items()]
    if wanted is not None:
        parts.append(f"wanted {wanted:,.6g}")
    if limit:
        left = f" to {_value_text(quantity)}" if quantity is not None else ""
        taken = f", {_value_text(used)} of {_value_text(bound)} in use" if bound is not None else ""
        parts.append(f"cut{left} by the {str(limit).replace('_', ' ')} limit{taken}")
    elif quantity is not None:
        parts.append(f"in whole steps {_value_text(quantity)}")
    return ", ".join(parts)


def order_lines(chain: OrderChain) -> Iterator[str]:
    """Yield the lines of one order: its terms, the signal with its conditions, the size, what happened."""
    fact = chain.decision.fact
    if isinstance(fact, OrderIntended):
        order = fact.order
        terms = [
            f"{word} {_rounded(price)}"
            for word, price in (
                ("limit", order.limit_price),
                ("stop", order.stop_price),
                ("trail", order.trail_amount),
                ("trail percent", order.trail_percent),
            )
            if price is not None
        ]
        yield f"Order {chain.client_order_id}"
        yield (
            f"  {order.side.name} {amount_text(order.quantity)} {order.symbol}, "
            f"{', '.join([order.order_type.name, *terms, order.time_in_force.name])}, "
            f"for {order.purpose.word}, by {order.strategy}"
        )
    else:
        yield f"Order {chain.client_order_id}, denied before it was sent"
    for relation, name in chain.related:
        yield f"  {relation}: {name}"
    if chain.signal is not None:
        yield from _indented(_signal_lines(chain.signal))
    elif isinstance(fact, OrderIntended) and fact.signal_id is None:
        yield "  No signal stands behind it; its purpose says why it was sent."
    sizing = getattr(fact, "sizing", None)
    if sizing:
        yield f"  Quantity: {sizing_text(sizing)}"
    yield "  What happened"
    for record in (chain.decision, *chain.events):
        yield f"    #{record.sequence}  {to_iso(record.fact.event_time_ns)}  {_event_text(record.fact)}"


def _signal_lines(record: Record) -> Iterator[str]:
    fact = cast(SignalRaised, record.fact)
    signal = fact.signal
    version = f", rule {signal.version[:12]}" if signal.version else ""
    rank = f", rank {_value_text(signal.rank)}" if signal.rank is not None else ""
    yield (
        f"Signal #{record.sequence}  {to_iso(signal.time_ns)}  {signal.strategy} {signal.action.word} "
        f"{signal.symbol}{version}{rank}"
    )
    joined, _ = conditions(signal.explanation)
    if joined:
        yield f"  needed: {'all' if joined == '&' else 'one'} of"
        for child in signal.explanation["children"]:
            yield from _indented(_indented(_tree_lines(child)))
    else:
        yield from _indented(_tree_lines(signal.explanation))
    if fact.bar is not None:
        yield f"  Decision bar {bar_line(fact.bar)}"


def _tree_lines(tree: Mapping[str, Any]) -> Iterator[str]:
    if "text" not in tree:
        for name, value in tree.items():
            if isinstance(value, Mapping):
                yield f"{name}"
                yield from _indented(_tree_lines(value))
            else:
                yield f"{name} = {_value_text(value)}"
        return
    detail = f"   [{tree['detail']}]" if tree.get("detail") else ""
    yield f"{bare(tree['text'])} = {_value_text(tree.get('value'))}{detail}"
    for child in tree.get("children", ()):
        # Below a condition its detail has the numbers; below a number stands what it was made of.
        if not _is_condition(tree) or _is_condition(child):
            yield from _indented(_tree_lines(child))


def _is_condition(tree: Mapping[str, Any]) -> bool:
    return tree.get("value") is None or isinstance(tree.get("value"), bool)


def _joint(text: str) -> str:
    """Return the sign that joins the outermost conditions of a formula, as the formula writes it."""
    depth = 0
    for at, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 1 and text[at : at + 3] in (" & ", " | "):
            return text[at + 1]
    return ""


def bare(text: str) -> str:
    """Return a formula without the brackets that enclose all of it."""
    depth = 0
    for at, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return text[1:-1] if at == len(text) - 1 and text[0] == "(" else text
    return text


def manifest_lines(record: Record, *, whole: bool) -> Iterator[str]:
    """Yield the lines of a run's manifest; whole : with every setting."""
    fact = cast(RunStarted, record.fact)
    leaves = list(_leaves(fact.configuration, ""))
    digest = hashlib.sha256(encode_tree(fact.configuration)).hexdigest()
    yield f"Run #{record.sequence}, from {to_iso(fact.event_time_ns)}"
    yield f"  code {fact.code_version}, SHA-256 {fact.code_digest}"
    yield f"  data {fact.data_source}, SHA-256 {fact.data_digest}"
    yield f"  seed {fact.seed}, {len(leaves)} settings, SHA-256 {digest}"
    if whole:
        for name, value in leaves:
            yield f"    {name} = {_value_text(value, 'none')}"


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name in value:
            yield from _leaves(value[name], f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            yield from _leaves(item, f"{path}[{position}]")
    else:
        yield path, value


def _event_text(fact: Fact) -> str:
    if isinstance(fact, OrderFilled):
        execution = fact.execution
        # An execution's id mostly is its order's with a number, and the order's stands above.
        name = execution.execution_id.removeprefix(execution.client_order_id)
        stage = "" if execution.stage is Stage.CLOCK else f", {_STAGES[execution.stage]}"
        left = f", {amount_text(fact.leaves_quantity)} left" if fact.leaves_quantity else ""
        return (
            f"OrderFilled {name}: {execution.side.name} {amount_text(execution.quantity)} at "
            f"{amount_text(execution.price)}, commission {amount_text(execution.commission)}{stage}{left}"
        )
    if isinstance(fact, ExecutionCorrected):
        now = fact.execution
        return (
            f"ExecutionCorrected {fact.corrected.execution_id} -> {now.execution_id}: {now.side.name} "
            f"{amount_text(now.quantity)} at {amount_text(now.price)}, commission {amount_text(now.commission)}, "
            f"by {fact.grounds.source}"
        )
    if isinstance(fact, ExecutionBusted | BustNoted):
        return f"{fact.kind} {fact.busted.execution_id}, by {fact.grounds.source}"
    reason = getattr(fact, "reason", None)
    word = getattr(reason, "word", reason)
    return f"{fact.kind}: {word}" if word else fact.kind


def bar_line(bar: Bar) -> str:
    """Return a bar as one line."""
    prices = "  ".join(
        f"{name} {amount_text(getattr(bar, name))}" for name in ("open", "high", "low", "close", "volume")
    )
    return f"{bar.symbol} {to_iso(bar.start_ns)} to {to_iso(bar.end_ns)}: {prices}"


def _rounded(amount: Decimal) -> str:
    """Return an amount as a person reads it; computed ones, such as a trail, have sixteen digits."""
    return amount_text(amount) if -amount.as_tuple().exponent <= 6 else f"{float(amount):.6g}"  # type: ignore[operator]


def _value_text(value: Any, unknown: str = "unknown") -> str:
    if value is None:
        return unknown
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _indented(lines: Any) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _plain_record(record: Record) -> dict[str, Any]:
    return {
        "sequence": record.sequence,
        "hash": record.hash.hex(),
        "time": to_iso(record.fact.event_time_ns),
        "fact": json.loads(record.body),
    }


def _plain_bar(bar: Bar) -> dict[str, Any]:
    prices = {name: amount_text(getattr(bar, name)) for name in ("open", "high", "low", "close", "volume")}
    return {"symbol": bar.symbol, "start": to_iso(bar.start_ns), "end": to_iso(bar.end_ns), **prices}
