"""Where everything lies in a runs folder.

::

    RUNS/
      convstudy.sqlite        runs, records, choices, openings
      lock                    held by the one process that writes
      workers.log             what worker processes had to say
      fits/<fit id>/          weights, validation, test and checkpoint, as safetensors
      datasets/<digest>/      dataset.json: what it is; statistics.json: class counts, duplicates; *.npy: arrays
      <run id>/               the report of a run, and what it was made of
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """The paths in one runs folder."""

    folder: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "convstudy.sqlite"

    @property
    def write_ahead_log(self) -> Path:
        """What SQLite has not yet moved into the database: the latest records."""
        return self.folder / "convstudy.sqlite-wal"

    @property
    def shared_memory(self) -> Path:
        """The index of the write-ahead log, which SQLite makes again where it is missing."""
        return self.folder / "convstudy.sqlite-shm"

    @property
    def lock(self) -> Path:
        """The file that a writing process holds a lock on."""
        return self.folder / "lock"

    @property
    def log(self) -> Path:
        """What worker processes had to say."""
        return self.folder / "workers.log"

    def artefact(self, fit_id: str, kind: str) -> Path:
        """The file of a fit: ``"weights"``, ``"validation"``, ``"test"``, or (of a lineage) ``"checkpoint"``."""
        return self.folder / "fits" / fit_id / f"{kind}.safetensors"

    def partial_artefacts(self) -> Iterator[Path]:
        """Yield the files that a process was writing when it was killed (it renames them when they are whole)."""
        yield from self.folder.glob("fits/*/*.partial")
        yield from self.folder.glob("datasets/*/*.partial")

    def has_trained_fits(self) -> bool:
        """Send whether there are files of a fit that was trained to its end."""
        kinds = ("weights", "validation", "test")
        return any(next(self.folder.glob(f"fits/*/{kind}.safetensors"), None) for kind in kinds)

    def dataset_folder(self, digest: str) -> Path:
        """The folder of a dataset; its digest has hexadecimal digits only."""
        return self.folder / "datasets" / digest

    def dataset(self, digest: str) -> Path:
        """The file of what a dataset is."""
        return self.dataset_folder(digest) / "dataset.json"

    def dataset_statistics(self, digest: str) -> Path:
        """The file of what is known of a dataset's images."""
        return self.dataset_folder(digest) / "statistics.json"

    def report(self, run_id: str) -> Path:
        """The folder of a run's report."""
        return self.folder / run_id

    def report_folders(self, run_id: str) -> tuple[Path, ...]:
        """The folders that files of a run's report are written to."""
        report = self.report(run_id)
        return report, report / "tables", report / "figures"
