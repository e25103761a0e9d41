"""One analysis of a run: the value that checks, report, JSON and command line share.

Every part is worked out when it is first asked for, and kept. So each file of predictions is read at most once, and a
command that shows little costs little.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from convstudy.analysis.calibration import Calibration, calibration_of
from convstudy.analysis.findings import Headline, StageResult, headline, stage_result
from convstudy.analysis.held_out import HeldOutReader
from convstudy.analysis.optimism import BiasedEstimate, biased_estimates
from convstudy.analysis.predictions import PredictionReader
from convstudy.analysis.protocol import Protocol, protocol
from convstudy.history.results import Results
from convstudy.plan import Candidate


@dataclass(frozen=True, eq=False)
class Analysis:
    """What a run's results say: stage results with their verdicts, the protocol, optimism, calibration.

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
        """The candidate that the study comes down to; ``None`` where it is not known yet."""
        return headline(self.results)

    @cached_property
    def predictions(self) -> PredictionReader:
        """The predictions of the test images; those of the headline with images of mistakes."""
        head = self.headline
        return PredictionReader(self.results, [fit.id for fit in head.candidate.fits] if head else ())

    @cached_property
    def held_out(self) -> HeldOutReader:
        """The predictions of the validation images."""
        return HeldOutReader(self.results)

    @cached_property
    def stage_results(self) -> tuple[StageResult, ...]:
        """The results of all stages, in the order of the plan."""
        return tuple(
            stage_result(self.results, stage, self.predictions, self.held_out)
            for stage in self.results.plan.stages
        )

    @property
    def asked(self) -> tuple[StageResult, ...]:
        """The results of the stages that are questions of the study itself."""
        return tuple(stage_result for stage_result in self.stage_results if stage_result.asked)

    @cached_property
    def protocol(self) -> Protocol:
        """Which images each stage used, the choices, and the test-set evaluations."""
        return protocol(self.results)

    @cached_property
    def biased_estimates(self) -> tuple[BiasedEstimate, ...]:
        """What a notebook would have reported of this run."""
        return biased_estimates(self.results, self.stage_results, self.headline)

    def tested(self, candidate: Candidate) -> tuple[str, ...]:
        """Return the fits of a candidate that are done and whose model has a test score."""
        results = self.results
        done = [record.fit_id for record in results.records_of(candidate) if record.done]
        test_evaluations = {fit_id: results.test_evaluations.get(fit_id) for fit_id in done}
        return tuple(fit_id for fit_id, each in test_evaluations.items() if each and each.scores is not None)

    def calibration(self, fit_ids: tuple[str, ...]) -> Calibration | None:
        """Return the calibration of these fits' models together; ``None`` where predictions of one are missing."""
        if fit_ids not in self._calibrations:
            self._calibrations[fit_ids] = calibration_of(map(self.predictions.of, fit_ids))
        return self._calibrations[fit_ids]


def analyse(results: Results) -> Analysis:
    """Return the analysis of a run that is finished or not."""
    return Analysis(results)
