"""Train one fit, from its start or its checkpoint to its record."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from convstudy.data import Images, split_indices
from convstudy.engine.averaging import WeightAverage
from convstudy.engine.batches import ImageTensors
from convstudy.engine.checkpoint import Progress, load_checkpoint, save_checkpoint
from convstudy.engine.class_balance import logit_adjustment, loss_weights
from convstudy.engine.cuda.graph import CudaGraph
from convstudy.engine.cuda.loop import CapturedLoop
from convstudy.engine.dead_relus import dead_relus, watched_relus
from convstudy.engine.device_lock import DEVICE_LOCK
from convstudy.engine.devices import device_name, working_on
from convstudy.engine.environment import environment
from convstudy.engine.evaluation import evaluate, logits_of
from convstudy.engine.loss import TrainingLoss
from convstudy.engine.memory import memory_errors
from convstudy.engine.normalisation import ChannelStatistics, build_model, channel_statistics, set_statistics
from convstudy.engine.optimizers import build_optimizer
from convstudy.engine.randomness import numpy_generator, torch_generator
from convstudy.engine.settings import repeatable
from convstudy.engine.training import EagerLoop, Loop, Step, do_nothing, train_epoch
from convstudy.engine.weights import Tensors, load_weights, on_cpu, weights_digest
from convstudy.errors import Diverged, FitError, Problem
from convstudy.metrics import ACCURACY, LOG_LOSS, metric_named
from convstudy.plan.fit import Fit
from convstudy.record import Epoch, Record


@dataclass(frozen=True)
class TrainedFit:
    """The result of a fit.

    Attributes:
        record: its outcome and scores.
        weights: the weights of the selected epoch, on the CPU; empty for a failed fit.
        validation: predictions on the validation images: ``indices`` int64 ``(n,)`` into the training images,
            ``labels`` int64 ``(n,)``, ``probabilities`` float32 ``(n, n_classes)``, and ``groups`` int64 ``(n,)`` if
            the images have groups; empty for a failed fit.
    """

    record: Record
    weights: Tensors
    validation: Tensors


def run_fit(
    fit: Fit,
    images: Images,
    checkpoint: Path | None = None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    device: str = "cpu",
    before_step: Callable[[], None] = do_nothing,
) -> TrainedFit:
    """Train one fit. A fit that fails returns a record with status ``"failed"`` instead of raising.

    Args:
        fit: what to train.
        images: all training images of the dataset; the fit's split divides them.
        checkpoint: the file with the training state, written after each epoch. If it exists, training resumes from it.
            All fits that differ only in their epoch budget (a trial) share this file, so a fit with a larger budget
            resumes where a fit with a smaller budget ended.
        on_epoch: called after each epoch that this call trains.
        device: where to train: ``"cpu"`` or ``"cuda:N"``. The device does not change the fit's id, although results on
            another device differ in their last bits. The record contains the device's name.
        before_step: called before each training step, or before each group of steps in a CUDA graph. An exception that
            it raises ends the fit; the checkpoint of the last complete epoch stays on disk.

    Returns:
        Record, weights and validation predictions.
    """
    where = torch.device(device)
    try:
        with repeatable(fit.threads, where), memory_errors(fit, where), working_on(where):
            return _train(fit, images, checkpoint, on_epoch, where, before_step)
    except FitError as error:
        kind, text = error.kind, str(error)
    ran_on = environment(fit.threads, device_name(where))
    return TrainedFit(Record(fit.id, "failed", error_kind=kind, error=text, environment=ran_on), {}, {})


def _train(
    fit: Fit,
    images: Images,
    checkpoint: Path | None,
    on_epoch: Callable[[Epoch], None],
    device: torch.device,
    before_step: Callable[[], None],
) -> TrainedFit:
    # Splitting, reading and hashing need no GPU: other threads may capture a graph meanwhile.
    with DEVICE_LOCK.released():
        train_rows, validation_rows = split_indices(images.labels, fit.split, images.groups, images.times)
        train, validation = _training_part(fit, images, train_rows), ImageTensors.of(images, validation_rows)
        loss = _training_loss(fit, images.labels[train_rows], device)
        statistics = channel_statistics(train) if fit.recipe.normalise == "standard" else None
    train, validation = train.to(device), validation.to(device)
    train_eval = _train_eval_sample(fit, train)
    _check_sample(fit, train_eval)
    start = partial(_start, fit, images.image_shape, len(train), device, statistics)
    progress = start()
    if checkpoint is not None:
        load_checkpoint(checkpoint, fit.trial_id, progress)
    if len(progress.history) > fit.n_epochs:
        # The checkpoint is from a fit with a larger epoch budget, and an epoch cannot be undone. So train from the
        # start, and do not overwrite that checkpoint.
        progress, checkpoint = start(), None
    # A captured loop costs warm-up steps and a capture before the first epoch, so build none if no epoch is left.
    if not _at_end(fit, progress.history):
        step = Step(
            progress.model, progress.optimizer, fit.recipe, progress.average, loss, progress.image_losses
        )
        with _loop(step, train, before_step) as loop:
            for epoch in _epochs(fit, progress, loop, train_eval, validation):
                if checkpoint is not None:
                    save_checkpoint(checkpoint, fit.trial_id, progress)
                on_epoch(epoch)
    if fit.recipe.checkpoint == "best":
        load_weights(progress.eval_model, progress.best_weights)
    best = best_epoch(progress.history, fit.metric)
    selected = on_cpu(progress.eval_model.state_dict())
    weights = {name: tensor.contiguous() for name, tensor in selected.items()}
    # The loop has evaluated the last epoch, but these predictions must come from the selected weights.
    with watched_relus(progress.eval_model) as maxima:
        logits = logits_of(progress.eval_model, validation, fit.recipe.precision, fit.recipe.tta)
    with DEVICE_LOCK.released():
        digest = weights_digest(weights)
        ran_on = environment(fit.threads, ", then ".join(progress.devices))
    record = Record(
        fit_id=fit.id,
        status="done",
        history=tuple(progress.history),
        best_epoch=best,
        selected_epoch=best if fit.recipe.checkpoint == "best" else len(progress.history),
        n_train=len(train),
        n_validation=len(validation),
        n_parameters=sum(parameter.numel() for parameter in progress.model.parameters()),
        weights_digest=digest,
        environment=ran_on,
        dead_relus=dead_relus(maxima),
    )
    predictions = {
        "indices": torch.from_numpy(validation_rows),
        "labels": validation.labels.cpu(),
        "probabilities": logits.softmax(dim=1).cpu(),
    }
    if images.groups is not None:
        predictions["groups"] = torch.from_numpy(images.groups[validation_rows])
    return TrainedFit(record, weights, predictions)


def _training_part(fit: Fit, images: Images, rows: npt.NDArray[np.int64]) -> ImageTensors:
    """Return the training images at these rows, with their weights in the loss."""
    part = ImageTensors.of(images, rows)
    own = None if images.weights is None else images.weights[rows]
    weights = loss_weights(images.labels[rows], own, fit.recipe, fit.dataset.class_names)
    return part if weights is None else replace(part, weights=torch.from_numpy(weights))


def _training_loss(fit: Fit, labels: npt.NDArray[np.int64], device: torch.device) -> TrainingLoss:
    """Return the training loss of a fit; ``labels`` are those of its training images, int64 ``(n,)``."""
    adjustment = logit_adjustment(labels, fit.recipe.logit_adjustment, fit.dataset.n_classes)
    return TrainingLoss.of(
        fit.recipe, None if adjustment is None else torch.from_numpy(adjustment).to(device)
    )


def best_epoch(history: list[Epoch], metric: str = ACCURACY) -> int:
    """Return the number of the epoch with the best score; ties: the lowest validation loss, then the earliest epoch."""
    rank = metric_named(metric).rank
    return min(history, key=lambda e: (rank(e.validation[metric]), e.validation[LOG_LOSS], e.number)).number


@contextmanager
def _loop(step: Step, train: ImageTensors, before_step: Callable[[], None]) -> Iterator[Loop]:
    """Yield an eager loop on a CPU, or a loop that replays CUDA graphs on a GPU."""
    if train.labels.device.type == "cpu":
        yield EagerLoop(step, train, before_step)
    else:
        with CapturedLoop(step, train, CudaGraph, before_step) as captured:
            yield captured


def _start(
    fit: Fit,
    image_shape: tuple[int, int, int],
    n_train: int,
    device: torch.device,
    statistics: ChannelStatistics | None = None,
) -> Progress:
    """Return the state of a fit before its first epoch: initial weights, a new optimizer, no history."""
    n_classes = fit.dataset.n_classes
    model = build_model(fit.network, fit.recipe, image_shape, n_classes, torch_generator(fit.seed, "weights"))
    if statistics is not None:
        set_statistics(model, statistics)
    model.to(device)
    average = None if fit.recipe.ema_decay is None else WeightAverage(model)
    losses = torch.zeros(n_train, device=device) if fit.recipe.sampling == "hard" else None
    optimizer = build_optimizer(fit.recipe, model.parameters())
    return Progress(model, optimizer, average=average, image_losses=losses)


def _train_eval_sample(fit: Fit, train: ImageTensors) -> ImageTensors:
    """Return the ``train_eval_samples`` training images that are evaluated, the same ones after every epoch."""
    n_samples = fit.recipe.train_eval_samples
    if n_samples is None or n_samples >= len(train):
        return train
    rows = torch.from_numpy(numpy_generator(fit.seed, "measure").permutation(len(train))[:n_samples])
    return ImageTensors(train.pixels[rows], train.labels[rows])


def _check_sample(fit: Fit, sample: ImageTensors) -> None:
    """Raise ``FitError`` if the metric needs two classes and the sample of training images has one.

    Validation parts hold every class, so only the sample needs this check.
    """
    metric = metric_named(fit.metric)
    if metric.classes == "any" or not bool((sample.labels == sample.labels[0]).all()):
        return
    what = f"{metric.title} is not defined on a sample of training images that all belong to one class"
    got = f"train_eval_samples = {fit.recipe.train_eval_samples}"
    raise FitError(Problem(what, got=got, hint="set a larger train_eval_samples"))


def _epochs(
    fit: Fit, progress: Progress, loop: Loop, train_eval: ImageTensors, validation: ImageTensors
) -> Iterator[Epoch]:
    """Train the remaining epochs; yield each one after it has been added to the progress."""
    device = device_name(validation.labels.device)
    while not _at_end(fit, progress.history):
        epoch = _one_epoch(fit, progress, loop, train_eval, validation)
        progress.history.append(epoch)
        # A fit can resume on another device: the record lists all its devices in order.
        if progress.devices[-1:] != [device]:
            progress.devices.append(device)
        if fit.recipe.checkpoint == "best" and epoch.number == best_epoch(progress.history, fit.metric):
            # Clone, because the next epoch updates the tensors in place.
            progress.best_weights = {
                name: tensor.clone() for name, tensor in progress.eval_model.state_dict().items()
            }
        yield epoch


def _one_epoch(
    fit: Fit, progress: Progress, loop: Loop, train_eval: ImageTensors, validation: ImageTensors
) -> Epoch:
    number = len(progress.history) + 1
    started = time.perf_counter()
    recipe = fit.recipe
    lr = train_epoch(loop, fit.seed, number)
    trained = time.perf_counter()
    on_train = evaluate(progress.eval_model, train_eval, recipe.precision, metric=fit.metric)
    on_validation = evaluate(progress.eval_model, validation, recipe.precision, recipe.tta, fit.metric)
    # End the fit here: NaN cannot be ordered, so there would be no best epoch.
    if not (math.isfinite(on_train["log-loss"]) and math.isfinite(on_validation["log-loss"])):
        raise Diverged(f"the loss in evaluation mode was not a finite number after epoch {number}")
    if not (math.isfinite(on_train[fit.metric]) and math.isfinite(on_validation[fit.metric])):
        title = metric_named(fit.metric).title
        raise FitError(Problem(f"{title} was not a finite number after epoch {number}"))
    return Epoch(
        number=number,
        learning_rate=lr,
        train=on_train,
        validation=on_validation,
        train_seconds=trained - started,
        evaluation_seconds=time.perf_counter() - trained,
    )


def _at_end(fit: Fit, history: list[Epoch]) -> bool:
    """Return whether all epochs are trained, or the validation loss has not improved for ``patience`` epochs."""
    if len(history) >= fit.n_epochs:
        return True
    if fit.recipe.patience is None or not history:
        return False
    lowest = min(history, key=lambda epoch: epoch.validation["log-loss"]).number
    return len(history) - lowest >= fit.recipe.patience
