"""Evaluate one trained model on the locked test set."""

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
from convstudy.engine.normalisation import build_model
from convstudy.engine.randomness import torch_generator
from convstudy.engine.settings import repeatable
from convstudy.engine.weights import Tensors, load_weights, read_tensors, weights_digest
from convstudy.errors import FitError, Location, Problem, StoreError
from convstudy.metrics import metric_named
from convstudy.plan.fit import Fit
from convstudy.record import Scores

MAX_SAVED_ERRORS = 25


@dataclass(frozen=True)
class EvaluationResult:
    """The result of one test-set evaluation.

    ``predictions`` holds ``labels`` int64 ``(n,)`` and ``probabilities`` float32 ``(n, n_classes)``. It also holds up
    to ``MAX_SAVED_ERRORS`` misclassified images, most confident first, as ``error_rows`` int64 ``(k,)`` and
    ``error_pixels`` uint8 ``(k, height, width, channels)``. So a report shows them without reading the test set again.
    If the test images have groups, ``groups`` int64 ``(n,)`` are those.
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
    """Evaluate the weights of a fit on the locked test set.

    Args:
        fit: the fit that produced the weights.
        weights: their safetensors file.
        digest: the weights' digest in the fit's record, compared with the file's before any test image is read.
        test: the locked test set.
        record_test_evaluation: records the evaluation in the access log; called before the first test image is read.
        device: where to evaluate: ``"cpu"`` or ``"cuda:N"``.

    Raises:
        FitError: if the fit's metric is not finite on the test images.
        OutOfMemory: if there is not enough memory.
        StoreError: if the weights are missing or damaged, or their digest differs from ``digest``.
    """
    # Compare digests before any test image is read, because an evaluation of wrong weights cannot be undone.
    tensors, _ = read_tensors(weights)
    if weights_digest(tensors) != digest:
        what = "these weights are not those of the fit's record: their digests differ"
        raise StoreError(Problem(what, where=Location(str(weights))))
    info = test.info
    generator = torch_generator(fit.seed, "weights")
    model = build_model(fit.network, fit.recipe, info.image_shape, info.n_classes, generator)
    load_weights(model, tensors)
    read = test.open(record_test_evaluation)
    images = ImageTensors.of(read)
    where = torch.device(device)
    started = time.perf_counter()
    with repeatable(fit.threads, where), memory_errors(fit, where), working_on(where):
        there = images.to(where)
        logits = logits_of(model.to(where), there, fit.recipe.precision, fit.recipe.tta)
        scores = scores_of(logits, there.labels, fit.metric)
        if not math.isfinite(scores[fit.metric]):
            what = f"{metric_named(fit.metric).title} of the test images was not a finite number"
            raise FitError(Problem(what))
        probabilities = logits.softmax(dim=1).cpu()
    confidence, prediction = probabilities.max(dim=1)
    wrong = torch.nonzero(prediction != images.labels).flatten()
    # A stable sort keeps the order of equally confident errors the same on every machine.
    rows = wrong[torch.argsort(confidence[wrong], descending=True, stable=True)][:MAX_SAVED_ERRORS]
    predictions = {
        "labels": images.labels,
        "probabilities": probabilities,
        "error_rows": rows,
        "error_pixels": images.pixels[rows],
    }
    if read.groups is not None:
        predictions["groups"] = torch.from_numpy(read.groups)
    return EvaluationResult(scores, predictions, time.perf_counter() - started)
