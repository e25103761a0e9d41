"""Max pooling of 2 × 2 windows followed by a ReLU."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable


class PoolThenRelu(nn.Sequential):
    """A max-pool and a ReLU. Windows of 2 × 2 that do not overlap have faster kernels on a CPU.

    The maximum of each window is that of two maxima: of the left and the right columns, then of the upper and the lower
    rows. torch's kernel also computes the position of the maximum. In training in bfloat16, the gradient goes the same
    way back, as in torch to the first of equal values: a value that differs from the maximum of two has the gradient 0.
    The differences are those of the bits, as integers, because torch's comparisons create boolean tensors and its
    bfloat16 kernels convert each value. In float32, this form of the gradient takes twice as long as torch's, so
    training uses torch's module.
    """

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        on_cpu = images.device.type == "cpu" and images.is_contiguous(memory_format=torch.channels_last)
        if on_cpu and self._has_fast_kernels() and not torch.is_grad_enabled():
            images = _windows_maxima(_pairs(images))[1].permute(0, 3, 1, 2)
            return self[1](images)  # type: ignore[no-any-return]  # called as a module, for its hooks
        if on_cpu and self._has_fast_kernels() and self.training and images.dtype == torch.bfloat16:
            return PoolAndRelu.apply(images)  # type: ignore[no-any-return, no-untyped-call]
        return super().forward(images)  # type: ignore[no-any-return, no-untyped-call]

    def _has_fast_kernels(self) -> bool:
        """Return whether these are a pool of 2 × 2 and its ReLU. When a ReLU moves on, its pool is left alone."""
        pool = self[0]
        return len(self) == 2 and isinstance(pool, nn.MaxPool2d) and (pool.kernel_size, pool.stride) == (2, 2)


class PoolAndRelu(torch.autograd.Function):
    """The maximum of each 2 × 2 window, or 0 if that is larger; bfloat16, channels last."""

    @staticmethod
    def forward(ctx: Any, images: torch.Tensor) -> torch.Tensor:
        """Return ``(n, c, ⌊h / 2⌋, ⌊w / 2⌋)``."""
        of_pairs, maxima = _windows_maxima(_pairs(images))
        output = maxima.clamp_min(0.0).permute(0, 3, 1, 2)
        ctx.save_for_backward(images, of_pairs, maxima, output)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        """Return the gradient of the images."""
        images, of_pairs, maxima, output = ctx.saved_tensors
        n, c, height, width = images.shape
        masked = torch.ops.aten.threshold_backward(gradients[0], output, 0).permute(0, 2, 3, 1).contiguous()
        of_rows = _of_first_and_second(
            _bits(masked), _bits(of_pairs[:, :, 0]), _bits(maxima), 2, torch.empty_like(_bits(of_pairs))
        )
        of_images = torch.empty(n, height, width, c, dtype=torch.int16)
        if height % 2:
            of_images[:, -1] = 0
        if width % 2:
            of_images[:, :, -1] = 0
        left = _bits(_pairs(images)[:, :, :, :, 0])
        _of_first_and_second(of_rows, left, _bits(of_pairs), 4, _windows(of_images))
        return of_images.view(images.dtype).permute(0, 3, 1, 2)


def _windows(rows: torch.Tensor) -> torch.Tensor:
    """Return the windows ``(n, h', 2, w', 2, c)`` of ``(n, h, w, c)``, a view; an odd last row or column has none."""
    n, height, width, c = rows.shape
    of_image, of_row, of_column, of_channel = rows.stride()
    return rows.as_strided(
        (n, height // 2, 2, width // 2, 2, c),
        (of_image, 2 * of_row, of_row, 2 * of_column, of_column, of_channel),
        rows.storage_offset(),
    )


def _pairs(images: torch.Tensor) -> torch.Tensor:
    """Return the windows ``(n, h', 2, w', 2, c)`` of images ``(n, c, h, w)``."""
    return _windows(images.permute(0, 2, 3, 1))


def _windows_maxima(windows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the maximum of each row of the windows, ``(n, h', 2, w', c)``, and of each window, ``(n, h', w', c)``."""
    of_pairs = torch.maximum(windows[:, :, :, :, 0], windows[:, :, :, :, 1])
    return of_pairs, torch.maximum(of_pairs[:, :, 0], of_pairs[:, :, 1])


def _bits(values: torch.Tensor) -> torch.Tensor:
    return values.view(torch.int16)


def _of_first_and_second(
    gradient: torch.Tensor, first: torch.Tensor, maximum: torch.Tensor, axis: int, out: torch.Tensor
) -> torch.Tensor:
    """Return ``out`` with the gradient at the first of two values if it is the maximum, otherwise at the second.

    Args:
        gradient: that of the maximum of two values; this and the others are bits of bfloat16 as int16.
        first: the first values.
        maximum: the maxima.
        axis: the axis of ``out`` that has the two values.
        out: the result.
    """
    differs = torch.bitwise_xor(first, maximum).ne_(0)
    of_first, of_second = out.unbind(axis)
    torch.mul(gradient, differs, out=of_second)
    torch.sub(gradient, of_second, out=of_first)
    return out
