"""Rows of a CSV file as text, each with the place where it stands for who must mend it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

from tapeline.domain.errors import DataError


def csv_rows(
    path: Path, check_header: Callable[[list[str]], None], delimiter: str = ","
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield place and cells by column of each row that is not empty.

    check_header : told the names of the columns before the first row; raises for what cannot be read
    Raises DataError for a file that is no text, or a row that is cut off.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file, delimiter=delimiter, strict=True)
            names = [name.strip() for name in next(lines, [])]
            check_header(names)
            for cells in lines:
                if not any(cell.strip() for cell in cells):
                    continue
                where = f"{path} line {lines.line_num}"
                if len(cells) != len(names):
                    raise DataError(
                        f"{where}: it has {len(cells)} cells where the header has {len(names)}. If the file was cut"
                        f" off, export it again; quote cells that have a {delimiter!r} in them."
                    )
                yield where, dict(zip(names, cells, strict=True))
    except (csv.Error, UnicodeDecodeError) as exc:
        raise DataError(f"{path} is no readable CSV file ({exc}). Export it again as UTF-8 text.") from exc
