"""How long fits will take on this machine: a few real steps, timed.

Fits that differ only in what takes no time, such as the learning rate, are of one kind. Up to ``MOST_TIMED`` kinds are
timed, each of them. Of more kinds, this many are timed, and the steps of the others are interpolated: a plan of 10,000
networks takes as long to estimate as one of 24.
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
from convstudy.engine.optimizers import build_optimizer
from convstudy.engine.randomness import torch_generator
from convstudy.engine.settings import repeatable
from convstudy.engine.training import EagerLoop, Step, train_epoch
from convstudy.networks import Network, layer_table
from convstudy.networks.build import build_network
from convstudy.plan.cost import images_to_evaluate
from convstudy.plan.fit import Fit
from convstudy.studyfile import Recipe

CALIBRATION_LEARNING_RATE = 1e-6
MOST_TIMED = 24
# A step takes as long with any value of these.
TIMELESS = frozenset(
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
    ]
)

StepHyperparameters = tuple[float, float]
"""Seconds an image in training and in evaluation."""


@dataclass(frozen=True)
class _Kind:
    """Fits whose steps take equally long: ``recipe`` has the keys that a step depends on, without defaults."""

    dataset: Dataset
    network: Network
    recipe: tuple[tuple[str, object], ...]
    n_images: int
    threads: int

    @cached_property
    def work(self) -> int:
        """Multiply-adds of one step."""
        shape, n_classes = self.dataset.image_shape, self.dataset.n_classes
        return self.n_images * layer_table(self.network, shape, n_classes).macs

    @cached_property
    def family(self) -> frozenset[tuple[str, object]]:
        """What a step depends on besides its work: the layers' words, and all of the recipe that is no number."""
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
        seconds: fit id -> seconds when it runs alone with its threads.
        n_kinds: the number of different steps that these fits train with.
        n_timed: the number of these that were timed; the others are interpolated.
    """

    seconds: dict[str, float]
    n_kinds: int
    n_timed: int


def estimate_run_time(fits: Iterable[Fit], seconds: float = 3.0) -> Expected:
    """Return how long fits are expected to take on this machine.

    Args:
        fits: the fits to expect.
        seconds: about how long this may take in all; each timed kind has its share, two steps at least.
    """
    every = tuple(fits)
    kinds = _kinds(every)
    examples = dict(zip(kinds, every, strict=True))
    timed = _spread(list(examples))
    paces = _interpolated(
        {kind: _pace(examples[kind], seconds / len(timed)) for kind in timed}, list(examples)
    )
    expected: dict[str, float] = {}
    for kind, fit in zip(kinds, every, strict=True):
        train, evaluation = paces[kind]
        n_train, n_validation = split_sizes(fit.dataset.n_train, fit.split)
        n_evaluated = images_to_evaluate(fit.recipe, n_train, n_validation)
        expected[fit.id] = fit.n_epochs * (n_train * train + n_evaluated * evaluation)
    return Expected(expected, len(examples), len(timed))


def _kinds(fits: tuple[Fit, ...]) -> list[_Kind]:
    """Return the kind of each fit."""
    keys: dict[Recipe, tuple[tuple[str, object], ...]] = {}
    kinds = []
    for fit in fits:
        if fit.recipe not in keys:
            items = fit.recipe.determinants().items()
            keys[fit.recipe] = tuple((key, value) for key, value in items if key not in TIMELESS)
        kinds.append(_Kind(fit.dataset, fit.network, keys[fit.recipe], _n_images(fit), fit.threads))
    return kinds


def _spread(kinds: list[_Kind]) -> list[_Kind]:
    """Return the kinds to time: all, or ``MOST_TIMED`` of them.

    Of up to ``MOST_TIMED / 2`` families the steps with the most and the least work are among them, because the largest
    networks take most of a study's time. The others are evenly spread over families and their work.
    """
    if len(kinds) <= MOST_TIMED:
        return kinds
    families: dict[frozenset[tuple[str, object]], list[_Kind]] = {}
    for kind in kinds:
        families.setdefault(kind.family, []).append(kind)
    ordered = [sorted(family, key=lambda kind: kind.work) for family in families.values()]
    chosen: list[_Kind] = []
    if 2 * len(ordered) <= MOST_TIMED:
        chosen = list(dict.fromkeys(kind for family in ordered for kind in (family[-1], family[0])))
    taken = set(chosen)
    others = [kind for family in ordered for kind in family if kind not in taken]
    places = np.linspace(0, len(others) - 1, MOST_TIMED - len(chosen))
    return chosen + [others[round(place)] for place in places]


def _interpolated(
    timed: dict[_Kind, StepHyperparameters], kinds: list[_Kind]
) -> dict[_Kind, StepHyperparameters]:
    """Return the pace of every kind: its own, or that of the nearest families' steps, interpolated over their work.

    Beyond these steps it follows the line ``a + b · work`` through all timed steps.
    """
    if len(timed) == len(kinds):
        return timed
    overhead, rate = _line(timed)
    steps: dict[frozenset[tuple[str, object]], np.ndarray] = {}
    paces = dict(timed)
    for kind in kinds:
        if kind in timed:
            continue
        if kind.family not in steps:
            steps[kind.family] = np.array(_nearest(kind, timed)).T
        work, train, evaluation = steps[kind.family]
        end = min(max(kind.work, work[0]), work[-1])
        ratio = (overhead + rate * kind.work) / (overhead + rate * end)
        paces[kind] = (
            ratio * float(np.interp(kind.work, work, train)) / kind.n_images,
            ratio * float(np.interp(kind.work, work, evaluation)) / kind.n_images,
        )
    return paces


def _line(timed: dict[_Kind, StepHyperparameters]) -> tuple[float, float]:
    """Return ``a`` and ``b`` of the line ``a + b · work``, none below 0, with the least relative errors."""
    from scipy.optimize import nnls

    seconds = np.array([kind.n_images * train for kind, (train, _) in timed.items()])
    work = np.array([float(kind.work) for kind in timed])
    scale = work.max()  # work and 1 differ by ten digits
    (overhead, rate), _ = nnls(np.stack([1 / seconds, work / scale / seconds], axis=1), np.ones(len(work)))
    return float(overhead), float(rate / scale)


def _nearest(kind: _Kind, timed: dict[_Kind, StepHyperparameters]) -> list[tuple[float, ...]]:
    """Return work, and seconds in training and evaluation, of the steps whose families differ the least."""
    differences = {other: len(kind.family ^ other.family) for other in timed}
    least = min(differences.values())
    return sorted(
        (float(other.work), other.n_images * train, other.n_images * evaluation)
        for other, (train, evaluation) in timed.items()
        if differences[other] == least
    )


def _n_images(fit: Fit) -> int:
    """Return how many images a timed step has."""
    return min(fit.recipe.batch_size, 200)


def _pace(fit: Fit, seconds: float) -> StepHyperparameters:
    """Return seconds an image in training and in evaluation, on random images."""
    info = fit.dataset
    n_images = _n_images(fit)
    generator = torch_generator(0, "calibration")
    images = ImageTensors(
        torch.randint(0, 256, (n_images, *info.image_shape), dtype=torch.uint8, generator=generator),
        torch.randint(0, info.n_classes, (n_images,), generator=generator),
    )
    # Steps take as long at any learning rate, and at this one random images let no loss diverge.
    rate = CALIBRATION_LEARNING_RATE
    recipe = fit.recipe.varied({"learning_rate": rate, "adam_lr": rate})
    with repeatable(fit.threads):
        model = build_network(fit.network, info.image_shape, info.n_classes, generator)
        optimizer = build_optimizer(recipe, model.parameters())
        average = None if recipe.ema_decay is None else WeightAverage(model)
        loop = EagerLoop(Step(model, optimizer, recipe, average), images)
        paces = []
        for work in (
            lambda: train_epoch(loop, 0, 1),
            lambda: evaluate(model, images, recipe.precision),
        ):
            work()  # the first call also chooses kernels and touches memory
            times: list[float] = []
            started = time.perf_counter()
            while not times or time.perf_counter() - started < seconds / 2:
                before = time.perf_counter()
                work()
                times.append(time.perf_counter() - before)
            paces.append(sorted(times)[len(times) // 2] / n_images)
    return paces[0], paces[1]
