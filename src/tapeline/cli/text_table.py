"""A table as lines of text: figures end at the right, words begin at the left, and nothing is ever cut off.

Ten thousands of rows are printed as fast as the terminal takes them, so a whole year of a busy account can be.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tapeline.cli.console import console, folded

GAP = "  "
_FIGURE = re.compile(r"-?[\d,]*\.?\d*$")


class TextTable:
    """Rows under the names of their columns."""

    def __init__(self, title: str, names: list[str]) -> None:
        self.title, self.names = title, names
        self.rows: list[tuple[str, ...]] = []

    def add_row(self, *cells: str) -> None:
        """Add a row, a cell for each column."""
        assert len(cells) == len(self.names), "a row has a cell for each column"
        self.rows.append(cells)

    def show(self, beneath: Sequence[str] = ()) -> None:
        """Print title, if there is one, names and rows; beneath each row its line, folded in a terminal."""
        columns = list(zip(*self.rows, strict=True)) or [()] * len(self.names)
        forms = []
        for name, cells in zip(self.names, columns, strict=True):
            width = max(map(len, (name, *cells)))
            forms.append(f"{{:{'>' if all(map(_FIGURE.match, cells)) and cells else '<'}{width}}}")
        form = GAP.join(forms).format
        if self.title:
            console.print(self.title, style="italic", markup=False, soft_wrap=True)
        console.print(form(*self.names).rstrip(), style="bold", markup=False, soft_wrap=True)
        for index, cells in enumerate(self.rows):
            lines = [form(*cells).rstrip(), *(folded(f"{GAP}{beneath[index]}", console) if beneath else ())]
            console.file.write("".join(f"{line}\n" for line in lines))
