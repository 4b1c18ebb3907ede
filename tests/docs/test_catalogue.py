"""The catalogue of indicators says what the docstrings say, and shows what the code computes."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from docs.families import FAMILIES, Entry
from docs.make_catalogue import daily, files, paragraphs, picture

from formula.library_examples import functions_of_the_face

DOCS = Path(__file__).resolve().parents[2] / "docs"
ENTRIES = [entry for entries in FAMILIES.values() for entry in entries]
PICTURE_BYTES_MAX = 12_000


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return files()


def test_the_files_are_what_the_script_makes(made: dict[str, str]) -> None:
    """If this fails: python -m docs.make_catalogue, and look at the pictures that changed."""
    behind = [name for name, content in made.items() if (DOCS / name).read_text(encoding="utf-8") != content]

    assert behind == []


def test_no_picture_is_left_over(made: dict[str, str]) -> None:
    assert {f"indicators/{path.name}" for path in (DOCS / "indicators").glob("*.svg")} == {*made} - {"indicators.md"}


def test_every_function_of_the_library_is_in_the_catalogue_once() -> None:
    names = [entry.name for entry in ENTRIES]

    assert sorted(names) == sorted(functions_of_the_face())


def test_every_indicator_has_its_unit_or_range_its_warm_up_and_its_picture(made: dict[str, str]) -> None:
    sections = made["indicators.md"].split("\n### ")[1:]

    for section in sections:
        name = section.splitlines()[0]
        if any(entry.name == name and entry.call for entry in ENTRIES):
            assert "Warm-up:" in section, name
            assert f"(indicators/{name}.svg)" in section


def test_pictures_are_small_and_well_formed(made: dict[str, str]) -> None:
    for name, content in made.items():
        if name.endswith(".svg"):
            assert len(content) < PICTURE_BYTES_MAX, name
            lines = [path for path in ElementTree.fromstring(content).iter() if path.get("stroke-width")]
            assert lines
            assert all(len(path.get("d") or "") > 100 for path in lines), name


def test_a_picture_shows_the_values_it_is_named_for() -> None:
    """A price and its own mean of one bar: the line goes through the ticks of the closes."""
    entry = Entry("sma", "sma(close, 1)")

    drawn = picture(entry, daily())

    assert (drawn.lines["sma"] == drawn.close).all()
    assert drawn.dates[-1] == "2013-03-01" and drawn.close[-1] == 202.91


def test_docstrings_become_markdown() -> None:
    text = "Return it. Warm-up: 1.\n\nUnit\nof it.\nflat, fast : one\n    or two\nlow : three\nSource: me."

    assert paragraphs(text) == (
        "Return it. Warm-up: 1.\n\nUnit of it.\n\n- `flat, fast`: one or two\n- `low`: three\n\nSource: me."
    )
