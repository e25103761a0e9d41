"""The rule that selects the convolutions that are computed by spectrum: shapes only, never a measurement.

So a fit takes the same path on every machine. The constants come from ``benchmarks/throughput/spectral_conv.py`` on
Zen 5, with all its instructions and limited to AVX2 (docs/performance.md).
"""

from __future__ import annotations

from dataclasses import dataclass

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

    @property
    def period(self) -> tuple[int, int]:
        """The rows and columns of the circular convolution: even, and large enough for input and padding.

        The zeros at the top can be those at the bottom, because the convolution is circular.
        """
        top, bottom, left, right = self.padding
        rows, columns = self.height + max(top, bottom), self.width + max(left, right)
        return rows + rows % 2, columns + columns % 2


def is_candidate(kernel: int, channels: int) -> bool:
    """Return whether the rule can select a convolution for some image size; it has stride 1, no groups, no dilation."""
    return kernel >= SMALLEST_KERNEL and channels >= FEWEST_CHANNELS


def by_spectrum(shape: ConvShape) -> bool:
    """Return whether a convolution in float32 on a CPU is computed by spectrum."""
    if not is_candidate(shape.kernel, shape.channels) or not shape.n:
        return False
    return workspace(shape) <= WORKSPACE and gain(shape) >= LEAST_GAIN


def gain(shape: ConvShape) -> float:
    """Return the multiplications of a training step (output and both gradients), divided by the cost by spectrum.

    The cost counts each multiplication of the products once, and the others by the constants above.
    """
    rows, columns = shape.output
    pairs = shape.channels * shape.filters
    direct = 3 * shape.n * rows * columns * shape.kernel**2 * pairs
    period_rows, period_columns = shape.period
    # Output and both gradients need 3 products each per complex frequency, which is 2 planes.
    products = 3 * shape.n * pairs * 3 * period_rows * period_columns // 2
    inputs = shape.channels * transform(shape.period, shape.height, shape.width)
    outputs = shape.filters * transform(shape.period, rows, columns)
    images = 2 * shape.n * (inputs + outputs)
    kernels = 2 * pairs * transform(shape.period, shape.kernel, shape.kernel)
    return direct / (products + IMAGE_COST * images + KERNEL_COST * kernels + CALLS)


def transform(period: tuple[int, int], height: int, width: int) -> int:
    """Return the multiplications of the transform of one plane of ``height × width`` pixels."""
    # Of a folded plane, each half has half of the period's rows.
    rows = min(height, period[0] // 2)
    halves = 2 if height > rows else 1
    along_width = halves * rows * width * period[1]
    along_height = 2 * period[0] * period[1] * rows
    return along_width + along_height


def workspace(shape: ConvShape) -> int:
    """Return the bytes of the spectra that exist at a time: input, kernels, output's gradient and input's gradient."""
    planes = shape.n * (2 * shape.channels + shape.filters) + shape.channels * shape.filters
    return 4 * planes * shape.period[0] * shape.period[1]
