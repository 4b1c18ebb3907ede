"""The guard of all tests: what asks the computer outside a port is refused, and the refusal cannot be swallowed."""

from __future__ import annotations

import importlib
import random
import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

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
        "import time; time.process_time()",
        "import time; time.clock_gettime(0)",
        "import time; time.localtime()",
        "import time; time.gmtime(None)",
        "import time; time.ctime()",
        "import time; time.asctime()",
        "import time; time.strftime('%Y')",
        "from datetime import datetime; datetime.now()",
        "import datetime; datetime.datetime.now(datetime.UTC)",
        "import datetime; datetime.datetime.utcnow()",
        "from datetime import datetime; datetime.today()",
        "def asked():\n    from datetime import date as day\n    day.today()\nasked()",
        "import random; random.random()",
        "import random; random.shuffle([1, 2])",
        "import random; random.Random()",
        "from random import Random; Random(None)",
        "import random; random.seed()",
        "import random; random.SystemRandom()",
        "import numpy as np; np.random.normal()",
        "import numpy as np; np.random.gamma(1)",
        "import numpy as np; np.random.standard_t(3)",
        "import numpy as np; np.random.ranf()",
        "import numpy as np; np.random.seed()",
        "import numpy as np; np.random.default_rng()",
        "import numpy as np; np.random.RandomState()",
        "from numpy.random import PCG64; PCG64()",
        "from numpy.random import SeedSequence; SeedSequence()",
        "import numpy as np; np.random.Philox(seed=None)",
        "import os; os.urandom(1)",
        "import os; os.getrandom(1)",
        "import uuid; uuid.uuid1()",
        "import uuid; uuid.uuid4()",
        "import secrets; secrets.token_hex()",
        "import tempfile; tempfile.mkdtemp()",
        "import tempfile; tempfile.mkstemp()",
        "import tempfile; tempfile.NamedTemporaryFile()",
        "import tempfile; tempfile.TemporaryDirectory()",
        "import threading; threading.Timer(0, print)",
        "import threading; threading.Event().wait(0)",
        "import threading; threading.Event().wait(timeout=0)",
        "import queue; queue.Queue().get(timeout=0)",
        "import select; select.select([], [], [], 0)",
        "import socket\nwith socket.socket() as one: one.connect(('127.0.0.1', 9))",
        "import socket\nwith socket.socket() as one: one.listen()",
        "import socket\nwith socket.socket() as one: one.bind(('127.0.0.1', 0))",
        "import socket\nwith socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one: one.connect_ex(('127.0.0.1', 9))",
        "import socket\nwith socket.socket(type=socket.SOCK_DGRAM) as one: one.sendto(b'', ('127.0.0.1', 9))",
        "import socket; socket.getaddrinfo('127.0.0.1', 9)",
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
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


def test_the_present_is_refused_to_a_module_that_a_test_imports_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "late.py").write_text("from datetime import UTC, datetime\nIMPORTED = datetime.now(UTC)\n")
    monkeypatch.setattr("tapeline.__path__", [str(tmp_path)])

    with pytest.raises(ambient.AmbientError, match=r"tapeline\.late asked the computer by datetime\.now"):
        importlib.import_module("tapeline.late")
    ambient.found.clear()


def test_the_guarded_types_are_the_types_themselves() -> None:
    class Later(datetime):
        """A type that somebody made of it."""

    assert type(datetime.now(UTC)) is datetime
    assert type(Later.now(tz=UTC)) is Later
    assert type(np.random.PCG64(7)) is np.random.PCG64.__mro__[1]
    assert isinstance(np.random.default_rng(7).bit_generator, np.random.PCG64)


@pytest.mark.parametrize(
    "line",
    ['np.datetime64("now")', 'np.datetime64("today", "D")', 'np.array(["now"], dtype="M8[s]")'],
)
def test_numpys_present_is_seen_in_the_text(line: str) -> None:
    assert ambient.presents_in(f"import numpy as np\n\nhere = {line}\n") == [3]


def test_no_module_of_ours_asks_numpy_for_the_present() -> None:
    assert {
        path.name: lines for path in PACKAGE.rglob("*.py") if (lines := ambient.presents_in(path.read_text()))
    } == {}


def test_ports_tests_and_libraries_may_ask() -> None:
    run_as("tapeline.feeds.clock", "import time; time.time_ns()")
    run_as("somebody.else", "import time, random; time.time(); random.random()")
    assert time.time() > 0
    assert random.Random().random() < 1
    assert time.localtime().tm_year > 2000
    assert not threading.Event().wait(0)
    assert np.random.default_rng().random() < 1
    with socket.socket() as open_socket:
        assert open_socket.fileno() >= 0


def test_seeded_chance_and_given_times_are_nobodys_business() -> None:
    names = run_as(
        "tapeline.planted",
        "import random, time, numpy as np\n"
        "a = random.Random(7).random()\nb = np.random.default_rng(7).random()\n"
        "c = np.random.Generator(np.random.PCG64(np.random.SeedSequence([7]))).random()\n"
        "d = np.random.RandomState(7).normal()\n"
        "e = time.strftime('%Y', time.gmtime(0))",
    )

    assert names["a"] == random.Random(7).random()
    assert names["b"] == names["c"] == np.random.default_rng(7).random()
    assert names["d"] == np.random.RandomState(7).normal()
    assert names["e"] == "1970"


def test_every_port_of_the_list_exists_and_asks() -> None:
    """A name that stays in the list after its module went would excuse whoever takes it next."""
    asking = ("time.", "datetime.now", "perf_counter", "uuid4", "httpx2")
    for module in ambient.PORTS:
        path = PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")
        assert any(word in path.read_text() for word in asking), module
