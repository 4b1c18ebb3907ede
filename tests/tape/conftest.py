"""Calendars are computed once per test run, in a folder of the run, never in the user's own cache."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def calendar_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("cache"))


# Module by module, so that the tests of other folders, which may follow in the same process, keep their own cache.
@pytest.fixture(scope="module", autouse=True)
def own_cache_folder(calendar_folder: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAPELINE_CACHE", calendar_folder)
        yield
