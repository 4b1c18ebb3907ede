"""From a vendor's file to the lake: read, judge, write, all of it or nothing.

    report = import_bars(Path("lake"), Path("bars.csv"), now_ns=clock.now_ns(), vendor="acme")

A folder is one load: its files are read one after the other and become visible together. The quality gate is a function
of the rows of one file; what it quarantines is kept beside the bars with its reasons.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from tapeline.domain.errors import DataError, InputError
from tapeline.domain.panel import Sessions
from tapeline.domain.times import frame_text
from tapeline.feeds.vendor_files import VendorBars, VendorFormat, read_table, read_vendor_bars
from tapeline.feeds.vendor_tables import read_vendor_table
from tapeline.lake.commits import create_lake, numbers
from tapeline.lake.lake import Lake, open_lake
from tapeline.lake.loading import Stored, store_bars
from tapeline.lake.loads import Provenance, last_of, next_load, record, refuse_changed_columns
from tapeline.lake.reference import store_reference
from tapeline.lake.writing import Transaction
from tapeline.tape.quality import check_bars

_ENDINGS = (".parquet", ".csv", ".txt", ".tsv")


class Verdict(Protocol):
    """What a quality gate says of rows: the good ones with marks, and the others with their reasons."""

    @property
    def good(self) -> pl.DataFrame: ...

    @property
    def quarantined(self) -> pl.DataFrame: ...

    @property
    def report(self) -> Any: ...


Gate = Callable[..., Verdict]


@dataclass(frozen=True, eq=False)
class ImportReport:
    """What an import did: rows by what became of them, the lake's commit, and what the gate said of each file."""

    load: int
    commit: int
    rows_read: int
    quarantined: int
    stored: Stored
    verdicts: tuple[Any, ...]


def import_bars(
    folder: str | Path,
    path: str | Path,
    *,
    now_ns: int,
    vendor: str,
    written: VendorFormat | None = None,
    calendar: str | None = "XNYS",
    correct: bool = False,
    gate: Gate = check_bars,
) -> ImportReport:
    """Import a file, or every bar file of a folder, as one load; the lake is made where there is none.

    written : how the vendor writes bars; None takes the words of the vendor's last load, or our own names
    calendar : of a lake that is made; one that is there has its own
    Raises InputError or StorageError, in one sentence; then nothing of the load is there.
    """
    folder, path = Path(folder), Path(path)
    files = _files(path)
    with _lake(folder, calendar) as lake, Transaction.begin(folder, now_ns) as transaction:
        sessions = lake.sessions()
        earlier = _earlier(transaction, vendor)
        load, total, rows_read, kind = next_load(transaction), Stored(), 0, ""
        columns: dict[str, None] = {}
        hashes, verdicts, left_out = [], [], []
        for file in files:
            bars, chosen = _read(file, written, earlier, sessions)
            columns |= dict.fromkeys(bars.columns)
            hashes.append(bars.sha256)
            if kind and kind != _kind(bars.frame_ns):
                raise InputError(
                    f"{file} has {_kind(bars.frame_ns)}, the files before it {kind}. Import each length by itself."
                )
            kind = _kind(bars.frame_ns)
            verdict = gate(
                bars.frame,
                frame_ns=bars.frame_ns,
                sessions=sessions,
                corporate_actions=lake.actions_by_symbol(_symbols(bars.frame)),
            )
            total += store_bars(
                transaction, verdict.good, frame_ns=bars.frame_ns, sessions=sessions, vendor=vendor, load=load,
                source=str(file), correct=correct,
            )  # fmt: skip
            rows_read += bars.frame.height
            verdicts.append(verdict.report)
            left_out.append(_left_out(verdict.quarantined, frame_text(bars.frame_ns)))
        request = {**asdict(chosen), "columns": dict(chosen.columns), "correct": correct, "calendar": lake.calendar}
        provenance = Provenance(kind, vendor, str(path), _hash_of(hashes), tuple(columns), request)
        quarantined = pl.concat(left_out)
        record(transaction, load, provenance, rows_read, total, quarantined)
        commit = transaction.commit(f"load {load}: {kind} of {vendor} from {path.name}")
    return ImportReport(load, commit.number, rows_read, quarantined.height, total, tuple(verdicts))


def import_table(
    folder: str | Path,
    path: str | Path,
    table: str,
    *,
    now_ns: int,
    vendor: str,
    columns: Mapping[str, str] | None = None,
    separator: str = ",",
    calendar: str | None = "XNYS",
    correct: bool = False,
) -> ImportReport:
    """Import facts about securities: corporate_actions, symbol_history, index_membership or sectors."""
    folder, path = Path(folder), Path(path)
    with _lake(folder, calendar), Transaction.begin(folder, now_ns) as transaction:
        earlier = last_of(transaction.frame("loads"), table, vendor)
        mapping = dict(columns or (json.loads(earlier["request"])["columns"] if earlier else {}))
        read = read_vendor_table(path, mapping, separator)
        if earlier and not columns:
            refuse_changed_columns(earlier, read.columns, str(path))
        load = next_load(transaction)
        stored = store_reference(
            transaction, table, read.frame, vendor=vendor, load=load, source=str(path), correct=correct
        )
        request = {"columns": mapping, "separator": separator, "correct": correct}
        provenance = Provenance(table, vendor, str(path), read.sha256, read.columns, request)
        record(transaction, load, provenance, read.frame.height, stored, pl.DataFrame())
        commit = transaction.commit(f"load {load}: {table} of {vendor} from {path.name}")
    return ImportReport(load, commit.number, read.frame.height, 0, stored, ())


def check_stored(
    lake: Lake, *, frame: str | None = None, symbols: list[str] | None = None, gate: Gate = check_bars
) -> Verdict:
    """Return what the quality gate says of bars that are stored."""
    rows = lake.bars(symbols, frame=frame)
    frame_ns = lake.frame_ns(frame)
    bars = rows.select(
        pl.col("security").alias("symbol"),
        pl.col("start").dt.epoch("ns").alias("start_ns"),
        "open", "high", "low", "close", "volume",
    ).with_row_index("row")  # fmt: skip
    bars = bars.with_columns(pl.col("row").cast(pl.Int64))
    return gate(
        bars,
        frame_ns=frame_ns,
        sessions=lake.sessions(),
        corporate_actions=lake.actions_of_securities(_symbols(bars)),
    )


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.iterdir() if file.suffix in _ENDINGS and file.is_file())
    if not found:
        raise InputError(f"Folder {path} has no Parquet or CSV file in it. Name another folder, or a file.")
    return found


@contextmanager
def _lake(folder: Path, calendar: str | None) -> Iterator[Lake]:
    """Give the lake of a folder; one that was made for a load that is refused goes with it."""
    made = not folder.exists()
    if made or not any(folder.iterdir()):
        create_lake(folder, calendar)
    try:
        yield open_lake(folder)
    except BaseException:
        if made and not numbers(folder):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _earlier(transaction: Transaction, vendor: str) -> list[tuple[VendorFormat, dict[str, Any]]]:
    """Return how a vendor wrote bars at its last load of each length, and that load; the newest last."""
    loads = transaction.frame("loads").filter(pl.col("kind").str.starts_with("bars") & (pl.col("vendor") == vendor))
    newest = loads.sort("load").unique("kind", keep="last").sort("load")
    found = []
    for load in newest.iter_rows(named=True):
        before = json.loads(load["request"])
        found.append((VendorFormat(**{one.name: before[one.name] for one in fields(VendorFormat)}), load))
    return found


def _read(
    file: Path,
    written: VendorFormat | None,
    earlier: list[tuple[VendorFormat, dict[str, Any]]],
    sessions: Sessions | None,
) -> tuple[VendorBars, VendorFormat]:
    """Return the bars of a file, and how it is written: as was said, or as at the vendor's last load of such a file.

    Raises DataError for a file with other columns than the vendor's last one, unless they are said anew.
    """
    table = read_table(file, (written or (earlier[-1][0] if earlier else VendorFormat())).separator)
    if not earlier or (written is not None and written.columns):
        chosen = written or VendorFormat()
        return read_vendor_bars(file, chosen, sessions, table), chosen
    known = [found for found in earlier if set(json.loads(found[1]["source_columns"])) == set(table.columns)]
    if known:
        before = known[-1][0]
        chosen = before if written is None else replace(written, columns=before.columns)
        return read_vendor_bars(file, chosen, sessions, table), chosen
    chosen = written or VendorFormat()
    try:
        bars = read_vendor_bars(file, chosen, sessions, table)
    except DataError:
        refuse_changed_columns(earlier[-1][1], table.columns, str(file))
        raise
    for _, load in earlier:  # bars of a length that the vendor never sent may have columns of their own
        if load["kind"] == _kind(bars.frame_ns):
            refuse_changed_columns(load, table.columns, str(file))
    return bars, chosen


def _kind(frame_ns: int) -> str:
    return f"bars {frame_text(frame_ns)}"


def _symbols(bars: pl.DataFrame) -> list[str]:
    names: list[str] = bars["symbol"].rle().struct.field("value").unique().sort().to_list()
    return names


def _left_out(rows: pl.DataFrame, frame: str) -> pl.DataFrame:
    reasons = pl.col("reasons")
    words = reasons.list.join(", ") if isinstance(rows.schema["reasons"], pl.List) else reasons.cast(pl.String)
    return rows.select(
        pl.lit(frame).alias("frame"),
        "row",
        "symbol",
        (pl.col("start_ns") // 1_000).cast(pl.Datetime("us", "UTC")).alias("start"),
        "open", "high", "low", "close", "volume",
        words.alias("reasons"),
    )  # fmt: skip


def _hash_of(hashes: list[str]) -> str:
    """Return the hash of a file, of several over their hashes in order of their names."""
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
