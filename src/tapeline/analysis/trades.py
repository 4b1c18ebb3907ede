"""Measures over round trips and executions: what a trader reads first.

A round trip is a position from flat to flat; its net P&L is what the account gained, after every cost.
Example: net P&L of +300, -100, +200, -100 gives a win rate of 0.5, a profit factor of 500 / 200 = 2.5,
a payoff of 250 / 100 = 2.5 and an expectancy of 75 per round trip.

- A win is above zero, a loss below. A round trip of exactly zero is neither, counts in every average over
  all round trips, and ends both kinds of streak.
- One R is what the round trip stood to lose at its first stop. Without a stop its R multiple is NaN, and the
  R measures are over the others; `r_count` says how many those are.
- Adverse and favourable excursions are the worst and best open P&L in currency: the first zero or
  negative, the second zero or positive.
- Sums over nothing are 0, averages and ratios over nothing are NaN, never infinity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tapeline.analysis.returns import NAN
from tapeline.domain.errors import DataError
from tapeline.domain.panel import Floats, Times
from tapeline.domain.times import SECOND

Columns = Mapping[str, npt.ArrayLike] | npt.NDArray[np.void]


@dataclass(frozen=True, eq=False)
class RoundTrips:
    """Closed round trips, one array element each.

    side : int64, 1 long, -1 short
    entry_ns, exit_ns : int64, UTC nanoseconds of the first fill and of the fill that made the position flat
    net_pnl : float64, currency, after costs
    r_multiple, mae, mfe : float64; NaN where unknown
    """

    side: Times
    entry_ns: Times
    exit_ns: Times
    net_pnl: Floats
    r_multiple: Floats
    mae: Floats
    mfe: Floats

    @classmethod
    def from_columns(cls, columns: Columns) -> RoundTrips:
        """Return round trips in order of their exits, from a mapping of arrays or a structured array.

        Needed are side, entry_ns, exit_ns and net_pnl; r_multiple, mae and mfe may be absent, and further
        columns are left alone. Raises DataError where a column is missing, too short or out of bounds.
        """
        table = _table(columns, "round trips", ("side", "entry_ns", "exit_ns", "net_pnl"))
        size = len(table["net_pnl"])
        absent = np.full(size, NAN)
        found = cls(
            side=table["side"].astype(np.int64),
            entry_ns=table["entry_ns"].astype(np.int64),
            exit_ns=table["exit_ns"].astype(np.int64),
            net_pnl=table["net_pnl"].astype(np.float64),
            r_multiple=table.get("r_multiple", absent).astype(np.float64),
            mae=table.get("mae", absent).astype(np.float64),
            mfe=table.get("mfe", absent).astype(np.float64),
        )
        _refuse_first(~np.isfinite(found.net_pnl), found.net_pnl, "Round trip", "net_pnl", "a closed amount")
        _refuse_first(np.abs(found.side) != 1, found.side, "Round trip", "side", "1 or -1")
        _refuse_first(found.exit_ns < found.entry_ns, found.exit_ns, "Round trip", "exit_ns", "at or after entry_ns")
        order = np.argsort(found.exit_ns, kind="stable")
        return cls(**{name: values[order] for name, values in vars(found).items()})

    def __len__(self) -> int:
        return len(self.net_pnl)


@dataclass(frozen=True, eq=False)
class Executions:
    """Fills, one array element each.

    notional : float64, currency, price x quantity x multiplier, sign ignored
    commission : float64, currency, positive = paid
    slippage : float64, currency, positive = lost against the price that was decided on; NaN where unknown
    """

    notional: Floats
    commission: Floats
    slippage: Floats

    @classmethod
    def from_columns(cls, columns: Columns) -> Executions:
        """Return executions from a mapping of arrays or a structured array; slippage may be absent.

        Raises DataError where a column is missing, too short or not finite.
        """
        table = _table(columns, "executions", ("notional", "commission"))
        found = cls(
            notional=np.abs(table["notional"].astype(np.float64)),
            commission=table["commission"].astype(np.float64),
            slippage=table.get("slippage", np.full(len(table["notional"]), NAN)).astype(np.float64),
        )
        for name in ("notional", "commission"):
            values = getattr(found, name)
            _refuse_first(~np.isfinite(values), values, "Execution", name, "an amount")
        return found


def round_trip_measures(round_trips: RoundTrips) -> dict[str, float]:
    """Return counts, profits, R multiples, excursions, streaks and holding times; names as in `measures`."""
    net = round_trips.net_pnl
    wins, losses = net[net > 0.0], net[net < 0.0]
    r_multiples = _known(round_trips.r_multiple)
    long, short = net[round_trips.side > 0], net[round_trips.side < 0]
    holding_s = (round_trips.exit_ns - round_trips.entry_ns) / SECOND
    average_win, average_loss = _mean(wins), _mean(losses)
    return {
        "round_trips": float(len(net)),
        "wins": float(len(wins)),
        "losses": float(len(losses)),
        "win_rate": ratio(len(wins), len(net)),
        "round_trip_net_pnl": float(net.sum()),
        "profit_factor": ratio(float(wins.sum()), -float(losses.sum())),
        "expectancy": _mean(net),
        "average_win": average_win,
        "average_loss": average_loss,
        "payoff": ratio(average_win, -average_loss),
        "largest_win": float(wins.max()) if len(wins) else NAN,
        "largest_loss": float(losses.min()) if len(losses) else NAN,
        "longest_win_streak": float(longest_run(net > 0.0)),
        "longest_loss_streak": float(longest_run(net < 0.0)),
        "r_count": float(len(r_multiples)),
        "expectancy_r": _mean(r_multiples),
        "largest_win_r": float(r_multiples.max()) if len(r_multiples) else NAN,
        "largest_loss_r": float(r_multiples.min()) if len(r_multiples) else NAN,
        "average_mae": _mean(_known(round_trips.mae)),
        "average_mfe": _mean(_known(round_trips.mfe)),
        "average_holding_s": _mean(holding_s),
        "average_win_holding_s": _mean(holding_s[net > 0.0]),
        "average_loss_holding_s": _mean(holding_s[net < 0.0]),
        "long_round_trips": float(len(long)),
        "long_win_rate": ratio(int((long > 0.0).sum()), len(long)),
        "long_net_pnl": float(long.sum()),
        "short_round_trips": float(len(short)),
        "short_win_rate": ratio(int((short > 0.0).sum()), len(short)),
        "short_net_pnl": float(short.sum()),
    }


def execution_measures(executions: Executions, *, mean_equity: float, years: float) -> dict[str, float]:
    """Return what was traded and what it cost; names as in `measures`.

    mean_equity : currency, average over the run; years : length of the run
    Turnover counts buys and sells, so turning the whole equity over once is 2.
    """
    traded = float(executions.notional.sum())
    commission = float(executions.commission.sum())
    slippage = _known(executions.slippage)
    costs = commission + float(slippage.sum())
    turnover = ratio(traded, mean_equity)
    return {
        "executions": float(len(executions.notional)),
        "traded_notional": traded,
        "turnover": turnover,
        "turnover_annual": ratio(turnover, years),
        "commission_total": commission,
        "slippage_total": float(slippage.sum()) if len(slippage) or not len(executions.slippage) else NAN,
        "costs_total": costs,
        "costs_bps": ratio(costs * 1e4, traded),
    }


def exposure_share(round_trips: RoundTrips, equity_ns: Times) -> float:
    """Return the share of rows at whose time a round trip is open: entry_ns <= row < exit_ns.

    NaN without rows. A round trip inside one row is not seen.
    """
    opened = np.searchsorted(np.sort(round_trips.entry_ns), equity_ns, side="right")
    closed = np.searchsorted(np.sort(round_trips.exit_ns), equity_ns, side="right")
    return _mean((opened > closed).astype(np.float64))


def longest_run(condition: npt.NDArray[np.bool_]) -> int:
    """Return the length of the longest unbroken run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], condition, [False]))))
    return int((edges[1::2] - edges[0::2]).max()) if len(edges) else 0


def ratio(value: float, base: float) -> float:
    """Return value over base; NaN unless the base is above zero."""
    return value / base if base > 0.0 else NAN


def _known(values: Floats) -> Floats:
    return values[~np.isnan(values)]


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else NAN


def _table(columns: Columns, what: str, needed: tuple[str, ...]) -> dict[str, npt.NDArray[np.generic]]:
    names = list(columns.dtype.names or ()) if isinstance(columns, np.ndarray) else list(columns)
    for name in needed:
        if name not in names:
            found = ", ".join(sorted(names)) or "none"
            raise DataError(f"The {what} have no column {name!r}. Needed: {', '.join(needed)}. Found: {found}.")
    table = {name: np.asarray(columns[name]) for name in names}
    size = len(table[needed[0]])
    for name, values in table.items():
        if len(values) != size:
            raise DataError(
                f"Columns of {what} must agree in length; {needed[0]!r} has {size}, {name!r} {len(values)}."
            )
    return table


def _refuse_first(
    faulty: npt.NDArray[np.bool_], values: npt.NDArray[np.generic], what: str, name: str, must_be: str
) -> None:
    if bool(faulty.any()):
        row = int(np.argmax(faulty))
        raise DataError(f"{what} {row} has {name} {values[row]}; it must be {must_be}.")
