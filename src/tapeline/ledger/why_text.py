"""The answer to "why" as plain data for JSON, and as text for a terminal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from tapeline.domain.bar import Bar
from tapeline.domain.times import to_iso
from tapeline.ledger.canonical import amount_text, encode_tree
from tapeline.ledger.facts import OrderFilled, OrderIntended, RunStarted, SignalRaised
from tapeline.ledger.why import Answer, OrderChain
from tapeline.ports.journal import Fact, Record

_SHOWN_CONFIGURATION = 40


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


def render(answer: Answer) -> str:
    """Return the answer as text, from the order down to the bar and the manifest."""
    lines = [f"Why {answer.asked}"]
    for chain in answer.orders:
        lines += ["", *_order_lines(chain)]
    for record in answer.signals:
        lines += ["", "A signal that led to no order", *_indented(_signal_lines(record))]
    if answer.bars:
        lines += ["", "Bars around the decision, from the data file", *_indented(map(_bar_line, answer.bars))]
    if answer.manifest is not None:
        lines += ["", *_manifest_lines(answer.manifest)]
    if answer.not_shown:
        lines += ["", "What the journal cannot show", *_indented(answer.not_shown)]
    return "\n".join(lines)


def _order_lines(chain: OrderChain) -> Iterator[str]:
    fact = chain.decision.fact
    if isinstance(fact, OrderIntended):
        order = fact.order
        terms = [
            f"{word} {amount_text(price)}"
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
    yield "  What happened"
    for record in (chain.decision, *chain.events):
        yield f"    #{record.sequence}  {to_iso(record.fact.event_time_ns)}  {_event_text(record.fact)}"
    sizing = getattr(fact, "sizing", None)
    if sizing:
        yield "  What the quantity was computed from"
        for name, value in sizing.items():
            yield f"    {name} = {_value_text(value)}"
    if chain.signal is not None:
        yield from _indented(_signal_lines(chain.signal))
    elif isinstance(fact, OrderIntended) and fact.signal_id is None:
        yield "  No signal stands behind it; its purpose says why it was sent."


def _signal_lines(record: Record) -> Iterator[str]:
    fact = cast(SignalRaised, record.fact)
    signal = fact.signal
    version = f", rule {signal.version[:12]}" if signal.version else ""
    yield (
        f"Signal #{record.sequence}  {to_iso(signal.time_ns)}  {signal.strategy} {signal.action.word} "
        f"{signal.symbol}{version}"
    )
    if signal.rank is not None:
        yield f"  rank = {_value_text(signal.rank)}"
    yield from _indented(_tree_lines(signal.explanation))
    if fact.bar is not None:
        yield f"  Decision bar {_bar_line(fact.bar)}"


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
    yield f"{tree['text']} = {_value_text(tree.get('value'))}{detail}"
    is_condition = tree.get("value") is None or isinstance(tree.get("value"), bool)
    for child in tree.get("children", ()):
        # Below a condition its detail has the numbers; below a number stands what it was made of.
        if not is_condition or child.get("value") is None or isinstance(child.get("value"), bool):
            yield from _indented(_tree_lines(child))


def _manifest_lines(record: Record) -> Iterator[str]:
    fact = cast(RunStarted, record.fact)
    yield f"Run #{record.sequence}, from {to_iso(fact.event_time_ns)}"
    yield f"  code {fact.code_version}, SHA-256 {fact.code_digest}"
    yield f"  data {fact.data_source}, SHA-256 {fact.data_digest}"
    yield f"  seed {fact.seed}"
    yield f"  configuration, SHA-256 {hashlib.sha256(encode_tree(fact.configuration)).hexdigest()}"
    leaves = list(_leaves(fact.configuration, ""))
    for name, value in leaves[:_SHOWN_CONFIGURATION]:
        yield f"    {name} = {_value_text(value)}"
    if len(leaves) > _SHOWN_CONFIGURATION:
        yield f"    ... and {len(leaves) - _SHOWN_CONFIGURATION} more"


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
        return (
            f"OrderFilled {execution.execution_id}: {execution.side.name} {amount_text(execution.quantity)} "
            f"at {amount_text(execution.price)}, commission {amount_text(execution.commission)}, stage "
            f"{execution.stage.name.lower()}, leaves {amount_text(fact.leaves_quantity)}"
        )
    reason = getattr(fact, "reason", None)
    word = getattr(reason, "word", reason)
    return f"{fact.kind}: {word}" if word else fact.kind


def _bar_line(bar: Bar) -> str:
    prices = "  ".join(
        f"{name} {amount_text(getattr(bar, name))}" for name in ("open", "high", "low", "close", "volume")
    )
    return f"{bar.symbol} {to_iso(bar.start_ns)} to {to_iso(bar.end_ns)}: {prices}"


def _value_text(value: Any) -> str:
    if value is None:
        return "unknown"
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
