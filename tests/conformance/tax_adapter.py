"""Names of the conformance cases in `shared/tax` mapped to the tax engine; see check.py there."""

from datetime import date, time
from decimal import ROUND_HALF_UP, Decimal

from tapeline.domain.errors import TaxRefusal
from tapeline.tax import events
from tapeline.tax.accounts import Account, AccountKind, InstrumentKind, Method, Owner, Right, TaxInstrument
from tapeline.tax.engine import TaxEngine
from tapeline.tax.forms.boxes import BrokerForm
from tapeline.tax.forms.brokers import BrokerLine
from tapeline.tax.forms.rows import Sale, form_of, form_row
from tapeline.tax.forms.schedule_d import schedule_d
from tapeline.tax.gains import Term
from tapeline.tax.policies import Policies


def gains(case):
    """Return gain rows, open lots and the permanent total of a case, or the rule that refused it."""
    try:
        engine = TaxEngine(_accounts(case), _instruments(case), _policies(case))
        engine.apply([_trade(trade) for trade in case["trades"]] + [_action(a) for a in case["corporate_actions"]])
    except TaxRefusal as refusal:
        return {"error": refusal.rule}
    result = engine.result()
    return {
        "gains": [_gain(row) for row in result.rows],
        "open_lots": [_lot(lot) for lot in result.open_lots()],
        "permanently_disallowed": str(result.permanently_disallowed),
    }


def _accounts(case):
    known = dict(case.get("accounts", {}))
    for entry in [*case["trades"], *case["corporate_actions"]]:
        known.setdefault(entry.get("account", next(iter(known), "")), {})
    return [
        Account(
            name,
            AccountKind(account.get("type", "taxable")),
            Owner(account.get("owner", "taxpayer")),
            Method(account.get("method", case["method"])),
        )
        for name, account in known.items()
        if name
    ]


def _instruments(case):
    return [
        TaxInstrument(
            symbol,
            InstrumentKind(facts.get("type", "stock")),
            Decimal(facts.get("multiplier", "1")),
            Right(facts["right"]) if "right" in facts else None,
            facts.get("underlying"),
            _decimal(facts, "strike"),
            _day(facts, "expiry"),
        )
        for symbol, facts in case.get("instruments", {}).items()
    ]


def _policies(case):
    words = dict(case.get("policy", {}))
    if "identical_groups" in words:
        words["identical_groups"] = tuple(frozenset(group) for group in words["identical_groups"])
    return Policies(**words)


def _decimal(facts, name):
    return Decimal(facts[name]) if facts.get(name) is not None else None


def _day(facts, name):
    return date.fromisoformat(facts[name]) if facts.get(name) else None


def _choices(trade):
    return tuple(events.LotChoice(lot["id"], Decimal(lot["qty"])) for lot in trade.get("lots", ()))


def _trade(trade):
    words = {
        "execution_id": trade["id"],
        "account": trade["account"],
        "symbol": trade["symbol"],
        "quantity": Decimal(trade["qty"]),
        "price": Decimal(trade["price"]),
        "commission": Decimal(trade.get("commission", "0")),
        "trade_date": _day(trade, "trade_date"),
        "settlement_date": _day(trade, "settle_date"),
        "time_of_day": time.fromisoformat(trade["time"]) if trade.get("time") else None,
        "order_id": trade.get("order_id"),
    }
    side = trade["side"]
    if side == "BUY":
        acquisition = events.Acquisition(trade.get("acquisition", "purchase"))
        return events.Buy(**words, acquisition=acquisition, holding_start=_day(trade, "holding_start"))
    if side == "SHORT":
        return events.Short(**words)
    return (events.Sell if side == "SELL" else events.Cover)(**words, lots=_choices(trade))


def _action(action):
    words = {"event_id": action["id"], "day": _day(action, "date"), "at_close": action.get("when") == "close"}
    symbol = action["symbol"]
    cash = {account: Decimal(amount) for account, amount in action.get("cash_in_lieu", {}).items()}
    option = {**words, "at_close": True, "account": action.get("account"), "symbol": symbol}
    ratio = {"new": _decimal(action, "new"), "old": _decimal(action, "old")}
    kind = action["type"]
    if kind in ("split", "reverse_split", "stock_dividend"):
        return events.StockSplit(**words, symbol=symbol, **ratio, cash_in_lieu=cash)
    if kind == "spinoff":
        fraction = _decimal(action, "basis_fraction_new")
        return events.SpinOff(
            **words,
            symbol=symbol,
            new_symbol=action["new_symbol"],
            **ratio,
            basis_fraction_new=fraction,
            cash_in_lieu=cash,
        )
    if kind == "merger_stock":
        return events.StockMerger(
            **words,
            symbol=symbol,
            new_symbol=action["new_symbol"],
            **ratio,
            cash_per_share=_decimal(action, "cash_per_share") or Decimal(0),
            fair_value_new=_decimal(action, "fmv_new"),
            cash_in_lieu=cash,
        )
    if kind == "merger_cash":
        return events.CashMerger(**words, symbol=symbol, cash_per_share=_decimal(action, "cash_per_share"))
    if kind == "return_of_capital":
        return events.ReturnOfCapital(**words, symbol=symbol, per_share=_decimal(action, "per_share"))
    if kind == "symbol_change":
        return events.SymbolChange(**words, symbol=symbol, new_symbol=action["new_symbol"])
    if kind == "mark_to_market":
        return events.MarkToMarket(**words, symbol=symbol, price=_decimal(action, "price"))
    if kind == "worthless":
        return events.Worthless(**words, symbol=symbol)
    contracts = _decimal(action, "contracts")
    if kind == "option_expiration":
        position = events.OptionPosition(action.get("position", "long"))
        return events.OptionExpiration(**option, contracts=contracts, position=position)
    if kind == "option_exercise":
        return events.OptionExercise(**option, contracts=contracts)
    if kind == "option_assignment":
        return events.OptionAssignment(**option, contracts=contracts)
    raise NotImplementedError(f"Corporate action {kind!r} is not built.")


def _gain(row):
    return {
        "account": row.account,
        "symbol": row.symbol,
        "open_id": row.open_id,
        "close_id": row.close_id,
        "open_date": row.open_date.isoformat(),
        "holding_start": row.holding_start.isoformat(),
        "close_date": row.close_date.isoformat(),
        "qty": str(row.quantity),
        "proceeds": str(row.proceeds),
        "cost_basis": str(row.cost),
        "code": row.code,
        "adjustment": str(row.adjustment),
        "gain_loss": str(row.gain),
        "term": row.term.value,
        "tax_year": row.tax_year,
    }


def _lot(lot):
    return {
        "account": lot.account,
        "symbol": lot.symbol,
        "open_id": lot.open_id,
        "acquired": lot.acquired.isoformat(),
        "holding_start": lot.holding_start.isoformat(),
        "qty": str(lot.quantity),
        "cost_basis": str(lot.cost_basis),
        "proceeds": str(lot.proceeds),
        "deferred_loss": str(lot.deferred_loss),
    }


def forms(case):
    """Return the rows of Form 8949 and the lines of Schedule D of a case."""
    found, rows = [], []
    for entry in case["rows"]:
        own = _sale(entry)
        if form_of(own.term) != "8949":
            found.append({"form": form_of(own.term)})
            continue
        row = form_row(own, _line(entry["reported"]))
        rows.append(row)
        found.append(
            {
                "form": "8949",
                "part": row.box.part.value,
                "box": row.box.letter,
                "d": _dollars(row.proceeds_cents),
                "e": _dollars(row.basis_cents),
                "f": row.codes,
                "g": _dollars(row.adjustment_cents),
                "h": _dollars(row.gain_cents),
                "schedule_d_line": row.box.line,
                "exception_1": row.exception_line,
            }
        )
    schedule = schedule_d(rows, use_exception_1=case.get("use_exception_1", False))
    if case.get("rounding") == "dollars":
        lines = {
            line: {column: str(value) for column, value in row.items()} for line, row in schedule.in_dollars.items()
        }
    else:
        lines = {
            line: {column: _dollars(value) for column, value in totals.columns.items()}
            for line, totals in schedule.lines.items()
        }
    return {"rows": found, "schedule_d": lines}


def _sale(entry):
    own = entry["own"]
    return Sale(
        entry["description"],
        None,
        None,
        _cents(own["proceeds"]),
        _cents(own["cost_basis"]),
        _cents(own["disallowed"]),
        Term(own["term"]),
        entry["asset"] == "digital_asset",
    )


def _line(reported):
    if reported is None:
        return None
    return BrokerLine(
        BrokerForm(reported["form"]),
        _cents(reported["proceeds"]),
        None if reported["cost_basis"] is None else _cents(reported["cost_basis"]),
        reported["basis_reported_to_irs"],
        None if reported["term"] is None else Term(reported["term"]),
        _cents(reported["disallowed"]),
    )


def _cents(text):
    return int(Decimal(text).scaleb(2).to_integral_value(ROUND_HALF_UP))


def _dollars(whole_cents):
    return str(Decimal(whole_cents).scaleb(-2))
