"""Fixtures of all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True, scope="session")
def real_data() -> Iterator[None]:
    """Set CONVSTUDY_DATA to ``../shared/data`` if that folder exists."""
    with pytest.MonkeyPatch.context() as patch:
        if SHARED_DATA.is_dir():
            patch.setenv("CONVSTUDY_DATA", str(SHARED_DATA))
        yield


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Set CONVSTUDY_CACHE to a new folder, so that tests neither use nor fill the cache of the user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONVSTUDY_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
