"""Calendars are computed once per test run, in a folder of the run, never in the user's own cache."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAPELINE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
