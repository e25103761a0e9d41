"""A convolution with dilation that computes in float32 where bfloat16 is not safe."""

from __future__ import annotations

import torch
from torch import nn


class DilatedConv(nn.Conv2d):
    """``(n, c, h, w)`` to ``(n, filters, h', w')`` with dilation above 1, a kernel above 1 and no padding.

    In bfloat16 on a CPU, torch 2.13 (oneDNN 3.12) has faults in such convolutions with stride 1: the weight gradient
    reads memory that was never written where there are groups, and computing it may end the process without groups
    (``benchmarks/faults/convolution_faults.py --groups``). Therefore the layer computes in float32 there and
    rounds the output to bfloat16. Weights, their names and shapes are the convolution's.
    """

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the convolution in the dtype that it would have without this detour."""
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else images.dtype
        if images.device.type != "cpu" or dtype != torch.bfloat16:
            return super().forward(images)
        bias = self.bias if self.bias is None else self.bias.float()
        with torch.autocast("cpu", enabled=False):
            made = self._conv_forward(images.float(), self.weight.float(), bias)
        half: torch.Tensor = made.bfloat16()
        return half
