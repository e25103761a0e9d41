"""The sizes and paddings of sliding windows, shared by convolution and pooling.

"valid" uses only windows inside the image. "same" pads with zeros so that the output is ``ceil(input / stride)``; if
the number of zeros is odd, the extra one is at the bottom or right, as in TensorFlow.
"""

from __future__ import annotations


def covered(kernel: int, dilation: int) -> int:
    """Return the side of a dilated kernel in pixels, gaps included.

    >>> covered(3, 2)
    5
    """
    return dilation * (kernel - 1) + 1


def n_windows(size: int, window: int, stride: int, padding: str) -> int:
    """Return the number of windows along one side; 0 if the window does not fit."""
    if padding == "same":
        return -(-size // stride)
    return (size - window) // stride + 1 if size >= window else 0


def same_padding(size: int, window: int, stride: int) -> tuple[int, int]:
    """Return the number of zeros that "same" adds before and after one side."""
    total = max((n_windows(size, window, stride, "same") - 1) * stride + window - size, 0)
    return (total // 2, total - total // 2)  # the extra zero of an odd number is at the end
