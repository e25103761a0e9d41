"""Compute float32 convolutions and matrix products in full precision, although torch may be set to TF32 or bfloat16."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

# "none" means that the setting was never changed; the settings that this module reads then have full precision.
FULL_PRECISION = ("ieee", "none")

Setting = tuple[Callable[[], Any], Callable[[Any], None], Any]
"""The getter and setter of a setting, and its value for full precision."""


@contextmanager
def full_float32(device: torch.device) -> Iterator[None]:
    """Use full float32 precision on this type of device; restore the settings at the end.

    Otherwise kernels may use TF32 (10 mantissa bits) or bfloat16 (7) instead of float32 (23). cuDNN uses TF32 by
    default. Other libraries use a lower precision if the caller allowed it or ``TORCH_ALLOW_TF32_CUBLAS_OVERRIDE`` is
    set.
    """
    with ExitStack() as previous_settings:
        backends = _backends(device)
        for backend in backends:
            previous_settings.callback(_set_unless_equal, backend, backend.fp32_precision)
        # Also set the settings from before torch 2.9: a few kernels check that they agree with the current settings.
        for read, write, full in _legacy_settings(device):
            try:
                previous = read()
            except RuntimeError:
                continue  # torch does not read an old setting that contradicts a current one
            if previous != full:
                previous_settings.callback(write, previous)
                write(full)
        for backend in backends:
            if backend.fp32_precision not in FULL_PRECISION:
                backend.fp32_precision = "ieee"
        yield


def _backends(device: torch.device) -> list[Any]:
    """Return the objects with an ``fp32_precision`` for this type of device; none before torch 2.9."""
    cudnn: Any = torch.backends.cudnn
    onednn: Any = torch.backends.mkldnn
    if not hasattr(cudnn, "conv"):
        return []
    if device.type == "cpu":
        return [onednn.matmul, onednn.conv, onednn.rnn]
    return [torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn]


def _legacy_settings(device: torch.device) -> list[Setting]:
    """Return this device type's settings from before torch 2.9."""
    cudnn: Any = torch.backends.cudnn
    products = (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest")
    if device.type == "cpu":
        return [products]
    return [
        products,
        (lambda: cudnn.allow_tf32, lambda expected: setattr(cudnn, "allow_tf32", expected), False),
    ]


def _set_unless_equal(backend: Any, precision: str) -> None:
    # Setting a value explicitly would stop the backend from following its parent setting.
    if backend.fp32_precision != precision:
        backend.fp32_precision = precision
