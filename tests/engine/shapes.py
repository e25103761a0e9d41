"""Noisy images of crosses and squares, in which the first class is 20 times as frequent as the second."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from convstudy.data import Dataset, Holdout
from convstudy.engine.batches import ImageTensors
from convstudy.engine.evaluation import logits_of
from convstudy.engine.fit import run_fit
from convstudy.engine.normalisation import build_model
from convstudy.engine.randomness import torch_generator
from convstudy.engine.weights import load_weights
from convstudy.networks import Network
from convstudy.plan import Fit
from convstudy.studyfile import Recipe

SIDE, MAJORITY, MINORITY = 9, 800, 40


def drawn(n_crosses: int, n_squares: int, seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return images of crosses (class 0) and hollow squares (class 1) at random places, with noise."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.array([0, 1]), [n_crosses, n_squares])
    images = random.normal(110, 40, (len(labels), SIDE, SIDE))
    for image, label in zip(images, labels, strict=True):
        top, left = random.integers(0, SIDE - 5, 2)
        shape = np.zeros((5, 5))
        if label:
            shape[[0, -1]], shape[:, [0, -1]] = 1, 1
        else:
            shape[2], shape[:, 2] = 1, 1
        image[top : top + 5, left : left + 5] += 70 * shape
    order = random.permutation(len(labels))
    return images.clip(0, 255).astype(np.uint8)[order], labels[order]


@cache
def shapes() -> Dataset:
    """Return the dataset: 20 crosses to 1 square in training, and 300 of each in the test part."""
    return Dataset.from_arrays(
        *drawn(MAJORITY, MINORITY, 1), *drawn(300, 300, 2), class_names=("cross", "square")
    )


@cache
def balanced_accuracy(seed: int, **recipe: object) -> float:
    """Train a small network on the shapes and return its balanced accuracy on the test part."""
    dataset = shapes()
    network = Network.read(["conv 8 3 relu", "conv 16 3 relu", "global-average-pool"])
    values = {
        "epochs": 8,
        "batch_size": 20,
        "learning_rate": 0.01,
        "checkpoint": "last",
        "normalise": "standard",
        **recipe,
    }
    fit = Fit(dataset, network, Recipe.model_validate(values), Holdout(0.2, seed), seed, threads=1)
    result = run_fit(fit, dataset.load().train)
    assert result.record.done, result.record.error
    model = build_model(network, fit.recipe, dataset.image_shape, 2, torch_generator(seed, "weights"))
    load_weights(model, result.weights)
    test = ImageTensors.of(dataset.load().test.open(lambda: None))
    right = logits_of(model, test, "float32").argmax(dim=1) == test.labels
    return float(sum(right[test.labels == label].double().mean() for label in (0, 1)) / 2)
