"""The paths of all files in a runs folder.

::

    RUNS/
      convstudy.sqlite        runs, records, choices, test-set evaluations, accepted failures
      lock                    locked by the process that writes
      workers.log             output of worker processes
      fits/<fit id>/          weights, validation, test and checkpoint, as safetensors
      datasets/<digest>/      dataset.json: shape, classes, source; statistics.json: class counts, duplicates;
                              *.npy: the arrays of a study that was run on arrays;
                              augmented-*.safetensors: examples of augmented training images;
                              baseline-*.safetensors: predictions of majority class, linear model, nearest neighbours
      <run id>/               the report of a run, with its tables and figures
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """The paths of one runs folder; no method reads or writes a file."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "convstudy.sqlite"

    @property
    def write_ahead_log(self) -> Path:
        """The SQLite file with the latest transactions, such as the latest records."""
        return self.folder / "convstudy.sqlite-wal"

    @property
    def shared_memory(self) -> Path:
        """The index of the write-ahead log; SQLite creates it again if it is missing."""
        return self.folder / "convstudy.sqlite-shm"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def log(self) -> Path:
        """The output and error messages of worker processes."""
        return self.folder / "workers.log"

    def artefact(self, fit_id: str, kind: str) -> Path:
        """Return the path of a file of a fit.

        Args:
            fit_id: the id of the fit. For a checkpoint: the id of its trial, that is of all fits that differ only in
                their epoch budget and share one checkpoint.
            kind: ``"weights"``, ``"validation"``, ``"test"`` or ``"checkpoint"``.
        """
        return self.folder / "fits" / fit_id / f"{kind}.safetensors"

    def partial_artefacts(self) -> Iterator[Path]:
        """Yield the ``.partial`` files that a killed process left unfinished.

        A complete file gets its final name in one atomic step.
        """
        yield from self.folder.glob("fits/*/*.partial")
        yield from self.folder.glob("datasets/*/*.partial")

    def has_trained_fits(self) -> bool:
        """Return whether the folder has a file of a completed fit; a checkpoint does not count."""
        kinds = ("weights", "validation", "test")
        return any(next(self.folder.glob(f"fits/*/{kind}.safetensors"), None) for kind in kinds)

    def dataset_folder(self, digest: str) -> Path:
        return self.folder / "datasets" / digest

    def dataset(self, digest: str) -> Path:
        """Return the path of the description of a dataset."""
        return self.dataset_folder(digest) / "dataset.json"

    def dataset_statistics(self, digest: str) -> Path:
        return self.dataset_folder(digest) / "statistics.json"

    def augmented(self, digest: str, key: str) -> Path:
        """Return the path of the examples of augmented images.

        Args:
            digest: the digest of the dataset.
            key: the key of the augmentation, ``Recipe.augmentation_key``.
        """
        return self.dataset_folder(digest) / f"augmented-{key}.safetensors"

    def baseline(self, digest: str, key: str) -> Path:
        """Return the path of the predictions of baselines.

        Args:
            digest: the digest of the dataset.
            key: the key of their images (:func:`convstudy.data.baseline_key`).
        """
        return self.dataset_folder(digest) / f"baseline-{key}.safetensors"

    def report(self, run_id: str) -> Path:
        """Return the folder of a run's report."""
        return self.folder / run_id

    def report_folders(self, run_id: str) -> tuple[Path, ...]:
        """Return the folders that contain files of a run's report."""
        report = self.report(run_id)
        return report, report / "tables", report / "figures"
