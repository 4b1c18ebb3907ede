"""What the commands of `tapeline data` do and print."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from rich import box
from rich.table import Table

from tapeline.app.lake_import import ImportReport, check_stored, import_bars, import_table
from tapeline.cli.console import console, show_text
from tapeline.domain.errors import InputError, StorageError
from tapeline.domain.times import DAY, to_iso
from tapeline.feeds.clock import SystemClock
from tapeline.feeds.vendor_files import VendorFormat
from tapeline.lake.keeping import compact, remove_bars, retain
from tapeline.lake.lake import Lake, open_lake, split_place
from tapeline.lake.layout import REFERENCE
from tapeline.lake.snapshots import drop_snapshot, take_snapshot
from tapeline.report.amounts import plural
from tapeline.tape.reading import period

_FILES_OF_PERIOD_MANY = 8


def run_import(
    path: Path,
    lake: str,
    table: str,
    vendor: str,
    columns: str,
    written: Mapping[str, str],
    *,
    calendar: str,
    correct: bool,
) -> None:
    """Import a file or a folder and say what became of its rows."""
    folder, now_ns = _to_write(lake), SystemClock().now_ns()
    mapping = _mapping(columns)
    given = {name: value for name, value in written.items() if value}
    exchange = None if calendar.lower() == "none" else calendar
    if table == "bars":
        described = VendorFormat(columns=mapping, **given) if mapping or given else None
        report = import_bars(
            folder, path, now_ns=now_ns, vendor=vendor, written=described, calendar=exchange, correct=correct
        )
    else:
        separator = given.pop("separator", ",")
        if given:
            raise InputError(f"Option --{next(iter(given)).replace('_', '-')} is for bars; leave it out for {table}.")
        report = import_table(
            folder, path, table, now_ns=now_ns, vendor=vendor, columns=mapping, separator=separator,
            calendar=exchange, correct=correct,
        )  # fmt: skip
    for sentence in _import_sentences(report, path, folder):
        show_text(sentence)
    _hint_at_compaction(open_lake(folder))


def show_list(place: str, *, as_json: bool) -> None:
    """Print what a lake holds."""
    lake = open_lake(place)
    bars = [_bars_row(lake, frame) for frame in lake.frames]
    tables = {
        name: lake.table(name).height for name in (*REFERENCE, "loads", "quarantine") if name in lake.commit.tables
    }
    snapshots = lake.table("snapshots").filter(pl.col("dropped").is_null()).sort("commit")
    if as_json:
        named = snapshots.select("name", "commit", "note").to_dicts()
        console.out(
            json.dumps({"lake": lake.name, "bars": bars, "tables": tables, "snapshots": named}), highlight=False
        )
        return
    show_text(f"{lake.name[0].upper()}{lake.name[1:]}, calendar {lake.calendar or 'none'}.")
    if bars:
        _print(
            [{name: f"{value:,}" if isinstance(value, int) else value for name, value in row.items()} for row in bars]
        )
    for name, count in tables.items():
        show_text(f"{name}: {plural(count, 'row')}")
    for row in snapshots.iter_rows(named=True):
        show_text(f"snapshot {row['name']}: commit {row['commit']}{', ' + row['note'] if row['note'] else ''}")


def show_rows(what: str, place: str, first: str, last: str, frame: str, count: int, *, every_revision: bool) -> None:
    """Print the newest rows of a symbol's bars or of a table."""
    lake = open_lake(place)
    if what in ("loads", "quarantine", "snapshots", *REFERENCE):
        rows = lake.table(what)
    else:
        rows = lake.bars(
            [what], first=first or None, last=last or None, frame=frame or None, every_revision=every_revision
        )
        if not rows.height:
            lake.read([what], first=first or None, last=last or None, frame=frame or None)  # says why
    hidden = [name for name in ("request", "source_columns") if name in rows.columns]
    shown = rows.tail(count).drop(hidden)
    if "sha256" in shown.columns:
        shown = shown.with_columns(pl.col("sha256").str.slice(0, 12))
    _print([{name: _cell(value) for name, value in row.items()} for row in shown.iter_rows(named=True)])
    show_text(
        f"{plural(rows.height, 'row')} in {lake.name}{'' if shown.height == rows.height else f', {count} shown'}."
    )


def show_check(place: str, symbols: str, frame: str) -> None:
    """Print what is missing of stored bars, and what their loads left out."""
    lake = open_lake(place)
    names = _names(symbols)
    reading = lake.read(names, frame=frame or None)
    for sentence in reading.report.sentences():
        show_text(sentence)
    complete = reading.report.completeness
    for symbol in reading.panel.symbols:
        missing = len(complete.missing_sessions(symbol))
        if missing:
            show_text(f"{symbol} lacks {plural(missing, 'whole session')} of {len(complete.found)}.")
    verdict = check_stored(lake, frame=frame or None, symbols=names)
    if verdict.report is not None:
        for sentence in verdict.report.sentences():
            show_text(sentence)
    left_out = lake.table("quarantine")
    if left_out.height:
        for reasons, rows in left_out.group_by("reasons", maintain_order=True):
            show_text(f"{plural(rows.height, 'row')} in quarantine: {reasons[0]}.")


def run_snapshot(name: str, lake: str, note: str, *, drop: bool) -> None:
    """Take, drop or list snapshots."""
    folder = _to_write(lake)
    if not name:
        rows = open_lake(folder).table("snapshots").sort("commit")
        if not rows.height:
            show_text(f"Lake {folder} has no snapshot yet. Take one with `tapeline data snapshot NAME`.")
            return
        _print([{column: _cell(value) for column, value in row.items()} for row in rows.iter_rows(named=True)])
    elif drop:
        drop_snapshot(folder, name, SystemClock().now_ns())
        show_text(f"Snapshot {name} of lake {folder} is dropped; `tapeline data retain` frees what only it needed.")
    else:
        commit = take_snapshot(folder, name, SystemClock().now_ns(), note)
        show_text(f"Snapshot {name} names commit {commit.number} of lake {folder}. Read it as {folder}@{name}.")


def run_export(path: Path, place: str, symbols: str, first: str, last: str, frame: str) -> None:
    """Write bars to a file, whole or not at all."""
    if path.suffix not in (".parquet", ".csv"):
        raise InputError(f"{path} has an ending that says no format. End it in .parquet or .csv.")
    lake = open_lake(place)
    frame_ns = lake.frame_ns(frame or None)
    rows = lake.bars(_names(symbols), first=first or None, last=last or None, frame=frame or None)
    if not rows.height:
        lake.read(_names(symbols), first=first or None, last=last or None, frame=frame or None)  # says why
    time = pl.col("session").alias("date") if frame_ns >= DAY else pl.col("start").alias("ts")
    rows = rows.select(
        pl.col("security").alias("symbol"), time, "open", "high", "low", "close", "volume", "vendor", "revision"
    )
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.suffix == ".csv":
            rows.write_csv(draft, datetime_format="%Y-%m-%dT%H:%M:%S%.fZ")
        else:
            rows.write_parquet(draft, compression="zstd")
        draft.replace(path)
    except OSError as exc:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise StorageError(f"File {path} cannot be written: {exc.strerror}. Name another; nothing was kept.") from exc
    show_text(f"{plural(rows.height, 'bar')} of {lake.name} written to {path}.")


def run_compact(lake: str) -> None:
    """Compact and say what it changed."""
    done = compact(_to_write(lake), SystemClock().now_ns())
    show_text(
        f"{plural(done.files_before, 'file')} of bars became {done.files_after:,}; "
        f"{plural(done.folded, 'superseded row')} folded. Snapshots keep their files; `tapeline data retain` frees "
        "the space that nobody needs."
    )


def run_remove(lake: str, before: str, symbols: str, frame: str) -> None:
    """Remove bars and say how many."""
    folder = _to_write(lake)
    opened = open_lake(folder)
    frame_ns = opened.frame_ns(frame or None)
    day, _ = period(before or None, None)
    name = next(one for one in opened.frames if opened.frame_ns(one) == frame_ns)
    count = remove_bars(folder, SystemClock().now_ns(), frame=name, before=day, securities=_names(symbols))
    show_text(
        f"{plural(count, 'bar')} of {name} are no longer in lake {folder}; earlier commits and snapshots keep them."
    )


def run_retain(lake: str, days: int) -> None:
    """Forget old commits and say what was freed."""
    done = retain(_to_write(lake), SystemClock().now_ns(), days)
    show_text(
        f"{plural(done.forgotten, 'commit')} older than {plural(days, 'day')} forgotten, {done.kept_for_snapshots:,} "
        f"kept for snapshots; {plural(done.files_removed, 'file')} removed."
    )


def _import_sentences(report: ImportReport, path: Path, folder: Path) -> list[str]:
    stored = report.stored
    parts = [f"{stored.added:,} added"]
    parts += [f"{stored.same:,} there already"] if stored.same else []
    parts += [f"{stored.corrected:,} corrected"] if stored.corrected else []
    parts += [f"{report.quarantined:,} in quarantine"] if report.quarantined else []
    sentences = [
        f"Load {report.load}: {plural(report.rows_read, 'row')} read from {path}, {', '.join(parts)}. Lake {folder} "
        f"is at commit {report.commit}."
    ]
    for verdict in report.verdicts:
        if verdict is not None:
            sentences += verdict.sentences()
    return sentences


def _hint_at_compaction(lake: Lake) -> None:
    for frame in lake.frames:
        periods = [file.period for file in lake.files(frame)]
        crowded = [one for one in set(periods) if periods.count(one) > _FILES_OF_PERIOD_MANY]
        if crowded:
            show_text(
                f"{plural(len(crowded), 'period')} of {frame} bars lie in more than {_FILES_OF_PERIOD_MANY} files "
                "each; `tapeline data compact` makes reading them faster."
            )


def _bars_row(lake: Lake, frame: str) -> dict[str, Any]:
    files = lake.files(frame)
    firsts, lasts = [f.first for f in files if f.first], [f.last for f in files if f.last]
    return {
        "frame": frame,
        "rows": sum(file.rows for file in files),
        "from": str(min(firsts)) if firsts else "",
        "to": str(max(lasts)) if lasts else "",
        "files": len(files),
        "MB": round(sum(file.bytes for file in files) / 1e6),
    }


def _to_write(place: str) -> Path:
    folder, snapshot = split_place(place)
    if snapshot is not None:
        raise InputError(f"Snapshot {place} cannot be changed. Name the lake's folder alone: {folder}.")
    return folder


def _names(symbols: str) -> list[str] | None:
    return [name.strip() for name in symbols.split(",") if name.strip()] or None


def _mapping(columns: str) -> dict[str, str]:
    mapping = {}
    for part in filter(None, columns.split(",")):
        ours, found, theirs = part.partition("=")
        if not found or not ours.strip() or not theirs.strip():
            raise InputError(f"--columns has {part!r}. Write ours=theirs, such as close=Last.")
        mapping[ours.strip()] = theirs.strip()
    return mapping


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, datetime):
        return to_iso(int(value.timestamp()) * 1_000_000_000)
    return "" if value is None else str(value)


def _print(rows: list[dict[str, Any]]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in rows[0] if rows else ():
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    if rows:
        console.print(table)
