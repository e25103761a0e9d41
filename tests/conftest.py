"""What every test can rely on: real data beside the checkout is found, if it is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True, scope="session")
def real_data() -> Iterator[None]:
    """Point CONVSTUDY_DATA at ``../shared/data`` where that folder lies beside the checkout."""
    with pytest.MonkeyPatch.context() as patch:
        if SHARED_DATA.is_dir():
            patch.setenv("CONVSTUDY_DATA", str(SHARED_DATA))
        yield
