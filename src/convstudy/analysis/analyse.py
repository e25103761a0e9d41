"""The analysis of a run, shared by checks, report, JSON and command line.

Each part is computed on first access and cached. Therefore each prediction file is read at most once, and a command
computes only the parts that it shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from convstudy.analysis.baselines import StageBaselines, stage_baselines
from convstudy.analysis.calibration import Calibration, calibration_of
from convstudy.analysis.findings import Headline, StageResult, headline, stage_result
from convstudy.analysis.held_out import HeldOutReader
from convstudy.analysis.label_errors import LabelErrors, label_errors_of_test, label_errors_of_training
from convstudy.analysis.optimism import BiasedEstimate, biased_estimates
from convstudy.analysis.predictions import PredictionReader
from convstudy.analysis.protocol import Protocol, protocol
from convstudy.history.results import Results
from convstudy.plan import Candidate


@dataclass(frozen=True, eq=False)
class Analysis:
    """The analysis of a run: stage results with verdicts, protocol, biased estimates, calibration.

    Attributes:
        results: the results of the run, which may be unfinished.

    Example:
        >>> from convstudy.analysis import analyse
        >>> analysis = analyse(results)  # doctest: +SKIP
        >>> [stage_result.stage for stage_result in analysis.stage_results]  # doctest: +SKIP
        ['search.kernel-size', 'compare.architectures', 'ablate.best']
    """

    results: Results
    _calibrations: dict[tuple[str, ...], Calibration | None] = field(
        default_factory=dict, init=False, repr=False
    )

    @cached_property
    def headline(self) -> Headline | None:
        """The candidate that the report shows in detail; ``None`` if it is not known yet."""
        return headline(self.results)

    @cached_property
    def predictions(self) -> PredictionReader:
        """The reader of test predictions. It also keeps the misclassified images of the headline's fits."""
        head = self.headline
        return PredictionReader(self.results, [fit.id for fit in head.candidate.fits] if head else ())

    @cached_property
    def held_out(self) -> HeldOutReader:
        """The reader of validation predictions."""
        return HeldOutReader(self.results)

    @cached_property
    def stage_results(self) -> tuple[StageResult, ...]:
        """The results of all stages, in the order of the plan."""
        return tuple(
            stage_result(self.results, stage, self.predictions, self.held_out)
            for stage in self.results.plan.stages
        )

    @property
    def main_results(self) -> tuple[StageResult, ...]:
        """The results of the stages that the study file asks for, without the inner stages of nested searches."""
        return tuple(stage_result for stage_result in self.stage_results if stage_result.is_main)

    @cached_property
    def protocol(self) -> Protocol:
        """The images that each stage uses, the selections, and the test-set evaluations."""
        return protocol(self.results)

    @cached_property
    def biased_estimates(self) -> tuple[BiasedEstimate, ...]:
        """The selection-biased estimates of this run, each with an unbiased estimate."""
        return biased_estimates(self.results, self.stage_results, self.headline)

    @cached_property
    def baselines(self) -> tuple[StageBaselines, ...]:
        """The main stages compared with baselines; those whose baselines are not computed are left out."""
        found = (
            stage_baselines(self.results, each, self.predictions, self.held_out) for each in self.main_results
        )
        return tuple(each for each in found if each is not None)

    @cached_property
    def label_errors(self) -> tuple[LabelErrors, LabelErrors]:
        """The suspected label errors of the training images and of the test images."""
        head = self.headline
        fit_ids = self.tested_fit_ids(head.candidate) if head else ()
        return (
            label_errors_of_training(self.main_results, self.held_out),
            label_errors_of_test(head, fit_ids, self.predictions),
        )

    def tested_fit_ids(self, candidate: Candidate) -> tuple[str, ...]:
        """Return the ids of a candidate's completed fits that have a test score."""
        results = self.results
        done = [record.fit_id for record in results.records_of(candidate) if record.done]
        test_evaluations = {fit_id: results.test_evaluations.get(fit_id) for fit_id in done}
        return tuple(fit_id for fit_id, each in test_evaluations.items() if each and each.scores is not None)

    @cached_property
    def collapsed_fit_ids(self) -> frozenset[str]:
        """The completed fits that collapsed, of all stages that are evaluated on the test set."""
        return frozenset(
            fit.fit_id
            for stage_result in self.stage_results
            if stage_result.collapse is not None
            for row, found in zip(stage_result.rows, stage_result.collapse.candidates, strict=True)
            for fit in row.fits
            if fit.part in found.collapsed_parts
        )

    def calibration(self, fit_ids: tuple[str, ...]) -> Calibration | None:
        """Return the calibration of the models of these fits, pooled; ``None`` if predictions are missing.

        If one of them collapsed, its intervals are not reliable.
        """
        if fit_ids not in self._calibrations:
            models = [self.predictions.of(fit_id) for fit_id in fit_ids]
            found = calibration_of(models, self.predictions.all_groups)
            if found is not None and not self.collapsed_fit_ids.isdisjoint(fit_ids):
                found = found.unreliable()
            self._calibrations[fit_ids] = found
        return self._calibrations[fit_ids]


def analyse(results: Results) -> Analysis:
    """Analyse the results of a run, which may be unfinished; each part is computed on first access."""
    return Analysis(results)
