"""The questions that every entry is asked, in one place: by the sizing of a backtest and by the gate of a live loop.

Two kinds: how much of a wish the limits leave (`limit_quantity`), and whether there may be one at all (`refusal`).
Each answers with the limit, what it found and what it may have. Entries that work count as filled at the price
of their decision, whatever has become of them, until a report ends them; orders of others at the account's venue
(`book.foreign`) count as well, and what the account holds and orders outside the run. What works counts only against
us: it makes no room on the other side.

A strategy's own limits (row 1 + s of `book.limits`) are measured on what it holds, as shares of the account's equity.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapeline.domain.words import Limit
from tapeline.indicators.compiled import compiled
from tapeline.simulation.records import ENTERING, FLAT
from tapeline.simulation.references import UNCOUNTED

DAY_NS = 86_400_000_000_000
ACCOUNT_ROW = 0


@compiled()
def assumed_stop_of(book: Any, row: int) -> float:
    """Return the share of the price that is at risk without a stop; the strategy's own stands before the account's."""
    own = float(book.limits[row].assumed_stop)
    share = float(book.limits[ACCOUNT_ROW].assumed_stop) if np.isnan(own) else own
    return 1.0 if np.isnan(share) else share


@compiled()
def _risk_of(book: Any, strategy: int, symbol: int) -> float:
    # what a holding loses from the present price to its stop, or to an assumed one; entering parts included
    holding = book.holdings[strategy, symbol]
    risk = holding.pending_risk
    if holding.quantity != 0.0:
        mark = book.marks[symbol]
        level = holding.stop_price
        if not np.isnan(holding.trail):
            extreme = holding.highest if holding.side > 0 else holding.lowest
            level = extreme - holding.side * holding.trail
        if np.isnan(level):
            risk += assumed_stop_of(book, 1 + strategy) * mark * abs(holding.quantity)
        else:
            risk += max(holding.side * (mark - level), 0.0) * abs(holding.quantity)
    return float(risk)


@compiled()
def _add_strategy(book: Any, strategy: int, symbol: int, side: int, price: float, whole: bool, sums: Any) -> None:
    # adds what one strategy holds and is entering; `whole` = what it holds too, which the account's sums know already
    group = book.groups[symbol]
    for column in range(book.states.shape[1]):
        if book.states[strategy, column] == FLAT:
            continue
        holding = book.holdings[strategy, column]
        waiting = holding.pending_notional
        entering = waiting if holding.side > 0 else -waiting
        sums[0] += waiting
        sums[1] += entering if entering * side > 0.0 else 0.0
        sums[2] += max(-entering, 0.0)
        sums[3] += waiting if column == symbol else 0.0
        sums[4] += waiting if group >= 0 and book.groups[column] == group else 0.0
        sums[5] += _risk_of(book, strategy, column)
        sums[6] += waiting
        if whole and holding.quantity != 0.0:
            value = holding.quantity * book.marks[column]
            sums[0] += abs(value)
            sums[1] += value
            sums[2] += max(-value, 0.0)
            sums[3] += abs(holding.quantity) * price if column == symbol else 0.0
            sums[4] += abs(value) if group >= 0 and book.groups[column] == group else 0.0


@compiled()
def _sum_up(book: Any, row: int, symbol: int, side: int, price: float, sums: Any) -> None:
    # writes gross, net, short, this symbol's and its sector's exposure, open risk and pending notional of a row; what
    # works on the other side than `side` makes no room in net
    for place in range(len(sums)):
        sums[place] = 0.0
    account = book.account[0]
    if row != ACCOUNT_ROW:
        if account.busy > 0:
            _add_strategy(book, row - 1, symbol, side, price, True, sums)
        return
    sums[0] = account.long_exposure + account.short_exposure
    sums[1] = account.long_exposure - account.short_exposure
    sums[2] = account.short_exposure
    sums[3] = abs(book.positions[symbol]) * price
    group = book.groups[symbol]
    if group >= 0:
        for column in range(len(book.positions)):
            if book.groups[column] == group and book.positions[column] != 0.0:
                sums[4] += abs(book.positions[column]) * book.marks[column]
    if account.busy > 0:
        for strategy in range(book.states.shape[0]):
            _add_strategy(book, strategy, symbol, side, price, False, sums)
    if account.external == 0:
        return
    assumed = assumed_stop_of(book, ACCOUNT_ROW)
    held = account.elsewhere_long + account.elsewhere_short
    works = account.elsewhere_buys + account.elsewhere_sells
    sums[0] += held + works
    sums[1] += account.elsewhere_long - account.elsewhere_short
    sums[1] += account.elsewhere_buys if side > 0 else -account.elsewhere_sells
    sums[2] += account.elsewhere_short + account.elsewhere_sells
    sums[5] += assumed * (held + works)
    sums[6] += account.elsewhere_buys
    if account.outside > 0:
        for column in range(len(book.positions)):
            if book.outside[column] != 0.0:
                sums[5] += assumed * abs(book.outside[column]) * book.marks[column]
    if account.foreign > 0:
        for column in range(len(book.positions)):
            bought = book.foreign[0, column] * book.prices[column]
            sold = book.foreign[1, column] * book.prices[column]
            if bought + sold > 0.0:
                sums[0] += bought + sold
                sums[1] += bought if side > 0 else -sold
                sums[2] += sold
                sums[3] += bought + sold if column == symbol else 0.0
                sums[4] += bought + sold if group >= 0 and book.groups[column] == group else 0.0
                sums[5] += assumed * (bought + sold)
                sums[6] += bought


@compiled()
def risk_per_trade_of(book: Any, strategy: int) -> float:
    """Return the bound on one trade's risk, a share of equity; the strategy's own stands before the account's."""
    own = float(book.limits[1 + strategy].risk_per_trade_max)
    return float(book.limits[ACCOUNT_ROW].risk_per_trade_max) if np.isnan(own) else own


@compiled()
def limit_quantity(
    book: Any, strategy: int, symbol: int, side: int, wanted: float, price: float, risk: float
) -> tuple[float, int, float, float]:
    """Return the quantity that every limit allows; and the limit that cut it most, what it found and its bound.

    risk : per unit from the price to the stop, NaN without one; found and bound are shares of equity (CASH: amounts)
    """
    if np.isnan(risk):
        risk = assumed_stop_of(book, 1 + strategy) * price
    equity = book.account[0].equity
    bound, code, found, allowed = wanted, Limit.NONE, np.nan, np.nan
    sums = book.sums
    for row in (ACCOUNT_ROW, 1 + strategy):
        limits = book.limits[row]
        _sum_up(book, row, symbol, side, price, sums)
        if not np.isnan(limits.position_max):
            room = (limits.position_max * equity - sums[3]) / price
            if room < bound:
                bound, code, found, allowed = room, Limit.POSITION, sums[3] / equity, limits.position_max
        if not np.isnan(limits.gross_max):
            room = (limits.gross_max * equity - sums[0]) / price
            if room < bound:
                bound, code, found, allowed = room, Limit.GROSS, sums[0] / equity, limits.gross_max
        if not np.isnan(limits.net_max):
            room = (limits.net_max * equity - side * sums[1]) / price
            if room < bound:
                bound, code, found, allowed = room, Limit.NET, side * sums[1] / equity, limits.net_max
        if side < 0 and not np.isnan(limits.short_max):
            room = (limits.short_max * equity - sums[2]) / price
            if room < bound:
                bound, code, found, allowed = room, Limit.SHORT, sums[2] / equity, limits.short_max
        if book.groups[symbol] >= 0 and not np.isnan(limits.sector_max):
            room = (limits.sector_max * equity - sums[4]) / price
            if room < bound:
                bound, code, found, allowed = room, Limit.SECTOR, sums[4] / equity, limits.sector_max
        if not np.isnan(limits.open_risk_max):
            room = (limits.open_risk_max * equity - sums[5]) / risk
            if room < bound:
                bound, code, found, allowed = room, Limit.OPEN_RISK, sums[5] / equity, limits.open_risk_max
        if row == ACCOUNT_ROW and limits.cash_account:
            room = (book.account[0].cash - sums[6]) / (price * (1.0 + limits.cost_rate))
            if room < bound:
                bound, code, found, allowed = room, Limit.CASH, sums[6], book.account[0].cash
    per_trade = risk_per_trade_of(book, strategy)
    if not np.isnan(per_trade):
        room = per_trade * equity / risk
        if room < bound:
            bound, code, found, allowed = room, Limit.RISK_PER_TRADE, wanted * risk / equity, per_trade
    return max(bound, 0.0), code, found, allowed


@compiled()
def refusal(
    book: Any, strategy: int, symbol: int, side: int, price: float, risk: float, target_price: float, end_ns: int
) -> tuple[int, float, float]:
    """Return the limit that forbids any entry now, what it found and its bound; Limit.NONE if none does.

    risk : per unit from the price to the stop, NaN without one; target_price : NaN without one
    """
    account = book.limits[ACCOUNT_ROW]
    own = book.limits[1 + strategy]
    reward_risk = account.reward_risk_min if np.isnan(own.reward_risk_min) else own.reward_risk_min
    if not np.isnan(reward_risk) and risk > 0.0 and not np.isnan(target_price):
        reward = side * (target_price - price)
        # a ratio that is the bound but for the last bit of a division is the bound
        if reward < reward_risk * risk * (1.0 - 1e-9):
            return Limit.REWARD_RISK, reward / risk, float(reward_risk)
    for row in (ACCOUNT_ROW, 1 + strategy):
        limits, day = book.limits[row], book.days[row]
        age_ns = end_ns - book.priced_ns[symbol]
        if age_ns > limits.stale_ns:
            return Limit.STALE_PRICE, age_ns / 1e9, limits.stale_ns / 1e9
        if day.entries >= limits.trades_per_day_max:
            return Limit.TRADES_PER_DAY, float(day.entries), float(limits.trades_per_day_max)
        if day.losses >= limits.losses_in_row_max and (
            limits.pause_ns < 0 or end_ns - day.last_loss_ns < limits.pause_ns
        ):
            return Limit.LOSSES_IN_ROW, float(day.losses), float(limits.losses_in_row_max)
        # the worst of the session, not of the moment: what was reached holds although the marks have recovered
        if day.lost >= limits.loss_per_day_max:
            return Limit.LOSS_PER_DAY, float(day.lost), float(limits.loss_per_day_max)
        if day.fallen >= limits.drawdown_per_day_max:
            return Limit.DRAWDOWN_PER_DAY, float(day.fallen), float(limits.drawdown_per_day_max)
    return Limit.NONE, np.nan, np.nan


@compiled()
def note_entry(book: Any, strategy: int) -> None:
    """Count an entry that was asked for."""
    book.days[ACCOUNT_ROW].entries += 1
    book.days[1 + strategy].entries += 1


@compiled()
def note_round_trip(book: Any, strategy: int, net_pnl: float, time_ns: int) -> None:
    """Take in how a round trip ended."""
    for row in (ACCOUNT_ROW, 1 + strategy):
        day = book.days[row]
        day.closed += net_pnl
        if net_pnl < 0.0:
            day.losses += 1
            day.last_loss_ns = time_ns
        else:
            day.losses = 0


@compiled()
def _open_result(book: Any, strategy: int) -> float:
    # net P&L of what is held, its closed parts included
    total = 0.0
    for symbol in range(book.states.shape[1]):
        holding = book.holdings[strategy, symbol]
        if book.states[strategy, symbol] > ENTERING:
            total += holding.realized - holding.commission
            total += holding.quantity * (book.marks[symbol] - holding.entry_price)
    return total


@compiled(**UNCOUNTED)
def watch_day(book: Any, end_ns: int, session: int) -> None:
    """Take in the slice that ended, after its prices: a new session begins from what the last one ended with."""
    day_number = session if session >= 0 else end_ns // DAY_NS
    for row in range(len(book.days)):
        day = book.days[row]
        if day.session != day_number:
            day.session = day_number
            day.entries = 0
            day.start = day.high = day.worth
            day.lost = day.fallen = 0.0
            if book.limits[row].pause_ns < 0:
                day.losses = 0
        if row == ACCOUNT_ROW:
            day.worth = book.account[0].equity
        else:
            day.worth = day.closed + (_open_result(book, row - 1) if book.account[0].busy > 0 else 0.0)
        day.high = max(day.high, day.worth)
        start = book.days[ACCOUNT_ROW].start
        day.lost = max(day.lost, (day.start - day.worth) / start)
        day.fallen = max(day.fallen, (day.high - day.worth) / (day.high if row == ACCOUNT_ROW else start))


@compiled()
def has_lost_too_much(book: Any, strategy: int, symbol: int) -> bool:
    """Return whether a holding has lost, costs included, what one trade may lose."""
    own = book.limits[1 + strategy].loss_per_trade_max
    bound = book.limits[ACCOUNT_ROW].loss_per_trade_max if np.isnan(own) else own
    if np.isnan(bound):
        return False
    holding = book.holdings[strategy, symbol]
    result = holding.realized - holding.commission + holding.quantity * (book.marks[symbol] - holding.entry_price)
    return bool(holding.quantity != 0.0 and -result >= bound * book.account[0].equity)
