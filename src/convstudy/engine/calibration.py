"""How long fits will take on this machine: a few real steps of each network, timed."""

from __future__ import annotations

import time
from collections.abc import Iterable

import torch

from convstudy.data import dataset_info, split_sizes
from convstudy.engine.averaging import WeightAverage
from convstudy.engine.batches import ImageTensors
from convstudy.engine.evaluation import evaluate
from convstudy.engine.optimizers import build_optimizer
from convstudy.engine.randomness import torch_generator
from convstudy.engine.settings import repeatable
from convstudy.engine.training import PlainLoop, Step, train_epoch
from convstudy.networks.build import build_network
from convstudy.plan.cost import images_to_evaluate
from convstudy.plan.fit import Fit

CALIBRATION_LEARNING_RATE = 1e-6


def calibrate(fits: Iterable[Fit], seconds: float = 3.0) -> dict[str, float]:
    """Return the expected seconds of each fit, by its id, when it runs alone with its threads.

    Args:
        fits: the fits to expect.
        seconds: about how long this may take in all; each kind of fit is timed for its share, two steps at least.
    """
    every = tuple(fits)
    kinds = {(fit.dataset, fit.network, fit.recipe, fit.threads): fit for fit in every}
    paces = {kind: _pace(fit, seconds / len(kinds)) for kind, fit in kinds.items()}
    expected = {}
    for fit in every:
        train, evaluation = paces[fit.dataset, fit.network, fit.recipe, fit.threads]
        n_train, n_validation = split_sizes(dataset_info(fit.dataset).n_train, fit.split)
        n_evaluated = images_to_evaluate(fit.recipe, n_train, n_validation)
        expected[fit.id] = fit.n_epochs * (n_train * train + n_evaluated * evaluation)
    return expected


def _pace(fit: Fit, seconds: float) -> tuple[float, float]:
    """Return seconds an image in training and in evaluation, on random images."""
    info = dataset_info(fit.dataset)
    n_images = min(fit.recipe.batch_size, 200)
    generator = torch_generator(0, "calibration")
    images = ImageTensors(
        torch.randint(0, 256, (n_images, *info.image_shape), dtype=torch.uint8, generator=generator),
        torch.randint(0, info.n_classes, (n_images,), generator=generator),
    )
    # Steps take as long at any learning rate, and at this one random images let no loss diverge.
    rate = CALIBRATION_LEARNING_RATE
    recipe = fit.recipe.varied({"learning_rate": rate, "other_learning_rate": rate})
    with repeatable(fit.threads):
        model = build_network(fit.network, info.image_shape, info.n_classes, generator)
        optimizer = build_optimizer(recipe, model.parameters())
        average = None if recipe.average is None else WeightAverage(model)
        loop = PlainLoop(Step(model, optimizer, recipe, average), images)
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
