"""Fixtures of the tests of runs."""

from __future__ import annotations

import pytest

from convstudy.data.decoded.worker_process import end_processes


@pytest.fixture(autouse=True)
def no_idle_decode_process() -> None:
    """End decode processes that wait for more images: these tests count threads, processes and open files."""
    end_processes()
