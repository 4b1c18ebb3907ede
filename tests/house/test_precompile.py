"""Kernels are compiled once, in parallel, safely, and never served stale."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import grimp
import pytest

from house.paths import PACKAGE, a_small_package, run_python
from tapeline.indicators import code_cache

KERNELS = """
from tapeline.indicators.compiled import compiled, warmer
from tapeline.domain.factor import FACTOR

@compiled()
def scaled(x):
    return x * FACTOR

@compiled("float64(float64)")
def twice(x):
    return scaled(x) + scaled(x)

@compiled("int64(int64)")
def next_one(x):
    return x + 1

@compiled(entry=True)
def unsaid(pair):
    return pair[0] + pair[1]

@warmer
def warm_unsaid():
    unsaid((1.0, 2))
"""

ENSURE = """
from tapeline.app.precompile import ensure_kernels
ensure_kernels(lambda step: print(step.done, step.total, step.sentence))
"""

USE = """
from tapeline.indicators import tiny
print(tiny.twice(1.5), tiny.next_one(4), tiny.unsaid((1.0, 2)))
misses = sum(sum(k.stats.cache_misses.values()) for k in (tiny.twice, tiny.next_one, tiny.unsaid))
print("misses", misses)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = a_small_package(tmp_path, KERNELS)
    (path / "tapeline" / "domain" / "factor.py").write_text("FACTOR = 10.0\n")
    return path


def test_what_was_compiled_ahead_is_read_from_the_disk_by_the_next_process(source: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")

    before = run_python(source, USE, TAPELINE_CACHE=cache + "-other").stdout
    first = run_python(source, ENSURE, TAPELINE_CACHE=cache).stdout.splitlines()
    second = run_python(source, ENSURE, TAPELINE_CACHE=cache).stdout
    after = run_python(source, USE, TAPELINE_CACHE=cache).stdout

    assert before.splitlines() == ["30.0 5 3.0", "misses 3"]
    assert first[0] == "0 3 Compiling 3 kernels, once for this machine ..."
    assert [line.split()[:2] for line in first[1:3]] == [["1", "3"], ["2", "3"]]
    assert first[3].startswith("3 3 Compiled 3 kernels in ")
    assert second == ""
    assert after.splitlines() == ["30.0 5 3.0", "misses 0"]


def test_a_changed_constant_in_an_imported_file_is_never_served_stale(source: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    assert run_python(source, USE, TAPELINE_CACHE=cache).stdout.startswith("30.0 ")

    (source / "tapeline" / "domain" / "factor.py").write_text("FACTOR = 20.0\n")

    assert run_python(source, USE, TAPELINE_CACHE=cache).stdout.startswith("60.0 ")


def test_without_the_digest_in_the_folder_name_the_stale_constant_would_be_served(source: Path, tmp_path: Path) -> None:
    """The planted fault: it shows that the test above can fail."""
    module = source / "tapeline" / "indicators" / "code_cache.py"
    module.write_text(module.read_text() + "\ndef source_digest() -> str:\n    return 'always-the-same'\n")
    cache = str(tmp_path / "cache")
    assert run_python(source, USE, TAPELINE_CACHE=cache).stdout.startswith("30.0 ")

    (source / "tapeline" / "domain" / "factor.py").write_text("FACTOR = 20.0\n")

    assert run_python(source, USE, TAPELINE_CACHE=cache).stdout.startswith("30.0 ")


def test_two_processes_at_once_compile_each_kernel_once(source: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-c", ENSURE]
    environment = {"PYTHONPATH": str(source), "TAPELINE_CACHE": str(tmp_path / "cache")}

    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    texts = [process.communicate(timeout=120)[0] for process in both]

    assert sorted(text.count("Compiled 3 kernels") for text in texts) == [0, 1]
    assert [process.returncode for process in both] == [0, 0]


def test_only_the_wanted_kernels_are_compiled(source: Path, tmp_path: Path) -> None:
    code = ENSURE.replace("ensure_kernels(l", "ensure_kernels(wanted=['tapeline.indicators.tiny.twice'], progress=l")

    text = run_python(source, code, TAPELINE_CACHE=str(tmp_path / "cache")).stdout

    assert "Compiling 1 kernels" in text
    assert "Compiled 1 kernels in" in text


def test_a_kernel_that_does_not_compile_is_named(source: Path, tmp_path: Path) -> None:
    tiny = source / "tapeline" / "indicators" / "tiny.py"
    tiny.write_text(tiny.read_text() + '\n@compiled("int64(int64)")\ndef wrong(x):\n    return x.nothing\n')

    done = run_python(source, ENSURE, TAPELINE_CACHE=str(tmp_path / "cache"))

    assert "InvariantError: Kernel tapeline.indicators.tiny.wrong does not compile: " in done.stderr
    assert not list((tmp_path / "cache").rglob("compiled-*.json"))


def test_a_dying_worker_leaves_the_kernels_to_their_first_call(source: Path, tmp_path: Path) -> None:
    tiny = source / "tapeline" / "indicators" / "tiny.py"
    tiny.write_text(tiny.read_text().replace("    unsaid((1.0, 2))", "    import os\n    os._exit(9)"))
    cache = str(tmp_path / "cache")

    done = run_python(source, ENSURE, TAPELINE_CACHE=cache)

    assert done.returncode == 0
    assert "the process ended unexpectedly. It is compiled when first needed." in done.stdout
    assert run_python(source, USE, TAPELINE_CACHE=cache).stdout.startswith("30.0 5 3.0")


def test_torn_files_mean_compiling_again(source: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    run_python(source, USE, TAPELINE_CACHE=cache)
    torn = [*tmp_path.rglob("*.nbc"), *tmp_path.rglob("*.nbi")]
    assert len(torn) >= 6
    for path in torn:
        path.write_bytes(path.read_bytes()[:40])

    again = run_python(source, USE, TAPELINE_CACHE=cache)
    third = run_python(source, USE, TAPELINE_CACHE=cache)

    assert again.stdout.splitlines() == ["30.0 5 3.0", "misses 3"], again.stderr
    assert third.stdout.splitlines() == ["30.0 5 3.0", "misses 0"]


WHERE = "from tapeline.indicators.code_cache import code_cache; print(code_cache())"


def test_without_a_home_the_code_goes_to_a_folder_of_the_users_own(source: Path, tmp_path: Path) -> None:
    nowhere = "/dev/null/home"  # not even root can make a folder there

    done = run_python(source, WHERE + ENSURE, HOME=nowhere, TAPELINE_CACHE="", XDG_CACHE_HOME="", TMPDIR=str(tmp_path))

    assert f"Compiled code cannot be kept in {nowhere}/.cache" in done.stdout
    assert f"It is kept in {tmp_path}/tapeline-" in done.stdout
    assert "Compiled 3 kernels" in done.stdout


def test_a_folder_that_others_can_write_to_is_not_used(source: Path, tmp_path: Path) -> None:
    """Anybody could have put machine code there."""
    for path in (tmp_path / "cache", tmp_path / "temporary"):
        run_python(source, WHERE, TAPELINE_CACHE=str(path), TMPDIR=str(tmp_path))
    trap = next((tmp_path / "cache").glob("tapeline/kernels/*"))
    trap.chmod(0o777)
    shared = tmp_path / "temporary" / f"tapeline-{trap.stat().st_uid}"
    shared.mkdir(parents=True)
    shared.chmod(0o777)

    cache, temporary = str(tmp_path / "cache"), str(tmp_path / "temporary")
    done = run_python(source, WHERE + ENSURE + USE, TAPELINE_CACHE=cache, TMPDIR=temporary)

    assert "folder=None" in done.stdout
    assert "Every start compiles anew" in done.stdout
    assert "30.0 5 3.0" in done.stdout
    assert not list(tmp_path.rglob("*.nbc"))


def test_the_digest_covers_every_file_that_kernels_import() -> None:
    """The imports are read from the text; the import graph of a real parser must give the same files."""
    graph = grimp.build_graph("tapeline", cache_dir=None)
    modules = code_cache.kernel_modules()
    assert modules, "no module with compiled functions was found"
    reached = set(modules).union(*(graph.find_upstream_modules(module) for module in modules))
    covered = {str(path.relative_to(PACKAGE).with_suffix("")) for path in code_cache.kernel_sources()}

    expected = {name.removeprefix("tapeline.").replace(".", "/") for name in reached if name != "tapeline"}

    assert {name for name in expected if (PACKAGE / f"{name}.py").exists()} <= covered


def test_naming_the_folder_costs_a_few_milliseconds() -> None:
    code_cache.source_digest.cache_clear()
    code_cache.kernel_sources.cache_clear()
    started = time.process_time()

    code_cache.source_digest()

    assert time.process_time() - started < 0.05


def test_records_name_compiler_processor_and_sources(source: Path, tmp_path: Path) -> None:
    run_python(source, ENSURE, TAPELINE_CACHE=str(tmp_path / "cache"))

    (record,) = (tmp_path / "cache").rglob("compiled-*.json")

    found = json.loads(record.read_text())
    assert sorted(found) == ["features", "kernels", "numba", "processor", "python", "sources"]
    assert found["sources"] == str(source / "tapeline")
