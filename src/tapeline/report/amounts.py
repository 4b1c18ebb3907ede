"""Numbers as people read them, on a page and in a terminal: amounts, shares, counts; unknown is a dash."""

from __future__ import annotations

CURRENCY = "USD"


def money(value: float) -> str:
    """Return an amount with thousands and cents; unknown as a dash."""
    return "–" if value != value else f"{value:,.2f}"


def signed(value: float) -> str:
    """Return an amount with its sign; nothing has none."""
    return "–" if value != value else f"{value:+,.2f}" if abs(value) >= 0.005 else "0.00"


def percent(value: float, digits: int = 2) -> str:
    """Return a fraction as a percentage."""
    return "–" if value != value else f"{value * 100:.{digits}f} %"


def number(value: float, digits: int = 2) -> str:
    """Return a plain number; unknown as a dash."""
    return "–" if value != value else f"{value:,.{digits}f}"


def plural(count: int, singular: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {singular}" if count == 1 else f"{count:,} {singular}s"
