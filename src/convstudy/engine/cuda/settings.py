"""What CUDA's libraries need so that the same fit gives the same sums on a device."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# What cuBLAS needs to add up in the same order each time; it reads the variable when a thread first uses it.
CUBLAS_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
# How torch's warning begins that a kernel has no repeatable form.
NOT_REPEATABLE = ".*does not have a deterministic implementation"


@contextmanager
def repeatable_libraries() -> Iterator[None]:
    """Let cuBLAS add up in the same order each time, unless the caller chose a workspace; suppress torch's warning
    about kernels that have no repeatable form.

    Not by ``warnings.catch_warnings``: the thread that leaves last can be another one than the first, and filters that
    the caller adds meanwhile must stay.
    """
    ours = CUBLAS_WORKSPACE not in os.environ
    if ours:
        os.environ[CUBLAS_WORKSPACE] = ":4096:8"
    filters: Any = warnings.filters  # a list, which its annotation hides
    before = list(filters)
    warnings.filterwarnings("ignore", message=NOT_REPEATABLE)
    added = filters[0]
    try:
        yield
    finally:
        if added not in before and added in filters:
            filters.remove(added)
        if ours:
            os.environ.pop(CUBLAS_WORKSPACE, None)
