"""Results with a known truth: each test decides which images a model classifies correctly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from convstudy.data import BUILT_IN_DATASETS
from convstudy.errors import Location, Problem, StoreError
from convstudy.history.results import Results
from convstudy.record import Evaluation
from convstudy.studyfile import Ablate, Study, Variant
from tests.report.synthetic import synthetic_results
from tests.scores import scores
from tests.three_questions import three_questions

Wrong = Callable[[int], npt.NDArray[np.int64]]


def study_of(dataset: str, networks: int = 2, seeds: int = 5, margin: float = 0.1) -> Study:
    """Return a study that compares the networks a, b, c, ..."""
    base = three_questions()
    names = "abcdefgh"[:networks]
    pattern = base.network["one-conv"]
    return base.model_copy(
        update={
            "dataset": BUILT_IN_DATASETS[dataset],
            "seeds": seeds,
            "equivalence_margin": margin,
            "network": dict.fromkeys(names, pattern),
            "search": {},
            "compare": {"them": base.compare["architectures"].model_copy(update={"networks": tuple(names)})},
            "ablate": {},
        }
    )


def ablation_of(dataset: str, changes: tuple[str, ...], seeds: int = 5) -> Study:
    """Return an ablation of network a with these changes; the unmodified candidate is called "unmodified network"."""
    study = study_of(dataset, networks=1, seeds=seeds)
    variants = {name: Variant(recipe={"learning_rate": 0.01 + n / 1000}) for n, name in enumerate(changes)}
    return study.model_copy(update={"compare": {}, "ablate": {"a": Ablate(network="a", variants=variants)}})


def results_of(study: Study, wrong: dict[str, Wrong], lost: bool = False, **more: Any) -> Results:
    """Return results with given errors on the test images.

    Networks differ in their widths, so that their fits differ.

    Args:
        study: the study.
        wrong: candidate -> function from the seed to the indices of wrong predictions.
        lost: make all predictions unreadable.
        more: arguments of ``synthetic_results``.
    """
    patterns = {
        name: pattern.model_copy(update={"layers": (f"conv {4 + number} 3 relu", "flatten")})
        for number, (name, pattern) in enumerate(study.network.items())
    }
    return with_test_errors(
        synthetic_results(study.model_copy(update={"network": patterns}), **more), wrong, lost
    )


def with_test_errors(made: Results, wrong: dict[str, Wrong], lost: bool = False) -> Results:
    """Return results with these errors on the test images, as :func:`results_of` describes them."""
    tests: dict[str, dict[str, Any]] = {}
    test_evaluations: dict[str, Evaluation] = {}
    tested = {
        fit.id: (fit, wrong[candidate.name])
        for stage in made.plan.stages
        for candidate in stage.candidates
        if candidate.name in wrong
        for fit in candidate.fits
        if fit.id in made.test_evaluations
    }
    for fit, wrong_rows in tested.values():
        n = made.test_evaluations[fit.id].n_images
        labels = np.zeros(n, dtype=np.int64)
        probabilities = np.zeros((n, 10), dtype=np.float32)
        probabilities[:, :2] = (0.98, 0.02)
        probabilities[wrong_rows(fit.seed), :2] = (0.1, 0.9)
        right = probabilities.argmax(axis=1) == labels
        loss = float(-np.log(probabilities[:, 0].astype(np.float64)).mean())
        test_evaluations[fit.id] = replace(
            made.test_evaluations[fit.id], scores=scores(loss, float(right.mean()))
        )
        tests[fit.id] = {"labels": labels, "probabilities": probabilities}

    def arrays(fit_id: str, what: str) -> dict[str, Any]:
        if lost or what != "test" or fit_id not in tests:
            raise StoreError(Problem("there is no such file", Location(f"{fit_id}/{what}")))
        return tests[fit_id]

    return replace(made, test_evaluations=test_evaluations, arrays=arrays)


def rows(start: int, n: int) -> npt.NDArray[np.int64]:
    """Return the indices of n rows from ``start``."""
    return np.arange(start, start + n)
