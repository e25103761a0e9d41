"""A convolution whose stride is larger than its kernel, so that it skips pixels."""

from __future__ import annotations

import torch
from torch import nn


class SkippingConv(nn.Conv2d):
    """Convolve ``(n, c, h, w)`` to ``(n, filters, h', w')`` with a ``k × k`` kernel, a stride > ``k`` and no padding.

    The module copies the pixels that the kernel uses and convolves the copy with stride ``k``. It avoids two faults of
    oneDNN 3.12 (in torch 2.13) for such strides:

    - The weight gradient of a 1 × 1 kernel writes outside its buffer (oneDNN issue 6035; seen on CPUs with AVX2 but
      without AVX-512).
    - In bfloat16, the weight gradient of a convolution with padding reads uninitialised memory
      (``benchmarks/faults/convolution_faults.py``), and the output is wrong on CPUs with AMX (oneDNN pull request
      5568).

    All machines use this module, so a fit is the same on each of them. Names and shapes of the weights are those of
    ``nn.Conv2d``.
    """

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        kernel, stride, dilation = self.kernel_size[0], self.stride[0], self.dilation[0]
        covered = dilation * (kernel - 1) + 1
        # (n, c, h', w', covered, covered)
        windows = images.unfold(2, covered, stride).unfold(3, covered, stride)
        used = windows[..., ::dilation, ::dilation]  # (n, c, h', w', k, k), a view
        pixels = used.permute(0, 2, 4, 3, 5, 1).clone(memory_format=torch.contiguous_format)
        # (n, c, h' · k, w' · k), channels last
        pixels = pixels.flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)
        return nn.functional.conv2d(pixels, self.weight, self.bias, kernel, groups=self.groups)
