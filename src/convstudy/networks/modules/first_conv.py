"""The first convolution of a network, with its ReLU: its images have few channels and need no gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from convstudy.networks.modules.cpu_float32 import is_float32_on_cpu
from convstudy.networks.modules.product import has_onednn, times_transposed

MOST_CHANNELS = 3
# A larger kernel needs a filter for each of its weights: copying a patch must take less time than multiplying it.
ALWAYS_UP_TO = 3
# The images whose gradient is masked and multiplied at a time: their values stay in a core's cache.
IMAGES_AT_A_TIME = 20


class FirstConv(nn.Sequential):
    """Zero padding (optional), a convolution with stride 1, and a ReLU (optional), computed in one function.

    In training in float32 on a CPU, for images that need no gradient, the gradient of the output is set to 0 where the
    ReLU's output is 0, a few images at a time, so that their values are still in the core's cache when the gradient of
    the weights is computed. If there are enough filters, that is a matrix product of the images' patches and the
    gradient of the output; torch's own kernel is made for many channels.

    In all other cases, this is ``nn.Sequential``: in bfloat16, torch's kernels are as fast. ``direct`` switches it off.
    """

    direct: bool = False

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        modules = list(self)
        trains = self.training and torch.is_grad_enabled() and not images.requires_grad
        if self.direct or not trains or not is_float32_on_cpu(images) or not has_onednn():
            return super().forward(images)  # type: ignore[no-any-return, no-untyped-call]
        ends_with_relu = isinstance(modules[-1], nn.ReLU)
        *paddings, convolution = modules[:-1] if ends_with_relu else modules
        for padding in paddings:
            images = padding(images)
        output: torch.Tensor = FirstConvolution.apply(  # type: ignore[no-untyped-call]
            images, convolution.weight, convolution.bias, ends_with_relu
        )
        return output


def is_first_convolution(
    n_channels: int, n_filters: int, kernel: int, stride: int, groups: int, dilation: int, relu: bool
) -> bool:
    """Return whether :class:`FirstConv` is for this convolution, if it turns out to be the network's first."""
    plain = stride == groups == dilation == 1
    small = n_channels <= MOST_CHANNELS and kernel > 1
    return plain and small and (relu or multiplies_patches(n_channels, n_filters, kernel))


def multiplies_patches(n_channels: int, n_filters: int, kernel: int) -> bool:
    """Return whether the gradient of the weights is computed from the images' patches."""
    return kernel <= ALWAYS_UP_TO or n_channels * kernel**2 <= n_filters


class FirstConvolution(torch.autograd.Function):
    """A convolution of images that need no gradient, with an optional ReLU."""

    @staticmethod
    def forward(
        ctx: Any, images: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, relu: bool
    ) -> torch.Tensor:
        """Return ``(n, filters, h', w')``."""
        output = nn.functional.conv2d(images, weight, bias)
        if relu:
            # oneDNN could apply the ReLU in its own pass, but that turns NaN into 0 and hides that a fit diverges.
            torch.clamp_min(output, 0.0, out=output)
        ctx.save_for_backward(images, weight, *((output,) if relu else ()))
        ctx.has_bias = bias is not None
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of weight and bias."""
        images, weight, *outputs = ctx.saved_tensors
        rows = gradients[0].permute(0, 2, 3, 1)  # (n, h', w', filters)
        of_weight, of_bias = torch.zeros_like(weight), weight.new_zeros(len(weight))
        n_filters, n_channels, kernel, _ = weight.shape
        gradient_of = _by_patches if multiplies_patches(n_channels, n_filters, kernel) else _by_torch
        masked = torch.empty_like(rows[:IMAGES_AT_A_TIME], memory_format=torch.contiguous_format)
        for start in range(0, len(rows), IMAGES_AT_A_TIME):
            part = rows[start : start + IMAGES_AT_A_TIME]
            if outputs:
                of_part = outputs[0][start : start + IMAGES_AT_A_TIME].permute(0, 2, 3, 1)
                part = torch.ops.aten.threshold_backward.grad_input(
                    part, of_part, 0, grad_input=masked[: len(part)]
                )
            weights, biases = gradient_of(images[start : start + IMAGES_AT_A_TIME], part, weight)
            of_weight += weights
            of_bias += biases
        return None, of_weight, of_bias if ctx.has_bias else None, None


def _by_patches(
    images: torch.Tensor, gradient: torch.Tensor, weight: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradients of weight and bias from that of the output, ``(n, h', w', filters)``, by patches."""
    patches = _patches(images, weight.shape[2])
    total = times_transposed(patches, gradient.reshape(-1, len(weight)).T)
    # The rows are in the order (c, row, column), and the last one belongs to the bias.
    return total[:-1].T.reshape(weight.shape), total[-1]


def _by_torch(
    images: torch.Tensor, gradient: torch.Tensor, weight: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradients of weight and bias from that of the output, ``(n, h', w', filters)``, by torch's kernel."""
    output, wanted = gradient.permute(0, 3, 1, 2), [False, True, True]
    _, of_weight, of_bias = torch.ops.aten.convolution_backward(
        output, images, weight, [len(weight)], [1, 1], [0, 0], [1, 1], False, [0, 0], 1, wanted
    )
    return of_weight, of_bias


def _patches(images: torch.Tensor, kernel: int) -> torch.Tensor:
    """Return the patches of images as ``(c · kernel² + 1, n · h' · w')``; the last row is 1."""
    n, n_channels, height, width = images.shape
    rows, columns = height - kernel + 1, width - kernel + 1
    patches = images.new_empty(n_channels * kernel**2 + 1, n, rows, columns)
    of_image, of_channel, of_row, of_column = images.stride()
    views = images.as_strided(
        (n_channels, kernel, kernel, n, rows, columns),
        (of_channel, of_row, of_column, of_image, of_row, of_column),
        images.storage_offset(),
    )
    patches[:-1].view(views.shape).copy_(views)
    patches[-1] = 1.0
    return patches.flatten(1)
