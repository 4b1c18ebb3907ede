"""Running the command line: in this process, which is quick, or as the user does, in one of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from tapeline.cli.main import main

LIMIT_S = 240


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code, and what it said on the two outputs."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The last line of the standard error: the refusal, if it was refused."""
        return self.err.strip().splitlines()[-1] if self.err.strip() else ""


def run(*arguments: str | Path) -> Outcome:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    argv = ["tapeline", *map(str, arguments)]
    variables = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    with (
        patch.object(sys, "argv", argv),
        patch.dict(os.environ, variables),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as exc:
            return Outcome(int(exc.code or 0), out.getvalue(), err.getvalue())
    raise AssertionError("the command line returned without an exit code")


def command(*arguments: str | Path) -> list[str]:
    """Return the line that starts a command in a process of its own."""
    return [sys.executable, "-m", "tapeline.cli", *map(str, arguments)]


def environment(**variables: str) -> Mapping[str, str]:
    """Return the variables of a stranger's terminal of 80 columns without colours."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("TAPELINE_DEBUG")}
    return {**plain, "COLUMNS": "80", "NO_COLOR": "1", **variables}


def start(*arguments: str | Path, folder: Path, **variables: str) -> Outcome:
    """Run a command in a process of its own, in a folder."""
    done = subprocess.run(
        command(*arguments), cwd=folder, env=environment(**variables), capture_output=True, text=True,
        timeout=LIMIT_S, check=False,
    )  # fmt: skip
    return Outcome(done.returncode, done.stdout, done.stderr)
