"""Sampling of hard images: after the first epoch, most easy images are left out.

Late in training the loss of most images is small, and so is what a step learns from them. The loss of an image is known
from the last step that used it, so the choice costs nothing. Half of an epoch are the images with the largest losses.
The other half are random other images: they keep the proportions of easy images and classes from vanishing, and their
losses are renewed. Choosing by loss is as old as hard negative mining; for whole training sets, compare Jiang et al.
2019 (arXiv 1910.00762), which chooses by the current loss, and Qin et al. 2024 (InfoBatch, arXiv 2303.04947).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from convstudy.engine.randomness import numpy_generator
from convstudy.plan.cost import images_of_epoch
from convstudy.studyfile.recipe import Recipe


def hard_order(
    losses: npt.NDArray[np.float32], recipe: Recipe, seed: int, epoch: int
) -> npt.NDArray[np.int64]:
    """Return the images of an epoch with ``sampling = "hard"``, in random order.

    Args:
        losses: float32, shape (n,), the loss of each image in the last step that used it; not used in epoch 1.
        recipe: its ``hard_fraction``.
        seed: the fit's seed.
        epoch: counted from 1.

    Returns:
        int64, shape (m,), different indices into ``losses``, determined by all arguments.
    """
    random = numpy_generator(seed, "order", epoch)
    n_images = images_of_epoch(recipe, len(losses), epoch)
    if n_images == len(losses):
        return random.permutation(n_images)
    # A stable sort, so that equal losses do not depend on the library.
    by_loss = np.argsort(-losses, kind="stable")
    n_hard = n_images // 2
    others = random.permutation(by_loss[n_hard:])[: n_images - n_hard]
    return random.permutation(np.concatenate([by_loss[:n_hard], others]))
