"""Settings of CUDA's libraries for deterministic results on a GPU."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Makes cuBLAS deterministic. cuBLAS reads it when a thread first uses the library.
CUBLAS_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
# Torch's warning about kernels without a deterministic implementation.
NONDETERMINISTIC_WARNING = ".*does not have a deterministic implementation"


@contextmanager
def deterministic_libraries() -> Iterator[None]:
    """Make cuBLAS deterministic, unless the caller set its workspace, and suppress torch's warning about other kernels.

    This does not use ``warnings.catch_warnings``, because the last thread to leave may not be the first one, and
    filters that the caller adds in between must stay.
    """
    ours = CUBLAS_WORKSPACE not in os.environ
    if ours:
        os.environ[CUBLAS_WORKSPACE] = ":4096:8"
    filters: Any = warnings.filters  # a list, which its annotation hides
    before = list(filters)
    warnings.filterwarnings("ignore", message=NONDETERMINISTIC_WARNING)
    added = filters[0]
    try:
        yield
    finally:
        if added not in before and added in filters:
            filters.remove(added)
        if ours:
            os.environ.pop(CUBLAS_WORKSPACE, None)
