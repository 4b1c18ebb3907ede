"""Books written as a table, and rows and lots read back as one.

    2025-01-06  buy   b1  100 XYZ @ 20
    2025-04-01  sell  s1  100 XYZ @ 15  commission=1
    2025-04-10  buy   b2   40 XYZ @ 16  account=second time=10:00

An execution says day, side, id, quantity, symbol and price; what follows is optional: account, commission, fees, time,
order, settles, how (of an acquisition), from (its holding start), lots (b1:50,b2:10), identified (on a day).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time
from decimal import Decimal
from typing import Any

from tapeline.tax.accounts import Account, AccountKind, TaxInstrument
from tapeline.tax.engine import TaxEngine
from tapeline.tax.events import Acquisition, Action, Buy, Cover, Event, LotChoice, Sell, Short
from tapeline.tax.policies import Policies
from tapeline.tax.result import OpenLot, TaxResult

ACCOUNTS = (
    Account("main"),
    Account("second"),
    Account("roth", AccountKind.RETIREMENT),
    Account("trader", AccountKind.MARK_TO_MARKET),
)


def executions(table: str) -> list[Event]:
    """Return the executions of a table."""
    return [_execution(line.split()) for line in table.strip().splitlines() if line.strip()]


def _execution(words: list[str]) -> Event:
    day, side, execution_id, quantity, symbol, _, price, *options = words
    facts = dict(option.split("=", 1) for option in options)
    fields: dict[str, Any] = {
        "execution_id": execution_id,
        "account": facts.pop("account", "main"),
        "symbol": symbol,
        "quantity": Decimal(quantity),
        "price": Decimal(price),
        "trade_date": date.fromisoformat(day),
        "commission": Decimal(facts.pop("commission", "0")),
        "fees": Decimal(facts.pop("fees", "0")),
        "order_id": facts.pop("order", None),
    }
    if "time" in facts:
        fields["time_of_day"] = time.fromisoformat(facts.pop("time"))
    if "settles" in facts:
        fields["settlement_date"] = date.fromisoformat(facts.pop("settles"))
    if "how" in facts:
        fields["acquisition"] = Acquisition(facts.pop("how"))
    if "from" in facts:
        fields["holding_start"] = date.fromisoformat(facts.pop("from"))
    if "identified" in facts:
        fields["identified_on"] = date.fromisoformat(facts.pop("identified"))
    if "lots" in facts:
        named = (choice.split(":") for choice in facts.pop("lots").split(","))
        fields["lots"] = tuple(LotChoice(name, Decimal(count)) for name, count in named)
    assert not facts, f"the table has unknown words: {facts}"
    return {"buy": Buy, "sell": Sell, "short": Short, "cover": Cover}[side](**fields)


def taxed(
    table: str,
    *actions: Action,
    accounts: Iterable[Account] = ACCOUNTS,
    instruments: Iterable[TaxInstrument] = (),
    **policies: Any,
) -> TaxResult:
    """Return the result of a table and further events."""
    engine = TaxEngine(accounts, instruments, Policies(**policies))
    engine.apply([*executions(table), *actions])
    return engine.result()


def rows(result: TaxResult) -> str:
    """Return the gain rows: disposition, lot, quantity, proceeds, cost, adjustment, gain, term."""
    return "\n".join(
        f"{row.close_id} {row.open_id} {row.quantity} {row.proceeds} - {row.cost} + {row.adjustment} = {row.gain} "
        f"{row.term.value}"
        for row in result.rows
    )


def lots(result: TaxResult) -> str:
    """Return what is open: lot, symbol, quantity, basis (or proceeds less deferred loss), acquired, holding start."""
    return "\n".join(_lot(lot) for lot in result.open_lots())


def _lot(lot: OpenLot) -> str:
    amount = f"short {lot.quantity} {lot.proceeds} - {lot.deferred_loss}"
    if not lot.is_short:
        amount = f"{lot.quantity} {lot.cost_basis}"
    start = f" from {lot.holding_start}" if lot.holding_start != lot.acquired else ""
    return f"{lot.open_id} {lot.symbol} {amount} {lot.acquired}{start}"


def lines(text: str) -> str:
    """Return a table with single spaces, to compare with `rows` and `lots`."""
    return "\n".join(" ".join(line.split()) for line in text.strip().splitlines())


def rules(result: TaxResult) -> list[str]:
    """Return the names of the rules that were flagged."""
    return [flag.rule for flag in result.flags]
