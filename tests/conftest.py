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
