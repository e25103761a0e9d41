"""The subject of a statement: a metric on one part of the images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Part = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Measure:
    """A metric on the training, validation or test images.

    >>> Measure("test", "accuracy")
    Measure(part='test', metric='accuracy')
    """

    part: Part
    metric: str
