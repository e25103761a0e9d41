"""A 3 × 3 convolution with half of the multiplications: Winograd's F(4, 3) along the height."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from convstudy.networks.modules.cpu_float32 import is_float32_on_cpu

ROWS = 4
"""The output rows of a tile, which needs the input rows 0 to 5."""
N_TERMS = ROWS + 2

# Row i has the multiples of the kernel's three rows in the kernel of term i. They are Lavin & Gray's matrix G, divided
# by the multiples of the input rows that `_input_terms` uses instead of theirs, so that it needs fewer passes.
OF_KERNEL = (
    (1.0, 0.0, 0.0),
    (2 / 3, 2 / 3, 2 / 3),
    (2 / 3, -2 / 3, 2 / 3),
    (-1 / 12, -1 / 6, -1 / 3),
    (1 / 12, -1 / 6, 1 / 3),
    (0.0, 0.0, -5.0),
)
# This term is added to each output row with the factor 1, so its convolution adds the bias.
TERM_WITH_BIAS = 1
# Below these sizes, the sums take more time than the multiplications that they save (``fast_paths.py``). The first
# number is that of the multiply-accumulate operations of a batch, the second one is c · filters / (c + filters). The
# rule must not use timings, because a fit would then depend on the machine.
WORTHWHILE = ((2e8, 32.0), (4.5e8, 16.0))
LEAST_USED_ROWS = 0.85
"""The proportion of the rows of the tiles that must be rows of the output."""


class WinogradConv(nn.Conv2d):
    """Convolve ``(n, c, h, w)`` to ``(n, filters, h - 2, w - 2)`` with a 3 × 3 kernel, stride 1 and no padding.

    Four output rows come from six convolutions with 1 × 3 kernels, whose inputs are sums of input rows and whose
    outputs are summed again. Directly, they would be 4 · 3 such convolutions. Winograd's form along the width as well
    would halve the multiplications again, but its sums would move more bytes (an estimate; it was not tried).

    The module does this in training in float32 on a CPU, if the layer and its batch are large enough. In all other
    cases it is ``nn.Conv2d``. Names and shapes of the weights are those of ``nn.Conv2d``. ``direct`` switches it off.

    Sources: Winograd 1980; Lavin & Gray 2016, arXiv 1509.09308, section 4.3.
    """

    direct: bool = False

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        trains = torch.is_grad_enabled() and is_float32_on_cpu(images)
        if self.direct or not trains or not is_worthwhile(images.shape, self.out_channels):
            return super().forward(images)
        output: torch.Tensor = Winograd.apply(images, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return output


def is_worthwhile(shape: torch.Size, n_filters: int) -> bool:
    """Return whether Winograd's form is faster than torch's convolution of images of this shape, ``(n, c, h, w)``."""
    n, n_channels, height, width = shape
    n_rows, n_columns = height - 2, width - 2
    if n_rows < LEAST_USED_ROWS * (n_rows + -n_rows % ROWS):
        return False
    macs = 9 * n * n_rows * n_columns * n_channels * n_filters
    # Multiplications are proportional to the product of the channels, the bytes of the sums to the sum of the channels.
    harmonic = n_channels * n_filters / (n_channels + n_filters)
    return any(macs >= least and harmonic >= enough for least, enough in WORTHWHILE)


class Winograd(torch.autograd.Function):
    """The convolution; the backward pass keeps the terms of the input instead of the input."""

    @staticmethod
    def forward(
        ctx: Any, images: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        """Return ``(n, filters, h - 2, w - 2)``, channels last."""
        n_rows = images.shape[2] - 2
        terms = _input_terms(_padded(images, -n_rows % ROWS))
        kernels = _term_kernels(weight)
        outputs = [
            _rows(
                torch.conv2d(_images(term), kernel, bias if place == TERM_WITH_BIAS else None),
                images.shape[0],
            )
            for place, (term, kernel) in enumerate(zip(terms, kernels, strict=True))
        ]
        ctx.save_for_backward(*terms, *kernels)
        ctx.n_input_rows, ctx.has_bias = images.shape[2], bias is not None
        return _output(outputs)[:, :n_rows].permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of images, weight and bias."""
        gradient = gradients[0]
        saved = ctx.saved_tensors
        terms, kernels = saved[:N_TERMS], saved[N_TERMS:]
        needs_images = ctx.needs_input_grad[0]
        of_outputs = _output_backward(_padded(gradient, -gradient.shape[2] % ROWS))
        of_terms, of_kernels, of_bias = [], [], None
        for place, (of_output, term, kernel) in enumerate(zip(of_outputs, terms, kernels, strict=True)):
            has_bias = ctx.has_bias and place == TERM_WITH_BIAS
            of_term, of_kernel, of_sum = torch.ops.aten.convolution_backward(
                _images(of_output),
                _images(term),
                kernel,
                [len(kernel)],
                [1, 1],
                [0, 0],
                [1, 1],
                False,
                [0, 0],
                1,
                [needs_images, True, has_bias],
            )
            if needs_images:
                of_terms.append(_rows(of_term, len(gradient)))
            of_kernels.append(of_kernel)
            of_bias = of_sum if has_bias else of_bias
        of_images = None
        if needs_images:
            of_images = _input_terms_backward(of_terms)[:, : ctx.n_input_rows].permute(0, 3, 1, 2)
        return of_images, _term_kernels_backward(of_kernels), of_bias


def _padded(images: torch.Tensor, n_more: int) -> torch.Tensor:
    """Return ``(n, h + n_more, w, c)``, contiguous, with zeros in the last rows, from ``(n, c, h, w)``."""
    rows = images.permute(0, 2, 3, 1)
    return nn.functional.pad(rows, (0, 0, 0, 0, 0, n_more)) if n_more else rows.contiguous()


def _images(rows: torch.Tensor) -> torch.Tensor:
    """Return ``(n, tiles, w, c)`` as images of one row ``(n · tiles, c, 1, w)``, for which oneDNN is fastest."""
    return rows.flatten(0, 1).permute(0, 2, 1)[:, :, None]


def _rows(images: torch.Tensor, n: int) -> torch.Tensor:
    """Return images of one row ``(n · tiles, c, 1, w)`` as ``(n, tiles, w, c)``."""
    rows = images[:, :, 0].permute(0, 2, 1)
    return rows.view(n, -1, *rows.shape[1:])


def _input_terms(images: torch.Tensor) -> list[torch.Tensor]:
    """Return the six terms ``(n, tiles, w, c)`` of images ``(n, 4 · tiles + 2, w, c)``."""
    n_tiles = images.shape[1] // ROWS
    d0, d1, d2, d3, d4, d5 = (images[:, row : row + ROWS * n_tiles : ROWS] for row in range(N_TERMS))
    even, odd = torch.sub(d2, d4, alpha=0.25), torch.sub(d1, d3, alpha=0.25)
    first = torch.sub(d0, even).sub_(d2, alpha=0.25)
    second, third = even + odd, even - odd
    torch.sub(d2, d4, out=even)
    torch.sub(d1, d3, out=odd)
    fourth, fifth = torch.add(odd, even, alpha=0.5), torch.sub(odd, even, alpha=0.5)
    sixth = torch.sub(d3, d5, alpha=0.2, out=even).sub_(d1, alpha=0.8)
    return [first, second, third, fourth, fifth, sixth]


def _input_terms_backward(of_terms: list[torch.Tensor]) -> torch.Tensor:
    """Return the gradient of the images ``(n, 4 · tiles + 2, w, c)`` from those of the terms."""
    first, second, third, fourth, fifth, sixth = of_terms
    n, n_tiles, *others = first.shape
    of_images = first.new_empty(n, ROWS * n_tiles + 2, *others)
    row0, row1, row2, row3 = (of_images[:, row : row + ROWS * n_tiles : ROWS] for row in range(ROWS))
    inner, outer = second + third, fourth - fifth
    torch.add(inner, outer, alpha=0.5, out=row2).sub_(first, alpha=1.25)
    # Rows 4 and 5 of a tile are rows 0 and 1 of the next one.
    fourth_row = inner.sub_(first).add_(outer, alpha=2.0)
    row0[:, 0] = first[:, 0]
    torch.sub(first[:, 1:], fourth_row[:, :-1], alpha=0.25, out=row0[:, 1:])
    torch.mul(fourth_row[:, -1], -0.25, out=of_images[:, -2])
    inner, outer = torch.sub(second, third, out=outer), torch.add(fourth, fifth, out=inner)
    torch.sub(sixth, outer, out=row3).sub_(inner, alpha=0.25)
    torch.add(inner, outer, out=row1).sub_(sixth, alpha=0.8)
    row1[:, 1:].sub_(sixth[:, :-1], alpha=0.2)
    torch.mul(sixth[:, -1], -0.2, out=of_images[:, -1])
    return of_images


def _output(terms: list[torch.Tensor]) -> torch.Tensor:
    """Return the rows ``(n, 4 · tiles, w, c)`` from the outputs ``(n, tiles, w, c)`` of the six terms."""
    first, second, third, fourth, fifth, sixth = terms
    n, n_tiles, *others = first.shape
    rows = first.new_empty(n, n_tiles, ROWS, *others)
    inner, outer = second + third, fourth + fifth
    torch.add(inner, outer, alpha=4.0, out=rows[:, :, 2])
    torch.add(first, inner, out=rows[:, :, 0]).add_(outer)
    torch.sub(second, third, out=inner)
    torch.sub(fourth, fifth, out=outer)
    torch.add(inner, outer, alpha=2.0, out=rows[:, :, 1])
    torch.add(inner, outer, alpha=8.0, out=rows[:, :, 3]).add_(sixth)
    return rows.flatten(1, 2)


def _output_backward(of_rows: torch.Tensor) -> list[torch.Tensor]:
    """Return the gradients of the outputs of the six terms from that of the rows ``(n, 4 · tiles, w, c)``."""
    n, _, *others = of_rows.shape
    y0, y1, y2, y3 = of_rows.view(n, -1, ROWS, *others).unbind(2)
    even, odd = y0 + y2, y1 + y3
    second, third = even + odd, even - odd
    torch.add(y0, y2, alpha=4.0, out=even)
    torch.add(y1, y3, alpha=4.0, out=odd)
    fourth, fifth = torch.add(even, odd, alpha=2.0), torch.sub(even, odd, alpha=2.0)
    return [y0.contiguous(), second, third, fourth, fifth, y3.contiguous()]


def _term_kernels(weight: torch.Tensor) -> list[torch.Tensor]:
    """Return the kernels ``(filters, c, 1, 3)`` of the terms, channels last, of a weight ``(filters, c, 3, 3)``."""
    by_row = weight.permute(2, 0, 3, 1)  # (3, filters, 3, c)
    factors = torch.tensor(OF_KERNEL, dtype=weight.dtype)
    kernels = (factors @ by_row.flatten(1)).view(N_TERMS, *by_row.shape[1:])
    return [kernel.permute(0, 2, 1)[:, :, None] for kernel in kernels]


def _term_kernels_backward(of_kernels: list[torch.Tensor]) -> torch.Tensor:
    """Return the gradient of the weight ``(filters, c, 3, 3)`` from those of the kernels of the terms."""
    stacked = torch.stack([kernel[:, :, 0].permute(0, 2, 1) for kernel in of_kernels])  # (6, filters, 3, c)
    factors = torch.tensor(OF_KERNEL, dtype=stacked.dtype)
    return (factors.T @ stacked.flatten(1)).view(3, *stacked.shape[1:]).permute(1, 3, 0, 2)
