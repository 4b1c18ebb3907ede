"""Make .venv and put exactly one lock into it. Called by ./tapeline; standard library only.

Three things can go wrong half-way: two starts at once, an interrupt, and a network that one of the two
installers cannot use. So: one start works while others wait (a lock on the lock file itself), the stamp
that ends the work is taken away before it begins and written last, and what uv cannot install is tried
again with pip, which knows the user's own index, mirror and proxy settings. Both check the same hashes and
accept wheels only, so that a platform without a wheel is told so at once rather than after a failed
compilation. A mark lies beside the packages while they are being written; found at a start, it means that
some may be there in part, and all are written again.

The project itself is not installed but pointed at: a .pth file with a relative path. It needs no build
backend and no network, and survives a move of the folder.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKED = ("--require-hashes", "--only-binary", ":all:")
PIP_INSTALL = ("install", "--quiet", "--disable-pip-version-check", "--no-input", *CHECKED)


class SetUpError(Exception):
    """The environment could not be made; the message says why and what to do."""


def say(sentence: str) -> None:
    print(f"tapeline: {sentence}", file=sys.stderr, flush=True)


def install(
    root: str, lock: str, lock_to_install: Callable[[str], str | None], stamp_text: Callable[[str], str]
) -> None:
    """Install a lock, unless another start has done it meanwhile.

    lock : "core" or "dev"
    lock_to_install, stamp_text : the launcher's own, so that both sides mean the same by "installed"
    Raises SetUpError if it cannot be done.
    """
    requirements = Path(root) / "requirements"
    environment = Path(root) / ".venv"
    with alone(requirements / f"{lock}.lock") as waited:
        if waited and lock_to_install(lock) is None:
            return
        started = time.monotonic()
        stamp = environment / "tapeline-stamp"
        try:
            stamp.unlink(missing_ok=True)
            python = working_environment(environment)
            mark = environment / "tapeline-unfinished"
            torn = mark.exists()
            mark.touch()
            synchronise(python, requirements, lock, torn=torn)
            point_at_sources(python, Path(root) / "src")
            write_last(stamp, stamp_text(lock))
            mark.unlink()
        except OSError as exc:
            raise SetUpError(
                f"{environment} could not be written: {exc.strerror or exc}. "
                "Free some space or choose a folder that you may write to, then start again."
            ) from exc
        say(f"ready after {time.monotonic() - started:.0f} s.")


@contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Hold an exclusive lock on a file while the body runs; give whether another start had it first."""
    waited = False
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another start is setting up; waiting for it.")
            waited = True
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            pass  # some network file systems have no locks: then the user's own patience is the lock
        yield waited


def working_environment(folder: Path) -> Path:
    """Return the Python of a working environment, made anew unless there is one."""
    python = folder / "bin" / "python"
    if folder.is_symlink() or folder.exists():
        fault = fault_of(python)
        if fault is None:
            return python
        say(f"replacing .venv: {fault}.")
        folder.unlink() if folder.is_symlink() else shutil.rmtree(folder)
    say(f"making .venv with Python {sys.version_info.major}.{sys.version_info.minor}.")
    for option in ([], ["--without-pip"]):  # Debian without python3-venv can make only the second kind
        made = run([sys.executable, "-m", "venv", *option, str(folder)])
        if made.returncode == 0 and pip_of(python) is not None:
            return python
        shutil.rmtree(folder, ignore_errors=True)
    reason = "it has no pip to fill one with" if made.returncode == 0 else last_line(made)
    raise SetUpError(
        f"{sys.executable} cannot make a virtual environment: {reason}. "
        "On Debian and Ubuntu: apt install python3-venv. Then start again."
    )


def fault_of(python: Path) -> str | None:
    """Return why an existing environment cannot be used, None if it can."""
    if not python.exists():
        return "it has no Python that runs"
    script = "import sys, sysconfig; print(*sys.version_info[:2], sys.prefix != sys.base_prefix)"
    answer = run([str(python), "-c", script])
    if answer.returncode != 0:
        return "its Python does not start"
    major, minor, is_virtual = answer.stdout.split()
    if (int(major), int(minor)) < (3, 11):
        return f"its Python is {major}.{minor}"
    if is_virtual != "True":
        return "it is no virtual environment"
    return None if pip_of(python) is not None else "no pip works in it"


def pip_of(python: Path) -> list[str] | None:
    """Return the command of a pip that installs into the environment: its own, else the outer Python's."""
    for command in ([str(python), "-m", "pip"], [sys.executable, "-m", "pip", "--python", str(python)]):
        if run([*command, "--version"]).returncode == 0:
            return command
    return None


def synchronise(python: Path, requirements: Path, lock: str, *, torn: bool) -> None:
    """Install the lock with uv, or with pip where uv cannot be had or fails.

    torn : packages may be there in part, from a start that was broken off; write all of them again
    """
    path = requirements / f"{lock}.lock"
    count = sum(1 for line in path.read_text().splitlines() if "==" in line.split("#")[0])
    pip = pip_of(python)
    assert pip is not None, "working_environment returns none without pip"
    uv = python.with_name("uv")
    if not uv.exists() or run([str(uv), "--version"]).returncode != 0:
        say("installing uv.")
        run([*pip, *PIP_INSTALL, "--force-reinstall", "-r", str(requirements / "installer.lock")])
    say(f"installing the {count} packages of requirements/{lock}.lock.")
    if uv.exists():
        options = [*CHECKED, "--compile-bytecode"]
        options += ["--reinstall"] if torn else []
        options += [] if (shown := sys.stderr.isatty()) else ["--quiet"]
        synced = run([str(uv), "pip", "sync", *options, "--python", str(python), str(path)], shown=shown)
        if synced.returncode == 0:
            return
        say(f"uv could not ({last_line(synced)}); trying with pip.")
    else:
        say("uv could not be installed; going on with pip, which takes a few minutes.")
    again = ["--force-reinstall"] if torn else []
    installed = run([*pip, *PIP_INSTALL, *again, "-r", str(path)])
    if installed.returncode != 0:
        raise SetUpError(
            f"The packages of {path} could not be installed: {last_line(installed)}. "
            "Check the network and pip's settings, then start again; what is there already is kept."
        )


def point_at_sources(python: Path, sources: Path) -> None:
    """Let the environment import the project from its sources, whose bytecode is made now."""
    answer = run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
    site = Path(answer.stdout.strip())
    (site / "tapeline.pth").write_text(os.path.relpath(sources, site) + "\n")
    run([str(python), "-m", "compileall", "-q", str(sources)])


def write_last(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)


def run(command: list[str], *, shown: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a command without input; its output is kept for last_line, or shown."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "VIRTUAL_ENV")}
    pipe = None if shown else subprocess.PIPE
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, env=environment, check=False
    )


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last line a command printed, the likeliest to say what went wrong."""
    lines = ((done.stdout or "") + (done.stderr or "")).strip().splitlines()
    return lines[-1].strip().rstrip(".") if lines else f"it ended with status {done.returncode}"
