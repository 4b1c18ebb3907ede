"""Reading the code blocks of a document, and what its comments say about them.

A comment of one line directly above a block may say

    <!-- skip: reason -->     the block is not run, and the test says why
    <!-- file: name.py -->    the block is first saved under this name, for later blocks to use
    <!-- fails -->            the last command of the block must end with another status than 0
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^(`{3,})([\w-]*)[^\n]*\n(.*?)^\1\s*$", re.MULTILINE | re.DOTALL)
REMARK = re.compile(r"<!--\s*(skip|file|fails)(?::\s*(.*?))?\s*-->$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, text, first line in the document, and the comment above it."""

    language: str
    text: str
    line: int
    remark: str = ""
    argument: str = ""

    @property
    def commands(self) -> list[str]:
        """The lines after the prompt of a console block, continued lines joined."""
        joined = self.text.replace("\\\n", " ")
        return [line[2:].strip() for line in joined.splitlines() if line.startswith("$ ")]


def blocks_of(path: Path) -> list[Block]:
    """Return the fenced blocks of a Markdown file, in order."""
    text = path.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        above = text[: match.start()].rstrip().rpartition("\n")[2]
        remark = REMARK.match(above)
        kind, argument = (remark.group(1), remark.group(2) or "") if remark else ("", "")
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(match.group(2), match.group(3), line, kind, argument))
    return found
