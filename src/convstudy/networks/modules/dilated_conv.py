"""A dilated convolution that computes in float32 where oneDNN's bfloat16 kernels are faulty."""

from __future__ import annotations

import torch
from torch import nn


class DilatedConv(nn.Conv2d):
    """Convolve ``(n, c, h, w)`` to ``(n, filters, h', w')`` with dilation > 1, kernel > 1 and no padding.

    In bfloat16 on a CPU, torch 2.13 (oneDNN 3.12) has two faults in such convolutions with stride 1
    (``benchmarks/faults/convolution_faults.py --groups``). With groups, the weight gradient reads uninitialised memory.
    Without groups, the computation of the weight gradient can crash the process. In these cases, the layer computes in
    float32 and rounds the output to bfloat16. Names and shapes of the weights are those of ``nn.Conv2d``.
    """

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the convolution in the dtype that ``nn.Conv2d`` would return."""
        # Under autocast, the output dtype is autocast's and does not depend on the dtype of the images.
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else images.dtype
        if images.device.type != "cpu" or dtype != torch.bfloat16:
            return super().forward(images)
        bias = self.bias if self.bias is None else self.bias.float()
        with torch.autocast("cpu", enabled=False):
            exact = self._conv_forward(images.float(), self.weight.float(), bias)
        rounded: torch.Tensor = exact.bfloat16()
        return rounded
