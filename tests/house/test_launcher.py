"""./tapeline sets up once, says what it does, survives company and interruption, and gets out of the way.

The packages themselves are not installed here: uv and pip are stand-ins that note how they were called.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from house.paths import ROOT, load

STAND_IN_CLI = "import sys; print('arguments', sys.argv[1:])\n"
STAND_IN_UV = """#!/bin/sh
[ "$1" = --version ] && exit 0
echo "uv $*" >> {log}
{then}
"""
STAND_IN_PIP = """import sys
if "--version" not in sys.argv:
    open({log!r}, "a").write("pip " + " ".join(sys.argv[1:]) + "\\n")
"""


class House:
    """A copy of the launcher in a folder with a space in its name, with stand-ins for uv and pip."""

    def __init__(self, root: Path) -> None:
        self.root, self.log = root, root / "log"
        self.stamp = root / ".venv" / "tapeline-stamp"
        (root / "src" / "tapeline" / "cli").mkdir(parents=True)
        for name in ("", "cli/"):
            (root / "src" / "tapeline" / f"{name}__init__.py").touch()
        (root / "src" / "tapeline" / "cli" / "__main__.py").write_text(STAND_IN_CLI)
        (root / "requirements").mkdir()
        shutil.copy(ROOT / "tapeline", root)
        for name in ("install.py", "core.lock", "dev.lock", "installer.lock"):
            shutil.copy(ROOT / "requirements" / name, root / "requirements")
        venv.create(root / ".venv", with_pip=False)
        pip = next((root / ".venv" / "lib").glob("python3*")) / "site-packages" / "pip"
        pip.mkdir()
        (pip / "__main__.py").write_text(STAND_IN_PIP.format(log=str(self.log)))
        self.uv_then("exit 0")

    def uv_then(self, shell: str) -> None:
        """Let uv do something after it has noted its call."""
        uv = self.root / ".venv" / "bin" / "uv"
        uv.write_text(STAND_IN_UV.format(log=f"'{self.log}'", then=shell))
        uv.chmod(0o755)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(self.root / "tapeline"), *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def launcher(self) -> ModuleType:
        return load(self.root / "tapeline", "launcher")


@pytest.fixture
def house(tmp_path: Path) -> House:
    root = tmp_path / "with a space"
    root.mkdir()
    return House(root)


def test_the_first_use_sets_up_and_the_next_ones_go_straight_through(house: House) -> None:
    first = house.run("demo", "--data", "a b")
    second = house.run("demo", "--data", "a b")

    assert first[:2] == (0, "arguments ['demo', '--data', 'a b']\n")
    assert re.search(r"installing the \d\d packages of requirements/core\.lock\.", first[2])
    assert second == (0, "arguments ['demo', '--data', 'a b']\n", "")
    (call,) = house.calls()
    assert call.startswith("uv pip sync --require-hashes --only-binary :all: ")
    assert call.endswith("requirements/core.lock")


def test_later_uses_cost_little(house: House) -> None:
    house.run()
    times = []
    for _ in range(5):
        started = time.perf_counter()
        house.run()
        times.append(time.perf_counter() - started)

    assert min(times) < 0.5


def test_a_changed_lock_is_installed_anew(house: House) -> None:
    house.run()
    lock = house.root / "requirements" / "core.lock"
    lock.write_text(lock.read_text() + "# changed\n")

    _, _, said = house.run()

    assert "requirements/core.lock" in said
    assert len(house.calls()) == 2


def test_an_environment_without_a_stamp_is_synchronised_not_deleted(house: House) -> None:
    kept = house.root / ".venv" / "kept"
    kept.touch()

    house.run()

    assert kept.exists()


def test_two_starts_at_once_install_once(house: House) -> None:
    house.uv_then("sleep 1")

    both = [house.start("demo") for _ in range(2)]
    answers = [process.communicate(timeout=60) for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert [out for out, _ in answers] == ["arguments ['demo']\n"] * 2
    assert len(house.calls()) == 1
    assert any("another start is setting up; waiting for it." in err for _, err in answers)


def test_after_a_kill_in_the_middle_all_packages_are_written_again(house: House) -> None:
    house.uv_then("kill -9 $PPID")
    assert house.run()[0] == -9
    assert not house.stamp.exists()
    house.uv_then("exit 0")

    assert house.run()[0] == 0

    first, second = house.calls()
    assert "--reinstall" not in first
    assert "--reinstall" in second


def test_what_uv_cannot_install_pip_does(house: House) -> None:
    house.uv_then("echo no route to the index; exit 2")

    status, _, said = house.run()

    assert status == 0
    assert "uv could not (no route to the index); trying with pip." in said
    assert house.calls()[1].startswith("pip install ")
    assert "--require-hashes" in house.calls()[1]
    assert house.stamp.exists()


def test_when_both_fail_the_sentence_says_what_to_do_and_no_stamp_is_left(house: House) -> None:
    house.uv_then("exit 2")
    pip = next((house.root / ".venv" / "lib").glob("python3*/site-packages/pip/__main__.py"))
    pip.write_text(pip.read_text() + "    sys.exit('no wheel for this platform')\n")

    status, out, said = house.run()

    assert status == 2
    assert out == ""
    assert "could not be installed: no wheel for this platform. Check the network" in said
    assert "Traceback" not in said
    assert not house.stamp.exists()


def test_the_larger_environment_serves_the_smaller_wish_but_not_the_reverse(house: House) -> None:
    launcher = house.launcher()

    assert launcher.lock_to_install("core") == "core"
    house.stamp.write_text(launcher.stamp_text("core"))
    assert launcher.lock_to_install("core") is None
    assert launcher.lock_to_install("dev") == "dev"
    house.stamp.write_text(launcher.stamp_text("dev"))
    assert launcher.lock_to_install("core") is None
    assert launcher.lock_to_install("dev") is None
    house.stamp.write_text("torn")
    assert launcher.lock_to_install("core") == "core"


def test_another_interpreter_behind_the_environment_is_noticed(house: House) -> None:
    launcher = house.launcher()
    house.stamp.write_text(launcher.stamp_text("core"))
    python = house.root / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/bin/sh")

    assert launcher.lock_to_install("core") == "core"


def test_an_old_python_is_told_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    launcher = load(ROOT / "tapeline", "launcher")
    monkeypatch.setattr(launcher, "version_of", lambda command: (3, 9))
    old = SimpleNamespace(version_info=(3, 9, 2), executable="/usr/bin/python3", stderr=sys.stderr, exit=sys.exit)
    monkeypatch.setattr(launcher, "sys", old)

    with pytest.raises(SystemExit, match="2"):
        launcher.go_on_with_a_fitting_python()

    said = capsys.readouterr().err
    assert said.startswith("tapeline: Python 3.11 or newer is needed; this is Python 3.9 (/usr/bin/python3)")
    assert "apt install python3 python3-venv" in said
    assert said.count("\n") == 1


def test_an_old_python_hands_over_to_a_newer_one_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = load(ROOT / "tapeline", "launcher")
    monkeypatch.delenv("TAPELINE_STARTED_AGAIN", raising=False)
    monkeypatch.setattr(launcher, "version_of", {"python3.12": (3, 12)}.get)
    monkeypatch.setattr(launcher, "sys", SimpleNamespace(version_info=(3, 9, 2), argv=["tapeline", "demo"]))
    started: list[list[str]] = []

    def instead_of_starting(command: str, arguments: list[str]) -> None:
        started.append(arguments)
        raise SystemExit

    monkeypatch.setattr(launcher.os, "execvp", instead_of_starting)

    with pytest.raises(SystemExit):
        launcher.go_on_with_a_fitting_python()

    assert started == [["python3.12", str(ROOT / "tapeline"), "demo"]]
    monkeypatch.delenv("TAPELINE_STARTED_AGAIN")


def test_the_launcher_is_readable_for_pythons_of_long_ago() -> None:
    """Otherwise they would answer with a syntax error instead of the sentence."""
    tree = ast.parse((ROOT / "tapeline").read_text())
    newer = (
        ast.JoinedStr,
        ast.NamedExpr,
        ast.Match,
        ast.AnnAssign,
        ast.Starred,
        ast.AsyncFunctionDef,
        ast.Nonlocal,
    )

    for node in ast.walk(tree):
        assert not isinstance(node, newer), f"line {getattr(node, 'lineno', '?')}"
        if isinstance(node, ast.arg):
            assert node.annotation is None
        if isinstance(node, ast.FunctionDef):
            assert node.returns is None
            assert not node.args.kwonlyargs
        if isinstance(node, ast.Raise):
            assert node.cause is None


def test_without_venv_the_sentence_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install = load(ROOT / "requirements" / "install.py", "install")
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\necho 'No module named venv' >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(install.sys, "executable", str(python))

    with pytest.raises(install.SetUpError, match=r"cannot make a virtual environment: No module named venv\. .*"):
        install.working_environment(tmp_path / ".venv")

    assert not (tmp_path / ".venv").exists()


def test_broken_and_old_environments_are_recognised(tmp_path: Path) -> None:
    install = load(ROOT / "requirements" / "install.py", "install")
    (tmp_path / "broken").symlink_to(tmp_path / "removed")
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\necho 3 9 True\n")
    old.chmod(0o755)

    assert install.fault_of(tmp_path / "broken") == "it has no Python that runs"
    assert install.fault_of(old) == "its Python is 3.9"
    assert install.fault_of(Path(sys.executable)) is None


def test_a_whole_test_run_uses_all_cores_and_a_narrowed_one_does_not() -> None:
    launcher = load(ROOT / "tapeline", "launcher")

    assert launcher.pytest_arguments([]) == ["-n", "auto", "--dist", "loadfile"]
    assert launcher.pytest_arguments(["-x"]) == ["-n", "auto", "--dist", "loadfile", "-x"]
    assert launcher.pytest_arguments(["tests/house"]) == ["tests/house"]
    assert launcher.pytest_arguments(["-n", "4"]) == ["-n", "4"]


def test_the_launcher_may_be_started_from_anywhere_through_a_link(house: House, tmp_path: Path) -> None:
    house.run()
    link = tmp_path / "link"
    link.symlink_to(house.root / "tapeline")

    done = subprocess.run([link, "demo"], cwd="/", capture_output=True, text=True, check=True, env=os.environ)

    assert done.stdout == "arguments ['demo']\n"
