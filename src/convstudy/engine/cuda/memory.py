"""The memory of a CUDA device: which errors say that it is full, and whether it has room."""

from __future__ import annotations

from contextlib import suppress

import torch

CUDA_OUT_OF_MEMORY = 2  # cudaErrorMemoryAllocation
# What cuBLAS and cuDNN allocate outside torch for their handles and workspaces.
LIBRARIES_ON_DEVICE = 64 * 2**20


def is_out_of_memory(error: BaseException) -> bool:
    """Send whether torch or CUDA itself says that the memory is full; CUDA's libraries raise a plain error instead."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return getattr(error, "error_code", None) == CUDA_OUT_OF_MEMORY  # torch.AcceleratorError, since torch 2.8


def has_room(n_bytes: int, device: torch.device) -> bool:
    """Send whether this many bytes can be allocated now; true where a driver that has failed cannot say."""
    with suppress(RuntimeError, AssertionError):
        return torch.cuda.mem_get_info(device)[0] >= max(n_bytes, LIBRARIES_ON_DEVICE)
    return True
