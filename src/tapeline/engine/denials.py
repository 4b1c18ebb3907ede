"""Why a limit refused an entry, in a sentence with what it found and what it may have."""

from __future__ import annotations

from math import isnan

from tapeline.domain.words import Limit

_SHARES = {
    Limit.POSITION: "the symbol's position",
    Limit.GROSS: "gross exposure",
    Limit.NET: "net exposure on this side",
    Limit.SHORT: "short exposure",
    Limit.SECTOR: "the sector's exposure",
    Limit.OPEN_RISK: "open risk",
    Limit.RISK_PER_TRADE: "the risk of this trade",
    Limit.LOSS_PER_DAY: "the loss of this session",
    Limit.DRAWDOWN_PER_DAY: "the fall from this session's high",
}
_OTHERS = {
    Limit.TRADES_PER_DAY: "{found:.0f} entries were made in this session, and {bound:.0f} are allowed",
    Limit.LOSSES_IN_ROW: "{found:.0f} round trips in a row were lost, and trading pauses after {bound:.0f}",
    Limit.REWARD_RISK: "the way to the target is {found:.2f} times that to the stop; {bound:.2f} is the least",
    Limit.STALE_PRICE: "the last price is {found:,.0f} s old, and {bound:,.0f} s is the most",
}
_WITHOUT_NUMBERS = {
    Limit.NO_STOP: "its limit, stop, trail or target is unknown or no price, or no stop lies below (long) or above"
    " (short) the price",
    Limit.BELOW_ONE_STEP: "that is less than one step of the instrument",
    Limit.OWN_RULE: "the strategy's own rules refuse it; its signal tells which",
    Limit.CASH: "the cash that pending orders leave buys less than one step",
}


def denial_sentence(limit: Limit, found: float, bound: float) -> str:
    """Return why a limit leaves nothing of a wish, without its full stop.

    found, bound : what the limit measured and what it may have, shares of equity for most; NaN where there is none
    """
    if limit in _WITHOUT_NUMBERS:
        return _WITHOUT_NUMBERS[limit]
    if isnan(found):
        return f"the limit {limit.word} leaves less than one step"
    if limit in _OTHERS:
        return _OTHERS[limit].format(found=found, bound=bound)
    return f"{_SHARES[limit]} is {found:.2%} of equity, {bound:.2%} is the most, and less than one step is left"
