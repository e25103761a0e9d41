"""The size of a first study: the residual network, the epochs and the seeds that fit into a number of minutes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from convstudy.studyfile.first_networks import RESNET_SIZES, ResnetSize

MAX_EPOCHS, MIN_EPOCHS = 60, 4
SEEDS = (5, 3)
"""The numbers of seeds, the preferred one first: with three, intervals are 1.7 times as wide as with five."""
EPOCH_FRACTIONS = (1.0, 0.7, 0.5, 0.3)
MIN_SUBSET = 1_000
MIN_OF_A_CLASS = 10
"""The smallest number of images that a subset leaves of the smallest class."""
START_SECONDS = 15.0
"""The time of a run outside its fits: starting the workers, evaluating the test set, and writing the report."""


@dataclass(frozen=True)
class EpochSeconds:
    """How long one epoch on all training images takes on this machine if one fit is trained.

    Attributes:
        others: the seconds of the linear model and of the small CNN together.
        resnet: size of the residual network -> seconds.
        longest: the seconds of an epoch of the slower of the two others.
    """

    others: float
    longest: float
    resnet: Mapping[ResnetSize, float]


@dataclass(frozen=True)
class FirstSize:
    """The size of a first study.

    Attributes:
        resnet: the size of the residual network.
        epochs: the number of epochs of every network.
        seeds: the number of seeds.
        subset: the number of training images to use; ``None`` for all.
        seconds: the estimated duration of the run.
    """

    resnet: ResnetSize
    epochs: int
    seeds: int
    subset: int | None
    seconds: float


def first_size(
    n_train: int, smallest_class: int, measured: EpochSeconds, n_workers: int, seconds: float
) -> FirstSize:
    """Return the largest size that is expected to take at most ``seconds``, or the smallest of all.

    Preferred first: all images, five seeds, all epochs, a large network. The number of epochs falls with the number of
    images, because the number of steps matters more than how often each image is seen.

    Args:
        n_train: the number of training images.
        smallest_class: the number of training images of the smallest class.
        measured: the duration of an epoch.
        n_workers: the number of fits that train at the same time.
        seconds: the time that the run may take.

    >>> measured = EpochSeconds(0.2, 0.15, dict(zip(RESNET_SIZES, (4.0, 1.0, 0.5, 0.3))))
    >>> first_size(1400, 140, measured, 2, 600)
    FirstSize(resnet=ResnetSize(width=32, blocks=2), epochs=40, seeds=5, subset=None, seconds=435.0)
    >>> first_size(1400, 140, measured, 2, 120).resnet
    ResnetSize(width=16, blocks=1)
    """
    size = None
    for size in _sizes(n_train, smallest_class, measured, n_workers):
        if size.seconds <= seconds:
            return size
    assert size is not None  # there is always one size
    return size


def _sizes(n_train: int, smallest_class: int, measured: EpochSeconds, n_workers: int) -> Iterator[FirstSize]:
    """Yield the possible sizes, in the order of preference."""
    for subset in _subsets(n_train, smallest_class):
        n_images = n_train if subset is None else subset
        for seeds in SEEDS:
            for fraction in EPOCH_FRACTIONS:
                epochs = max(MIN_EPOCHS, round(fraction * ideal_epochs(n_images)))
                for resnet in RESNET_SIZES:
                    longest = max(measured.longest, measured.resnet[resnet])
                    work = max(seeds * (measured.others + measured.resnet[resnet]) / n_workers, longest)
                    seconds = START_SECONDS + epochs * work * n_images / n_train
                    yield FirstSize(resnet, epochs, seeds, subset, round(seconds, 1))


def ideal_epochs(n_images: int) -> int:
    """Return the number of epochs if time is no limit: 60 for 600 images or fewer, 40 for 1,400, 15 for 10,000.

    >>> [ideal_epochs(n) for n in (100, 1_400, 10_000, 60_000)]
    [60, 40, 15, 8]
    """
    return min(MAX_EPOCHS, max(8, round(1_500 / math.sqrt(n_images))))


def _subsets(n_train: int, smallest_class: int) -> Iterator[int | None]:
    """Yield numbers of training images: all, then a half, a quarter, ..., in round numbers."""
    yield None
    n_images = n_train // 2
    while n_images >= MIN_SUBSET and smallest_class * n_images >= MIN_OF_A_CLASS * n_train:
        step = 10 ** (len(str(n_images)) - 2)
        yield n_images // step * step
        n_images //= 2
