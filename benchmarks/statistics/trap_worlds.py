"""Draw studies that hold every trap at once, with a known truth: images, predictions, and two runs on one test set.

Images are frames of patients of unequal number, which no number of folds divides evenly. One class is rare, 2 % of the
labels are wrong, a seed of the network "fragile" collapses, and the test set is asked twice: with 3 seeds, then with 5.
In truth, "base" and "twin" are equal, "weak" is worse, and "fragile" is equal to "base" if it trains. Nothing is
trained: predictions are drawn, and the analysis of convstudy reads them as those of a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from convstudy.data import Dataset, DatasetStatistics, Split, split_indices
from convstudy.data.audit.duplicates import Pairs
from convstudy.data.audit.statistics import PartStatistics
from convstudy.errors import Location, Problem, StoreError
from convstudy.history.access_log import Entry, hypothesis_of
from convstudy.history.results import Results
from convstudy.plan import Fit, resolve
from convstudy.record import Environment, Epoch, Evaluation, Record, Scores
from convstudy.studyfile import Compare, NetworkPattern, Search, Study

Array = npt.NDArray[Any]
CLASSES = ("common", "other", "rare")
N_PATIENTS = {"train": 152, "test": 83}
WRONG_LABELS = 0.02
COLLAPSED = 1
"""The number of seeds of "fragile" that collapse, of 5."""
LOOKS = (3, 5)
"""The numbers of seeds with which the test set is asked."""
VALIDATION = 0.25
ERROR = {"base": -3.6, "twin": -3.6, "weak": -1.2, "fragile": -3.6}
ERROR |= {"learning_rate=0.01": -3.6, "learning_rate=0.02": -3.6, "learning_rate=0.03": -1.2}
"""The log-odds of an error of each candidate on a patient and an image of median difficulty."""
PATIENT, OWN_PATIENT, IMAGE, SEED = 1.2, 0.7, 0.8, 0.25
"""The standard deviations of the log-odds: of patients for all candidates, for one candidate, of images, of seeds."""
HERE = Environment("Linux x86_64", "none", 2, 1, "cpu", "3.11", "2.13.0", "2.4", "0.1.0")


@dataclass(frozen=True)
class Part:
    """The images of a part: patients, true classes and labels, each of shape (n,)."""

    patients: Array
    true: Array
    labels: Array

    @property
    def flipped(self) -> Array:
        """The rows with a wrong label."""
        return np.flatnonzero(self.true != self.labels)


def part_of(name: str) -> Part:
    """Return training or test images: 5 to 11 frames of each patient; one patient in 15 has the rare class."""
    n = N_PATIENTS[name]
    random = np.random.default_rng([len(name), n])
    patients = np.repeat(np.arange(n), random.integers(5, 12, n))
    of_patient = np.where(np.arange(n) % 15 == 0, 2, np.arange(n) % 2)
    true = of_patient[patients]
    labels = true.copy()
    rows = random.choice(len(true), round(WRONG_LABELS * len(true)), replace=False)
    labels[rows] = (labels[rows] + random.integers(1, 3, len(rows))) % 3
    return Part(patients, true, labels)


TRAIN, TEST = part_of("train"), part_of("test")


@cache
def rows_of(split: Split) -> tuple[Array, Array]:
    """Return the rows of the training and of the validation images."""
    return split_indices(TRAIN.labels, split, TRAIN.patients)


@cache
def dataset() -> Dataset:
    """Return the images; their pixels are noise, because nothing is trained."""
    random = np.random.default_rng(0)
    pixels = [random.integers(0, 255, (len(part.labels), 6, 6)).astype(np.uint8) for part in (TRAIN, TEST)]
    return Dataset.from_arrays(
        pixels[0], TRAIN.labels, pixels[1], TEST.labels,
        class_names=CLASSES, name="traps", groups=TRAIN.patients, test_groups=TEST.patients,
    )  # fmt: skip


def study_of(data: Dataset, n_seeds: int, validation: float) -> Study:
    """Return the study: a search over five unequal folds, and a comparison of four networks."""
    names = ("base", "twin", "weak", "fragile")
    networks = {
        name: NetworkPattern(layers=(f"conv {4 + number} 3 relu", "flatten"))
        for number, name in enumerate((*names, "tuned"))
    }
    rates = Search(network="tuned", parameters={"learning_rate": (0.01, 0.02, 0.03)}, folds=5)
    return Study(
        name="traps",
        dataset=data,
        seeds=n_seeds,
        validation=validation,
        recipe={"epochs": 2, "learning_rate": 0.01},
        network=networks,
        search={"rate": rates},
        compare={"networks": Compare(networks=names)},
    )


@dataclass(frozen=True)
class World:
    """One draw of patients, images and models.

    Attributes:
        number: the number of the draw.
        validation: the fraction of training images that each seed holds out.
    """

    number: int
    validation: float = VALIDATION

    @cached_property
    def collapsed(self) -> frozenset[int]:
        """The seeds of "fragile" that collapse."""
        return frozenset(np.random.default_rng([self.number, 1]).choice(5, COLLAPSED, replace=False).tolist())

    @cached_property
    def difficulty(self) -> dict[str, Array]:
        """The log-odds that the images of a part add to every candidate's errors."""
        found = {}
        for name, part in (("train", TRAIN), ("test", TEST)):
            random = np.random.default_rng([self.number, 2, len(name)])
            of_patients = random.normal(0, PATIENT, N_PATIENTS[name])
            found[name] = of_patients[part.patients] + random.normal(0, IMAGE, len(part.patients))
        return found

    def predictions(self, name: str, fit: Fit, part_name: str) -> Array:
        """Return the probabilities of a model for all images of a part, shape (n, 3)."""
        part = TRAIN if part_name == "train" else TEST
        # Not the id of the fit, which another version of convstudy can change.
        n, key = len(part.true), (*name.encode(), getattr(fit.split, "index", fit.seed))
        if name == "fragile" and fit.seed in self.collapsed:
            return np.tile(np.float32([0.5, 0.4, 0.1]), (n, 1))
        of_candidate = np.random.default_rng([self.number, 3, len(part_name), *name.encode()])
        random = np.random.default_rng([self.number, 4, len(part_name), *key])
        # A seed has the same strength on validation and on test images.
        strength = np.random.default_rng([self.number, 5, *key]).normal(0, SEED)
        own = of_candidate.normal(0, OWN_PATIENT, N_PATIENTS[part_name])[part.patients]
        odds = ERROR[name] + self.difficulty[part_name] + own + strength
        is_wrong = random.random(n) < 1 / (1 + np.exp(-odds))
        predicted = np.where(is_wrong, (part.true + random.integers(1, 3, n)) % 3, part.true)
        # Few errors are as confident as the correct predictions.
        confident = ~is_wrong | (random.random(n) < 0.1)
        confidence = np.where(confident, random.uniform(0.93, 0.995, n), random.uniform(0.4, 0.9, n))
        probabilities = np.tile((1 - confidence)[:, None] / 2, 3)
        probabilities[np.arange(n), predicted] = confidence
        return probabilities.astype(np.float32)

    def looks(self) -> tuple[Results, ...]:
        """Return the results of the run at each look at the test set."""
        found: list[Results] = []
        log: tuple[Entry, ...] = ()
        for n_seeds in LOOKS:
            found.append(self._results(n_seeds, log))
            log = found[-1].access_log
        return tuple(found)

    def _results(self, n_seeds: int, log: tuple[Entry, ...]) -> Results:
        names: dict[str, str] = {}
        arrays: dict[tuple[str, str], dict[str, Array]] = {}
        records: dict[str, Record] = {}
        study = study_of(dataset(), n_seeds, self.validation)
        while True:
            plan, choices = resolve(study, records)
            candidates = [each for stage in plan.stages for each in stage.candidates if not each.depends_on]
            missing = [(each.name, fit) for each in candidates for fit in each.fits if fit.id not in records]
            if not missing:
                break
            for name, fit in missing:
                names[fit.id] = name
                rows = rows_of(fit.split)
                probabilities = self.predictions(name, fit, "train")[rows[1]]
                labels, groups = TRAIN.labels[rows[1]], TRAIN.patients[rows[1]]
                arrays[fit.id, "validation"] = {
                    "indices": rows[1], "labels": labels, "probabilities": probabilities, "groups": groups,
                }  # fmt: skip
                records[fit.id] = _record(fit, _scores(labels, probabilities), len(rows[0]), len(rows[1]))
        evaluations = {}
        for fit in plan.tested_fits:
            probabilities = self.predictions(names[fit.id], fit, "test")
            arrays[fit.id, "test"] = {
                "labels": TEST.labels, "probabilities": probabilities, "groups": TEST.patients,
            }  # fmt: skip
            scores = _scores(TEST.labels, probabilities)
            evaluations[fit.id] = Evaluation(
                fit.id, records[fit.id].weights_digest, "traps", "", len(TEST.labels), scores
            )
        logged = {entry.test_evaluation.fit_id for entry in log}
        run_id = f"traps-{n_seeds}"
        new = tuple(
            Entry(evaluations[fit.id], run_id, hypothesis_of(fit), fit.seed, dataset().digest)
            for fit in plan.tested_fits
            if fit.id not in logged
        )

        def read(fit_id: str, what: str) -> dict[str, Array]:
            if (fit_id, what) not in arrays:
                raise StoreError(Problem("there is no such file", Location(f"{fit_id}/{what}")))
            return arrays[fit_id, what]

        return Results(
            run_id, study, plan, choices, records, evaluations, len(log) + len(new), len(log),
            "2026-01-02T03:04:05Z", "2026-01-02T03:09:05Z", read, (*log, *new), _statistics(dataset()),
        )  # fmt: skip


def _scores(labels: Array, probabilities: Array) -> Scores:
    of_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    accuracy = float((probabilities.argmax(axis=1) == labels).mean())
    return Scores({"log-loss": float(-np.log(of_label).mean()), "accuracy": accuracy})


def _record(fit: Fit, scores: Scores, n_train: int, n_validation: int) -> Record:
    epochs = tuple(
        Epoch(number, fit.recipe.learning_rate, scores, scores, 1.0, 0.1)
        for number in range(1, fit.n_epochs + 1)
    )
    return Record(
        fit.id, "done", epochs, 1, 1, n_train, n_validation, 500, f"weights of {fit.id}", environment=HERE
    )


def _statistics(data: Dataset) -> DatasetStatistics:
    parts = [
        PartStatistics(tuple(np.bincount(part.labels, minlength=3).tolist()), 0, 0, 0)
        for part in (TRAIN, TEST)
    ]
    none = Pairs(0, 0, 0, ())
    return DatasetStatistics(data.digest, parts[0], parts[1], none, none)


def true_accuracy(name: str, trained: bool = True) -> float:
    """Return a candidate's expected accuracy on new patients and seeds, by its labels of which some are wrong.

    Args:
        name: the candidate.
        trained: whether seeds of "fragile" that collapse are left out.
    """
    points, weights = np.polynomial.hermite_e.hermegauss(80)
    spread = np.sqrt(PATIENT**2 + OWN_PATIENT**2 + IMAGE**2 + SEED**2)
    error = float((weights / (1 + np.exp(-(ERROR[name] + spread * points)))).sum() / weights.sum())
    # A wrong label is one of the two other classes, and so is a wrong prediction.
    share = len(TEST.flipped) / len(TEST.labels)
    accuracy = (1 - error) * (1 - share) + error * share / 2
    if name != "fragile" or trained:
        return accuracy
    constant = float((TEST.labels == 0).mean())
    return (1 - COLLAPSED / 5) * accuracy + COLLAPSED / 5 * constant
