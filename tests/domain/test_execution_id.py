"""Ids of executions: whatever a venue calls them, no two share a name here, and each name tells what it is of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.domain.execution_id import name_of, returned_name, version_of

venue_ids = st.text(alphabet="A~027.", min_size=1, max_size=8)
versions = st.integers(1, 30)


@pytest.mark.parametrize(
    ("venue_id", "version", "name"),
    [
        ("E7", 1, "E7"),
        ("E7", 2, "E7~2"),
        ("E7~2", 1, "E7~~2"),
        ("E7~2", 3, "E7~~2~3"),
        ("E7~", 1, "E7~"),
        ("E7~", 2, "E7~~~2"),
        ("E7~~", 2, "E7~~~~~2"),
        ("E7~~2", 1, "E7~~~~2"),
        ("A~B", 1, "A~B"),
        ("A~B", 2, "A~B~2"),
        ("~2", 1, "~~2"),
        ("~", 2, "~~~2"),
    ],
)
def test_tildes_of_the_venue_that_could_be_ours_are_doubled(venue_id: str, version: int, name: str) -> None:
    assert name_of(venue_id, version) == name
    assert version_of(name) == (name_of(venue_id), version)


@given(venue_ids, versions)
def test_a_name_tells_its_version_and_all_versions_share_a_key(venue_id: str, version: int) -> None:
    assert version_of(name_of(venue_id, version)) == (name_of(venue_id), version)


@given(venue_ids, venue_ids, versions, versions)
def test_no_two_executions_share_a_name(first: str, second: str, version: int, other: int) -> None:
    assert (name_of(first, version) == name_of(second, other)) == ((first, version) == (second, other))


@given(venue_ids, versions, st.integers(1, 3))
def test_what_comes_back_has_a_name_that_nothing_else_has(venue_id: str, version: int, times: int) -> None:
    names = [name_of(venue_id, version)]
    for _ in range(times):
        names.append(returned_name(names[-1]))

    assert len(set(names)) == len(names)
    assert {version_of(name) for name in names} == {version_of(names[0])}
    assert all(name_of(venue_id, number) not in names[1:] for number in range(1, 40))


@pytest.mark.parametrize(
    ("name", "back", "again"), [("E7", "E7~01", "E7~001"), ("E7~2", "E7~02", "E7~002"), ("E7~~2", "E7~~2~01", None)]
)
def test_names_of_journals_before_are_read_as_they_were(name: str, back: str, again: str | None) -> None:
    assert returned_name(name) == back
    assert again is None or returned_name(back) == again


def test_a_mark_with_nothing_before_it_is_a_name_of_its_own() -> None:
    """A journal may have one of before marks were doubled."""
    assert version_of("~2") == ("~2", 1)
