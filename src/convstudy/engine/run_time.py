"""Estimate how long fits take on this machine, by timing a few real steps.

Two fits have the same kind of step if they differ only in recipe keys that do not change the duration of a step, such
as the learning rate. If there are up to ``MAX_TIMED`` kinds, all are timed. Otherwise ``MAX_TIMED`` kinds are timed and
the others are interpolated, so that the estimate for 10,000 networks takes as long as the estimate for 24.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from convstudy.data import Dataset, split_sizes
from convstudy.engine.averaging import WeightAverage
from convstudy.engine.batches import ImageTensors
from convstudy.engine.evaluation import evaluate
from convstudy.engine.normalisation import build_model
from convstudy.engine.optimizers import build_optimizer
from convstudy.engine.randomness import torch_generator
from convstudy.engine.settings import repeatable
from convstudy.engine.training import EagerLoop, Step, train_epoch
from convstudy.networks import Network, layer_table
from convstudy.plan.cost import images_to_evaluate, images_to_train
from convstudy.plan.fit import Fit
from convstudy.studyfile import Recipe

TIMING_LEARNING_RATE = 1e-6
MAX_TIMED = 24
# Recipe keys that do not change the duration of a step.
KEYS_WITHOUT_COST = frozenset(
    [
        "learning_rate",
        "adam_lr",
        "schedule",
        "step_epochs",
        "step_factor",
        "warmup_fraction",
        "epochs",
        "patience",
        "checkpoint",
        "train_eval_samples",
        "class_weights",
        "focal_gamma",
        "sampling",
        "hard_fraction",
        "logit_adjustment",
    ]
)

SecondsPerImage = tuple[float, float]
"""Seconds per image in training and in evaluation."""


@dataclass(frozen=True)
class _Kind:
    """Everything that determines the duration of a step; ``recipe`` has only keys that differ from their defaults."""

    dataset: Dataset
    network: Network
    recipe: tuple[tuple[str, object], ...]
    n_images: int
    threads: int

    @cached_property
    def work(self) -> int:
        """The number of multiply-accumulate operations (MACs) of one forward pass over a batch."""
        shape, n_classes = self.dataset.image_shape, self.dataset.n_classes
        return self.n_images * layer_table(self.network, shape, n_classes).macs

    @cached_property
    def family(self) -> frozenset[tuple[str, object]]:
        """Everything else that the duration depends on: layer types, threads, and non-numeric recipe values."""
        keys = [
            (key, value if isinstance(value, str | bool) else "")
            for key, value in self.recipe
            if key != "batch_size"
        ]
        return frozenset(
            [
                ("dataset", self.dataset),
                ("layers", self.network.layer_types),
                ("threads", self.threads),
                *keys,
            ]
        )


@dataclass(frozen=True)
class Expected:
    """How long fits are expected to take.

    Attributes:
        seconds: fit id -> seconds of the fit if no other fit runs at the same time.
        n_kinds: the number of different kinds of steps among the fits.
        n_timed: the number of kinds that were timed; the others are interpolated.
    """

    seconds: dict[str, float]
    n_kinds: int
    n_timed: int


def estimate_run_time(fits: Iterable[Fit], seconds: float = 3.0) -> Expected:
    """Estimate how long fits take on this machine.

    Args:
        fits: the fits to estimate.
        seconds: the approximate duration of the estimate itself, divided among the timed kinds. Each kind takes at
            least two training steps and two evaluations.
    """
    all_fits = tuple(fits)
    kinds = _kinds(all_fits)
    examples = dict(zip(kinds, all_fits, strict=True))
    timed = _spread(list(examples))
    per_image = _interpolate(
        {kind: _timed(examples[kind], seconds / len(timed)) for kind in timed}, list(examples)
    )
    expected: dict[str, float] = {}
    for kind, fit in zip(kinds, all_fits, strict=True):
        train, evaluation = per_image[kind]
        n_train, n_validation = split_sizes(fit.dataset.n_train, fit.split)
        n_evaluated = images_to_evaluate(fit.recipe, n_train, n_validation)
        n_trained = images_to_train(fit.recipe, n_train, 1, fit.n_epochs)
        expected[fit.id] = n_trained * train + fit.n_epochs * n_evaluated * evaluation
    return Expected(expected, len(examples), len(timed))


def _kinds(fits: tuple[Fit, ...]) -> list[_Kind]:
    keys: dict[Recipe, tuple[tuple[str, object], ...]] = {}
    kinds = []
    for fit in fits:
        if fit.recipe not in keys:
            items = fit.recipe.determinants().items()
            keys[fit.recipe] = tuple((key, value) for key, value in items if key not in KEYS_WITHOUT_COST)
        kinds.append(_Kind(fit.dataset, fit.network, keys[fit.recipe], _n_images(fit), fit.threads))
    return kinds


def _spread(kinds: list[_Kind]) -> list[_Kind]:
    """Return the kinds to time: all, or ``MAX_TIMED`` of them.

    With up to ``MAX_TIMED / 2`` families, the kinds with the most and the least work of each family are timed, because
    the largest networks take most of a study's time. The other kinds to time are spread evenly over families and work.
    """
    if len(kinds) <= MAX_TIMED:
        return kinds
    families: dict[frozenset[tuple[str, object]], list[_Kind]] = {}
    for kind in kinds:
        families.setdefault(kind.family, []).append(kind)
    ordered = [sorted(family, key=lambda kind: kind.work) for family in families.values()]
    chosen: list[_Kind] = []
    if 2 * len(ordered) <= MAX_TIMED:
        chosen = list(dict.fromkeys(kind for family in ordered for kind in (family[-1], family[0])))
    taken = set(chosen)
    others = [kind for family in ordered for kind in family if kind not in taken]
    places = np.linspace(0, len(others) - 1, MAX_TIMED - len(chosen))
    return chosen + [others[round(place)] for place in places]


def _interpolate(timed: dict[_Kind, SecondsPerImage], kinds: list[_Kind]) -> dict[_Kind, SecondsPerImage]:
    """Return the seconds per image of every kind, timed or interpolated over work within the most similar families.

    For work outside the range of these families, the time follows the line ``a + b · work`` fitted to all timed steps.
    """
    if len(timed) == len(kinds):
        return timed
    overhead, rate = _line(timed)
    steps: dict[frozenset[tuple[str, object]], np.ndarray] = {}
    per_image = dict(timed)
    for kind in kinds:
        if kind in timed:
            continue
        if kind.family not in steps:
            steps[kind.family] = np.array(_nearest(kind, timed)).T
        work, train, evaluation = steps[kind.family]
        end = min(max(kind.work, work[0]), work[-1])
        ratio = (overhead + rate * kind.work) / (overhead + rate * end)
        per_image[kind] = (
            ratio * float(np.interp(kind.work, work, train)) / kind.n_images,
            ratio * float(np.interp(kind.work, work, evaluation)) / kind.n_images,
        )
    return per_image


def _line(timed: dict[_Kind, SecondsPerImage]) -> tuple[float, float]:
    """Fit seconds per step = ``a + b · work`` with a, b >= 0 by least squares of the relative errors."""
    from scipy.optimize import nnls

    seconds = np.array([kind.n_images * train for kind, (train, _) in timed.items()])
    work = np.array([float(kind.work) for kind in timed])
    scale = work.max()  # without this scale, the columns of the system differ by ten orders of magnitude
    (overhead, rate), _ = nnls(np.stack([1 / seconds, work / scale / seconds], axis=1), np.ones(len(work)))
    return float(overhead), float(rate / scale)


def _nearest(kind: _Kind, timed: dict[_Kind, SecondsPerImage]) -> list[tuple[float, ...]]:
    """Return work, training seconds and evaluation seconds of the timed steps in the most similar families."""
    differences = {other: len(kind.family ^ other.family) for other in timed}
    least = min(differences.values())
    return sorted(
        (float(other.work), other.n_images * train, other.n_images * evaluation)
        for other, (train, evaluation) in timed.items()
        if differences[other] == least
    )


def _n_images(fit: Fit) -> int:
    return min(fit.recipe.batch_size, 200)


def _timed(fit: Fit, seconds: float) -> SecondsPerImage:
    """Time training and evaluation on random images; return the median seconds per image of each."""
    info = fit.dataset
    n_images = _n_images(fit)
    generator = torch_generator(0, "calibration")
    images = ImageTensors(
        torch.randint(0, 256, (n_images, *info.image_shape), dtype=torch.uint8, generator=generator),
        torch.randint(0, info.n_classes, (n_images,), generator=generator),
        None if fit.recipe.class_weights == "none" else torch.ones(n_images),
    )
    # The learning rate does not change a step's duration. At this rate, the loss on random images does not diverge.
    rate = TIMING_LEARNING_RATE
    recipe = fit.recipe.varied({"learning_rate": rate, "adam_lr": rate})
    with repeatable(fit.threads):
        model = build_model(fit.network, recipe, info.image_shape, info.n_classes, generator)
        optimizer = build_optimizer(recipe, model.parameters())
        average = None if recipe.ema_decay is None else WeightAverage(model)
        loop = EagerLoop(Step(model, optimizer, recipe, average), images)
        medians = []
        for work in (
            lambda: train_epoch(loop, 0, 1),
            lambda: evaluate(model, images, recipe.precision),
        ):
            work()  # warm-up: the first call also selects kernels and allocates memory
            times: list[float] = []
            started = time.perf_counter()
            while not times or time.perf_counter() - started < seconds / 2:
                before = time.perf_counter()
                work()
                times.append(time.perf_counter() - before)
            # The median ignores single steps that another process interrupted.
            medians.append(sorted(times)[len(times) // 2] / n_images)
    return medians[0], medians[1]
