"""The files of a fit: reads and verifies them, and renames damaged ones."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from convstudy.errors import Location, Problem, StoreError
from convstudy.regular_file import check_regular
from convstudy.store.layout import Layout

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Arrays = dict[str, npt.NDArray[np.generic]]

RESTORE_HINT = "run the study again: it restores this file"


@dataclass(frozen=True)
class Artefacts:
    """The files of all fits in a runs folder: ``"weights"``, and the predictions ``"validation"`` and ``"test"``."""

    layout: Layout

    def read(self, fit_id: str, kind: str, weights_digest: str = "") -> Arrays:
        """Return the arrays of a file by name, after their SHA-256 digest was verified.

        Args:
            fit_id: the fit that the file belongs to.
            kind: ``"weights"``, ``"validation"`` or ``"test"``.
            weights_digest: the digest of the weights in the fit's record; empty to accept any weights.

        Raises:
            StoreError: if the file is missing or damaged, or belongs to another fit or other weights.
        """
        return _read(self.layout.artefact(fit_id, kind), kind, fit_id, weights_digest)

    def augmented(self, dataset_digest: str, key: str) -> Arrays | None:
        """Return the examples of augmented training images; ``None`` if the file is missing or damaged.

        Args:
            dataset_digest: the digest of the dataset.
            key: the key of the augmentation.

        Returns:
            ``labels`` int64 (m,), ``originals`` uint8 (m, height, width, channels) and ``augmented`` uint8
            (m, n, height, width, channels).
        """
        try:
            arrays, _ = _content(self.layout.augmented(dataset_digest, key))
        except Exception:  # as in _read; the examples are only shown, and the next training writes them again
            return None
        form = {name: (array.dtype.name, array.ndim) for name, array in arrays.items()}
        return arrays if form == _EXAMPLES else None

    def baseline(self, dataset_digest: str, key: str) -> Arrays | None:
        """Return the predictions of baselines; ``None`` if the file is missing or damaged.

        Args:
            dataset_digest: the digest of the dataset.
            key: the key of their images.

        Returns:
            ``images`` and ``labels`` int64 (n,), ``predicted`` int64 (baselines, n), ``n_train`` int64 (baselines,) and
            ``seconds`` float64 (baselines,).
        """
        try:
            arrays, metadata = _content(self.layout.baseline(dataset_digest, key))
        except Exception:  # as in _read; the next run computes them again
            return None
        form = {name: (array.dtype.name, array.ndim) for name, array in arrays.items()}
        return arrays if form == _BASELINE and arrays_digest(arrays) == metadata.get("digest") else None

    def is_sound(self, fit_id: str, kind: str, weights_digest: str) -> bool:
        """Return whether a file can be read and belongs to these weights. Reads the whole file."""
        try:
            self.read(fit_id, kind, weights_digest)
        except StoreError:
            return False
        return True

    def set_aside(self, fit_id: str, kind: str) -> Path | None:
        """Rename a damaged file to ``NAME.damaged``, so that it can be written again.

        If a parent folder of this path is not a folder but a file, that file is renamed instead.

        Returns:
            The new path; ``None`` if the file is missing.

        Raises:
            OSError: if the file cannot be renamed.
        """
        path = self.layout.artefact(fit_id, kind)
        for each in (path.parents[1], path.parent, path):
            if os.path.lexists(each) and (each == path or not each.is_dir()):
                return _set_aside(each)
        return None

    def set_aside_obstacles(self, fit_id: str, trial_id: str) -> None:
        """Rename everything that blocks the path of a file or folder which the training of this fit writes.

        Raises:
            OSError: if something cannot be renamed.
        """
        own = [(fit_id, kind) for kind in ("weights", "validation", "test")]
        for owner, kind in (*own, (trial_id, "checkpoint")):
            if not self.layout.artefact(owner, kind).is_file():
                self.set_aside(owner, kind)


_EXAMPLES = {"labels": ("int64", 1), "originals": ("uint8", 4), "augmented": ("uint8", 5)}

_BASELINE = {
    "images": ("int64", 1),
    "labels": ("int64", 1),
    "predicted": ("int64", 2),
    "n_train": ("int64", 1),
    "seconds": ("float64", 1),
}


def _content(path: Path) -> tuple[Arrays, dict[str, str]]:
    """Return the arrays and the metadata of a file. It raises many types of exceptions for a damaged file."""
    from safetensors import safe_open

    check_regular(path)
    with safe_open(path, framework="np") as file:
        arrays: Arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
        return arrays, dict(file.metadata() or {})


def _read(path: Path, kind: str, fit_id: str, weights_digest: str) -> Arrays:
    try:
        arrays, metadata = _content(path)
    # The file can contain anything, and safetensors raises many types of exceptions for files that it cannot read.
    except Exception as error:
        raise _unreadable(path, kind, getattr(error, "strerror", None) or str(error)) from None
    # The metadata has the fit's id and the digest of its weights; a file of predictions also has its own digest.
    expected = {"fit_id": fit_id, "weights_digest": weights_digest or metadata.get("weights_digest", "")}
    for key, value in expected.items():
        if metadata.get(key) != value:
            raise _unreadable(path, kind, f"the {key} in the file is {metadata.get(key)}, not {value}")
    digest = expected["weights_digest"] if kind == "weights" else metadata.get("digest")
    if arrays_digest(arrays) != digest:
        raise _unreadable(path, kind, "its content does not match its digest")
    return arrays


def arrays_digest(arrays: Mapping[str, npt.NDArray[np.generic]]) -> str:
    """Return the SHA-256 digest of arrays by name.

    The reference implementation is ``engine.weights.weights_digest``, which needs torch.
    """
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} torch.{array.dtype.name} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _set_aside(path: Path) -> Path:
    """Rename a path to the first free name of ``NAME.damaged``, ``NAME.damaged-2``, …; return the new path."""
    number, target = 1, path.with_name(f"{path.name}.damaged")
    while os.path.lexists(target):
        number += 1
        target = path.with_name(f"{path.name}.damaged-{number}")
    path.rename(target)
    return target


def _unreadable(path: Path, kind: str, reason: str) -> StoreError:
    name = kind if kind == "weights" else f"{kind} predictions"
    what = f"the {name} of this fit cannot be read: {reason}"
    return StoreError(Problem(what, Location(str(path)), hint=RESTORE_HINT))
