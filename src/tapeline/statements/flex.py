"""Interactive Brokers' Flex statements: an Activity Flex Query as XML.

    FlexQueryResponse / FlexStatements / FlexStatement accountId fromDate toDate
        Trades             Trade (executions), Lot (closed lots), WashSale
        CashTransactions   dividends, interest, withholding, fees, deposits
        CorporateActions, OptionEAE, Transfers, OpenPositions, CashReport

Executions stand in Trades beside sums by order, symbol and asset class, which are passed over. A trade that was
canceled is a row TradeCancel that names the trade; the broker may book it again under the same ids. What a section is
for is said in `_PASSED_OVER`; an element that nobody knows becomes a remark. Amounts are in USD; rows in another
currency become remarks, because what a dollar was then is not in the file. Field facts: Flex reference pages, read
2026-11.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from tapeline.domain.adopted import EXTERNAL, Grounds, HoldingCause, Origin
from tapeline.domain.cash import CashCause
from tapeline.domain.errors import DataError, InputError, UnknownNameError
from tapeline.domain.execution import Execution
from tapeline.domain.option_symbol import option_terms
from tapeline.domain.words import Side
from tapeline.ledger.adopted_facts import CashAdopted, ExecutionAdopted, HoldingChanged
from tapeline.statements.flex_actions import FlexActions
from tapeline.statements.flex_rows import FlexRow, known_element, read_rows
from tapeline.statements.model import (
    NEW_YORK,
    ClosedLot,
    EndCash,
    EndPosition,
    Keys,
    Stated,
    StatedBust,
    StatedExecution,
    Statement,
    WashFigure,
    day_ns,
    unique,
)

CURRENCY = "USD"
_KINDS = (
    "", "ExchTrade", "TradeCancel", "FracShare", "FracShareCancel", "TradeCorrect", "BookTrade", "DvpTrade",
)  # fmt: skip
_ASSETS = ("STK", "OPT", "FUND", "")

_CASH = {
    "Deposits & Withdrawals": CashCause.DEPOSIT,
    "Deposits/Withdrawals": CashCause.DEPOSIT,
    "Broker Interest Paid": CashCause.INTEREST,
    "Broker Interest Received": CashCause.INTEREST,
    "Bond Interest Paid": CashCause.INTEREST,
    "Bond Interest Received": CashCause.INTEREST,
    "Withholding Tax": CashCause.TAX_WITHHELD,
    "Other Fees": CashCause.FEE,
    "Advisor Fees": CashCause.FEE,
    "Commission Adjustments": CashCause.FEE,
    "Dividends": CashCause.DIVIDEND,
    "Payment In Lieu Of Dividends": CashCause.PAYMENT_IN_LIEU,
}

_PASSED_OVER = {
    "Order": "a sum of executions", "SymbolSummary": "a sum of executions", "AssetSummary": "a sum of executions",
    "TransferLot": "a part of a Transfer", "SecurityInfo": "names of instruments",
    "AccountInformation": "the owner", "ConversionRate": "rates of exchange",
}  # fmt: skip
_FRAMES = ("FlexQueryResponse", "FlexStatements")


def read_flex(path: Path, zone: str = NEW_YORK) -> Statement:
    """Return what a Flex file says.

    zone : of its times, which Flex does not tell; Interactive Brokers writes New York's unless set otherwise
    Raises UnknownNameError for a file that is not there, DataError, naming line and element, for one that cannot be
    used as it is.
    """
    if not path.is_file():
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UnknownNameError("file", path.name, beside, where=f"folder {path.parent.resolve()}")
    reader = _FlexReader(path, ZoneInfo(zone))
    read_rows(path, ZoneInfo(zone), reader.take)
    return reader.finish()


class _FlexReader:
    def __init__(self, path: Path, zone: ZoneInfo) -> None:
        self.path, self.zone = path, zone
        self.statement = Statement("flex")
        self.keys = Keys()
        self.account = ""
        self.actions = FlexActions(self.statement, self.keys, zone)
        self._canceled: dict[str, StatedBust] = {}
        self._trade_ids: dict[str, str] = {}
        self._unknown: set[tuple[str, str]] = set()
        self._checked: set[tuple[str, tuple[str, ...]]] = set()
        self._readers: dict[str, Callable[[FlexRow], None]] = {
            "FlexStatement": self._statement,
            "Trade": self._trade,
            "Lot": self._lot,
            "WashSale": self._wash_sale,
            "CashTransaction": self._cash,
            "CorporateAction": self.actions.corporate,
            "OptionEAE": self.actions.option,
            "Transfer": self.actions.transfer,
            "OpenPosition": self._position,
            "CashReportCurrency": self._balance,
        }

    def take(self, row: FlexRow, inside: tuple[str, ...]) -> None:
        if not inside and row.tag != "FlexQueryResponse":
            raise DataError(
                f"{row.where}: the outermost element is {row.tag}, not FlexQueryResponse. This is no Flex statement; "
                "fetch an Activity Flex Query as XML."
            )
        if row.tag in _FRAMES or not row.attributes:
            return
        reader = self._readers.get(row.tag)
        if reader is None:
            if row.tag not in _PASSED_OVER:
                self._remark_once(row, "", f"element {row.tag} is not read; what it means for the books is not known.")
            return
        if self.account or row.tag == "FlexStatement":
            self._check_attributes(row)
        if row.tag != "FlexStatement" and not self._is_taken(row):
            return
        try:
            reader(row)
        except DataError:
            raise
        except InputError as exc:
            raise row.fault(str(exc)) from exc

    def finish(self) -> Statement:
        """Return the statement when every row was taken."""
        statement = self.statement
        if statement.first is None:
            raise DataError(f"{self.path} has no FlexStatement. Fetch an Activity Flex Query as XML.")
        self.actions.finish()
        statement.source = "flex " + ", ".join(statement.accounts or [self.account])
        return unique(statement)

    def _statement(self, row: FlexRow) -> None:
        self.account = self.actions.account = row.needed("accountId")
        self.statement.covers(row.day("fromDate"), row.day("toDate"))

    def _is_taken(self, row: FlexRow) -> bool:
        asset, currency = row.text("assetCategory"), row.text("currency")
        if row.tag != "CashReportCurrency" and currency not in ("", CURRENCY):
            self.statement.remark(row.where, f"{row.tag} in {currency} was not taken; book it in {CURRENCY} by hand.")
            return False
        if asset not in _ASSETS:
            sentence = f"{row.tag} of {asset} {row.text('symbol')} was not taken; shares, funds and options are."
            self.statement.remark(row.where, sentence)
            return False
        return True

    def _trade(self, row: FlexRow) -> None:
        level = row.text("levelOfDetail")
        if level == "CLOSED_LOT":
            self._lot(row)
        elif level in ("", "EXECUTION"):
            self._execution(row)

    def _execution(self, row: FlexRow) -> None:
        if row.text("transactionType") not in _KINDS:
            raise row.fault(str(UnknownNameError("transactionType", row.text("transactionType"), _KINDS[1:])))
        quantity = row.needed_amount("quantity")
        symbol = symbol_of(row)
        trade_id = row.text("tradeID")
        time_ns, has_clock = row.moment("dateTime", "tradeDate")
        account = row.text("accountId") or self.account
        if row.text("transactionType") in ("TradeCancel", "FracShareCancel") or "Ca" in row.notes:
            self._cancel(row, account, time_ns)
            return
        if option_terms(symbol) and row.text("transactionType") == "BookTrade" and row.notes & {"A", "Ex", "Ep"}:
            self.actions.option_from_trade(row)
            return
        key = row.text("ibExecID") or row.text("transactionID") or trade_id
        if not key:
            raise row.fault("it has neither ibExecID, transactionID nor tradeID. Add one to the Flex query.")
        corrects = None
        earlier = self._trade_ids.get(trade_id) if trade_id else None
        again = self._canceled.pop(trade_id, None) if trade_id else None
        if again is not None or (earlier is not None and row.text("transactionType") == "TradeCorrect"):
            # Booked again: under ids of the first, which may stand in an earlier file and stay with the first.
            corrects = earlier or key
            key = key if key != corrects else f"{key}/{row.needed('transactionID')}"
            self.statement.busts = [bust for bust in self.statement.busts if bust is not again]
        elif row.text("transactionType") == "TradeCorrect":
            corrects = row.text("origTransactionID") or row.text("origTradeID") or None
        if trade_id:
            self._trade_ids[trade_id] = key
        if row.has("transactionID"):
            self._trade_ids.setdefault(row.text("transactionID"), key)
        cost = -(row.amount("ibCommission") + row.amount("taxes"))
        if row.amount("ibCommission") and row.text("ibCommissionCurrency") not in ("", CURRENCY):
            raise row.fault(f"its commission is in {row.text('ibCommissionCurrency')}; convert it to {CURRENCY}.")
        execution = Execution(
            key,
            row.text("ibOrderID") or key,
            EXTERNAL,
            symbol,
            Side.BUY if quantity > 0 else Side.SELL,
            abs(quantity),
            row.needed_amount("tradePrice"),
            cost,
            time_ns,
            account=account,
        )
        fact = ExecutionAdopted(execution, Grounds(f"flex {account}"), multiplier_of(row), _origin(row))
        self.statement.executions.append(StatedExecution(fact, row.where, corrects, has_clock))
        traded = row.maybe_day("tradeDate")
        if traded is not None and has_clock and traded != row.day("dateTime"):
            self.statement.remark(
                row.where,
                f"its trade date {traded} is not the date of its time {row.text('dateTime')}; the time was taken.",
            )

    def _cancel(self, row: FlexRow, account: str, time_ns: int) -> None:
        named = row.text("origTradeID") or row.text("origTransactionID")
        if not named:
            raise row.fault("it cancels a trade and does not name it. Add origTradeID to the Flex query.")
        quantity, busted = row.needed_amount("quantity"), self._trade_ids.get(named, named)
        like = Execution(
            busted, row.text("ibOrderID") or busted, EXTERNAL, symbol_of(row), Side.SELL if quantity > 0 else Side.BUY,
            abs(quantity), row.needed_amount("tradePrice"), Decimal(0), time_ns, account=account,
        )  # fmt: skip
        self._canceled[named] = StatedBust(busted, account, time_ns, row.where, like)
        self.statement.busts.append(self._canceled[named])

    def _lot(self, row: FlexRow) -> None:
        quantity = row.needed_amount("quantity")
        self.statement.lots.append(
            ClosedLot(
                row.text("accountId") or self.account,
                symbol_of(row),
                abs(quantity),
                row.maybe_day("openDateTime"),
                row.day("tradeDate", "dateTime"),
                abs(row.needed_amount("cost")),
                row.needed_amount("fifoPnlRealized"),
                row.where,
            )
        )

    def _wash_sale(self, row: FlexRow) -> None:
        amount = abs(row.needed_amount("fifoPnlRealized"))
        account = row.text("accountId") or self.account
        day = row.day("tradeDate", "dateTime", "whenRealized")
        self.statement.wash_figures.append(WashFigure(account, symbol_of(row), day, amount, row.where))

    def _cash(self, row: FlexRow) -> None:
        if row.text("levelOfDetail") == "SUMMARY":
            return
        amount, kind = row.needed_amount("amount"), row.needed("type")
        cause = _CASH.get(kind)
        if cause is None:
            raise row.fault(str(UnknownNameError("type of cash transaction", kind, _CASH)))
        if cause is CashCause.DEPOSIT and amount < 0:
            cause = CashCause.WITHDRAWAL
        account, day = row.text("accountId") or self.account, row.day("settleDate", "dateTime", "reportDate")
        symbol = symbol_of(row) if row.has("symbol") else None
        key = row.text("transactionID") or self.keys.name("flex", account, day, kind, symbol or "", amount)
        time_ns, grounds = day_ns(day, self.zone), Grounds(f"flex {account}")
        text = row.text("description")
        if cause is CashCause.DIVIDEND and symbol and "return of capital" in text.lower():
            change = HoldingChanged(
                time_ns, key, HoldingCause.RETURN_OF_CAPITAL, symbol, Decimal(0), grounds,
                cash=amount, text=text, account=account,
            )  # fmt: skip
            self.statement.changes.append(Stated(change, row.where))
            return
        fact = CashAdopted(time_ns, key, cause, amount, grounds, symbol, text, account)
        self.statement.cash.append(Stated(fact, row.where))

    def _position(self, row: FlexRow) -> None:
        if row.text("levelOfDetail") in ("", "SUMMARY"):
            day = row.maybe_day("reportDate") or self.statement.last
            assert day is not None
            basis = row.amount("costBasisMoney") if row.has("costBasisMoney") else None
            account = row.text("accountId") or self.account
            held = EndPosition(account, symbol_of(row), row.needed_amount("position"), day, row.where, basis)
            self.statement.positions.append(held)

    def _balance(self, row: FlexRow) -> None:
        if row.text("currency") == CURRENCY and row.has("endingCash"):
            day = row.maybe_day("toDate") or self.statement.last
            assert day is not None
            account = row.text("accountId") or self.account
            self.statement.balances.append(EndCash(account, row.amount("endingCash"), day, row.where))

    def _check_attributes(self, row: FlexRow) -> None:
        names = row.tag, tuple(row.attributes)
        if names in self._checked:
            return
        self._checked.add(names)
        known = known_element(row.tag).__annotations__
        for name in row.attributes:
            if name not in known:
                self._remark_once(row, name, f"attribute {name} of {row.tag} is not known and was not read.")

    def _remark_once(self, row: FlexRow, name: str, sentence: str) -> None:
        if (row.tag, name) not in self._unknown:
            self._unknown.add((row.tag, name))
            self.statement.remark(row.where, sentence)


def symbol_of(row: FlexRow) -> str:
    """Return a symbol in our form: options without blanks, as their terms say."""
    symbol = row.needed("symbol")
    terms = option_terms(symbol)
    return terms.symbol if terms is not None else symbol


def multiplier_of(row: FlexRow) -> Decimal:
    """Return the shares of a contract, 1 for shares."""
    return row.amount("multiplier") or Decimal(1)


def _origin(row: FlexRow) -> Origin:
    if row.text("transactionType") == "BookTrade" and row.notes & {"Ex", "AEx", "MEx"}:
        return Origin.EXERCISE
    if row.text("transactionType") == "BookTrade" and "A" in row.notes:
        return Origin.ASSIGNMENT
    if "R" in row.notes:
        return Origin.REINVESTMENT
    opens_short = row.text("buySell").startswith("SELL") and "O" in row.text("openCloseIndicator").split(";")
    return Origin.SHORT_SALE if opens_short else Origin.TRADE
