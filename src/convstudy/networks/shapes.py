"""The shape of one image between two layers: ``(height, width, channels)`` or ``(features,)``."""

from __future__ import annotations

import math

Shape = tuple[int, ...]


def shape_text(shape: Shape) -> str:
    """Join the sizes with " × ": ``24 × 24 × 64``."""
    return " × ".join(str(size) for size in shape)


def n_values(shape: Shape) -> int:
    return math.prod(shape)
