"""The rule that selects the convolutions that are computed by spectrum: shapes only, never a measurement.

So a fit takes the same path on every machine. The constants come from ``benchmarks/throughput/spectral_conv.py`` on
Zen 5, with all its instructions and limited to AVX2 (docs/performance.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

SMALLEST_KERNEL = 5
FEWEST_CHANNELS = 4
"""With 1 to 3 channels the transform of the output costs more than the convolution."""
IMAGE_COST = 1.6
"""The time of a multiplication in the transform of an image, relative to one of the products: it also moves bytes."""
KERNEL_COST = 5.0
"""The same for the transform of a kernel, whose matrices are small. Batches of a dozen images decide it."""
CALLS = 30_000_000
"""The multiplications that take the time of the calls from Python."""
LEAST_GAIN = 3.0
"""The smallest gain. On some CPUs a library multiplies matrices at half the rate of its convolutions."""
WORKSPACE = 256 << 20
"""Bytes of float32 spectra that a layer may hold at a time."""
TILE_PERIODS = range(12, 34, 2)
"""The periods of tiles that are considered; larger tiles save nothing, because their transforms cost more."""
TILE_VALUE_COST = 40
"""The multiplications that take the time of a value of a tile: tiles are copied, and their overlaps are added."""


@dataclass(frozen=True)
class ConvShape:
    """The sizes of a convolution with stride 1 and square kernels.

    Attributes:
        n: the number of images.
        channels: the number of input channels.
        height: the rows of an image.
        width: the columns of an image.
        filters: the number of filters.
        kernel: the side of the kernels.
        padding: the rows and columns of zeros: (top, bottom, left, right).
    """

    n: int
    channels: int
    height: int
    width: int
    filters: int
    kernel: int
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def output(self) -> tuple[int, int]:
        """The rows and columns of the output."""
        top, bottom, left, right = self.padding
        return self.height + top + bottom - self.kernel + 1, self.width + left + right - self.kernel + 1


@dataclass(frozen=True)
class Tiling:
    """How a convolution is divided into circular convolutions of one period.

    Attributes:
        rows: the number of tiles from top to bottom; 1 for a whole image.
        columns: the number of tiles from left to right.
        period: the rows and columns of the period, both even.
    """

    rows: int
    columns: int
    period: tuple[int, int]

    @property
    def n(self) -> int:
        """The number of tiles of an image."""
        return self.rows * self.columns


def by_spectrum(shape: ConvShape) -> Tiling | None:
    """Return the tiles of a convolution that is computed by spectrum in float32 on a CPU, or None for torch's."""
    if not is_candidate(shape.kernel, shape.channels) or not shape.n:
        return None
    tiling = best_tiling(shape)
    return tiling if workspace(shape, tiling) <= WORKSPACE and gain(shape, tiling) >= LEAST_GAIN else None


def is_candidate(kernel: int, channels: int) -> bool:
    """Return whether the rule can select a convolution for some image size; it has stride 1, no groups, no dilation."""
    return kernel >= SMALLEST_KERNEL and channels >= FEWEST_CHANNELS


def whole_image(shape: ConvShape) -> Tiling:
    """Return the tiling with one tile.

    Its period is the input with half of the padding: the zeros at the top can be those at the bottom, because the
    convolution is circular.
    """
    top, bottom, left, right = shape.padding
    return Tiling(1, 1, (even(shape.height + max(top, bottom)), even(shape.width + max(left, right))))


@lru_cache(256)
def best_tiling(shape: ConvShape) -> Tiling:
    """Return the tiling with the lowest cost."""
    whole = whole_image(shape)
    candidates = [whole]
    for period in TILE_PERIODS:
        if shape.kernel < period < max(whole.period):
            candidates.append(_tiles(shape, period))
    return min(candidates, key=lambda tiling: cost(shape, tiling))


def _tiles(shape: ConvShape, period: int) -> Tiling:
    """Return tiles of at most this period, as small as their number allows."""
    numbers, periods = [], []
    for size in shape.output:
        number = -(-size // (period - shape.kernel + 1))
        numbers.append(number)
        periods.append(even(-(-size // number) + shape.kernel - 1))
    return Tiling(numbers[0], numbers[1], (periods[0], periods[1]))


def even(size: int) -> int:
    """Return the smallest even number that is not smaller."""
    return size + size % 2


def gain(shape: ConvShape, tiling: Tiling) -> float:
    """Return the multiplications of a training step (output and both gradients), divided by the cost by spectrum."""
    rows, columns = shape.output
    direct = 3 * shape.n * rows * columns * shape.kernel**2 * shape.channels * shape.filters
    return direct / cost(shape, tiling)


def tile_sizes(shape: ConvShape, tiling: Tiling) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the rows and columns of a tile of the input, and of a tile of the output."""
    if tiling.n == 1:
        return (shape.height, shape.width), shape.output
    rows, columns = tiling.period
    return tiling.period, (rows - shape.kernel + 1, columns - shape.kernel + 1)


def cost(shape: ConvShape, tiling: Tiling) -> float:
    """Return the cost of a training step by spectrum, in multiplications of the products.

    A multiplication of the transforms counts as the constants above say.
    """
    period, n = tiling.period, shape.n * tiling.n
    (height, width), (rows, columns) = tile_sizes(shape, tiling)
    pairs = shape.channels * shape.filters
    products = 3 * n * pairs * 3 * period[0] * period[1] // 2  # 3 for a complex frequency, which is 2 planes
    images = 2 * n * shape.channels * transform(period, height, width)
    outputs = 2 * n * shape.filters * transform(period, rows, columns)
    kernels = 2 * pairs * transform(period, shape.kernel, shape.kernel)
    total = products + IMAGE_COST * (images + outputs) + KERNEL_COST * kernels + CALLS
    if tiling.n == 1:
        return total
    return total + TILE_VALUE_COST * 2 * n * (
        shape.channels * height * width + shape.filters * rows * columns
    )


def transform(period: tuple[int, int], height: int, width: int) -> int:
    """Return the multiplications of the transform of one plane of ``height × width`` pixels."""
    # Of a folded plane, each half has half of the period's rows.
    rows = min(height, period[0] // 2)
    halves = 2 if height > rows else 1
    along_width = halves * rows * width * period[1]
    along_height = 2 * period[0] * period[1] * rows
    return along_width + along_height


def workspace(shape: ConvShape, tiling: Tiling) -> int:
    """Return the bytes of the spectra that exist at a time: input, kernels, output's gradient and input's gradient."""
    planes = shape.n * tiling.n * (2 * shape.channels + shape.filters) + shape.channels * shape.filters
    return 4 * planes * tiling.period[0] * tiling.period[1]
