"""What the screen says as tables and lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from tapeline.app.screen_explain import WORDS, RowExplanation
from tapeline.app.screen_validation import shortfall
from tapeline.app.screening import Screening
from tapeline.app.watchlist import Refresh
from tapeline.domain.times import to_iso
from tapeline.report.amounts import number, percent, plural
from tapeline.screener.regime import Regime

_SUMMARY = ("tree.setup_class", "score.grade", "score.state", "score.total")
_MOVES = 5
_GRADE_STYLES = {"A+": "bold green", "A": "green"}
_TRUTH = {True: "+", False: "·", None: "?"}


def best_columns(screening: Screening, top: int, *, only_watchlist: bool = False) -> list[int]:
    """Return the columns to be shown: the watchlist first, then the others by score."""
    snapshot = screening.snapshot
    listed = snapshot.watchlist
    total = snapshot["score.total"]
    others = [column for column in range(len(snapshot.symbols)) if snapshot.present[column] and column not in listed]
    others.sort(key=lambda column: (total[column] != total[column], -total[column], snapshot.symbols[column]))
    return (listed if only_watchlist else [*listed, *others])[:top]


def watchlist_table(screening: Screening, columns: list[int]) -> Table:
    """Return the rows of some columns; a star marks the watchlist."""
    snapshot = screening.snapshot
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("", "symbol", "grade", "score", "class", "state", "rr", "stop", "target", "abcdv", "q1-6"):
        right = name in ("score", "rr", "stop", "target")
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for column in columns:
        row = snapshot.row(column)
        score = row["sabr20"]["total"] if row["sabr20"] else None
        table.add_row(
            "*" if column in snapshot.watchlist else "",
            row["symbol"],
            Text(row["grade"] or "–", style=_GRADE_STYLES.get(row["grade"], "")),
            _number(score, 1),
            row["tree"]["class"] or "–",
            row["state"] or "–",
            _number(row["rr"], 1),
            _number(row["stop"], 2),
            _number(row["target"], 2),
            "".join(_TRUTH[row["coarse"][name]] for name in "abcdv"),
            "".join(_TRUTH[row["tree"][f"q{place}"]] for place in range(1, 7)),
        )
    return table


def watch_view(refresh: Refresh, alerts: Sequence[tuple[int, str]], top: int) -> Group:
    """Return what a terminal shows of a refresh: regime, newest alerts, watchlist.

    alerts : time and sentence; those of this refresh stand out. They come before the rows, which a low terminal cuts.
    """
    screening = refresh.screening
    now, settings = screening.snapshot.time_ns, screening.settings
    head = Text(f"{to_iso(now)}  {settings.profile}, {settings.screen.frames.trigger}", style="bold")
    head.append(f"  {screening.snapshot.passed.sum()} of {len(screening.snapshot.symbols)} pass")
    regime = screening.regime
    words = "Regime unknown before the first close of its frame." if regime is None else regime_lines(regime)[0]
    lines = [head, Text(words)]
    for time_ns, sentence in reversed(alerts):
        lines.append(
            Text(sentence, style="bold yellow" if time_ns == now else "dim", no_wrap=True, overflow="ellipsis")
        )
    columns = best_columns(screening, top, only_watchlist=True)
    rows = watchlist_table(screening, columns) if columns else Text("Nobody is on the watchlist.")
    return Group(*lines, rows)


def unknown_lines(screening: Screening, columns: list[int]) -> Iterator[str]:
    """Yield what is unknown of the rows shown, and how many of the others lack something."""
    symbols = screening.snapshot.symbols
    for column in columns:
        remarks = screening.remarks(column)
        if remarks:
            yield f"{symbols[column]}: {'; '.join(remarks)}."
    shown = set(columns)
    others = [c for c in range(len(symbols)) if screening.snapshot.present[c] and c not in shown]
    lacking = sum(1 for column in others if screening.remarks(column))
    if lacking:
        yield f"Of {len(others)} symbols not shown something is unknown of {lacking}; --json and --top tell what."


def regime_lines(regime: Regime) -> list[str]:
    """Return a regime as sentences, the label first."""
    trend, volatility, breadth, correlation = regime.trend, regime.volatility, regime.breadth, regime.correlation
    level = "unknown" if volatility["level"] is None else f"{volatility['level']:.1f} ({volatility['bucket']})"
    source = "of SPY's returns, in place of VIX" if volatility["proxy"] else "VIX"
    return [
        f"Regime {regime.label}, favourability {regime.favourability:g} of 100.",
        f"Trend of the indices: {trend['consensus']}, {trend['points']:g} points.",
        f"Volatility {source}: {level}, {volatility['points']:g} points.",
        f"Breadth: {breadth['advances']} up, {breadth['declines']} down, {breadth['new_highs']} new highs,"
        f" {breadth['new_lows']} new lows: {breadth['strength']}, {breadth['points']:g} points.",
        f"Correlation of the indices: {_number(correlation['mean'], 2)}, {correlation['points']:g} points.",
        *regime.recommendations(),
    ]


def explanation_lines(told: RowExplanation) -> Iterator[str]:
    """Yield the bars of a symbol, then each condition and number with what it was made of, score and class first."""
    yield f"{told.symbol} at {to_iso(told.time_ns)}: the newest bar of each frame"
    for frame, bar in told.bars.items():
        prices = ", ".join(f"{name} {bar[name]:,.2f}" for name in ("open", "high", "low", "close"))
        yield f"  {frame} to {to_iso(bar['end'])}: {prices}, volume {bar['volume']:,.0f}"
    for name in (*_SUMMARY, *(name for name in told.parts if name not in _SUMMARY)):
        first, *rest = told.parts[name].render(name).splitlines()
        yield f"{first}, {told.word(name) or 'none'}" if name in WORDS else first
        yield from rest


def evaluation_lines(found: dict[str, Any]) -> Iterator[str]:
    """Yield what an evaluation says about groups, conditions and what they kill."""
    horizon = found["horizon"]
    yield (
        f"{found['rows']:,} rows of {plural(found['symbols'], 'symbol')} in {plural(found['sessions'], 'session')},"
        f" profile {found['profile']}. Returns: {horizon['from']}, {horizon['bars']} x {horizon['frame']}."
    )
    yield (
        f"Rows overlap and symbols move together, so intervals (95 %) draw {horizon['block_sessions']} whole sessions"
        " at a time, and the hit rate counts a symbol once a session."
    )
    yield f"{'':18s} {'rows':>9s} {'mean':>9s} {'95 % interval':>22s} {'against all':>12s} {'hit rate':>9s}"
    for name, group in found["groups"].items():
        mean, excess, hits = group["mean"], group["excess"], group["hit_rate"]
        span = "–" if mean["low"] is None else f"{percent(mean['low'], 3)} to {percent(mean['high'], 3)}"
        yield (
            f"{name:18s} {group['rows']:9,d} {_percent(mean['value'], 3):>9s} {span:>22s}"
            f" {_percent(excess['value'], 3):>12s} {_percent(hits['value'], 1):>9s}"
        )
    counts = found["counts"]
    yield (
        f"Coarse screen: {_percent(counts['passed_share'], 2)} pass and {_percent(counts['handed_over_share'], 2)} are"
        f" handed over, of {counts['confirmation_bars']:,} bars whose five conditions are known."
    )
    yield (
        f"Trigger {counts['trigger']:,}, with the regime {counts['trigger_regime']:,}, with confirmation"
        f" {counts['trigger_regime_confirmation']:,}. Graded A or better and handed over:"
        f" {counts['good_and_handed_over']:,}."
    )
    for name, held in found["conditions"].items():
        true, unknown = (percent(held[truth] / max(found["rows"], 1), 1) for truth in ("true", "unknown"))
        yield f"{name:20s} true {true:>7s}, unknown {unknown:>7s}"
    for name, rows in found["killed"].items():
        yield f"{name}: " + ", ".join(f"{label} {count:,}" for label, count in rows.items()) + "."


def switches_table(switches: dict[str, Any]) -> Table:
    """Return what each switch of the profile changes."""
    table = Table(box=None, pad_edge=False)
    for name in ("with", "trigger", "entries", "their return", "graded A, A+", "watchlist", "against all rows"):
        table.add_column(name, justify="left" if name == "with" else "right")
    for name, one in switches.items():
        entries, listed = one["entries"], one["watchlist"]
        table.add_row(
            name,
            f"{one['trigger']:,}",
            f"{entries['rows']:,}",
            _percent(entries["mean"]["value"], 3),
            f"{one['grade_a_or_better']:,}",
            f"{listed['rows']:,}",
            _percent(listed["excess"]["value"], 3),
        )
    return table


def validation_lines(found: dict[str, Any]) -> Iterator[str]:
    """Yield what a validation says."""
    yield (
        f"Of {found['good']:,} rows graded A or better the coarse screen passes {_percent(found['recall'], 1)}"
        f" (target {percent(found['recall_target'], 0)}); of the {found['passed']:,} it passes"
        f" {_percent(found['precision'], 1)} are (target {percent(found['precision_target'], 0)})."
    )
    for name, one in found["conditions"].items():
        yield (
            f"  without {name}: recall {_percent(one['recall'], 1)}, precision {_percent(one['precision'], 1)};"
            f" {one['more_good']:,} more of them, {one['more_other']:,} others."
        )
    for move in sorted(found["moves"], key=shortfall)[:_MOVES]:
        yield (
            f"  {move['name']} {move['from']:g} to {move['to']:g}: recall {_percent(move['recall'], 1)},"
            f" precision {_percent(move['precision'], 1)}."
        )
    yield found["advice"]


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else number(value, digits)


def _percent(value: float | None, digits: int) -> str:
    return "–" if value is None else percent(value, digits)
