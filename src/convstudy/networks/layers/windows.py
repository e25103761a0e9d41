"""The arithmetic of a window that slides over an image, shared by convolution and pooling.

"valid" takes windows that lie inside; "same" pads with zeros so that the output is ``ceil(input / stride)``, with the
odd one at the bottom and the right, as TensorFlow does.
"""

from __future__ import annotations


def covered(kernel: int, dilation: int) -> int:
    """Return the number of pixels from the first to the last that a kernel takes along one side.

    >>> covered(3, 2)
    5
    """
    return dilation * (kernel - 1) + 1


def n_windows(size: int, window: int, stride: int, padding: str) -> int:
    """Return the number of window places along one side (0 or less where the window does not fit)."""
    if padding == "same":
        return -(-size // stride)
    return (size - window) // stride + 1 if size >= window else 0


def same_padding(size: int, window: int, stride: int) -> tuple[int, int]:
    """Return how many zeros "same" puts before and after one side."""
    total = max((n_windows(size, window, stride, "same") - 1) * stride + window - size, 0)
    return (total // 2, total - total // 2)
