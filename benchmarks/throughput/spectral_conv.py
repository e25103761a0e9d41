"""Compare convolutions by spectrum with torch's, layer by layer: time and error of forward pass and both gradients.

Each row is one layer in float32 on one thread. Both methods alternate; times are CPU times of the thread, so that other
load counts less. Errors are the largest differences from torch's float64 convolution, relative to its largest value.
"tiles" is the number of tiles and their period, "gain" the quotient of multiplications that the rule uses, and "rule"
whether it selects the layer. The rule's
constants (``networks/modules/spectral/rule.py``) come from this table on several kinds of CPU::

    python -m benchmarks.throughput.spectral_conv [--rounds 7]
    ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2 ATEN_CPU_CAPABILITY=avx2 \
        python -m benchmarks.throughput.spectral_conv
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import torch

from benchmarks.parts.arguments import at_least
from benchmarks.throughput.as_worker import start_as_worker
from convstudy.networks.modules.spectral.conv import spectral_conv
from convstudy.networks.modules.spectral.rule import ConvShape, best_tiling, by_spectrum, gain


def same(kernel: int) -> tuple[int, int, int, int]:
    """Return the zeros of ``padding=same`` around an image."""
    before, after = (kernel - 1) // 2, kernel // 2
    return (before, after, before, after)


# Images, channels, rows, columns, filters, kernel, zeros. The first ones are layers of the notebook's networks.
SHAPES = (
    ConvShape(100, 64, 22, 22, 32, 7),
    ConvShape(100, 64, 18, 18, 32, 11),
    ConvShape(100, 64, 24, 24, 32, 5),
    ConvShape(100, 64, 22, 22, 96, 5),
    ConvShape(100, 96, 18, 18, 128, 5),
    ConvShape(100, 128, 7, 7, 160, 5),
    ConvShape(100, 64, 26, 26, 32, 3),
    ConvShape(100, 1, 28, 28, 64, 7),
    ConvShape(100, 1, 28, 28, 64, 11),
    ConvShape(100, 3, 32, 32, 64, 7, same(7)),
    ConvShape(100, 16, 32, 32, 16, 5, same(5)),
    ConvShape(100, 16, 32, 32, 16, 7, same(7)),
    ConvShape(100, 32, 16, 16, 32, 5, same(5)),
    ConvShape(100, 32, 16, 16, 32, 7, same(7)),
    ConvShape(100, 32, 32, 32, 32, 5, same(5)),
    ConvShape(100, 64, 16, 16, 64, 5, same(5)),
    ConvShape(100, 64, 8, 8, 128, 5, same(5)),
    ConvShape(100, 128, 14, 14, 128, 5, same(5)),
    ConvShape(100, 8, 24, 24, 8, 7),
    ConvShape(100, 8, 24, 24, 8, 11),
    ConvShape(100, 4, 28, 28, 16, 9),
    ConvShape(100, 16, 23, 17, 24, 6),
    ConvShape(100, 64, 9, 9, 64, 7),
    ConvShape(100, 64, 12, 12, 64, 9),
    ConvShape(32, 32, 64, 64, 32, 7, same(7)),
    ConvShape(32, 32, 64, 64, 32, 11, same(11)),
    ConvShape(32, 32, 64, 64, 32, 5, same(5)),
    ConvShape(16, 64, 96, 96, 64, 5, same(5)),
    ConvShape(16, 64, 96, 96, 64, 7, same(7)),
    ConvShape(32, 16, 128, 128, 16, 7, same(7)),
    ConvShape(8, 32, 224, 224, 32, 7, same(7)),
    ConvShape(1, 64, 22, 22, 32, 7),
    ConvShape(7, 64, 22, 22, 32, 7),
    ConvShape(12, 64, 22, 22, 32, 7),
    ConvShape(16, 64, 22, 22, 32, 7),
    ConvShape(37, 64, 22, 22, 32, 7),
    ConvShape(7, 64, 22, 22, 96, 5),
    ConvShape(16, 64, 22, 22, 96, 5),
    ConvShape(37, 64, 22, 22, 96, 5),
    ConvShape(12, 96, 18, 18, 128, 5),
    ConvShape(500, 64, 22, 22, 32, 7),
    ConvShape(1, 64, 64, 64, 64, 11, same(11)),
)


def tensors(shape: ConvShape, dtype: torch.dtype) -> list[torch.Tensor]:
    """Return random images, kernels and a gradient of the output; the same for each dtype."""
    generator = torch.Generator().manual_seed(0)
    sizes = (
        (shape.n, shape.channels, shape.height, shape.width),
        (shape.filters, shape.channels, shape.kernel, shape.kernel),
        (shape.n, shape.filters, *shape.output),
    )
    images, weight, gradient = (
        torch.randn(size, generator=generator).to(dtype).to(memory_format=torch.channels_last)
        for size in sizes
    )
    return [images.requires_grad_(shape.channels > 3), (weight / shape.kernel).requires_grad_(), gradient]


def by_torch(images: torch.Tensor, weight: torch.Tensor, zeros: tuple[int, int, int, int]) -> torch.Tensor:
    top, bottom, left, right = zeros
    padded = torch.nn.functional.pad(images, (left, right, top, bottom)) if any(zeros) else images
    return torch.conv2d(padded, weight)


def by_spectra(images: torch.Tensor, weight: torch.Tensor, zeros: tuple[int, int, int, int]) -> torch.Tensor:
    return spectral_conv(images, weight, None, zeros)


def step(method: object, shape: ConvShape, values: list[torch.Tensor]) -> list[torch.Tensor]:
    """Return the output and the gradients of the weights and, unless it is the first layer, of the images."""
    images, weight, gradient = values
    assert callable(method)
    output = method(images, weight, shape.padding)
    inputs = [weight, images] if images.requires_grad else [weight]
    return [output.detach(), *torch.autograd.grad(output, inputs, gradient)]


def row(shape: ConvShape, n_rounds: int) -> str:
    """Return the table's row of one layer."""
    exact = step(by_torch, shape, tensors(shape, torch.float64))
    values = tensors(shape, torch.float32)
    errors, times = [], []
    for method in (by_torch, by_spectra):
        found = step(method, shape, values)
        errors.append(
            max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(found, exact, strict=True))
        )
        times.append([])
    for _ in range(n_rounds):
        for method, seconds in zip((by_torch, by_spectra), times, strict=True):
            started = time.thread_time()
            step(method, shape, values)
            seconds.append(time.thread_time() - started)
    ratios = sorted(a / b for a, b in zip(*times, strict=True))
    size = f"{shape.kernel}×{shape.kernel} on {shape.height}×{shape.width}"
    name = f"{shape.n} × {shape.channels}→{shape.filters}, {size}{', same' if any(shape.padding) else ''}"
    tiling = best_tiling(shape)
    tiles = f"{tiling.rows} × {tiling.columns} of {tiling.period[0]}" if tiling.n > 1 else "–"
    ours, theirs = (1e3 * median(seconds) for seconds in reversed(times))
    return (
        f"| {name} | {theirs:.1f} | {ours:.1f} | {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) "
        f"| {errors[0]:.0e} | {errors[1]:.0e} | {tiles} | {gain(shape, tiling):.1f} "
        f"| {'yes' if by_spectrum(shape) else 'no'} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=at_least(1), default=7)
    arguments = parser.parse_args()
    start_as_worker()
    torch.set_num_threads(1)
    print(
        "| layer | torch, ms | spectrum, ms | × (min to max) | error of torch | of spectrum | tiles | gain | rule |"
    )
    print("|---|---:|---:|---|---:|---:|---|---:|---|")
    for shape in SHAPES:
        print(row(shape, arguments.rounds), flush=True)


if __name__ == "__main__":
    main()
