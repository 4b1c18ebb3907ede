"""What the screen saw of one symbol, as a page for eyes: three frames, and marks where conditions turned true.

One HTML file that needs nothing else, no network either. Each frame shows candles with their bands, a row of marks for
each condition, the stochastic of the RSI, MACD and volume; bars stand side by side, so nights leave no hole. The price
axis is that of the candles: bands that a jump has torn apart run out of it.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import numpy as np

from tapeline.domain.panel import Floats, Panel
from tapeline.domain.times import to_iso
from tapeline.formula import Node, bars, compile_program
from tapeline.screener.reading import FrameReading
from tapeline.screener.screen import ROLES, Rules
from tapeline.screener.settings import ScreenSettings

SHOWN_BARS = 160
_MARKED = {
    "trigger": ("tree.q3", "tree.q4", "tree.q5", "tree.q6", "tree.trigger"),
    "confirmation": ("coarse.a", "coarse.b", "coarse.c", "coarse.d", "coarse.v", "tree.q2"),
    "regime": ("tree.q1", "tree.hostile"),
}
_WORDS = {"trigger": "trigger", "confirmation": "confirmation", "regime": "regime"}
_DOMAINS = {"y": (0.58, 1.0), "y5": (0.44, 0.56), "y2": (0.30, 0.42), "y3": (0.14, 0.28), "y4": (0.0, 0.12)}
_MARGIN = 0.06  # of the candles' range, above and below
_COLOURS = {"upper": "#9aa4b2", "middle": "#c8a04a", "lower": "#9aa4b2", "k": "#1f77b4", "d": "#e08214",
            "line": "#1f77b4", "signal": "#e08214"}  # fmt: skip


def chart_html(panel: Panel, symbol: str, settings: ScreenSettings) -> str:
    """Return the page of a symbol up to the end of the panel. Raises UnknownNameError for a symbol not in it."""
    column = panel.column(symbol)
    own = panel.columns(column, column + 1)
    frames = _frames(own, settings)
    library = (files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    end = to_iso(int(panel.end_ns[-1]))
    figures = [_figure(getattr(settings.frames, role), _WORDS[role], values) for role, values in frames.items()]
    payload = json.dumps(figures, allow_nan=False).replace("</", "<\\/")
    title = html.escape(f"{symbol} at {end}")
    places = "".join(f'<div class="frame" id="frame{place}"></div>' for place in range(len(figures)))
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<style>body{font:15px system-ui;margin:1.5rem}h1{font-size:1.4rem}.frame{height:760px;margin-bottom:2rem}"
        "@media(max-width:700px){body{margin:.5rem}}</style></head>"
        f"<body><h1>{title}</h1><p>A mark stands where a condition turned true at the close of a bar. Times are UTC."
        f"</p>{places}"
        f"<noscript>The charts need JavaScript.</noscript><script>{library}</script>"
        "<script>const ticks = Math.max(2, Math.floor(innerWidth / 170));"
        f"{payload}.forEach((f, i) => {{ f.layout.xaxis.nticks = ticks; Plotly.newPlot("
        "'frame' + i, f.data, f.layout, {responsive: true, displayModeBar: false}); });"
        "</script></body></html>\n"
    )


def _frames(own: Panel, settings: ScreenSettings) -> dict[str, dict[str, Any]]:
    """Return the newest bars of each frame: arrays by name, and the times of their ends."""
    rules = Rules(settings)
    tables = {}
    for role in ROLES:
        reading: FrameReading = getattr(rules.readings, role)
        formulas = {**_drawn(reading), **{name: rules.formulas[name] for name in _MARKED[role]}}
        tables[role] = (bars(getattr(settings.frames, role)), formulas)
    program = compile_program(tables, symbol_count=1, base_frame_ns=own.frame_ns)
    found: dict[str, dict[str, list[Any]]] = {role: {} for role in ROLES}
    for first in range(0, len(own), program.chunk_rows):
        program.advance(own.rows(first, min(first + program.chunk_rows, len(own))))
        for role in ROLES:
            table = program.tables[role]
            there = table.exists[:, 0] == 1.0
            parts = {name: table.values[row, there, 0].copy() for name, row in table.rows.items()}
            for name, part in {**parts, "end": table.end_ns[there].copy()}.items():
                found[role].setdefault(name, []).append(part)
    return {role: {name: np.concatenate(parts) for name, parts in columns.items()} for role, columns in found.items()}


def _drawn(x: FrameReading) -> dict[str, Node]:
    return {
        "open": x.open, "high": x.high, "low": x.low, "close": x.close, "volume": x.volume,
        "upper": x.band.upper, "middle": x.band.middle, "lower": x.band.lower, "k": x.k, "d": x.d,
        "line": x.macd.line, "signal": x.macd.signal, "histogram": x.histogram,
    }  # fmt: skip


def _figure(frame: str, role: str, columns: dict[str, Any]) -> dict[str, Any]:
    turned = {name: _turns(columns[name])[-SHOWN_BARS:] for name in columns if "." in name}
    shown = {name: values[-SHOWN_BARS:] for name, values in columns.items()}
    times = [to_iso(int(end))[:16].replace("T", " ") for end in shown["end"]]
    data = list(_traces(times, shown, turned))
    axes: dict[str, Any] = {
        f"yaxis{name[1:]}": {"domain": list(span), "anchor": "x"} for name, span in _DOMAINS.items()
    }
    low, high = float(np.min(shown["low"])), float(np.max(shown["high"]))
    room = _MARGIN * (high - low) or _MARGIN * high
    axes["yaxis"] |= {"title": {"text": "price"}, "range": [low - room, high + room]}
    axes["yaxis5"] |= {"type": "category", "tickfont": {"size": 10}, "dtick": 1, "range": [-0.5, len(turned) - 0.5],
                       "categoryorder": "array",
                       "categoryarray": [name.split(".")[1] for name in reversed(turned)]}  # fmt: skip
    axes["yaxis2"]["title"] = {"text": "StochRSI"}
    axes["yaxis3"]["title"] = {"text": "MACD"}
    axes["yaxis4"]["title"] = {"text": "volume"}
    layout = {
        "title": {"text": f"{frame}, {role}"},
        "xaxis": {"type": "category", "rangeslider": {"visible": False}, "anchor": "y4", "tickangle": 0},
        "hovermode": "x unified",
        "legend": {"orientation": "h", "y": -0.07},
        "margin": {"l": 60, "r": 20, "t": 50, "b": 40},
        **axes,
    }
    return {"data": data, "layout": layout}


def _traces(times: list[str], shown: dict[str, Floats], turned: dict[str, Any]) -> Iterator[dict[str, Any]]:
    plain = {name: _plain(values) for name, values in shown.items() if name != "end"}
    yield {"type": "candlestick", "x": times, "name": "price",
           **{name: plain[name] for name in ("open", "high", "low", "close")}}  # fmt: skip
    for name, axis in (("upper", "y"), ("middle", "y"), ("lower", "y"), ("k", "y2"), ("d", "y2"),
                       ("line", "y3"), ("signal", "y3")):  # fmt: skip
        yield {"type": "scatter", "mode": "lines", "x": times, "y": plain[name], "yaxis": axis, "name": name,
               "line": {"width": 1.2, "color": _COLOURS[name]}}  # fmt: skip
    yield {"type": "bar", "x": times, "y": plain["histogram"], "yaxis": "y3", "name": "histogram"}
    yield {"type": "bar", "x": times, "y": plain["volume"], "yaxis": "y4", "name": "volume"}
    for name, marks in turned.items():
        at = np.flatnonzero(marks)
        yield {"type": "scatter", "mode": "markers", "x": [times[i] for i in at], "y": [name.split(".")[1]] * len(at),
               "yaxis": "y5", "name": name, "showlegend": False,
               "marker": {"symbol": "triangle-up", "size": 8}}  # fmt: skip


def _turns(values: Floats) -> Any:
    """Return where a condition is true and was not on the bar before."""
    true = values == 1.0
    return true & ~np.concatenate([[False], true[:-1]])


def _plain(values: Floats) -> list[float | None]:
    return [None if math.isnan(value) else float(value) for value in values]
