"""Stores examples of augmented training images, which the report shows."""

from __future__ import annotations

import contextlib
import math
import threading
from pathlib import Path

import numpy as np

from convstudy.data import Images
from convstudy.engine.augmentation.examples import write_examples
from convstudy.errors import StoreError
from convstudy.plan import Fit
from convstudy.store import Layout

N_IMAGES = 6
MAX_BYTES = 1 << 22
"""Of images with more bytes together, two are shown: neighbours in a mixture."""
N_VERSIONS = 8
SEED = 0
_writing = threading.Lock()


def save_examples(fit: Fit, train: Images, layout: Layout) -> None:
    """Write augmented versions of a few training images, once for each dataset and augmentation.

    All fits with this augmentation write the same file, so it does not matter which one is first. No result depends on
    the file: an error is ignored here, and the report has no examples then.
    """
    key = fit.recipe.augmentation_key
    path = layout.augmented(fit.dataset.digest, key)
    # Threads that train on a GPU would share the temporary file, whose name has the number of the process.
    with _writing:
        if key and not path.exists():
            _write(fit, train, path)


def _write(fit: Fit, train: Images, path: Path) -> None:
    # The first image of each class: neighbours are of different classes, which shows mixtures of two images best.
    _, rows = np.unique(train.labels, return_index=True)
    with contextlib.suppress(StoreError):
        n = N_IMAGES if N_IMAGES * math.prod(train.image_shape) <= MAX_BYTES else 2
        write_examples(path, train.take(rows[:n]), fit.recipe, SEED, N_VERSIONS)
