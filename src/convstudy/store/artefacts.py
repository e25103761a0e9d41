"""The files of a fit: read and verified, and moved out of the way where they are damaged."""

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

AGAIN = "run the study again: it restores this file"


@dataclass(frozen=True)
class Artefacts:
    """The files of all fits in a runs folder: ``"weights"``, ``"validation"`` and ``"test"`` predictions."""

    layout: Layout

    def read(self, fit_id: str, kind: str, weights_digest: str = "") -> Arrays:
        """Return the arrays of a file by name, verified as far as the file and the record allow.

        Args:
            fit_id: the fit that the file belongs to.
            kind: which of its files.
            weights_digest: the digest of the fit's weights on record; empty where there is no record.

        Raises:
            StoreError: if the file is missing, damaged, or belongs to other weights.
        """
        return _read(self.layout.artefact(fit_id, kind), kind, fit_id, weights_digest)

    def is_sound(self, fit_id: str, kind: str, weights_digest: str) -> bool:
        """Send whether a file can be read and belongs to these weights; reads all of it."""
        try:
            self.read(fit_id, kind, weights_digest)
        except StoreError:
            return False
        return True

    def set_aside(self, fit_id: str, kind: str) -> Path | None:
        """Rename a damaged file, or what is in place of its folder; return where it is now, ``None`` if it is missing.

        Raises:
            OSError: if it cannot be renamed.
        """
        path = self.layout.artefact(fit_id, kind)
        for place in (path.parents[1], path.parent, path):
            if os.path.lexists(place) and (place == path or not place.is_dir()):
                return _set_aside(place)
        return None

    def make_way(self, fit_id: str, trial_id: str) -> None:
        """Set aside what is no folder or no regular file where a training of this fit writes.

        Raises:
            OSError: if it cannot be renamed.
        """
        own = [(fit_id, kind) for kind in ("weights", "validation", "test")]
        for owner, kind in (*own, (trial_id, "checkpoint")):
            if not self.layout.artefact(owner, kind).is_file():
                self.set_aside(owner, kind)


def _read(path: Path, kind: str, fit_id: str, weights_digest: str) -> Arrays:
    from safetensors import safe_open

    try:
        check_regular(path)
        with safe_open(path, framework="np") as file:
            arrays: Arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
            metadata = dict(file.metadata() or {})
    # The file can contain anything, and safetensors raises many exception types for what it cannot read.
    except Exception as error:
        raise _unreadable(path, kind, str(error)) from None
    # The metadata has the fit's id and the digest of its weights; a file of predictions also has its own digest.
    expected = {"fit_id": fit_id, "weights_digest": weights_digest or metadata.get("weights_digest", "")}
    for key, value in expected.items():
        if metadata.get(key) != value:
            raise _unreadable(path, kind, f"its {key} is {metadata.get(key)}, not {value}")
    digest = expected["weights_digest"] if kind == "weights" else metadata.get("digest")
    if arrays_digest(arrays) != digest:
        raise _unreadable(path, kind, "its content does not match its digest")
    return arrays


def arrays_digest(arrays: Mapping[str, npt.NDArray[np.generic]]) -> str:
    """Return the SHA-256 over arrays; the reference is ``engine.weights.weights_digest``, which needs torch."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} torch.{array.dtype.name} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _set_aside(path: Path) -> Path:
    """Rename a file that is of no use to ``NAME.damaged``, or ``NAME.damaged-2``, …; return where it is now."""
    number, place = 1, path.with_name(f"{path.name}.damaged")
    while os.path.lexists(place):
        number += 1
        place = path.with_name(f"{path.name}.damaged-{number}")
    path.rename(place)
    return place


def _unreadable(path: Path, kind: str, got: str) -> StoreError:
    return StoreError(Problem(f"the {kind} of this fit cannot be read", Location(str(path)), got, hint=AGAIN))
