"""`tapeline watchdog`: looks at a run until it ends, and halts it where it hangs."""

from __future__ import annotations

import getpass
import math
import time
from pathlib import Path

from tapeline.app.watchdog import Verdict, Watchdog, WatchdogSettings
from tapeline.cli.console import show_text
from tapeline.cli.control import running, span_ns
from tapeline.domain.errors import InputError
from tapeline.domain.times import SECOND
from tapeline.feeds.clock import SystemClock

LOOK_EVERY_S = 0.5


def watch(journal: Path | None, work: Path, *, stalled_after: str, kill_after: str) -> None:
    """Watch a run until it has ended. Raises InputError when it died, with what was found."""
    kill_after_s = span_ns(kill_after, "--kill-after") / SECOND if kill_after else math.inf
    settings = WatchdogSettings(span_ns(stalled_after, "--stalled-after") / SECOND, kill_after_s)
    path = running(journal, work)
    dog = Watchdog(path, settings, who=f"watchdog of {getpass.getuser()}")
    clock, looked_s = SystemClock(), time.monotonic()
    shown: str | None = None
    while True:
        now_s = time.monotonic()
        sight = dog.look(now_s - looked_s, clock.now_ns())
        looked_s = now_s
        if sight.verdict is Verdict.DIED:
            raise InputError(sight.text)
        # a silence grows with each look: it is told once, and again when something was done
        told = sight.verdict.value + sight.text.rpartition(". ")[2]
        if told != shown:
            shown = told
            show_text(sight.text)
        if sight.verdict is Verdict.ENDED:
            return
        time.sleep(LOOK_EVERY_S)
