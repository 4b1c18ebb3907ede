"""Whatever the README and the documents show is run: Python blocks in order, and every ./tapeline command."""

from __future__ import annotations

import contextlib
import io
import shlex
import subprocess
from pathlib import Path

import pytest

from docs.markdown import Block, blocks_of

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LIMIT_S = 240


def run_block(block: Block, folder: Path, names: dict[str, object], launcher: Path = ROOT / "tapeline") -> None:
    """Run one block in a folder; raise what it raises, AssertionError for a command with the wrong status."""
    if block.remark == "file":
        (folder / block.argument).write_text(block.text, encoding="utf-8")
    if block.language == "python":
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(block.text, f"line {block.line} of the document", "exec"), names)
    elif block.language in ("console", "bash", "sh"):
        ours = [command for command in block.commands if command.startswith("./tapeline")]
        for command in ours:
            arguments = [str(launcher), *shlex.split(command, comments=True)[1:]]
            done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False)
            must_fail = block.remark == "fails" and command == ours[-1]
            printed = (done.stdout + done.stderr)[-3000:]
            assert (done.returncode != 0) == must_fail, f"{command!r} ended with status {done.returncode}:\n{printed}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_blocks_of_a_document_run(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "document"}
    for block in blocks_of(document):
        with subtests.test(f"line {block.line}"):
            if block.remark == "skip":
                pytest.skip(f"{document.name} line {block.line}: {block.argument}")
            run_block(block, tmp_path, names)


def written(folder: Path, text: str) -> list[Block]:
    path = folder / "document.md"
    path.write_text(text)
    return blocks_of(path)


def test_blocks_share_names_in_order(tmp_path: Path) -> None:
    first, second = written(tmp_path, "```python\na = 2\n```\n\ntext\n\n```python\nassert a == 2\n```\n")
    names: dict[str, object] = {}

    run_block(first, tmp_path, names)
    run_block(second, tmp_path, names)

    assert (first.line, second.line) == (1, 7)


def test_a_wrong_block_fails(tmp_path: Path) -> None:
    (block,) = written(tmp_path, "```python\nassert 1 == 2\n```\n")

    with pytest.raises(AssertionError):
        run_block(block, tmp_path, {})


def test_commands_are_run_where_the_reader_would_and_their_status_counts(tmp_path: Path) -> None:
    launcher = tmp_path / "launcher"
    launcher.write_text('#!/bin/sh\necho "$*" >> "$PWD/log"\n[ "$1" != wrong ]\n')
    launcher.chmod(0o755)
    text = (
        "<!-- file: my.py -->\n```python\nx = 1\n```\n"
        "```console\n$ git clone somewhere\n$ ./tapeline run \\\n    my.py  # a remark\noutput\n```\n"
        "```console\n$ ./tapeline wrong\n```\n"
        "<!-- fails -->\n```console\n$ ./tapeline wrong\n```\n"
    )
    file, good, wrong, foreseen = written(tmp_path, text)

    run_block(file, tmp_path, {})
    run_block(good, tmp_path, {}, launcher)
    with pytest.raises(AssertionError, match="ended with status 1"):
        run_block(wrong, tmp_path, {}, launcher)
    run_block(foreseen, tmp_path, {}, launcher)

    assert (tmp_path / "my.py").read_text() == "x = 1\n"
    assert (tmp_path / "log").read_text().splitlines()[0] == "run my.py"


def test_a_skip_names_its_reason(tmp_path: Path) -> None:
    (block,) = written(
        tmp_path, "<!-- skip: it would start these tests again -->\n```console\n$ ./tapeline test\n```\n"
    )

    assert (block.remark, block.argument) == ("skip", "it would start these tests again")
