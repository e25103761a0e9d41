"""Where everything lies in a runs folder.

::

    RUNS/
      convstudy.sqlite        runs, records, choices, openings
      lock                    held by the one process that writes
      workers.log             what worker processes had to say
      fits/<fit id>/          weights, validation, test and checkpoint, as safetensors
      datasets/<digest>.json  what is known of a dataset's images
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
        yield from self.folder.glob("datasets/*.partial")

    def image_facts(self, dataset_digest: str) -> Path:
        """The file of what is known of a dataset's images."""
        return self.folder / "datasets" / f"{dataset_digest}.json"

    def report(self, run_id: str) -> Path:
        """The folder of a run's report."""
        return self.folder / run_id
