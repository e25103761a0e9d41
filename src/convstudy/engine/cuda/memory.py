"""Out-of-memory errors and the free memory of a GPU."""

from __future__ import annotations

from contextlib import suppress

import torch

CUDA_OUT_OF_MEMORY = 2  # cudaErrorMemoryAllocation
# What cuBLAS and cuDNN allocate outside torch for handles and workspaces.
LIBRARY_BYTES = 64 * 2**20


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether torch or the CUDA runtime reports full memory; CUDA's libraries raise a ``RuntimeError``."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return getattr(error, "error_code", None) == CUDA_OUT_OF_MEMORY  # torch.AcceleratorError, since torch 2.8


def has_room(n_bytes: int, device: torch.device) -> bool:
    """Return whether this many bytes are free; ``True`` if the driver has failed and cannot report it."""
    with suppress(RuntimeError, AssertionError):
        return torch.cuda.mem_get_info(device)[0] >= max(n_bytes, LIBRARY_BYTES)
    return True
