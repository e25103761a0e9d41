"""Shapes of one image on its way through a network: ``(height, width, channels)`` or ``(features,)``."""

from __future__ import annotations

import math

Shape = tuple[int, ...]


def shape_text(shape: Shape) -> str:
    """Return a shape as people write it: ``24 × 24 × 64`` or ``128``."""
    return " × ".join(str(size) for size in shape)


def n_values(shape: Shape) -> int:
    """Return how many numbers a shape holds."""
    return math.prod(shape)
