"""A picture of the equity in the terminal: the curve, the drawdown beneath it, money and dates on the axes.

Each character cell holds 2 x 4 dots of a braille sign, so a curve 70 cells wide has 140 points. Each point
stands for a run of rows and is drawn from their lowest to their highest equity: a spike of one minute in a
year of minutes stays visible, which a curve through every hundredth value would lose. The axis counts rows,
not hours, so nights and weekends take no room. Where the encoding has no braille, plain ASCII is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from tapeline.analysis.drawdown import drawdown_path
from tapeline.analysis.picture_axes import money_label, money_ticks, span_text, time_ticks
from tapeline.domain.errors import ConfigurationError, DataError
from tapeline.domain.panel import Floats, Times
from tapeline.domain.times import SECOND, to_iso

Dots = npt.NDArray[np.bool_]

WIDTH_MIN, HEIGHT_MIN = 40, 10

# Bit of each dot in the Unicode block of braille patterns, by row from the top and column from the left.
_BRAILLE = 0x2800
_BRAILLE_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])

_RESET, _BOLD, _FAINT = "\x1b[0m", "\x1b[1m", "\x1b[2m"
_GREEN, _RED = "\x1b[32m", "\x1b[31m"


@dataclass(frozen=True)
class _Signs:
    """The signs of the frame."""

    axis: str
    tick: str
    corner: str
    floor: str
    floor_tick: str
    start: str
    minus: str


_UNICODE = _Signs(axis="│", tick="┤", corner="└", floor="─", floor_tick="┬", start="┄", minus="−")
_ASCII = _Signs(axis="|", tick="+", corner="+", floor="-", floor_tick="+", start=".", minus="-")


def equity_picture(
    equity: Floats,
    times: Times,
    width: int = 80,
    height: int = 20,
    *,
    colour: bool = True,
    currency: str = "USD",
    encoding: str = "utf-8",
) -> str:
    """Return the equity as text of `height` lines, none wider than `width` cells.

    equity : float64 of shape (T,), currency; the first value is the level that gains are counted from
    times : int64 (T,), UTC nanoseconds, increasing
    colour : whether to use the terminal's green above and red below the first value
    encoding : what the terminal can show; ASCII signs are used where it has no braille
    Raises ConfigurationError below 40 x 10 cells; DataError without values, or where one is not finite.
    """
    _check(equity, times, width, height)
    signs = _UNICODE if _can_show(encoding) else _ASCII
    strip_rows = max(2, height // 7)
    plot_rows = height - strip_rows - 4

    depth = np.nan_to_num(drawdown_path(equity), nan=0.0)
    low, high = _money_range(equity)
    ticks = money_ticks(low, high, max(3, plot_rows // 3))
    deepest = float(depth.min())
    depth_labels = ("0 %", _percent(deepest, signs) if deepest < 0.0 else "")
    money_labels = [money_label(value, ticks) for value in ticks]
    margin = max(len(label) for label in (*money_labels, *depth_labels)) + 1
    columns = width - margin - 2

    points = 2 * columns
    level = (plot_rows * 4 - 1) / (high - low)
    top = np.rint((high - _over_points(np.maximum, equity, points)) * level).astype(np.int64)
    bottom = np.rint((high - _over_points(np.minimum, equity, points)) * level).astype(np.int64)
    curve = _cells(_line_dots(top, bottom, plot_rows * 4), signs, "|")
    strip = _cells(_hanging_dots(_over_points(np.minimum, depth, points), strip_rows * 4), signs, "#")

    def row_of(value: float) -> int:
        return int(np.rint((high - value) * level)) // 4

    start_row = row_of(float(equity[0]))
    label_at = dict(zip((row_of(value) for value in ticks), money_labels, strict=True))
    lines = [_title(equity, times, width, currency, signs, colour)]
    for row, cells in enumerate(curve):
        label = label_at.get(row, "")
        side = _GREEN if row < start_row or (row == start_row and equity[-1] >= equity[0]) else _RED
        body = _paint_row(cells, side, signs.start if row == start_row else " ", colour)
        lines.append(_margin(label, margin, signs, colour) + body)
    lines.append(
        _margin("", margin, signs, colour) + _tint(_strip_heading(depth, times, columns, signs), _FAINT, colour)
    )
    for row, cells in enumerate(strip):
        label = depth_labels[0] if row == 0 else depth_labels[1] if row == strip_rows - 1 else ""
        lines.append(_margin(label, margin, signs, colour) + _paint_row(cells, _RED, " ", colour))
    lines += _time_axis(times, margin, columns, signs, colour)
    return "\n".join(line.rstrip() for line in lines)


def _check(equity: Floats, times: Times, width: int, height: int) -> None:
    if width < WIDTH_MIN or height < HEIGHT_MIN:
        raise ConfigurationError(
            f"A picture of {width} x {height} cells is too small to read. Give it {WIDTH_MIN} x {HEIGHT_MIN}."
        )
    if len(equity) != len(times) or len(equity) == 0:
        raise DataError(
            f"A picture needs one or more values and a time for each; found {len(equity)} and {len(times)}."
        )
    if not np.isfinite(equity).all():
        row = int(np.argmin(np.isfinite(equity)))
        raise DataError(f"Equity at {to_iso(times[row])} (row {row}) is {equity[row]}; it cannot be drawn.")


def _can_show(encoding: str) -> bool:
    try:
        f"⣿{_UNICODE.corner}{_UNICODE.start}{_UNICODE.minus}".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _money_range(equity: Floats) -> tuple[float, float]:
    low, high = float(equity.min()), float(equity.max())
    if high - low > 1e-9 * max(1.0, abs(high)):
        return low, high
    room = max(abs(high) * 0.01, 1.0)
    return low - room, high + room


def _over_points(function: np.ufunc, values: Floats, points: int) -> Floats:
    """Bring the rows to `points` values: the extreme of each run of rows, or lines between fewer rows."""
    if len(values) <= points:
        return np.interp(np.linspace(0.0, len(values) - 1.0, points), np.arange(len(values)), values)
    return function.reduceat(values, np.arange(points) * len(values) // points).astype(np.float64)


def _line_dots(top: Times, bottom: Times, rows: int) -> Dots:
    # Each point reaches to its neighbour before it, so that steep moves stay one line.
    upper, lower = top.copy(), bottom.copy()
    upper[1:] = np.minimum(top[1:], bottom[:-1])
    lower[1:] = np.maximum(bottom[1:], top[:-1])
    row = np.arange(rows)[:, None]
    return (row >= upper) & (row <= lower)


def _hanging_dots(depth: Floats, rows: int) -> Dots:
    deepest = float(depth.min())
    filled = np.ceil(depth / deepest * rows) if deepest < 0.0 else np.zeros(len(depth))
    return np.arange(rows)[:, None] < filled


def _cells(dots: Dots, signs: _Signs, solid: str) -> list[str]:
    rows, columns = dots.shape[0] // 4, dots.shape[1] // 2
    blocks = dots.reshape(rows, 4, columns, 2).transpose(0, 2, 1, 3)
    if signs is _UNICODE:
        codes = _BRAILLE + (blocks * _BRAILLE_BITS).sum(axis=(2, 3))
        return ["".join(chr(code) if code > _BRAILLE else " " for code in line) for line in codes.tolist()]
    return ["".join(_ascii_sign(cell.any(axis=1), solid) for cell in line) for line in blocks]


def _ascii_sign(filled: Dots, solid: str) -> str:
    count = int(filled.sum())
    if count == 0:
        return " "
    if count >= 3:
        return solid
    if count == 2:
        return ":"
    return "'" if filled[0] else "." if filled[3] else "-"


def _tint(text: str, code: str, colour: bool) -> str:
    return f"{code}{text}{_RESET}" if colour and text else text


def _margin(label: str, margin: int, signs: _Signs, colour: bool) -> str:
    return _tint(f"{label:>{margin}} {signs.tick if label else signs.axis}", _FAINT, colour)


def _paint_row(cells: str, code: str, empty: str, colour: bool) -> str:
    text, run, filled = "", "", False
    for sign in cells + "\0":
        if sign == "\0" or (sign != " ") != filled:
            text += _tint(run, code if filled else _FAINT, colour and bool(run.strip()))
            run, filled = "", sign != " "
        run += sign if sign != " " else empty
    return text


def _percent(value: float, signs: _Signs) -> str:
    # A debt of more than ten times the peak has no drawdown worth its digits.
    text = f"{value * 100:.1f} %" if value > -10.0 else "<-999 %"
    return text.replace("-", signs.minus)


def _title(equity: Floats, times: Times, width: int, currency: str, signs: _Signs, colour: bool) -> str:
    amount = f"Equity {equity[-1]:,.2f} {currency}".rstrip()[: width - 1]
    gain = ""
    # Over nothing, or less than a cent, there is no change to speak of.
    if equity[0] >= 0.01:
        change = float(equity[-1] / equity[0] - 1.0)
        gain = f"  {'+' if change >= 0.0 else ''}{change * 100:,.2f} %".replace("-", signs.minus)
    if 1 + len(amount) + len(gain) > width:
        gain = ""
    period = span_text(_moment(times[0]), _moment(times[-1]))
    gap = width - 1 - len(amount) - len(gain) - len(period)
    if gap < 1:
        period, gap = "", 0
    gain = _tint(gain, _GREEN if equity[-1] >= equity[0] else _RED, colour)
    return f" {_tint(amount, _BOLD, colour)}{gain}{' ' * gap}{_tint(period, _FAINT, colour)}"


def _strip_heading(depth: Floats, times: Times, columns: int, signs: _Signs) -> str:
    deepest = int(np.argmin(depth))
    if depth[deepest] == 0.0:
        return " No drawdown"
    text = f" Drawdown, deepest {_percent(float(depth[deepest]), signs)} on {_moment(times[deepest]):%Y-%m-%d}"
    return text if len(text) <= columns else " Drawdown"


def _time_axis(times: Times, margin: int, columns: int, signs: _Signs, colour: bool) -> list[str]:
    floor, labels = [signs.floor] * columns, [" "] * columns
    for column, text in time_ticks(times, columns):
        floor[column] = signs.floor_tick
        begin = min(max(column - len(text) // 2, 0), columns - len(text))
        labels[begin : begin + len(text)] = text
    return [
        _tint(f"{'':>{margin}} {signs.corner}{''.join(floor)}", _FAINT, colour),
        _tint(f"{'':>{margin}}  {''.join(labels)}", _FAINT, colour),
    ]


def _moment(time_ns: int) -> datetime:
    return datetime.fromtimestamp(int(time_ns) // SECOND, UTC)
