"""A 1 × 1 convolution with a stride, without torch's kernels for strided 1 × 1 convolutions."""

from __future__ import annotations

import torch
from torch import nn


class StridedPointwiseConv(nn.Conv2d):
    """``(n, c, h, w)`` to ``(n, filters, ⌈h / stride⌉, ⌈w / stride⌉)`` with a 1 × 1 kernel and no padding.

    The kernel uses every ``stride``-th pixel only, so the layer copies these and convolves them with stride 1. On
    processors with AVX2 but without AVX-512, the weight gradient of torch 2.13's own strided 1 × 1 convolution writes
    outside its buffer. All machines use this form, so that a fit means the same everywhere. Weights, their names and
    shapes are the convolution's.
    """

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the convolution of every ``stride``-th pixel."""
        rows, columns = self.stride
        # One copy here: without it, torch would copy the pixels in the forward and again in the backward pass.
        pixels = images[:, :, ::rows, ::columns].contiguous(memory_format=torch.channels_last)
        return nn.functional.conv2d(pixels, self.weight, self.bias)
