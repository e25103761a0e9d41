"""The groups of images that an interval is about, such as patients or cameras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.integer]

MIN_GROUPS = 10
"""With fewer groups there is no interval: the variance between groups is then hardly known."""
FEW_GROUPS = 20
"""With fewer groups, a sentence with an interval names their number."""


@dataclass(frozen=True)
class ImageGroups:
    """The groups of the images that an interval is about.

    Attributes:
        n_images: the number of images.
        n_groups: the number of their groups; 0 if it is unknown, so that the interval takes images as independent.
        n_effective: the effective number of images, at most ``n_images``: this many independent images give the same
            variance.

    >>> ImageGroups(2000, 40, 130.2).is_few
    False
    """

    n_images: int
    n_groups: int
    n_effective: float

    @property
    def is_known(self) -> bool:
        return self.n_groups > 0

    @property
    def is_few(self) -> bool:
        """Whether there are so few groups that a sentence with the interval names their number."""
        return 0 < self.n_groups < FEW_GROUPS

    @property
    def needs_more_groups(self) -> bool:
        """Whether more groups would narrow the interval, so that a required number of images or seeds would mislead."""
        return self.matters or not self.is_known

    @property
    def matters(self) -> bool:
        """Whether the images count like a clearly smaller number of independent images."""
        return self.is_known and self.n_effective < 0.95 * self.n_images


def group_indices(groups: Integers, n_images: int) -> npt.NDArray[np.int64] | None:
    """Return the groups of images as numbers 0, 1, … without gaps; ``None`` if each image is its own group.

    Args:
        groups: shape (n,), equal for images of one group.
        n_images: n.

    Raises:
        ValueError: if there is not one group per image.
    """
    import numpy as np

    if groups.shape != (n_images,):
        raise ValueError(f"groups must have the shape ({n_images},); got {groups.shape}")
    names, found = np.unique(groups, return_inverse=True)
    return None if len(names) == n_images else found.astype(np.int64)
