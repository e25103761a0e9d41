"""Files of finished fits that are missing or damaged although a test or the report needs them.

Everything below ``fits/`` can be computed again: a fit from its description, predictions from its weights. Records
and test scores are in the database and stay. What nothing needs any more stays missing, such as tested weights.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from convstudy.history import History
from convstudy.plan import Fit, Plan
from convstudy.record import LASTING_ERRORS, Record, RecordSummary
from convstudy.run.tasks import Train


@dataclass(frozen=True)
class LostFile:
    """A file to restore: ``"weights"``, ``"validation"`` or ``"test"`` predictions of a fit with a record.

    ``set_aside`` is where a damaged file is now; ``None`` where the file was missing.
    """

    fit: Fit
    kind: str
    set_aside: Path | None

    @property
    def key(self) -> tuple[str, str]:
        """What identifies it in a runs folder."""
        return self.fit.id, self.kind


class Restoration:
    """The files that one run computes again, each once."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._lost: set[tuple[str, str]] = set()
        self._without_weights: set[str] = set()

    def look(self, plan: Plan) -> tuple[LostFile, ...]:
        """Return the files that a plan needs and that were lost since the last look."""
        files = lost_files(self._history, plan, self._lost)
        self._lost |= {file.key for file in files}
        self._without_weights |= {file.fit.id for file in files if file.kind == "weights"}
        return files

    def trainings(self, files: Iterable[LostFile]) -> list[Train]:
        """Return the trainings that compute these files, paused fits first: others resume from their checkpoints."""
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
        """Send whether the weights of a fit were lost and are not back."""
        return fit.id in self._without_weights

    def has_weights(self, fit: Fit) -> None:
        """Count the weights of a fit as restored."""
        self._without_weights.discard(fit.id)

    def lacks_predictions(self, fit: Fit) -> bool:
        """Send whether a model with a test score lost its test predictions and has the weights to compute them."""
        lost = (fit.id, "test") in self._lost
        return lost and not self.lacks_weights(fit) and not is_untested(self._history, fit)


def is_untested(history: History, fit: Fit) -> bool:
    """Send whether there is a model of this fit that was not evaluated on the test set yet."""
    record = history.record_summaries[fit.id]
    return record.done and history.test_evaluation_of(fit.id, record.weights_digest) is None


def lost_files(history: History, plan: Plan, but: Container[tuple[str, str]]) -> tuple[LostFile, ...]:
    """Return the files that a plan needs and that are not there; damaged ones are set aside first.

    Args:
        history: that of the runs folder.
        plan: a plan with all choices that the records allow.
        but: keys of files that are not looked at.
    """
    found: dict[tuple[str, str], LostFile] = {}
    for fit, kind, digest in _needed(history, plan):
        # Test predictions are computed from the weights, which are needed only then.
        for each in (kind, "weights") if kind == "test" else (kind,):
            key = fit.id, each
            if key in but or key in found or history.artefacts.is_sound(*key, digest):
                break
            found[key] = LostFile(fit, each, history.artefacts.set_aside(*key))
    return tuple(found.values())


def _needed(history: History, plan: Plan) -> Iterator[tuple[Fit, str, str]]:
    """Yield each fit that is done with the kind of a file that is needed and the digest of its weights."""
    for fit in plan.tested_fits:
        if digest := _digest(history, fit):
            yield fit, "test" if history.test_evaluation_of(fit.id, digest) else "weights", digest
    for fit in plan.settled_fits:
        if digest := _digest(history, fit):
            yield fit, "validation", digest


def _digest(history: History, fit: Fit) -> str:
    """Return the digest of a fit's weights on record, empty where it is not done."""
    record = history.record_summaries.get(fit.id)
    return record.weights_digest if record is not None and record.done else ""


def is_same(record: Record, before: RecordSummary | None) -> bool:
    """Send whether a fit that was trained again has the weights that it had."""
    return before is not None and record.done and record.weights_digest == before.weights_digest


def replaces(record: Record, before: RecordSummary | None, scored: bool, accepting: bool) -> bool:
    """Send whether a record takes the place of an earlier one, which always stays if it has the same weights.

    Args:
        record: the new record.
        before: the earlier one; a failed one is replaced.
        scored: whether the weights of the earlier one have a test score; then it stays.
        accepting: whether a failure that may pass replaces the record of a fit that is done, so that the next run can
            accept it. Otherwise the record stays, and the next run tries again.
    """
    if before is None or not before.done:
        return True
    if scored or is_same(record, before):
        return False
    return record.done or record.error_kind in LASTING_ERRORS or accepting
