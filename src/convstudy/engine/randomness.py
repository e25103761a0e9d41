"""Derive the seeds and generators of a fit from its seed, a purpose and the epoch, never from global state.

Networks with the same seed see the same images in the same order. This reduces the variance of the difference between
their scores (common random numbers). Each epoch has its own seeds, so a checkpoint needs no generator state.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def stream_seed(seed: int, purpose: str, epoch: int = 0) -> int:
    """Return a 63-bit seed: the start of the SHA-256 over seed, purpose and epoch.

    The purposes are ``"weights"``, ``"order"``, ``"measure"`` (the sample for training scores), ``"noise"``
    (augmentation) and ``"dropout"``.
    """
    digest = hashlib.sha256(f"convstudy/{seed}/{purpose}/{epoch}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def numpy_generator(seed: int, purpose: str, epoch: int = 0) -> np.random.Generator:
    """Return NumPy's PCG64 generator, seeded for this purpose."""
    return np.random.Generator(np.random.PCG64(stream_seed(seed, purpose, epoch)))


def torch_generator(seed: int, purpose: str, epoch: int = 0) -> torch.Generator:
    """Return a torch generator on the CPU, seeded for this purpose."""
    return torch.Generator().manual_seed(stream_seed(seed, purpose, epoch))
