"""Settings of CUDA's libraries for deterministic results on a GPU."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# This value makes cuBLAS deterministic. cuBLAS reads the variable when a thread first uses the library.
CUBLAS_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
# Torch's warning about kernels without a deterministic implementation.
NONDETERMINISTIC_WARNING = ".*does not have a deterministic implementation"


@contextmanager
def deterministic_libraries() -> Iterator[None]:
    """Make cuBLAS deterministic, unless the caller set its workspace, and suppress torch's warning about other kernels.

    The function does not use ``warnings.catch_warnings``: the first thread that enters may not be the last thread that
    leaves, and warning filters that the caller adds in between must stay.
    """
    ours = CUBLAS_WORKSPACE not in os.environ
    if ours:
        os.environ[CUBLAS_WORKSPACE] = ":4096:8"
    filters: Any = warnings.filters  # a list, although its annotation does not allow changes
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
