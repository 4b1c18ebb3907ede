"""Random formulas for property tests: every kind of node, several frames, nested a few levels deep."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from formula.library_examples import EXAMPLES, parts_of
from tapeline.formula import (
    Node,
    bars,
    maximum,
    minimum,
    rolling_argmax,
    rolling_argmin,
    session,
    sign,
    sqrt,
    where,
)
from tapeline.formula.library_trend import any_between

FRAMES = ("", "10min", "15min", "1h", "1d", "2d")
COMPARISONS: tuple[Callable[[Node, Node], Node], ...] = (
    lambda a, b: a > b,
    lambda a, b: a >= b,
    lambda a, b: a < b,
    lambda a, b: a <= b,
    lambda a, b: a == b,
    lambda a, b: a != b,
    lambda a, b: a.crossed_above(b),
    lambda a, b: a.crossed_below(b),
)

FIELDS = ("open", "high", "low", "close", "volume", "completeness")
CLOCKS = (session.minutes_since_open, session.minutes_to_close, session.month)
CROSS_SECTIONS: tuple[Callable[[Node], Node], ...] = (
    lambda x: x.rank(),
    lambda x: x.zscore(),
    lambda x: x.zscore(flat="zero"),
    lambda x: x.demean(),
    lambda x: x.demean(by="sector"),
)


frames = st.sampled_from(FRAMES).map(bars)


@st.composite
def numbers(draw: DrawFn, exact: bool = False) -> Node:
    """Draw a number; exact ones use only what the reference computes without rounding differences."""
    return _number(draw, draw(st.integers(1, 3)), exact)


@st.composite
def conditions(draw: DrawFn, exact: bool = False) -> Node:
    """Draw a condition."""
    return _condition(draw, draw(st.integers(1, 3)), exact)


def _number(draw: DrawFn, depth: int, exact: bool) -> Node:
    if depth == 0:
        return getattr(draw(frames), draw(st.sampled_from(FIELDS)))  # type: ignore[no-any-return]
    x, length = _number(draw, depth - 1, exact), draw(st.integers(1, 5))
    kinds = ("pair", "back", "rank", "on", "latest", "clock", "choice", "count", "since")
    kind = draw(st.sampled_from(kinds if exact else (*kinds, *["indicator"] * 4, "across")))
    if kind == "indicator":
        parts = parts_of(draw(st.sampled_from(sorted(EXAMPLES))), draw(frames), x, length)
        return parts[draw(st.sampled_from(sorted(parts)))]
    if kind == "across":
        return draw(st.sampled_from(CROSS_SECTIONS))(x)
    if kind == "pair":
        return draw(st.sampled_from(PAIRS))(x, _number(draw, depth - 1, exact))
    if kind == "back":
        return draw(st.sampled_from(LOOKS_BACK))(x, length)
    if kind == "on":
        return x.on(draw(frames))
    if kind == "latest":
        return maximum(x.latest(), _number(draw, 0, exact))
    if kind == "clock":
        return x + draw(st.sampled_from(CLOCKS))
    if kind == "rank":
        return x.rank()
    condition = _condition(draw, depth - 1, exact)
    if kind == "choice":
        return where(condition, x, _number(draw, depth - 1, exact))
    return condition.count(length) if kind == "count" else condition.bars_since()


def _condition(draw: DrawFn, depth: int, exact: bool) -> Node:
    if depth == 0:
        x = _number(draw, 0, exact)
        if draw(st.integers(0, 4)) == 0:
            return (x > 20) | (draw(st.sampled_from(CLOCKS)) < 30)
        return draw(st.sampled_from(COMPARISONS))(x, draw(st.sampled_from((x.lag(1), _number(draw, 0, exact)))))
    kind = draw(st.sampled_from(("compare", "and", "or", "not", "window", "known", "latest", "between")))
    if kind == "compare":
        left, right = _number(draw, depth - 1, exact), _number(draw, depth - 1, exact)
        return draw(st.sampled_from(COMPARISONS))(left, right)
    if kind in ("known", "between"):
        x = _number(draw, depth - 1, exact)
        if kind == "known":
            return x.known()
        return any_between(x.lag(draw(st.integers(1, 3))), x, _number(draw, depth - 1, exact), draw(st.integers(1, 5)))
    inner = _condition(draw, depth - 1, exact)
    if kind == "latest":
        return inner.latest() & _condition(draw, 0, exact)
    if kind == "not":
        return ~inner
    if kind == "window":
        return draw(st.sampled_from(WINDOWS))(inner, draw(st.integers(1, 5)))
    other = _condition(draw, depth - 1, exact)
    return inner & other if kind == "and" else inner | other


PAIRS: tuple[Callable[[Node, Node], Node], ...] = (
    lambda a, b: a + b,
    lambda a, b: a - b * 0.5,
    lambda a, b: a / b,
    minimum,
    maximum,
    lambda a, b: abs(-a) - b,
    lambda a, b: sqrt(abs(a)) + sign(a - b),
)
LOOKS_BACK: tuple[Callable[[Node, int], Node], ...] = (
    lambda x, n: x.lag(n),
    lambda x, n: x.highest(n),
    lambda x, n: x.lowest(n),
    rolling_argmin,
    rolling_argmax,
)
WINDOWS: tuple[Callable[[Node, int], Node], ...] = (
    lambda c, n: c.any(n),
    lambda c, n: c.all(n),
    lambda c, n: c.lag(n),
)
