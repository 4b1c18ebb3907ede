"""The page in a real browser: its charts are drawn, its table turns, and names are never run as code."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from report.builders import a_result
from tapeline import Result

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LIMIT_S = 120
PLANTED = "<script>document.documentElement.dataset.planted = 'ran'</script>"

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="No Chromium is on the PATH; Debian's package is called chromium."
)


def shown(page: Path) -> tuple[str, str]:
    """Return the document as the browser has it after the page's script, and what it wrote to its console."""
    assert CHROMIUM is not None
    done = subprocess.run(
        [
            CHROMIUM,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={page.parent / 'profile'}",
            "--enable-logging=stderr",
            "--window-size=1440,2000",
            "--virtual-time-budget=30000",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, "\n".join(said)


def a_year(**names: tuple[str, ...]) -> Result:
    equity = 100 + np.cumsum(np.sin(np.arange(260)))
    trips = [(0, row, row + 3, float(row % 5 - 2)) for row in range(0, 240, 4)]
    return a_result(equity, trips=trips, **names)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def year_shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return shown(a_year().report(tmp_path_factory.mktemp("year") / "x.html"))


def test_every_chart_is_drawn_without_an_error(year_shown: tuple[str, str]) -> None:
    document, said = year_shown

    assert said == ""
    assert 'data-ready="yes"' in document
    places = re.findall(r'<div class="(chart[^"]*)" id="(chart-\w+)"', document)
    names = ("equity", "sharpe", "trades", "mae", "mfe", "exposure", "turnover", "costs")
    assert [name for _, name in places] == [f"chart-{name}" for name in names]
    assert all("js-plotly-plot" in kind for kind, _ in places)


def test_the_table_has_a_page_of_the_round_trips_that_left_last(year_shown: tuple[str, str]) -> None:
    document, _ = year_shown

    body = document[document.index('<table id="trips"') :]
    body = body[: body.index("</table>")]
    assert body.count("<tr>") == 1 + 25
    assert "Page 1 of 3, 60 round trips" in document
    # the last entry is row 236, its exit row 239; its result 236 % 5 - 2 = -1
    first = body[body.index("<tbody>") :].split("</tr>")[0]
    assert re.sub("<[^>]+>", "|", first).replace("||", "|").strip("|").split("|")[-4:] == [
        "-1.00",
        "–",
        "3",
        "exit rule",
    ]


def test_a_name_that_is_a_script_is_never_run(tmp_path: Path) -> None:
    result = a_year(symbols=(PLANTED,), strategies=(PLANTED,))

    document, said = shown(result.report(tmp_path / "x.html", remarks=[PLANTED]))

    assert said == ""
    assert 'data-ready="yes"' in document
    assert 'data-planted="ran"' not in document


def test_what_somebody_forgot_to_escape_is_stopped_by_the_policy_and_runs_without_it(tmp_path: Path) -> None:
    page = a_year().report(tmp_path / "x.html")
    forgotten = page.read_text().replace("<header>", f"<header>{PLANTED}", 1)
    (tmp_path / "guarded.html").write_text(forgotten)
    (tmp_path / "bare.html").write_text(re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", forgotten))

    guarded, said = shown(tmp_path / "guarded.html")
    bare, _ = shown(tmp_path / "bare.html")

    assert 'data-planted="ran"' not in guarded
    assert "Content Security Policy" in said
    assert 'data-planted="ran"' in bare


def test_a_run_without_round_trips_is_drawn(tmp_path: Path) -> None:
    document, said = shown(a_result([100.0], trips=()).report(tmp_path / "x.html"))

    assert said == ""
    assert 'data-ready="yes"' in document
