"""A small Flex statement of an invented account: a year of everything that a reader must know."""

from __future__ import annotations

from pathlib import Path

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<FlexQueryResponse queryName="books" type="AF">
<FlexStatements count="1">
<FlexStatement accountId="U7000001" fromDate="2025-01-01" toDate="2025-12-31" period="LastYear"
 whenGenerated="2026-01-02;041500">
"""
FOOT = "</FlexStatement>\n</FlexStatements>\n</FlexQueryResponse>\n"

TRADES = """<Trades>
<Trade accountId="U7000001" currency="USD" assetCategory="STK" symbol="QXR" tradeID="9001" tradeDate="2025-01-06"
 dateTime="2025-01-06;103100" transactionType="ExchTrade" quantity="100" tradePrice="20.00" taxes="0"
 ibCommission="-1.05" ibCommissionCurrency="USD" openCloseIndicator="O" notes="P" buySell="BUY" ibOrderID="5001"
 transactionID="70001" ibExecID="0000aaaa.65900001.01.01" levelOfDetail="EXECUTION"/>
<Order accountId="U7000001" symbol="QXR" quantity="100" levelOfDetail="ORDER"/>
<SymbolSummary accountId="U7000001" symbol="QXR" quantity="0" levelOfDetail="SYMBOL_SUMMARY"/>
<Trade accountId="U7000001" currency="USD" assetCategory="STK" symbol="QXR" tradeID="9002" tradeDate="2025-03-10"
 dateTime="2025-03-10;153000" transactionType="ExchTrade" quantity="-100" tradePrice="15.00" taxes="-0.04"
 ibCommission="-1.00" ibCommissionCurrency="USD" openCloseIndicator="C" notes="" buySell="SELL" ibOrderID="5002"
 transactionID="70002" ibExecID="0000aaaa.65900002.01.01" levelOfDetail="EXECUTION"/>
<Lot accountId="U7000001" currency="USD" assetCategory="STK" symbol="QXR" quantity="100" tradeDate="2025-03-10"
 openDateTime="2025-01-06;103100" cost="2001.05" fifoPnlRealized="-502.09" buySell="SELL" levelOfDetail="CLOSED_LOT"
 notes="ST"/>
<WashSale accountId="U7000001" currency="USD" assetCategory="STK" symbol="QXR" tradeDate="2025-03-10" quantity="40"
 fifoPnlRealized="200.84" levelOfDetail="WASH_SALE" notes="LD"/>
<Trade accountId="U7000001" currency="USD" assetCategory="STK" symbol="QXR" tradeID="9003" tradeDate="2025-03-20"
 dateTime="2025-03-20;110000" transactionType="ExchTrade" quantity="40" tradePrice="16.00" taxes="0"
 ibCommission="-1.00" ibCommissionCurrency="USD" openCloseIndicator="O" notes="" buySell="BUY" ibOrderID="5003"
 transactionID="70003" ibExecID="0000aaaa.65900003.01.01" levelOfDetail="EXECUTION"/>
<Trade accountId="U7000001" currency="USD" assetCategory="STK" symbol="QXR" tradeID="9004" tradeDate="2025-03-21"
 dateTime="2025-03-21;110000" transactionType="ExchTrade" quantity="10" tradePrice="17.00" taxes="0"
 ibCommission="-1.00" ibCommissionCurrency="USD" openCloseIndicator="O" notes="" buySell="BUY" ibOrderID="5004"
 transactionID="70004" ibExecID="0000aaaa.65900004.01.01" levelOfDetail="EXECUTION"/>
<Trade accountId="U7000001" currency="USD" assetCategory="STK" symbol="QXR" tradeID="" tradeDate="2025-03-21"
 dateTime="2025-03-21;110000" transactionType="TradeCancel" quantity="-10" tradePrice="17.00" ibCommission="1.00"
 notes="Ca" buySell="BUY (Ca.)" ibOrderID="5004" transactionID="70005" ibExecID="" origTradeID="9004"
 levelOfDetail="EXECUTION"/>
<Trade accountId="U7000001" currency="USD" assetCategory="STK" symbol="QXR" tradeID="9005" tradeDate="2025-03-24"
 dateTime="2025-03-24;100000" transactionType="ExchTrade" quantity="20" tradePrice="17.50" ibCommission="-1.00"
 buySell="BUY" ibOrderID="5005" transactionID="70006" ibExecID="0000aaaa.65900005.01.01" levelOfDetail="EXECUTION"/>
<Trade accountId="U7000001" currency="USD" assetCategory="STK" symbol="QXR" tradeID="" tradeDate="2025-03-24"
 dateTime="2025-03-24;100000" transactionType="TradeCancel" quantity="-20" tradePrice="17.50" ibCommission="1.00"
 notes="Ca" buySell="BUY (Ca.)" transactionID="70007" origTradeID="9005" levelOfDetail="EXECUTION"/>
<Trade accountId="U7000001" currency="USD" assetCategory="STK" symbol="QXR" tradeID="9005" tradeDate="2025-03-24"
 dateTime="2025-03-24;100000" transactionType="ExchTrade" quantity="20" tradePrice="17.40" ibCommission="-1.00"
 buySell="BUY" ibOrderID="5005" transactionID="70008" ibExecID="0000aaaa.65900005.01.01" levelOfDetail="EXECUTION"/>
<Trade accountId="U7000001" currency="USD" assetCategory="OPT" symbol="QXR   250620P00015000" multiplier="100"
 strike="15" expiry="2025-06-20" putCall="P" tradeID="9006" tradeDate="2025-05-05" dateTime="2025-05-05;120000"
 transactionType="ExchTrade" quantity="-1" tradePrice="0.80" ibCommission="-0.70" buySell="SELL" ibOrderID="5006"
 transactionID="70009" ibExecID="0000aaaa.65900006.01.01" levelOfDetail="EXECUTION"/>
<Trade accountId="U7000001" currency="USD" assetCategory="OPT" symbol="QXR   250620P00015000" multiplier="100"
 strike="15" expiry="2025-06-20" putCall="P" tradeID="9007" tradeDate="2025-06-20" dateTime="2025-06-20;162000"
 transactionType="BookTrade" quantity="1" tradePrice="0" ibCommission="0" notes="A" buySell="BUY" ibOrderID=""
 transactionID="70010" ibExecID="" levelOfDetail="EXECUTION"/>
<Trade accountId="U7000001" currency="USD" assetCategory="STK" symbol="QXR" tradeID="9008" tradeDate="2025-06-20"
 dateTime="2025-06-20;162000" transactionType="BookTrade" quantity="100" tradePrice="15" ibCommission="0" notes="A"
 buySell="BUY" ibOrderID="" transactionID="70011" ibExecID="" levelOfDetail="EXECUTION"/>
<Trade accountId="U7000001" currency="EUR" assetCategory="STK" symbol="EUX" tradeID="9009" tradeDate="2025-07-01"
 dateTime="2025-07-01;040000" quantity="5" tradePrice="10" levelOfDetail="EXECUTION" transactionID="70012"/>
<Trade accountId="U7000001" currency="USD" assetCategory="CASH" symbol="EUR.USD" tradeID="9010"
 tradeDate="2025-07-01" dateTime="2025-07-01;040000" quantity="50" tradePrice="1.10" levelOfDetail="EXECUTION"
 transactionID="70013" moonPhase="full"/>
</Trades>
"""

OTHERS = """<CashTransactions>
<CashTransaction accountId="U7000001" currency="USD" type="Deposits &amp; Withdrawals" amount="10000"
 dateTime="2025-01-02" transactionID="80001" levelOfDetail="DETAIL"/>
<CashTransaction accountId="U7000001" currency="USD" symbol="QXR" type="Dividends" amount="12.50"
 description="QXR CASH DIVIDEND USD 0.125 PER SHARE" dateTime="2025-02-14;202000" settleDate="2025-02-14"
 transactionID="80002" levelOfDetail="DETAIL"/>
<CashTransaction accountId="U7000001" currency="USD" symbol="QXR" type="Withholding Tax" amount="-1.88"
 dateTime="2025-02-14;202000" settleDate="2025-02-14" transactionID="80003" levelOfDetail="DETAIL"/>
<CashTransaction accountId="U7000001" currency="USD" symbol="QXR" type="Dividends" amount="3.00"
 description="QXR (Return of Capital)" settleDate="2025-04-15" transactionID="80004" levelOfDetail="DETAIL"/>
<CashTransaction accountId="U7000001" currency="USD" type="Broker Interest Received" amount="2.22"
 dateTime="2025-05-05" levelOfDetail="DETAIL"/>
<CashTransaction accountId="U7000001" currency="USD" type="Broker Interest Received" amount="2.22"
 dateTime="2025-05-05" levelOfDetail="DETAIL"/>
<CashTransaction accountId="U7000001" currency="USD" type="Other Fees" amount="-4.50" dateTime="2025-05-06"
 transactionID="80005" levelOfDetail="DETAIL"/>
</CashTransactions>
<OptionEAE>
<OptionEAE accountId="U7000001" currency="USD" assetCategory="OPT" symbol="QXR   250620P00015000"
 transactionType="Assignment" date="2025-06-20" quantity="1" tradePrice="0" tradeID="9007"/>
<OptionEAE accountId="U7000001" currency="USD" assetCategory="STK" symbol="QXR" transactionType="Buy"
 date="2025-06-20" quantity="100" tradePrice="15" tradeID="9008"/>
</OptionEAE>
<CorporateActions>
<CorporateAction accountId="U7000001" currency="USD" assetCategory="STK" symbol="QXR" type="FS" quantity="160"
 actionID="300" description="QXR(US0000000001) SPLIT 2 FOR 1 (QXR, QUIXOR INC, US0000000001)" proceeds="0"
 dateTime="2025-08-08;202500" reportDate="2025-08-11"/>
<CorporateAction accountId="U7000001" currency="USD" assetCategory="STK" symbol="NEWQ" type="SO" quantity="32"
 actionID="301" description="QXR(US0000000001) SPINOFF  1 FOR 10 (NEWQ, NEW QUIXOR, US0000000002)" proceeds="0"
 dateTime="2025-09-05;202500" reportDate="2025-09-08"/>
<CorporateAction accountId="U7000001" currency="USD" assetCategory="STK" symbol="QXR" type="TO" quantity="-1"
 actionID="302" description="QXR TENDERED" dateTime="2025-10-05;202500" reportDate="2025-10-06"/>
</CorporateActions>
<Transfers>
<Transfer accountId="U7000001" currency="USD" assetCategory="STK" symbol="HELD" type="ACATS" direction="IN"
 company="Other Broker" date="2025-11-03" quantity="30" cashTransfer="250.00" transactionID="85001"/>
</Transfers>
<OpenPositions>
<OpenPosition accountId="U7000001" currency="USD" assetCategory="STK" symbol="QXR" position="320"
 costBasisMoney="2400.00" reportDate="2025-12-31" levelOfDetail="SUMMARY"/>
<OpenPosition accountId="U7000001" currency="USD" assetCategory="STK" symbol="QXR" position="80"
 levelOfDetail="LOT"/>
</OpenPositions>
<CashReport>
<CashReportCurrency accountId="U7000001" currency="BASE_SUMMARY" endingCash="1.00" toDate="2025-12-31"/>
<CashReportCurrency accountId="U7000001" currency="USD" endingCash="9000.50" toDate="2025-12-31"/>
</CashReport>
<MoonReport><MoonRow phase="full"/></MoonReport>
"""


def flex_file(folder: Path, body: str = TRADES + OTHERS, name: str = "flex.xml") -> Path:
    """Write a statement with a body of sections; return its path."""
    path = folder / name
    path.write_text(HEAD + body + FOOT, encoding="utf-8")
    return path
