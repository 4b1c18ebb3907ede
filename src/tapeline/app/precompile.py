"""Compile all kernels before they are needed: once per machine and version, on all cores, and visibly.

The compiler works under one lock per process, so the work is done by processes, one for each core. Each
takes the next kernel when it has finished one; `compile_plan` says which. What they compile goes to the
disk (`indicators/code_cache`), from where every later process reads it.
A record beside it says for which Python, compiler, processor and sources the work is complete; while it is,
the check costs microseconds.

    ensure_kernels(lambda step: print(step.sentence))

Without this call everything works just the same: each kernel is then compiled when it is first called.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO

from tapeline.app.compile_plan import Plan, kernels_in
from tapeline.domain.errors import InvariantError
from tapeline.indicators.code_cache import PACKAGE, code_cache, kernel_modules, source_digest

WARMER_MODULES = ("tapeline.app.warm",)
UNUSED_DAYS_MAX = 30  # machine code of a version that was not started for so long is removed
ALL = "*"  # in a record: nothing is missing
WORKER_DIED = "the process ended unexpectedly"


@dataclass(frozen=True)
class Step:
    """Progress of the compilation: `done` of `total` kernels, and a sentence for the user."""

    done: int
    total: int
    sentence: str


Progress = Callable[[Step], None]


def ensure_kernels(
    progress: Progress | None = None, *, wanted: Iterable[str] | None = None, processes: int | None = None
) -> None:
    """Compile those kernels whose machine code is not on the disk yet.

    progress : called in this thread: at the start, after each kernel, and if code cannot be kept
    wanted : names as in `registry` and `warmers`, default all
    processes : default one for each core that this process may use
    Raises InvariantError if a kernel does not compile.
    """
    from numba.core import config

    report = progress or (lambda step: None)
    place = code_cache()
    if place.remark:
        report(Step(0, 0, place.remark))
    if place.folder is None or config.DISABLE_JIT:
        return
    facts = _facts()
    record = place.folder / f"compiled-{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]}.json"
    needed = None if wanted is None else set(wanted)
    if not _missing(record, needed):
        return
    with _alone(place.folder / ".compiling", report):
        missing = _missing(record, needed)
        if not missing:
            return
        started = time.monotonic()
        count = len(missing)
        report(Step(0, count, f"Compiling {count} kernels, once for this machine ..."))
        if _compile(missing, processes or usable_cores(), report):
            known = sorted({*_recorded(record), *missing, *([ALL] if needed is None else [])})
            with suppress(OSError):  # a full disk: the next start does it again
                _write_whole(record, json.dumps({**facts, "kernels": known}, indent=1))
                _remove_unused(place.folder.parent)
            report(Step(count, count, f"Compiled {count} kernels in {time.monotonic() - started:.0f} s."))


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def kernel_names() -> list[str]:
    """Return the names of all kernels and warmers."""
    from tapeline.indicators.compiled import registry, warmers

    for module in (*kernel_modules(), *WARMER_MODULES):
        importlib.import_module(module)
    return [*registry, *warmers]


def compile_kernel(name: str) -> None:
    """Compile one kernel of the registry, or read it from the disk; call it if it is a warmer."""
    from numba.core.sigutils import normalize_signature

    from tapeline.indicators.compiled import registry, warmers

    if name in warmers:
        warmers[name]()
    else:
        dispatcher, signature = registry[name]
        argument_types, _ = normalize_signature(signature)
        dispatcher.compile(argument_types)  # filed under the text itself, no call would find it


def work(names: IO[str], answers: IO[str]) -> None:
    """Compile kernels whose names come in, one a line; answer each with a line, empty when all is well."""
    kernel_names()
    for line in names:
        try:
            compile_kernel(line.strip())
            fault = ""
        except Exception as exc:  # whatever it is belongs into the answer
            fault = " ".join(f"{type(exc).__name__}: {exc}".split())
        answers.write(fault + "\n")
        answers.flush()


def _compile(names: list[str], processes: int, report: Progress) -> bool:
    """Compile in parallel; return whether all is done. It is not if a worker died (for want of memory?)."""
    from tapeline.indicators.compiled import registry, warmers

    kernels = [kernel for kernel in kernels_in(registry) if kernel.name in names]
    plan = Plan(kernels, [name for name in warmers if name in names])
    answers: SimpleQueue[tuple[str, str]] = SimpleQueue()

    def serve(worker: subprocess.Popen[str]) -> None:
        assert worker.stdin is not None and worker.stdout is not None
        while (name := plan.take(worker.pid)) is not None:
            try:
                worker.stdin.write(name + "\n")
                worker.stdin.flush()
                answer = worker.stdout.readline()
            except OSError:
                answer = ""
            plan.finish(name)
            answers.put((name, answer.strip() if answer else WORKER_DIED))

    workers = [_start_worker() for _ in range(max(1, min(processes, len(names))))]
    try:
        for worker in workers:
            Thread(target=serve, args=(worker,), daemon=True).start()
        for done in range(1, len(names) + 1):
            name, fault = answers.get()
            if fault == WORKER_DIED:
                report(Step(done, done, f"Compiling {name}: {fault}. It is compiled when first needed."))
                return False
            if fault:
                raise InvariantError(f"Kernel {name} does not compile: {fault}")
            if done < len(names):
                report(Step(done, len(names), f"Compiled {name.removeprefix('tapeline.')}"))
    finally:
        plan.stop()
        for worker in workers:
            worker.kill()
            worker.communicate()
    return True


def _start_worker() -> subprocess.Popen[str]:
    path = os.pathsep.join(part for part in (str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")) if part)
    return subprocess.Popen(
        [sys.executable, "-P", "-c", f"from tapeline.app.precompile import main; main({source_digest()!r})"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def main(digest: str) -> None:
    """Work for a parent process: names on the standard input, answers on the standard output.

    digest : the parent's; a worker that finds other sources would fill another folder
    """
    if digest != source_digest():
        sys.exit("the sources changed meanwhile")
    answers = sys.stdout
    with redirect_stdout(sys.stderr):
        work(sys.stdin, answers)


def _facts() -> dict[str, str]:
    """Return what machine code depends on besides the digest that names its folder."""
    import llvmlite.binding
    import numba
    from numba.core import config

    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "numba": numba.__version__,
        "processor": config.CPU_NAME or llvmlite.binding.get_host_cpu_name(),
        "features": config.CPU_FEATURES or llvmlite.binding.get_host_cpu_features().flatten(),
        "sources": str(PACKAGE),
    }


def _missing(record: Path, needed: set[str] | None) -> list[str]:
    """Return the kernels still to be compiled; note that those recorded are in use."""
    known = _recorded(record)
    if known:
        with suppress(OSError):  # read-only by now, and still good to read
            os.utime(record)
    if ALL in known or (needed is not None and needed <= known):
        return []
    names = kernel_names()
    if needed is not None and not needed <= set(names):
        raise InvariantError(f"No kernel is named {min(needed - set(names))!r}.")
    return [name for name in names if name not in known and (needed is None or name in needed)]


def _recorded(record: Path) -> set[str]:
    try:
        return set(json.loads(record.read_text())["kernels"])
    except (OSError, ValueError, KeyError):
        return set()


def _write_whole(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)


@contextmanager
def _alone(path: Path, report: Progress) -> Iterator[None]:
    """Let one process compile at a time; the others wait and then find the work done."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(Step(0, 0, "Another process is compiling the kernels; waiting for it."))
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _remove_unused(versions: Path) -> None:
    """Remove the machine code of versions that nobody has started for long."""
    oldest = time.time() - UNUSED_DAYS_MAX * 86_400
    for folder in versions.iterdir():
        used = [path.stat().st_mtime for path in (folder, *folder.glob("compiled-*.json"))]
        if max(used) < oldest:
            shutil.rmtree(folder, ignore_errors=True)
