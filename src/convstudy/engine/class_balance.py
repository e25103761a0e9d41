"""Answers to classes of different sizes: weights in the loss, logit adjustment, and balanced sampling.

All of them use the training images of the split only, never validation or test images.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from convstudy.engine.randomness import numpy_generator
from convstudy.studyfile.recipe import Recipe


def balanced_weights(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the weight n / (k · n_c) of each class c, as scikit-learn's ``class_weight="balanced"``.

    Args:
        counts: the number of images of each class, shape (n_classes,). Classes without images do not count in k.

    >>> balanced_weights(np.array([6, 2])).tolist()
    [0.6666666666666666, 2.0]
    """
    n_present = np.count_nonzero(counts)
    return np.asarray(counts.sum() / (n_present * np.maximum(counts, 1)), dtype=np.float64)


def loss_weights(
    labels: npt.NDArray[np.int64],
    image_weights: npt.NDArray[np.float32] | None,
    recipe: Recipe,
    class_names: tuple[str, ...],
) -> npt.NDArray[np.float32] | None:
    """Return the weight of each training image in the loss: that of its class times its own, scaled to a mean of 1.

    Args:
        labels: int64, shape (n,), the labels of the training part.
        image_weights: positive, shape (n,), the weights of the images in the dataset; None: equal weights.
        recipe: its ``class_weights``.
        class_names: the name of each class, in the order of the labels.

    Returns:
        float32, shape (n,); None if neither the recipe nor the dataset has weights.
    """
    if recipe.class_weights == "none" and image_weights is None:
        return None
    weights = np.ones(len(labels)) if image_weights is None else image_weights.astype(np.float64)
    if recipe.class_weights == "balanced":
        weights = weights * balanced_weights(np.bincount(labels, minlength=len(class_names)))[labels]
    elif not isinstance(recipe.class_weights, str):
        by_name = dict(recipe.class_weights)
        weights = weights * np.array([by_name[name] for name in class_names])[labels]
    return np.asarray(weights / weights.mean(), dtype=np.float32)


def logit_adjustment(
    labels: npt.NDArray[np.int64], strength: float, n_classes: int
) -> npt.NDArray[np.float32] | None:
    """Return τ · log π, added to the logits in the training loss; None if the strength τ is 0.

    Args:
        labels: int64, shape (n,), the labels of the training part; π are the proportions of the classes.
        strength: τ, the ``logit_adjustment`` of the recipe.
        n_classes: the number of classes.

    Returns:
        float32, shape (n_classes,).
    """
    if not strength:
        return None
    # A class without images counts as one image: log 0 is not finite, and label smoothing uses every logit.
    counts = np.maximum(np.bincount(labels, minlength=n_classes), 1)
    return np.asarray(strength * np.log(counts / counts.sum()), dtype=np.float32)


def balanced_order(labels: npt.NDArray[np.int64], seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """Return the images of an epoch in which all classes are equally frequent.

    The epoch has as many images as there are training images, so that the number of steps does not change. Each class
    gets ``n // k`` or one more of the n places; the seed and the epoch decide which. A class fills its places with
    permutations of its images, one after another: no image is drawn twice more often than another of its class. Images
    of small classes are repeated in an epoch, and an epoch has only some images of large classes.

    Args:
        labels: int64, shape (n,), the labels of the training part.
        seed: the fit's seed.
        epoch: counted from 1.

    Returns:
        int64, shape (n,), indices into ``labels``, determined by labels, seed and epoch.
    """
    random = numpy_generator(seed, "order", epoch)
    classes = random.permutation(np.unique(labels))
    base, n_larger = divmod(len(labels), len(classes))
    chosen = []
    for place, label in enumerate(classes):
        rows, n_drawn = np.flatnonzero(labels == label), base + (place < n_larger)
        rounds = [random.permutation(rows) for _ in range(-(-n_drawn // len(rows)))]
        chosen.append(np.concatenate([*rounds, rows[:0]])[:n_drawn])
    return random.permutation(np.concatenate(chosen))
