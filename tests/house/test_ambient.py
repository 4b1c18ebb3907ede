"""The guard of all tests: what asks the computer outside a port is refused, and the refusal cannot be swallowed."""

from __future__ import annotations

import random
import socket
import time
from datetime import UTC, datetime

import numpy as np
import pytest

import ambient
from house.paths import PACKAGE


def run_as(module: str, source: str) -> dict[str, object]:
    """Run lines as if they stood in a module."""
    names: dict[str, object] = {"__name__": module}
    exec(compile(source, module, "exec"), names)
    return names


@pytest.mark.parametrize(
    "line",
    [
        "import time; time.time()",
        "import time; time.time_ns()",
        "import time; time.monotonic()",
        "import time; time.sleep(0)",
        "import random; random.random()",
        "import random; random.shuffle([1, 2])",
        "import random; random.Random()",
        "from random import Random; Random(None)",
        "import numpy as np; np.random.normal()",
        "import numpy as np; np.random.default_rng()",
        "import os; os.urandom(1)",
        "import uuid; uuid.uuid4()",
        "import socket\nwith socket.socket() as one: one.connect(('127.0.0.1', 9))",
        "import socket\nwith socket.socket() as one: one.listen()",
        "import socket\nwith socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one: one.connect_ex(('127.0.0.1', 9))",
    ],
)
def test_code_of_ours_that_asks_the_computer_is_refused(line: str) -> None:
    with pytest.raises(ambient.AmbientError, match=r"tapeline\.planted asked the computer by"):
        run_as("tapeline.planted", line)
    ambient.found.clear()


def test_a_refusal_that_was_swallowed_is_still_found() -> None:
    run_as("tapeline.planted", "import time\ntry:\n    time.time()\nexcept Exception:\n    pass")
    with pytest.raises(AssertionError):
        run_as("tapeline.planted", "import time\ntime.time()")

    assert len(ambient.found) == 2
    ambient.found.clear()


def test_the_present_is_refused_to_modules_that_were_imported() -> None:
    import tapeline.domain.times as times

    ambient.guard_datetime()
    with pytest.raises(ambient.AmbientError, match=r"tapeline\.domain\.times asked the computer by datetime\.now"):
        exec("datetime.now(UTC)", times.__dict__)
    ambient.found.clear()

    assert isinstance(datetime.fromtimestamp(0, UTC), times.datetime)


def test_ports_tests_and_libraries_may_ask() -> None:
    run_as("tapeline.feeds.clock", "import time; time.time_ns()")
    run_as("somebody.else", "import time, random; time.time(); random.random()")
    assert time.time() > 0
    assert random.Random().random() < 1
    assert np.random.default_rng().random() < 1
    with socket.socket() as open_socket:
        assert open_socket.fileno() >= 0


def test_seeded_chance_is_nobodys_business() -> None:
    names = run_as(
        "tapeline.planted",
        "import random, numpy as np\na = random.Random(7).random()\nb = np.random.default_rng(7).random()",
    )

    assert names["a"] == random.Random(7).random()
    assert names["b"] == np.random.default_rng(7).random()


def test_every_port_of_the_list_exists_and_asks() -> None:
    """A name that stays in the list after its module went would excuse whoever takes it next."""
    asking = ("time.", "datetime.now", "perf_counter", "uuid4", "httpx2")
    for module in ambient.PORTS:
        path = PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")
        assert any(word in path.read_text() for word in asking), module
