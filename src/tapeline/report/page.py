"""The page of a report: one file of HTML that needs nothing else, neither a network nor another file.

The library (4.8 MB) and the data travel deflated, in base64, and the page's script unpacks them with the browser's
own DecompressionStream. The page's policy lets run only those two scripts whose hashes it names, and no connection
at all: a symbol called <script> is a name, even if somebody forgot to escape it. Figures, months and measures are
plain HTML and can be read without any script. The same result gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np

from tapeline import __version__
from tapeline.report import figures
from tapeline.report.amounts import plural
from tapeline.report.content import Content
from tapeline.report.tables import cards, manifest_text, measure_tables, months_table, strategy_table
from tapeline.report.trips import explanation_rows, price_lines, trip_columns

PACKED_LEVEL = 6

_EXPLAINED = (
    "Explained are the {count} of largest profit or loss. A run with --journal can be asked about every order:"
    " tapeline why."
)
_UNEXPLAINED = "What explains its entry is not at hand: this result came without bars and without a journal."


def render(content: Content) -> str:
    """Return the whole page."""
    script = _asset("page.js")
    library = (files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    title = escape(", ".join(content.strategies))
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}' '{_hash(library)}'; style-src 'unsafe-inline';"
        " img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    return "\n".join(
        (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title} - Tapeline report</title>",
            f"<style>\n{_asset('style.css')}</style>\n</head>\n<body>",
            *_body(content, title),
            f'<script type="text/plain" id="library">{_packed(library)}</script>',
            f'<script type="text/plain" id="data">{_packed(_payload(content))}</script>',
            f"<script>{script}</script>",
            "</body>\n</html>\n",
        )
    )


def _body(content: Content, title: str) -> Iterator[str]:
    yield f"<header><h1>{title}</h1>"
    yield f'<p class="quiet">{escape(" · ".join(content.facts))}</p>'
    yield from (f'<p class="remark">{escape(remark)}</p>' for remark in content.remarks)
    yield '<noscript><p class="remark">The charts and the trade table need JavaScript.</p></noscript>'
    yield '<p class="remark" id="fault" role="alert" hidden></p>'
    yield f"{cards(content)}</header>\n<main>"
    yield _section("Equity and drawdown", _equity_words(content), _chart("equity", "Equity and drawdown", tall=True))
    yield _section("Months", _months_words(content), months_table(content))
    yield _section("Rolling Sharpe ratio", *_sharpe(content))
    yield from _trade_sections(content)
    yield _section(
        "Exposure and turnover",
        "What was held as a share of equity, long plus short (gross) and long less short (net); and what was bought"
        " and sold in each month, as a multiple of the month's mean equity.",
        f'<div class="pair">{_chart("exposure", "Exposure")}{_chart("turnover", "Turnover by month")}</div>',
    )
    yield _section("Costs", *_costs(content))
    yield _section("Strategies", "Round trips that were closed.", strategy_table(content))
    if len(content.round_trips):
        yield _section("Trades", *_trade_table(content))
    yield _folded("All measures", measure_tables(content))
    yield _folded("Manifest", f"<pre>{escape(manifest_text(content))}</pre>")
    yield f"<footer>Tapeline {escape(__version__)} · result {escape(content.digest)} · times are UTC</footer>\n</main>"


def _equity_words(content: Content) -> str:
    words = "Equity at every slice, marked at the last price; below it the fall from the highest equity so far."
    words += " Charts zoom to what is marked with the mouse, and back on a double click."
    if content.benchmark is None:
        return f"{words} There is no benchmark: the result came without bars, and none was given."
    return (
        f"{words} Benchmark: {content.benchmark.name}, with the same money from the start. {content.benchmark.caution}"
    )


def _months_words(content: Content) -> str:
    words = "Returns of calendar months, compounded from sessions; the first and the last may be parts of a month."
    return words if content.benchmark is None else f"{words} The last column is the benchmark's year."


def _sharpe(content: Content) -> tuple[str, str]:
    if content.rolling is None:
        return (
            "",
            f"<p>A rolling ratio needs at least 42 sessions; this run has {len(content.session_returns)}.</p>",
        )
    window = content.rolling.window
    if np.isnan(content.rolling.standard_error).all():
        return "", "<p>The ratio is undefined: within every window the returns are all equal.</p>"
    return (
        f"Annual Sharpe ratio of the last {window} sessions. The band is 1.96 standard errors on either side,"
        " sqrt((1 - g3 SR + (g4 - 1)/4 SR²)/(n - 1)) with the window's own skewness g3 and kurtosis g4 (Lo 2002,"
        " Mertens 2002): as long as it holds zero, the window proves nothing.",
        _chart("sharpe", f"Sharpe ratio of {window} sessions"),
    )


def _costs(content: Content) -> tuple[str, str]:
    slippage = "Slippage is inside the prices of the fills."
    if not content.metrics["commission_total"]:
        return slippage, "<p>No commission was paid: the settings of the run have none, or nothing was traded.</p>"
    return f"Profit with and without the commissions paid. {slippage}", _chart("costs", "Profit and commissions")


def _trade_sections(content: Content) -> Iterator[str]:
    if not len(content.round_trips):
        yield _section("Trades", "", "<p>No round trip was closed.</p>")
        return
    prices = "" if content.prices else " Prices are missing: the result came without its bars."
    yield _section(
        "Trades on price",
        "Close of each bar, entries (triangles point the way of the trade), exits, and the levels of stop and target"
        f" while the position was held. Long periods show the lowest and highest of each stretch.{prices}",
        '<div class="tools"><label for="trade-symbol">Symbol</label><select id="trade-symbol"></select>'
        '<button type="button" id="trade-all">Whole period</button></div>'
        + _chart("trades", "Trades on price", tall=True),
    )
    yield _section(
        "What a trade went through",
        "Each round trip's worst and best open profit against what it made, in % of what was invested. Losers far"
        " right on the second chart gave a profit back; winners far left on the first nearly failed.",
        f'<div class="pair">{_chart("mae", "Worst open loss against result")}'
        f"{_chart('mfe', 'Best open profit against result')}</div>",
    )


def _trade_table(content: Content) -> tuple[str, str]:
    count = len(content.explanations)
    missing = _EXPLAINED.format(count=count) if count else _UNEXPLAINED
    about = f"{plural(len(content.round_trips), 'round trip')}. "
    if count:
        about += "▸ opens one with the conditions of its entry"
        about += f", ▹ one without. {missing}" if count < len(content.round_trips) else "."
    else:
        about += "▹ opens the details of one."
    return (
        about,
        '<div class="tools"><label for="trip-filter">Filter</label>'
        '<input id="trip-filter" type="search" placeholder="symbol, side, exit ..." autocomplete="off">'
        '<button type="button" id="trip-back" aria-label="Page before">‹</button>'
        '<button type="button" id="trip-on" aria-label="Page after">›</button>'
        '<span class="quiet" id="trip-place" aria-live="polite"></span></div>'
        f'<div class="scroll"><table id="trips" data-unexplained="{escape(missing)}"><thead></thead><tbody></tbody>'
        "</table></div>",
    )


def _payload(content: Content) -> str:
    c = content
    drawn: dict[str, Any] = {
        "chart-equity": figures.equity_figure(c.times_ns, c.equity, c.starting_cash, c.benchmark, c.gaps_ns),
        "chart-exposure": figures.exposure_figure(c.times_ns, c.equity, c.gross_exposure, c.net_exposure, c.gaps_ns),
        "chart-turnover": figures.turnover_figure(c.session_days, c.session_notionals, c.session_equity),
    }
    if c.metrics["commission_total"]:
        drawn["chart-costs"] = figures.cost_figure(
            c.session_ns, c.session_equity, c.starting_cash, c.session_commissions
        )
    if c.rolling is not None and not np.isnan(c.rolling.standard_error).all():
        drawn["chart-sharpe"] = figures.sharpe_figure(c.session_ns, c.rolling, c.metrics["sharpe"])
    if len(c.round_trips):
        drawn |= {f"chart-{name}": figures.excursion_figure(c.round_trips, name) for name in ("mae", "mfe")}
    return json.dumps(
        {
            "figures": drawn,
            "trips": trip_columns(c),
            "explanations": explanation_rows(c),
            "prices": price_lines(c),
            "daily": c.is_daily,
        },
        allow_nan=False,
        separators=(",", ":"),
        default=_plain,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"A report cannot hold {type(value).__name__}.")


def _section(title: str, about: str, inside: str) -> str:
    words = f'<p class="about">{escape(about)}</p>' if about else ""
    return f"<section><h2>{escape(title)}</h2>{words}{inside}</section>"


def _folded(title: str, inside: str) -> str:
    return f"<section><details><summary>{escape(title)}</summary>{inside}</details></section>"


def _chart(name: str, label: str, *, tall: bool = False) -> str:
    kind = "chart tall" if tall else "chart"
    return f'<div class="{kind}" id="chart-{name}" role="img" aria-label="{escape(label)}"></div>'


def _asset(name: str) -> str:
    return files("tapeline.report").joinpath(name).read_text(encoding="utf-8")


def _packed(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode(), PACKED_LEVEL)).decode()


def _hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
