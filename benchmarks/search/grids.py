"""Small grids of several kinds, each with other images, folds and seeds in every repetition.

The images are those of scikit-learn's digits (8 × 8 pixels; 1,500 of 1,797 images, drawn again for each repetition) and
subsets of MNIST's training images (28 × 28 pixels; no two repetitions of a kind share an image). The kinds differ in
what they vary, because a search method that is tuned on one kind of grid can fail on another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from convstudy.data import BUILT_IN_DATASETS, Dataset
from convstudy.studyfile import Search, Study, check_study

SEARCH = "grid"
KEY = f"search.{SEARCH}"
N_DIGITS = 1_500
N_TEST = 100


@dataclass(frozen=True)
class Kind:
    """A kind of grid.

    Attributes:
        name: its name.
        images: the number of MNIST images of a grid; 0 for the digits.
        network: the parameters with their default values, and ``layers``.
        parameters: the values of the search.
        epochs: the number of epochs.
        folds: the number of folds.
        recipe: other keys of the recipe.
    """

    name: str
    images: int
    network: Mapping[str, Any]
    parameters: Mapping[str, tuple[Any, ...]]
    epochs: int = 20
    folds: int = 5
    recipe: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_candidates(self) -> int:
        """The number of candidates of the grid."""
        n = 1
        for values in self.parameters.values():
            n *= len(values)
        return n

    @property
    def grid_epochs(self) -> int:
        """The number of epochs of the whole grid, over candidates and folds."""
        return self.n_candidates * self.folds * self.epochs

    def study(self, repetition: int, **search: Any) -> Study:
        """Return a study with this grid as its search; keywords such as ``method`` change the search.

        Repetitions are counted from 1. They have different images, so that their folds and fits differ.
        """
        recipe = {"epochs": self.epochs, "batch_size": 50, "train_eval_samples": 50, **self.recipe}
        study = Study(
            name=f"{self.name}-{repetition}",
            dataset=_digits(repetition) if self.images == 0 else _mnist(self.images, repetition),
            seeds=1,
            recipe=recipe,
            network={"net": self.network},
            search={SEARCH: Search(network="net", parameters=self.parameters, folds=self.folds, **search)},
        )
        check_study(study)
        return study


@lru_cache
def _digits(repetition: int) -> Dataset:
    import numpy as np
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = (15 * images).astype("uint8").reshape(-1, 8, 8)
    order = np.random.RandomState(repetition).permutation(len(images))
    train, test = order[:N_DIGITS], order[N_DIGITS:]
    return Dataset.from_arrays(
        images[train], labels[train], images[test], labels[test], name=f"digits-{repetition}"
    )


@lru_cache
def _mnist(n_images: int, repetition: int) -> Dataset:
    import numpy as np

    images, labels = _mnist_arrays()
    order = np.random.RandomState(0).permutation(len(images))
    # The test part is needed by the format only, and never evaluated.
    train, test = order[(repetition - 1) * n_images : repetition * n_images], order[-N_TEST:]
    return Dataset.from_arrays(
        images[train], labels[train], images[test], labels[test], name=f"mnist-{n_images}-{repetition}"
    )


@lru_cache
def _mnist_arrays() -> tuple[Any, Any]:
    train = BUILT_IN_DATASETS["mnist"].load().train
    return train.pixels, train.labels


_SMALL = ("max-pool 2", "batch-norm momentum=0.9", "dropout 0.2", "flatten", "dense 48 relu")

KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "digits-kernel",
            0,
            {
                "kernel": 3,
                "layers": ["conv 8 {kernel} relu padding=same", "conv 8 {kernel} relu padding=same", *_SMALL],
            },
            {"kernel": (1, 2, 3, 4, 5)},
        ),
        Kind(
            "digits-rate-width",
            0,
            {"width": 8, "layers": ["conv {width} 3 relu", *_SMALL]},
            {"learning_rate": (0.0003, 0.001, 0.003, 0.01), "width": (4, 8, 16)},
            epochs=12,
        ),
        Kind(
            "digits-optimizer-dropout",
            0,
            {
                "rate": 0.2,
                "layers": ["conv 16 3 relu", "max-pool 2", "flatten", "dropout {rate}", "dense 48 relu"],
            },
            {"optimizer": ("adam", "rmsprop", "muon"), "rate": (0.0, 0.25, 0.5)},
            recipe={"learning_rate": 0.003},
        ),
        Kind(
            "digits-batch-schedule",
            0,
            {"layers": ["conv 12 3 relu", *_SMALL]},
            {"batch_size": (16, 32, 64, 128), "schedule": ("constant", "cosine")},
            recipe={"learning_rate": 0.003},
        ),
        Kind(
            "digits-smoothing-rate",
            0,
            {"layers": ["conv 12 3 relu", *_SMALL]},
            {"label_smoothing": (0.0, 0.1, 0.2), "learning_rate": (0.001, 0.003, 0.01)},
            epochs=16,
        ),
        Kind(
            "mnist-kernel",
            1_500,
            {
                "kernel": 3,
                "layers": ["conv 8 {kernel} relu", "conv 8 {kernel} relu", *_SMALL],
            },
            {"kernel": (2, 3, 5, 7, 11)},
            epochs=12,
        ),
        Kind(
            "mnist-rate-width",
            1_000,
            {"width": 8, "layers": ["conv {width} 5 relu stride=2", *_SMALL]},
            {"learning_rate": (0.0003, 0.001, 0.003, 0.01), "width": (4, 8, 16)},
            epochs=16,
            folds=3,
        ),
        Kind(
            "mnist-dense-dropout",
            1_500,
            {
                "units": 64,
                "rate": 0.2,
                "layers": [
                    "average-pool 2",
                    "flatten",
                    "dense {units} relu",
                    "dropout {rate}",
                    "dense 32 relu",
                ],
            },
            {"units": (16, 64, 256), "rate": (0.0, 0.25, 0.5)},
        ),
        Kind(
            "mnist-augment-schedule",
            1_000,
            {"layers": ["conv 8 5 relu stride=2", *_SMALL]},
            {"augment": ("none", "shift=0.07", "rotate=10 shift=0.07"), "schedule": ("constant", "cosine")},
            recipe={"learning_rate": 0.003},
        ),
    )
}
