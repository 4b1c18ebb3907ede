"""The charts of a report, as Plotly's plain description: {"data": [...], "layout": {...}}.

Plain, so that a page needs no import of Plotly's graph objects; `as_plotly` makes a figure of one for a notebook.
One palette serves light and dark pages and colour-blind readers: blue gains, orange loses, grey compares; shape or
place says the same a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tapeline.analysis.drawdown import drawdown_path
from tapeline.analysis.returns import NAN
from tapeline.analysis.rolling import RollingSharpe
from tapeline.analysis.thinning import thin_cloud, thin_line
from tapeline.domain.panel import Floats, Times
from tapeline.domain.times import HOUR, SECOND
from tapeline.report.content import Benchmark, Records

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

GAIN, LOSS, NEUTRAL = "#3b7dd8", "#d9731a", "#8a8f98"
BAND = "rgba(59,125,216,0.18)"
POINTS_MAX = 3_000
"""Points of a line: three for each pixel of a wide screen."""
BAND_ERRORS = 1.96
"""Standard errors on either side of a rolling Sharpe ratio: 95 % of a normal distribution."""

MILLISECOND = 1_000_000
FEW_BARS = 4
DEPTH_SHOWN_MIN = 0.01

Plain = dict[str, Any]


def equity_figure(
    times_ns: Times,
    equity: Floats,
    starting_cash: float,
    benchmark: Benchmark | None,
    gaps_ns: Sequence[tuple[int, int]] = (),
) -> Plain:
    """Return equity against the benchmark, and the drawdown of every slice below it on the same axis of time."""
    data = []
    if benchmark is not None:
        held = _line(times_ns, benchmark.levels * starting_cash, "benchmark", NEUTRAL, digits=2)
        data.append(held | {"hovertemplate": "%{y:,.2f}"})
    data.append(_line(times_ns, equity, "equity", GAIN, digits=2) | {"hovertemplate": "%{y:,.2f}"})
    depth = drawdown_path(np.concatenate(([starting_cash], equity)))[1:]
    deepest = min(float(np.nanmin(depth, initial=0.0)) * 1.05, -DEPTH_SHOWN_MIN)
    data.append(
        _line(times_ns, depth, "drawdown", LOSS, digits=6)
        | {"yaxis": "y2", "fill": "tozeroy", "fillcolor": "rgba(217,115,26,0.25)", "hovertemplate": "%{y:.2%}"}
    )
    return _figure(
        data,
        yaxis={"domain": [0.36, 1.0], "tickformat": ",.0f"},
        yaxis2={"domain": [0.0, 0.28], "tickformat": ".1~%", "range": [deepest, 0.0], "nticks": 4},
        xaxis=_time_axis(times_ns, gaps_ns) | {"anchor": "y2"},
    )


def sharpe_figure(session_ns: Times, rolling: RollingSharpe, whole: float) -> Plain:
    """Return the rolling Sharpe ratio in its band of BAND_ERRORS standard errors, and the whole run's as a line."""
    reach = BAND_ERRORS * rolling.standard_error
    known = np.flatnonzero(~np.isnan(rolling.sharpe + reach))
    x = _milliseconds(session_ns[known])
    upper, lower = (rolling.sharpe + reach)[known], (rolling.sharpe - reach)[known]
    edge = {"type": "scatter", "mode": "lines", "x": x, "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    data: list[Plain] = [
        edge | {"y": rounded(upper, 4)},
        edge
        | {
            "y": rounded(lower, 4),
            "fill": "tonexty",
            "fillcolor": BAND,
            "name": "95 % band",
            "showlegend": True,
        },
        _line(session_ns, rolling.sharpe, f"{rolling.window} sessions", GAIN, digits=4) | {"hovertemplate": "%{y:.2f}"},
    ]
    if not np.isnan(whole) and len(known):
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": [x[0], x[-1]],
                "y": [round(whole, 4)] * 2,
                "name": "whole run",
                "line": {"color": NEUTRAL, "width": 1.5, "dash": "dash"},
                "hovertemplate": "%{y:.2f}",
            }
        )
    return _figure(data, yaxis={"tickformat": ".1f", "zeroline": True}, xaxis=_time_axis(session_ns))


def excursion_figure(trips: Records, name: str) -> Plain:
    """Return the worst or best open profit of each round trip against what it made, both in % of its entry's worth.

    name : "mae" or "mfe"
    """
    worth = trips["entry_price"] * trips["quantity"]
    with np.errstate(invalid="ignore", divide="ignore"):
        reach = np.where(worth > 0.0, trips[name] / worth, NAN)
        made = np.where(worth > 0.0, trips["net_pnl"] / worth, NAN)
    data = []
    for what, colour, symbol, chosen in (
        ("won", GAIN, "circle", made > 0.0),
        ("lost", LOSS, "x", made <= 0.0),
    ):
        rows = np.flatnonzero(chosen)
        rows = rows[thin_cloud(reach[rows], made[rows])]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": what,
                "x": rounded(reach[rows], 6),
                "y": rounded(made[rows], 6),
                "marker": {"color": colour, "size": 6, "symbol": symbol, "opacity": 0.6},
                "hovertemplate": "%{x:.2%}, made %{y:.2%}<extra></extra>",
            }
        )
    title = "worst open loss (MAE)" if name == "mae" else "best open profit (MFE)"
    return _figure(
        data,
        hovermode="closest",
        xaxis={"tickformat": ".1~%", "title": {"text": title}, "zeroline": True},
        yaxis={"tickformat": ".1~%", "title": {"text": "made, after costs", "standoff": 14}, "zeroline": True},
    )


def exposure_figure(
    times_ns: Times, equity: Floats, gross: Floats, net: Floats, gaps_ns: Sequence[tuple[int, int]] = ()
) -> Plain:
    """Return gross and net exposure as shares of equity; a gap where there was no equity above zero."""
    above = equity > 0.0
    base = np.where(above, equity, 1.0)
    data = [
        _line(times_ns, np.where(above, gross / base, NAN), "gross", NEUTRAL, digits=5)
        | {"fill": "tozeroy", "fillcolor": "rgba(138,143,152,0.25)", "hovertemplate": "%{y:.1%}"},
        _line(times_ns, np.where(above, net / base, NAN), "net", GAIN, digits=5) | {"hovertemplate": "%{y:.1%}"},
    ]
    return _figure(data, yaxis={"tickformat": ".0%", "zeroline": True}, xaxis=_time_axis(times_ns, gaps_ns))


def turnover_figure(session_days: Times, notionals: Floats, equity: Floats) -> Plain:
    """Return what was bought and sold in each month as a multiple of the month's mean equity."""
    months = session_days.astype("datetime64[D]").astype("datetime64[M]")
    names, first = np.unique(months, return_index=True)
    traded = np.add.reduceat(notionals, first)
    mean_equity = np.add.reduceat(equity, first) / np.diff(np.append(first, len(months)))
    share = np.where(mean_equity > 0.0, traded / np.where(mean_equity > 0.0, mean_equity, 1.0), NAN)
    bars = {
        "type": "bar",
        "x": names.astype(str).tolist(),
        "y": rounded(share, 4),
        "name": "turnover",
        "marker": {"color": NEUTRAL},
        "width": 0.7 if len(names) > FEW_BARS else 0.2,
        "hovertemplate": "%{y:.2f} x equity<extra></extra>",
    }
    return _figure(
        [bars],
        yaxis={"tickformat": ".3~g", "rangemode": "tozero"},
        xaxis={"type": "category", "tickangle": 0, "nticks": 5},
    )


def cost_figure(session_ns: Times, equity: Floats, starting_cash: float, commissions: Floats) -> Plain:
    """Return the profit up to each session with and without the commissions paid up to then."""
    profit = equity - starting_cash
    data = [
        _line(session_ns, profit + np.cumsum(commissions), "before commissions", NEUTRAL, digits=2)
        | {"hovertemplate": "%{y:,.2f}"},
        _line(session_ns, profit, "after commissions", GAIN, digits=2) | {"hovertemplate": "%{y:,.2f}"},
    ]
    return _figure(data, yaxis={"tickformat": ",.0f", "zeroline": True}, xaxis=_time_axis(session_ns))


def as_plotly(figure: Plain) -> Figure:
    """Return Plotly's own figure of a plain one."""
    from plotly.graph_objects import Figure

    return Figure(figure).update_layout(template="plotly_white")


def rounded(values: Floats, digits: int) -> list[float | None]:
    """Return values as JSON can hold them, shortened to what a reader can see; NaN becomes None."""
    return [None if value != value else value + 0.0 for value in np.round(values, digits).tolist()]


def _line(times_ns: Times, values: Floats, name: str, colour: str, *, digits: int) -> Plain:
    rows = thin_line(values, POINTS_MAX)
    return {
        "type": "scatter",
        "mode": "lines" if len(rows) > 1 else "markers",
        "x": _milliseconds(times_ns[rows]),
        "y": rounded(values[rows], digits),
        "name": name,
        "line": {"color": colour, "width": 1.6},
    }


def _milliseconds(times_ns: Times) -> list[int]:
    found: list[int] = (times_ns // MILLISECOND).tolist()
    return found


def _time_axis(times_ns: Times, gaps_ns: Sequence[tuple[int, int]] = ()) -> Plain:
    is_intraday = len(times_ns) > 1 and int(np.diff(times_ns).min()) < 12 * HOUR
    axis: Plain = {"type": "date", "hoverformat": "%Y-%m-%d %H:%M" if is_intraday else "%Y-%m-%d"}
    if gaps_ns:
        # A second of room keeps the slices at both ends of a gap on the axis.
        bounds = [((last + SECOND) // MILLISECOND, (first - SECOND) // MILLISECOND) for last, first in gaps_ns]
        axis["rangebreaks"] = [{"bounds": list(pair)} for pair in bounds]
    return axis


def _figure(data: Sequence[Plain], *, hovermode: str = "x unified", **axes: Plain) -> Plain:
    layout: Plain = {
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "hovermode": hovermode,
        "hoversubplots": "axis",
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        "showlegend": len(data) > 1,
    }
    for name, axis in axes.items():
        layout[name] = {"automargin": True, "zeroline": False, **axis}
    return {"data": list(data), "layout": layout}
