"""All random numbers of a fit, from its seed and a purpose, so that no order of events can change them.

Two networks with the same seed see the same images in the same order: their difference is then the networks' own
(common random numbers). Since each epoch draws from streams of its own, a checkpoint needs no generator state.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def stream(seed: int, purpose: str, epoch: int = 0) -> int:
    """Return a 63-bit number for this seed, purpose and epoch.

    Purposes are ``"weights"``, ``"order"``, ``"noise"`` (augmentation) and ``"dropout"``.
    """
    digest = hashlib.sha256(f"convstudy/{seed}/{purpose}/{epoch}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def numpy_generator(seed: int, purpose: str, epoch: int = 0) -> np.random.Generator:
    """Return numpy's generator for a purpose."""
    return np.random.Generator(np.random.PCG64(stream(seed, purpose, epoch)))


def torch_generator(seed: int, purpose: str, epoch: int = 0) -> torch.Generator:
    """Return a torch generator on the CPU for a purpose."""
    return torch.Generator().manual_seed(stream(seed, purpose, epoch))
