"""One analysis of a run: the value that checks, report, JSON and command line share.

Every part is worked out when it is first asked for, and kept. So each file of predictions is read at most once, and a
command that shows little costs little.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from convstudy.analysis.calibration import Calibration, calibration_of
from convstudy.analysis.findings import Contest, Headline, contest, headline
from convstudy.analysis.held_out import HeldOutReader
from convstudy.analysis.optimism import Keepsake, keepsakes
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
        >>> [contest.stage for contest in analysis.contests]  # doctest: +SKIP
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
    def contests(self) -> tuple[Contest, ...]:
        """The results of all stages, in the order of the plan."""
        return tuple(
            contest(self.results, stage, self.predictions, self.held_out)
            for stage in self.results.plan.stages
        )

    @property
    def asked(self) -> tuple[Contest, ...]:
        """The results of the stages that are questions of the study itself."""
        return tuple(contest for contest in self.contests if contest.asked)

    @cached_property
    def protocol(self) -> Protocol:
        """Which images each stage used, the choices, and the test-set evaluations."""
        return protocol(self.results)

    @cached_property
    def keepsakes(self) -> tuple[Keepsake, ...]:
        """What a notebook would have reported of this run."""
        return keepsakes(self.results, self.contests, self.headline)

    def tested(self, candidate: Candidate) -> tuple[str, ...]:
        """Return the fits of a candidate that are done and whose model has a test score."""
        results = self.results
        done = [record.fit_id for record in results.records_of(candidate) if record.done]
        openings = {fit_id: results.openings.get(fit_id) for fit_id in done}
        return tuple(fit_id for fit_id, each in openings.items() if each and each.scores is not None)

    def calibration(self, fit_ids: tuple[str, ...]) -> Calibration | None:
        """Return the calibration of these fits' models together; ``None`` where predictions of one are missing."""
        if fit_ids not in self._calibrations:
            self._calibrations[fit_ids] = calibration_of(map(self.predictions.of, fit_ids))
        return self._calibrations[fit_ids]


def analyse(results: Results) -> Analysis:
    """Return the analysis of a run that is finished or not."""
    return Analysis(results)
