"""What every strategy has made, and what came into each account and left it, kept so that nothing has to be added up.

    profit of a strategy = what it was paid for sales and as income, less purchases and costs, plus what it holds
    profit of an account = equity - (inflow - outflow) = sum over its strategies, exactly

What belongs to the account as a whole, interest for one, stands beside its strategies under WHOLE. Deposits are
inflow, withdrawals outflow; shares that come from another broker or go there count at their cost. Each session close
keeps the sums as they stood: a correction that comes later changes those of its own day, not of the past.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from tapeline.domain.errors import InvariantError
from tapeline.domain.position import ZERO, Position

WHOLE = ""
"""The strategy of what belongs to no strategy."""


@dataclass(frozen=True, slots=True)
class Close:
    """An account at a session close, or now.

    inflow, outflow : since the beginning, both unsigned
    profits : by strategy, since the beginning
    """

    time_ns: int
    equity: Decimal
    inflow: Decimal
    outflow: Decimal
    profits: Mapping[str, Decimal]


class Profits:
    """Sums by account and strategy. All methods are called within the arithmetic of the books.

    paid : by account and strategy, money got less money given, what flowed in or out aside
    began_ns : when the first money came into an account
    closes : by account, oldest first
    """

    def __init__(self) -> None:
        self.paid: dict[str, dict[str, Decimal]] = {}
        self.inflow: dict[str, Decimal] = {}
        self.outflow: dict[str, Decimal] = {}
        self.began_ns: dict[str, int] = {}
        self.closes: dict[str, list[Close]] = {}

    def booked(self, account: str, strategy: str, amount: Decimal) -> None:
        """Take in money that a strategy got, or gave if below zero."""
        of = self.paid.get(account)
        if of is None:
            of = self.paid[account] = {}
        of[strategy] = of.get(strategy, ZERO) + amount

    def flowed(self, account: str, amount: Decimal, time_ns: int) -> None:
        """Take in what came into an account, or left it if below zero."""
        self.began_ns.setdefault(account, time_ns)
        sums = self.inflow if amount > 0 else self.outflow
        sums[account] = sums.get(account, ZERO) + abs(amount)

    def transferred(self, account: str, strategy: str, cost: Decimal, time_ns: int) -> None:
        """Take in shares that came with a cost from another broker, or went there if below zero."""
        self.booked(account, strategy, -cost)
        self.flowed(account, cost, time_ns)

    def now(self, account: str, cash: Decimal, values: Mapping[str, Decimal], time_ns: int) -> Close:
        """Return the account as it stands; `values` are the market values of what its strategies hold."""
        paid = self.paid.get(account, {})
        profits = {name: paid.get(name, ZERO) + values.get(name, ZERO) for name in sorted({*paid, *values})}
        equity = sum(values.values(), cash)
        return Close(time_ns, equity, self.inflow.get(account, ZERO), self.outflow.get(account, ZERO), profits)

    def closed(
        self,
        time_ns: int,
        cash: Mapping[str, Decimal],
        positions: Iterable[Position],
        marks: Mapping[str, Decimal],
    ) -> None:
        """Keep every account as it stands at a session close."""
        values = values_of(positions, marks)
        for account, amount in cash.items():
            close = self.now(account, amount, values.get(account, {}), time_ns)
            self.closes.setdefault(account, []).append(close)


def values_of(positions: Iterable[Position], marks: Mapping[str, Decimal]) -> dict[str, dict[str, Decimal]]:
    """Return the market value of what is held by account and strategy. Raises InvariantError without a mark."""
    found: dict[str, dict[str, Decimal]] = {}
    for position in positions:
        if position.quantity:
            mark = marks.get(position.symbol)
            if mark is None:
                raise InvariantError(f"{position.symbol} is held but has no mark; equity cannot be computed.")
            of = found.setdefault(position.account, {})
            of[position.strategy] = of.get(position.strategy, ZERO) + position.quantity * mark
    return found
