"""Finds missing and damaged files of completed fits that an evaluation or the report needs.

Every file below ``fits/`` can be computed again: weights by training the fit, predictions from the weights. Records and
test scores stay in the database. Files that are no longer needed, such as the weights of an evaluated model, are not
restored.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from convstudy.history import History
from convstudy.plan import Fit, Plan
from convstudy.record import PERMANENT_ERRORS, Record, RecordSummary
from convstudy.run.tasks import Train


@dataclass(frozen=True)
class LostFile:
    """A file to restore.

    Attributes:
        fit: a completed fit.
        kind: ``"weights"``, or the predictions ``"validation"`` or ``"test"``.
        set_aside: the new path of a damaged file; ``None`` if the file was missing.
    """

    fit: Fit
    kind: str
    set_aside: Path | None

    @property
    def key(self) -> tuple[str, str]:
        """The fit id and the kind, which identify a file in a runs folder."""
        return self.fit.id, self.kind


class Restoration:
    """The files that one run restores. Each file is restored at most once per run."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._lost: set[tuple[str, str]] = set()
        self._without_weights: set[str] = set()

    def find_lost(self, plan: Plan) -> tuple[LostFile, ...]:
        """Return the lost files that a plan needs, without files that an earlier call returned."""
        files = lost_files(self._history, plan, self._lost)
        self._lost |= {file.key for file in files}
        self._without_weights |= {file.fit.id for file in files if file.kind == "weights"}
        return files

    def trainings(self, files: Iterable[LostFile]) -> list[Train]:
        """Return the trainings that restore these files, shortest first."""
        # Test predictions need no training. Sort by epochs, because a fit resumes from the checkpoint of a fit that is
        # equal except for its smaller epoch budget.
        fits = {file.fit.id: file.fit for file in files if file.kind != "test"}
        return [
            Train(
                fit,
                ""
                if is_untested(self._history, fit)
                else self._history.record_summaries[fit.id].weights_digest,
            )
            for fit in sorted(fits.values(), key=lambda fit: fit.n_epochs)
        ]

    def lacks_weights(self, fit: Fit) -> bool:
        """Return whether the weights of a fit were lost and not yet restored."""
        return fit.id in self._without_weights

    def mark_restored(self, fit: Fit) -> None:
        """Mark the weights of a fit as restored."""
        self._without_weights.discard(fit.id)

    def lacks_predictions(self, fit: Fit) -> bool:
        """Return whether an evaluated model lost its test predictions, and its weights exist to compute them."""
        lost = (fit.id, "test") in self._lost
        return lost and not self.lacks_weights(fit) and not is_untested(self._history, fit)


def is_untested(history: History, fit: Fit) -> bool:
    """Return whether a fit is done and its weights have no test score."""
    record = history.record_summaries[fit.id]
    return record.done and history.test_evaluation_of(fit.id, record.weights_digest) is None


def lost_files(history: History, plan: Plan, known: Container[tuple[str, str]]) -> tuple[LostFile, ...]:
    """Return the missing and damaged files that a plan needs. Damaged files are renamed.

    Args:
        history: the history of the runs folder.
        plan: the plan with all choices that can be made from the existing records.
        known: the keys of files that are not checked.
    """
    found: dict[tuple[str, str], LostFile] = {}
    for fit, kind, digest in _needed(history, plan):
        # The weights of an evaluated model are needed only to compute lost test predictions again.
        for each in (kind, "weights") if kind == "test" else (kind,):
            key = fit.id, each
            if key in known or key in found or history.artefacts.is_sound(*key, digest):
                break
            found[key] = LostFile(fit, each, history.artefacts.set_aside(*key))
    return tuple(found.values())


def _needed(history: History, plan: Plan) -> Iterator[tuple[Fit, str, str]]:
    """Yield completed fits with the kind of a needed file and the digest of the fit's weights."""
    for fit in plan.tested_fits:
        if digest := _digest(history, fit):
            yield fit, "test" if history.test_evaluation_of(fit.id, digest) else "weights", digest
    for fit in plan.settled_fits:
        if digest := _digest(history, fit):
            yield fit, "validation", digest


def _digest(history: History, fit: Fit) -> str:
    """Return the digest of a fit's weights from its record; empty if the fit is not done."""
    record = history.record_summaries.get(fit.id)
    return record.weights_digest if record is not None and record.done else ""


def is_same(record: Record, before: RecordSummary | None) -> bool:
    """Return whether a new record has the same weights as the earlier one."""
    return before is not None and record.done and record.weights_digest == before.weights_digest


def replaces(record: Record, before: RecordSummary | None, scored: bool, accepting: bool) -> bool:
    """Return whether a new record replaces the earlier one. A completed record always stays if the weights are equal.

    Args:
        record: the new record.
        before: the earlier record; a failed one is always replaced.
        scored: whether the weights of the earlier record have a test score; such a record is never replaced.
        accepting: whether a failure that is not permanent replaces a completed record. Then the next run can accept
            this failure. Otherwise the completed record stays, and the next run trains the fit again.
    """
    if before is None or not before.done:
        return True
    if scored or is_same(record, before):
        return False
    return record.done or record.error_kind in PERMANENT_ERRORS or accepting
