"""What tests of the order keeper begin with."""

from __future__ import annotations

import pytest

from execution.running import Trader


@pytest.fixture
def trader() -> Trader:
    """A trader whose first comparison is done, on a link without faults."""
    return Trader().ready()
