"""One trained model scored on the sealed test set."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from convstudy.data import LockedTest
from convstudy.engine.batches import ImageTensors
from convstudy.engine.devices import working_on
from convstudy.engine.evaluation import logits_of, scores_of
from convstudy.engine.memory import memory_errors
from convstudy.engine.randomness import torch_generator
from convstudy.engine.settings import repeatable
from convstudy.engine.weights import Tensors, load_weights, read_tensors, weights_digest
from convstudy.errors import FitError, Location, Problem, StoreError
from convstudy.metrics import metric_named
from convstudy.networks.build import build_network
from convstudy.plan.fit import Fit
from convstudy.record import Scores

MOST_MISTAKES = 25


@dataclass(frozen=True)
class EvaluationResult:
    """What one opening showed.

    ``predictions`` holds ``labels`` int64 ``(n,)``, ``probabilities`` float32 ``(n, n_classes)``, and of the most
    confident mistakes, the most confident first, ``error_rows`` int64 ``(k,)`` and ``error_pixels`` uint8
    ``(k, height, width, channels)``: a report can then show them without another look.
    """

    scores: Scores
    predictions: Tensors
    seconds: float


def evaluate_test_set(
    fit: Fit,
    weights: Path,
    digest: str,
    test: LockedTest,
    record_test_evaluation: Callable[[], None],
    device: str = "cpu",
) -> EvaluationResult:
    """Score the weights of a fit on the sealed test set.

    Args:
        fit: the fit that left the weights.
        weights: the file they lie in.
        digest: what its record says they are; others are refused before the test set is opened.
        test: the sealed test set.
        record_test_evaluation: writes the opening down; called before the first test image is read.
        device: where to score: ``cpu`` or ``cuda:N``.

    Raises:
        FitError: where the fit's metric is not a finite number there.
        OutOfMemory: where there is not enough memory to do so.
        StoreError: where the weights are missing, damaged or not those of the record.
    """
    tensors, _ = read_tensors(weights)
    if weights_digest(tensors) != digest:
        what = "these weights are not those of the record"
        raise StoreError(Problem(what, where=Location(str(weights))))
    info = test.info
    model = build_network(fit.network, info.image_shape, info.n_classes, torch_generator(fit.seed, "weights"))
    load_weights(model, tensors)
    images = ImageTensors.of(test.open(record_test_evaluation))
    where = torch.device(device)
    started = time.perf_counter()
    with repeatable(fit.threads, where), memory_errors(fit, where), working_on(where):
        there = images.to(where)
        logits = logits_of(model.to(where), there, fit.recipe.precision, fit.recipe.tta)
        scores = scores_of(logits, there.labels, fit.metric)
        if not math.isfinite(scores[fit.metric]):
            what = f"{metric_named(fit.metric).title} of the test images was not a finite number"
            raise FitError(Problem(what, got=fit.metric))
        probabilities = logits.softmax(dim=1).cpu()
    confidence, prediction = probabilities.max(dim=1)
    wrong = torch.nonzero(prediction != images.labels).flatten()
    rows = wrong[torch.argsort(confidence[wrong], descending=True, stable=True)][:MOST_MISTAKES]
    predictions = {
        "labels": images.labels,
        "probabilities": probabilities,
        "error_rows": rows,
        "error_pixels": images.pixels[rows],
    }
    return EvaluationResult(scores, predictions, time.perf_counter() - started)
