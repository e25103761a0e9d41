"""A convolution that is computed by spectrum where that is faster, forward and backward."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from convstudy.networks.modules.cpu_float32 import is_float32_on_cpu
from convstudy.networks.modules.spectral.products import (
    image_gradient_spectrum,
    kernel_gradient_spectrum,
    output_spectrum,
)
from convstudy.networks.modules.spectral.rule import ConvShape, Tiling, best_tiling, by_spectrum
from convstudy.networks.modules.spectral.tiles import Tiles
from convstudy.networks.modules.spectral.transform import Period, from_spectrum, to_spectrum

EVALUATION_BATCH = 100
"""Images at a time if no gradient is needed, so that the spectra of large batches do not fill the memory."""


class SpectralConv(nn.Conv2d):
    """Convolve ``(n, c, h, w)`` to ``(n, filters, h', w')`` with a ``k × k`` kernel, stride 1 and optional zeros.

    In float32 on a CPU, the module computes by spectrum if the rule of
    :mod:`convstudy.networks.modules.spectral.rule` selects the shape; otherwise it uses torch's convolution. Names and
    shapes of the weights are those of ``nn.Conv2d``.

    Attributes:
        zeros: the rows and columns of zeros around the image: (top, bottom, left, right).
        direct: whether to use torch's convolution always.
    """

    zeros: tuple[int, int, int, int] = (0, 0, 0, 0)
    direct: bool = False

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        parts = (images,) if torch.is_grad_enabled() else torch.split(images, EVALUATION_BATCH)
        if not self._uses_spectrum(parts[0]):
            top, bottom, left, right = self.zeros
            padded = nn.functional.pad(images, (left, right, top, bottom)) if any(self.zeros) else images
            return super().forward(padded)
        return torch.cat([spectral_conv(part, self.weight, self.bias, self.zeros) for part in parts])

    def _uses_spectrum(self, images: torch.Tensor) -> bool:
        if self.direct or not is_float32_on_cpu(images):
            return False
        return by_spectrum(_shape(images, self.weight, self.zeros)) is not None


def spectral_conv(
    images: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    zeros: tuple[int, int, int, int] = (0, 0, 0, 0),
    tiling: Tiling | None = None,
) -> torch.Tensor:
    """Return the convolution ``(n, filters, h', w')`` with stride 1, computed by spectrum, in channels-last format.

    Args:
        images: ``(n, c, h, w)``, float32 or float64.
        weight: ``(filters, c, k, k)`` of the same dtype.
        bias: ``(filters,)`` or None.
        zeros: the rows and columns of zeros: (top, bottom, left, right).
        tiling: the tiles; by default those with the lowest cost.
    """
    tiling = tiling or best_tiling(_shape(images, weight, zeros))
    convolved: torch.Tensor = _SpectralConv.apply(  # type: ignore[no-untyped-call]
        images, weight, bias, zeros, tiling
    )
    return convolved


def _shape(images: torch.Tensor, weight: torch.Tensor, zeros: tuple[int, int, int, int]) -> ConvShape:
    (n, channels, height, width), (filters, _, kernel, _) = images.shape, weight.shape
    return ConvShape(n, channels, height, width, filters, kernel, zeros)


class _SpectralConv(torch.autograd.Function):
    """The forward pass keeps the spectra of images and kernels; the backward pass transforms the output's gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        images: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        zeros: tuple[int, int, int, int],
        tiling: Tiling,
    ) -> torch.Tensor:
        """Return the convolution; for the arguments, see :func:`spectral_conv`."""
        shape = _shape(images, weight, zeros)
        tiles, period = Tiles.of(shape, tiling), Period(*tiling.period)
        image_spectrum = to_spectrum(tiles.of_input(tiles.padded_input(images)), period)
        kernel_spectrum = to_spectrum([weight.permute(1, 2, 3, 0)[:, None]], period, tiles.first_of_kernel)
        spectrum = output_spectrum(image_spectrum, kernel_spectrum, period)
        if bias is not None:  # the same for every pixel: a part of frequency 0
            period.sum_of(spectrum).add_(bias, alpha=period.height * period.width)
        output = tiles.empty_output(images.dtype)
        from_spectrum(spectrum, period, tiles.of_output(output))
        ctx.save_for_backward(image_spectrum, kernel_spectrum)
        ctx.tiles, ctx.period = tiles, period
        return tiles.without_excess(output)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of images, weight and bias."""
        tiles: Tiles = ctx.tiles
        period: Period = ctx.period
        image_spectrum, kernel_spectrum = ctx.saved_tensors
        shape, dtype = tiles.shape, gradient.dtype
        spectrum = to_spectrum(tiles.of_output(tiles.with_excess(gradient)), period)
        of_images = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_tiles = image_gradient_spectrum(spectrum, kernel_spectrum, period)
            padded = tiles.empty_input(dtype)
            from_spectrum(
                of_tiles, period, tiles.of_input(padded), add=tiles.add if tiles.tiling.n > 1 else None
            )
            of_images = tiles.without_zeros(padded)
        if ctx.needs_input_grad[1]:
            weight = torch.empty(shape.channels, shape.kernel, shape.kernel, shape.filters, dtype=dtype)
            of_kernels = kernel_gradient_spectrum(image_spectrum, spectrum, period)
            from_spectrum(of_kernels, period, [weight[:, None]], tiles.first_of_kernel)
            of_weight = weight.permute(3, 0, 1, 2).contiguous(memory_format=torch.channels_last)
        if ctx.needs_input_grad[2]:
            of_bias = period.sum_of(spectrum).sum(0)
        return of_images, of_weight, of_bias, None, None
