"""Paper for the pages of forms: fonts, words at a place, bars, stripes, head and foot, and how amounts are printed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tapeline.tax.forms.filing import Forms
from tapeline.tax.forms.rounding import whole_dollars

if TYPE_CHECKING:
    from fpdf import FPDF

WIDTH, HEIGHT, EDGE = 792.0, 612.0, 30.0
INK, SOFT, DARK, STRIPE, RULE = (24, 30, 40), (105, 112, 122), (28, 63, 96), (243, 246, 250), (200, 207, 216)
WHITE = (255, 255, 255)
NOT_THE_FORM = (
    "Tapeline's own layout of the columns of the form, not the IRS's form. Not legal or tax advice: check it before"
    " filing."
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its left edge and width in points, its two lines of heading, whether figures end at its right."""

    left: float
    width: float
    letter: str
    title: str
    is_figure: bool = False


def columns_of(*entries: tuple[float, str, str, bool]) -> tuple[Column, ...]:
    """Return columns side by side, by width, letter, title, and whether they have figures."""
    left, found = EDGE, []
    for width, letter, title, is_figure in entries:
        found.append(Column(left, width, letter, title, is_figure))
        left += width
    return tuple(found)


def money_text(cents: int | None, *, in_dollars: bool = False) -> str:
    """Return an amount as forms print it: thousands, losses in parentheses, nothing for None."""
    if cents is None:
        return ""
    size = abs(whole_dollars(cents)) * 100 if in_dollars else abs(cents)
    text = f"{size // 100:,}" if in_dollars else f"{size // 100:,}.{size % 100:02}"
    return f"({text})" if cents < 0 and size else text


class Paper:
    """What every page shares: the pen, its widths, head and foot."""

    def __init__(self, pdf: FPDF, forms: Forms, name: str, made: str) -> None:
        self.pdf, self.forms = pdf, forms
        self.name, self.made = name or "Name: ______________________________", made
        self._widths = {style: self._measured(style) for style in ("", "B")}
        self._font = ("", 0.0)
        self._waiting: list[str] = []
        self._is_font_new = True

    def font(self, style: str, size: float) -> None:
        """Take up a font: plain or B for bold, in points."""
        if (style, size) != self._font:
            self._let_go()
            self.pdf.set_font("Helvetica", style, size)
            self._font, self._is_font_new = (style, size), True

    def _measured(self, style: str) -> dict[str, float]:
        """Return the widths of letters per point of size."""
        self.pdf.set_font("Helvetica", style, 1000)
        return {chr(code): self.pdf.get_string_width(chr(code)) / 1000 for code in range(32, 127)}

    def ink(self, color: tuple[int, int, int]) -> None:
        """Choose the colour of words. The library writes it with every word unless areas have it too."""
        self._let_go()
        self.pdf.set_text_color(*color)
        self.pdf.set_fill_color(*color)

    def _place(self, x: float, y: float, text: str) -> None:
        # The library writes the first words in a font, with the font's name; those after it wait and go in one piece,
        # which takes half the time: it would look at font, colour and decoration of each of them again.
        if self._is_font_new:
            self.pdf.text(x, y, text)
            self._is_font_new = False
            return
        for sign in "\\()":
            if sign in text:
                text = text.replace(sign, f"\\{sign}")
        self._waiting.append(f"BT {x:.2f} {HEIGHT - y:.2f} Td ({text}) Tj ET")

    def _let_go(self) -> None:
        if self._waiting:
            self.pdf._out("\n".join(self._waiting))
            self._waiting = []

    def area(self, x: float, y: float, width: float, height: float, color: tuple[int, int, int]) -> None:
        """Fill an area; choose the ink again before the next words."""
        self._let_go()
        self.pdf.set_fill_color(*color)
        self.pdf.rect(x, y, width, height, style="F")

    def check_box(self, x: float, y: float, *, is_checked: bool) -> None:
        """Draw a box to check, eight points wide."""
        self._let_go()
        self.pdf.set_draw_color(*INK)
        self.pdf.set_line_width(0.7)
        self.pdf.rect(x, y, 8, 8)
        if is_checked:
            self.pdf.line(x + 1.5, y + 1.5, x + 6.5, y + 6.5)
            self.pdf.line(x + 6.5, y + 1.5, x + 1.5, y + 6.5)

    def width_of(self, text: str) -> float:
        """Return how wide a text is in the font at hand, points."""
        widths = self._widths[self._font[0]]
        return sum(widths.get(letter, 0.6) for letter in text) * self._font[1]

    def put(self, x: float, y: float, text: str, room: float = 0.0) -> None:
        """Write a text on its base line; with `room`, cut off what does not fit."""
        if not text:
            return
        if room and len(text) * self._font[1] * 0.4 > room and self.width_of(text) > room:
            while text and self.width_of(text) + self._font[1] > room:
                text = text[:-1]
            text += "..."
        self._place(x, y, text if text.isascii() else text.encode("latin-1", "replace").decode("latin-1"))

    def put_right(self, right: float, y: float, text: str) -> None:
        """Write a text that ends at a place."""
        if text:
            self._place(right - self.width_of(text), y, text)

    def bytes(self) -> bytes:
        """Return the finished document."""
        self._let_go()
        return bytes(self.pdf.output())

    def page(self, title: str) -> None:
        """Begin a page with its head and foot."""
        pdf = self.pdf
        self._let_go()
        pdf.add_page()
        self._is_font_new = True
        self.ink(INK)
        self.font("B", 15)
        self.put(EDGE, 44, title)
        self.put_right(WIDTH - EDGE, 44, str(self.forms.tax_year))
        self.font("", 9)
        self.put(EDGE, 60, self.name, 400)
        self.put_right(WIDTH - EDGE, 60, "PROVISIONAL" if self.forms.is_provisional else "")
        self.ink(SOFT)
        self.font("", 7)
        self.put(EDGE, HEIGHT - 30, NOT_THE_FORM)
        self.put(EDGE, HEIGHT - 20, f"Tapeline, {self.made}", 600)
        self.put_right(WIDTH - EDGE, HEIGHT - 20, f"page {pdf.page_no():,}")
        self.ink(INK)

    def bar(self, y: float, text: str, height: float = 17.0) -> None:
        """Draw a dark bar with words in it."""
        self.area(EDGE, y, WIDTH - 2 * EDGE, height, DARK)
        self.ink(WHITE)
        self.font("B", 9)
        self.put(EDGE + 6, y + height - 5, text)
        self.ink(INK)

    def heading(self, y: float, columns: Sequence[Column]) -> None:
        """Write the titles of columns and a line under them."""
        self.font("B", 7.5)
        for column in columns:
            for line, text in enumerate((column.letter, column.title)):
                if column.is_figure:
                    self.put_right(column.left + column.width - 5, y + 9 * line, text)
                else:
                    self.put(column.left + 4, y + 9 * line, text)
        self.rule(y + 14)

    def rule(self, y: float, weight: float = 0.6) -> None:
        """Draw a line over the whole width."""
        self._let_go()
        self.pdf.set_draw_color(*RULE)
        self.pdf.set_line_width(weight)
        self.pdf.line(EDGE, y, WIDTH - EDGE, y)

    def stripes(self, top: float, count: int, height: float) -> None:
        """Shade every second row."""
        for at in range(0, count, 2):
            self.area(EDGE, top + at * height, WIDTH - 2 * EDGE, height, STRIPE)
        self.ink(INK)


def wrapped(text: str, room: float, width_of: Callable[[str], float]) -> list[str]:
    """Return a text in lines that fit into a room."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if width_of(longer) > room and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
