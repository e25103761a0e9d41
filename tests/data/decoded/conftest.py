from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from convstudy.data.decoded.worker_process import end_processes
from tests.data.decoded.photos import Photos


@pytest.fixture
def photos(tmp_path: Path) -> Photos:
    return Photos(tmp_path / "cache")


@pytest.fixture(scope="module", autouse=True)
def _end_processes() -> Iterator[None]:
    """End the decode processes that wait for the next run."""
    yield
    end_processes()
