"""A load killed at any step leaves the last version readable, and the next load tidies up after it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from lake.builders import NOW, bars_file, load
from tapeline.lake.commits import numbers, read_commit
from tapeline.lake.keeping import compact, retain
from tapeline.lake.lake import Lake, open_lake
from tapeline.lake.layout import kind_of
from tapeline.lake.snapshots import take_snapshot
from tapeline.lake.table import Table

TESTS = Path(__file__).parents[1]

# Every call that changes the disk is a step; the process kills itself just before a step that it is told. Before it
# dies at the step that brings a file to the disk, half of the file is cut off, as a power failure would.
KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import polars as pl
from deltalake import DeltaTable
from lake.deeds import DEEDS

last, steps = int(sys.argv[4]), []

def step(name, call):
    def stepped(*arguments, **options):
        if len(steps) == last:
            if name == "fsync" and os.path.isfile(target := os.readlink(f"/proc/self/fd/{arguments[0]}")):
                if target.endswith((".parquet", "json." + str(os.getpid()))):
                    os.truncate(target, os.path.getsize(target) // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        steps.append(name)
        return call(*arguments, **options)
    return stepped

for name in ("fsync", "link", "pwrite", "ftruncate"):
    setattr(os, name, step(name, getattr(os, name)))
for owner, name in (
    (Path, "unlink"), (pl.DataFrame, "write_parquet"),
    (DeltaTable, "create_write_transaction"), (DeltaTable, "create"),
):
    setattr(owner, name, step(name, getattr(owner, name)))
DEEDS[sys.argv[2]](Path(sys.argv[3]))
print(" ".join(steps))
"""


def killed_at(step: int, deed: str, lake: Path) -> list[str] | None:
    """Do a deed in a process that dies just before a step; return the steps if it came to its end before."""
    command = [sys.executable, "-c", KILLED, str(TESTS), deed, str(lake), str(step)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == -signal.SIGKILL:
        return None
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def seen(lake: Lake) -> list[list[tuple[object, ...]]]:
    """Return everything that a reader can see of a lake."""
    bars = lake.bars(every_revision=True).select("security", "start", "close", "revision", "load")
    return [
        bars.rows(),
        lake.table("loads").select("load", "rows_read").rows(),
        lake.table("quarantine")["row"].to_list(),
    ]


def strays(folder: Path) -> list[Path]:
    """Return the Parquet files that no commit needs."""
    needed = set()
    for number in numbers(folder):
        for name, version in read_commit(folder, number).tables.items():
            needed |= {folder / name / file.path for file in Table(folder / name, kind_of(name)).files(version)}
    return [path for path in folder.rglob("*.parquet") if "_delta_log" not in path.parts and path not in needed]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of two loads, with a correction and a snapshot, and the file of the next load beside it."""
    folder = tmp_path_factory.mktemp("template")
    load(folder / "lake", bars_file(folder, "first.parquet", {"ALFA": [10.0, 11.0], "BETA": [20.0, 21.0]}))
    load(folder / "lake", bars_file(folder, "second.parquet", {"ALFA": [10.5, 11.0]}), correct=True)
    take_snapshot(folder / "lake", "spring", NOW)
    bars_file(folder, "next.parquet", {"ALFA": [10.5, 11.5, 12.0, 13.0], "BETA": [20.0, 21.0, 22.0]})
    return folder


# A deed and the kinds of steps that it must have: a step that nobody looks at would be a step nobody has tried.
@pytest.mark.parametrize(
    ("deed", "kinds"),
    [
        ("load", {"fsync", "link", "pwrite", "ftruncate", "write_parquet", "create_write_transaction", "create"}),
        ("compact", {"fsync", "link", "write_parquet", "create_write_transaction"}),
        ("retain", {"unlink", "fsync"}),
    ],
)
def test_killed_at_every_step_a_reader_sees_old_or_new_and_the_next_writer_tidies_up(
    template: Path, tmp_path: Path, deed: str, kinds: set[str]
) -> None:
    before = seen(open_lake(template / "lake"))
    spring = seen(open_lake(template / "lake", "spring"))
    whole = tmp_path / "whole"
    shutil.copytree(template, whole)
    steps = killed_at(10_000, deed, whole / "lake")
    assert steps is not None
    after = seen(open_lake(whole / "lake"))
    assert kinds <= set(steps)

    found = []
    for step in range(len(steps)):
        folder = tmp_path / str(step)
        shutil.copytree(template, folder)
        lake = folder / "lake"
        assert killed_at(step, deed, lake) is None, f"step {step} was not reached"

        found.append(seen(open_lake(lake)))
        assert found[-1] in (before, after), f"killed before step {step}, {steps[step]}"
        assert seen(open_lake(lake, "spring")) == spring

        from lake.deeds import DEEDS

        DEEDS[deed](lake)
        assert seen(open_lake(lake))[0] == after[0], f"after step {step}, {steps[step]}"
        assert seen(open_lake(lake, "spring")) == spring
        assert strays(lake) == []
        shutil.rmtree(folder)

    if before != after:
        change = found.index(after)
        assert found == [before] * change + [after] * (len(steps) - change)
        assert steps[change - 1] == "link", "the commit of the lake is what makes a load visible"


def test_a_first_load_that_was_killed_leaves_a_lake_that_can_be_loaded(tmp_path: Path) -> None:
    path = bars_file(tmp_path, "next.parquet", {"ALFA": [10.0, 11.0]})
    for step in (2, 6, 10):
        lake = tmp_path / f"lake-{step}"
        assert killed_at(step, "load", lake) is None

        if (lake / "lake.json").exists():
            assert open_lake(lake).frames == []
        load(lake, path, days=1) if (lake / "lake.json").exists() or not lake.exists() else None

    assert open_lake(tmp_path / "lake-10").read().panel.close[:, 0].tolist() == [10.0, 11.0]


def test_what_a_killed_load_wrote_is_not_in_the_newest_delta_versions_for_long(template: Path, tmp_path: Path) -> None:
    """Killed between the tables' commits and the lake's, a table is ahead; the next commit takes that back."""
    shutil.copytree(template, tmp_path / "copy")
    lake = tmp_path / "copy" / "lake"
    steps = killed_at(10_000, "load", tmp_path / "copy" / "lake")
    assert steps is not None
    shutil.rmtree(tmp_path / "copy")
    shutil.copytree(template, tmp_path / "copy")
    last_delta_commit = len(steps) - steps[::-1].index("create_write_transaction")
    killed_at(last_delta_commit, "load", lake)
    ahead = pl.read_delta(str(lake / "bars" / "1min")).height

    load(lake, bars_file(tmp_path, "other.parquet", {"GAMA": [30.0, 31.0]}), days=1)

    assert ahead > open_lake(template / "lake").bars(every_revision=True).height
    assert open_lake(lake).read().panel.symbols == ("ALFA", "BETA", "GAMA")
    assert pl.read_delta(str(lake / "bars" / "1min")).height == open_lake(lake).bars(every_revision=True).height
    assert strays(lake) == []


def test_a_load_that_is_refused_leaves_no_file(template: Path, tmp_path: Path) -> None:
    shutil.copytree(template, tmp_path / "copy")
    lake = tmp_path / "copy" / "lake"
    before = sorted(lake.rglob("*"))

    with pytest.raises(ZeroDivisionError):
        load(lake, tmp_path / "copy" / "next.parquet", correct=True, gate=lambda frame, **_: 1 / 0)

    assert sorted(lake.rglob("*")) == before
    assert (lake / ".writer").read_text() == ""
    compact(lake, NOW)
    retain(lake, NOW, 0)
