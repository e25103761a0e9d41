"""Out-of-memory errors and the free memory of a GPU."""

from __future__ import annotations

from contextlib import suppress

import torch

CUDA_OUT_OF_MEMORY = 2  # cudaErrorMemoryAllocation
# The memory that cuBLAS and cuDNN allocate outside torch for handles and workspaces.
LIBRARY_BYTES = 64 * 2**20


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether the error is an out-of-memory error of torch or the CUDA runtime.

    CUDA's libraries raise a plain ``RuntimeError``, which this function does not detect.
    """
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return getattr(error, "error_code", None) == CUDA_OUT_OF_MEMORY  # torch.AcceleratorError, since torch 2.8


def has_room(n_bytes: int, device: torch.device) -> bool:
    """Return whether this many bytes are free; ``True`` if the driver has failed and cannot report the free memory."""
    with suppress(RuntimeError, AssertionError):
        return torch.cuda.mem_get_info(device)[0] >= max(n_bytes, LIBRARY_BYTES)
    return True
