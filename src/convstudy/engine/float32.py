"""float32 that is float32: torch can be told to shorten it in convolutions and matrix products."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

# "none" is what torch says where nobody said anything and nothing is shortened.
WHOLE = ("ieee", "none")

Setting = tuple[Callable[[], Any], Callable[[Any], None], Any]
"""Reads a setting, writes it, and what it is where float32 is whole."""


@contextmanager
def whole_float32(device: torch.device) -> Iterator[None]:
    """Have kernels on this kind of device compute in float32 what they are given in it, whatever was in effect before.

    They may otherwise take TF32, with 10 bits behind the comma, or bfloat16, with 7: cuDNN does unless it is told not
    to, others where a caller allowed it or ``TORCH_ALLOW_TF32_CUBLAS_OVERRIDE`` is set. Afterwards that is so again.
    """
    with ExitStack() as callers:
        places = _places(device)
        for place in places:
            callers.callback(_let_be, place, place.fp32_precision)
        # The older names stand beside the others and are kept in step: a few kernels compare the two.
        for read, write, whole in _older_settings(device):
            try:
                said = read()
            except RuntimeError:
                continue  # the caller used the others, and torch does not read what contradicts them
            if said != whole:
                callers.callback(write, said)
                write(whole)
        for place in places:
            if place.fp32_precision not in WHOLE:
                place.fp32_precision = "ieee"
        yield


def _places(device: torch.device) -> list[Any]:
    """Return where torch says, since version 2.9, what float32 may be shortened to on this kind of device."""
    cudnn: Any = torch.backends.cudnn
    onednn: Any = torch.backends.mkldnn
    if not hasattr(cudnn, "conv"):
        return []
    if device.type == "cpu":
        return [onednn.matmul, onednn.conv, onednn.rnn]
    return [torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn]


def _older_settings(device: torch.device) -> list[Setting]:
    """Return the settings of this kind of device that torch had before."""
    cudnn: Any = torch.backends.cudnn
    products = (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest")
    if device.type == "cpu":
        return [products]
    return [
        products,
        (lambda: cudnn.allow_tf32, lambda expected: setattr(cudnn, "allow_tf32", expected), False),
    ]


def _let_be(place: Any, said: str) -> None:
    """Have a place say this; one that does so already, perhaps after another that stands above it, is left alone."""
    if place.fp32_precision != said:
        place.fp32_precision = said
