"""The measures of a result: name, unit, meaning, source. One list, from which the summary takes its keys.

Shares, returns and drawdowns are fractions (0.01 = one per cent). A session return is the last equity of a
session over that of the session before, less 1; P is the number of sessions in a year, W the growth of 1.
docs/result-schema.md carries this list as its tables, and a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """One measure of a result."""

    name: str
    unit: str
    meaning: str
    source: str


# One line each: name | unit | meaning | definition or source. A heading ends with a colon.
_LIST = """
Account:
starting_equity | currency | equity before the first row | given, or the first row
final_equity | currency | equity of the last row | last
net_profit | currency | final less starting equity, open positions at their last price | difference
total_return | fraction | net profit over starting equity | ratio
sessions | count | sessions with an equity value, the n of the ratios below | count
years | years | sessions over P | ratio
cagr | fraction | compound annual growth rate | W_n^(P/n) - 1, n sessions

Return and risk per session:
mean_return | fraction | arithmetic mean of the session returns | mean
volatility | fraction | annual standard deviation | ddof 1, times root of P
best_session | fraction | highest session return | maximum
worst_session | fraction | lowest session return | minimum
winning_sessions | fraction | share of sessions with a return above 0 | share
skewness | ratio | skewness of the session returns | population g1
kurtosis | ratio | kurtosis of the session returns, a normal distribution has 3 | population b2
tail_ratio | ratio | size of the 95 % quantile over that of the 5 % quantile | quantiles of type 7

Ratios:
sharpe | ratio | annual Sharpe ratio | Sharpe (1994)
sharpe_standard_error | ratio | standard error of `sharpe` | Lo (2002), Mertens (2002), Opdyke (2007)
sharpe_ar1 | ratio | annual Sharpe ratio with first-order autocorrelation | Lo (2002)
probabilistic_sharpe | fraction | probability that the true one is above 0 | Bailey and Lopez de Prado (2012)
min_track_record_sessions | sessions | record needed to be 95 % sure of it | Bailey and Lopez de Prado (2012)
sortino | ratio | annual Sortino ratio, minimum acceptable return 0 | Sortino and van der Meer (1991)
calmar | ratio | `cagr` over the size of `max_drawdown` | Young (1991)
omega | ratio | gains over shortfalls at threshold 0 | Keating and Shadwick (2002)

Drawdown:
max_drawdown | fraction | deepest fall of session-end equity, zero or negative | W_t / highest W so far - 1
max_drawdown_intraday | fraction | the same over every equity row | W_t / highest W so far - 1
max_drawdown_peak_s | Unix s, UTC | when `max_drawdown` began | NaN = at the start
max_drawdown_trough_s | Unix s, UTC | when it was deepest | session end
max_drawdown_recovery_s | Unix s, UTC | when the peak was reached again | NaN = not yet
max_drawdown_fall_sessions | sessions | from its peak to its trough | count
max_drawdown_sessions | sessions | from its peak to its recovery or the end of the run | count
longest_drawdown_sessions | sessions | longest time under water, 0 without a drawdown | count

Against a benchmark:
benchmark_return | fraction | total return of the benchmark | last over first level, less 1
alpha | fraction | annual alpha, arithmetic | Jensen (1968); least squares, times P
beta | ratio | slope on the benchmark's session returns | Jensen (1968)
tracking_error | fraction | annual volatility of the difference | ddof 1, times root of P
information_ratio | ratio | annual Sharpe ratio of the difference | Goodwin (1998)

Round trips:
round_trips | count | positions opened and closed | count
wins | count | round trips with net P&L above 0 | count
losses | count | round trips with net P&L below 0 | count
win_rate | fraction | wins over round trips | share
round_trip_net_pnl | currency | sum of net P&L; open positions are not in it | sum
profit_factor | ratio | sum of wins over size of the sum of losses | ratio
expectancy | currency | mean net P&L | mean
average_win | currency | mean net P&L of the wins | mean
average_loss | currency | mean net P&L of the losses, negative | mean
payoff | ratio | average win over size of the average loss | ratio
largest_win | currency | best net P&L | maximum
largest_loss | currency | worst net P&L, negative | minimum
longest_win_streak | count | wins in a row, by exit time | count
longest_loss_streak | count | losses in a row, by exit time | count
r_count | count | round trips with an R multiple | count
expectancy_r | R | mean R multiple; 1 R = the loss at the first stop | Tharp (1998)
largest_win_r | R | highest R multiple | maximum
largest_loss_r | R | lowest R multiple | minimum
average_mae | currency | mean of the worst open P&L, zero or negative | Sweeney (1996)
average_mfe | currency | mean of the best open P&L, zero or positive | Sweeney (1996)
average_holding_s | seconds | mean time from entry to exit, nights included | mean
average_win_holding_s | seconds | the same of the wins | mean
average_loss_holding_s | seconds | the same of the losses | mean
long_round_trips | count | round trips on the long side | count
long_win_rate | fraction | wins over round trips, long | share
long_net_pnl | currency | sum of net P&L, long | sum
short_round_trips | count | round trips on the short side | count
short_win_rate | fraction | wins over round trips, short | share
short_net_pnl | currency | sum of net P&L, short | sum

Exposure:
exposure_share | fraction | share of equity rows with an open position | share
average_gross_exposure | fraction | mean of long plus short notional over equity | mean
max_gross_exposure | fraction | highest of the same | maximum
average_net_exposure | fraction | mean of long less short notional over equity | mean

Trading and costs:
executions | count | fills | count
traded_notional | currency | price x quantity x multiplier over all fills | sum
turnover | ratio | traded notional over mean equity; buys and sells both count | ratio
turnover_annual | per year | `turnover` over `years` | ratio
commission_total | currency | commissions and fees paid | sum
slippage_total | currency | lost against the prices decided on | sum
costs_total | currency | commission and, where known, slippage | sum
costs_bps | basis points | `costs_total` over traded notional, times 10,000 | ratio
"""


def _read(text: str) -> dict[str, tuple[Measure, ...]]:
    groups: dict[str, tuple[Measure, ...]] = {}
    heading = ""
    for line in text.strip().splitlines():
        if line.endswith(":"):
            heading = line[:-1]
            groups[heading] = ()
        elif line:
            name, unit, meaning, source = line.split(" | ")
            groups[heading] += (Measure(name, unit, meaning, source),)
    return groups


MEASURES: dict[str, tuple[Measure, ...]] = _read(_LIST)

ALL_MEASURES: tuple[Measure, ...] = tuple(one for group in MEASURES.values() for one in group)


def measures_as_markdown() -> str:
    """Return the list as Markdown tables, one per group."""
    lines: list[str] = []
    for group, members in MEASURES.items():
        lines += [f"### {group}", "", "| name | meaning | unit | definition or source |", "|---|---|---|---|"]
        lines += [f"| `{one.name}` | {one.meaning} | {one.unit} | {one.source} |" for one in members]
        lines.append("")
    return "\n".join(lines)
