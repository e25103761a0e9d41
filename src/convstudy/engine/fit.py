"""One fit from its start, or from its checkpoint, to its record."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from convstudy.data import Images, split_indices
from convstudy.engine.averaging import WeightAverage
from convstudy.engine.batches import ImageTensors
from convstudy.engine.checkpoint import Progress, load_checkpoint, save_checkpoint
from convstudy.engine.cuda.graph import CudaGraph
from convstudy.engine.cuda.loop import CapturedLoop
from convstudy.engine.dead_relus import dead_relus, watched_relus
from convstudy.engine.device_lock import DEVICE_LOCK
from convstudy.engine.devices import device_name, working_on
from convstudy.engine.environment import environment
from convstudy.engine.evaluation import evaluate, logits_of
from convstudy.engine.memory import memory_errors
from convstudy.engine.optimizers import build_optimizer
from convstudy.engine.randomness import numpy_generator, torch_generator
from convstudy.engine.settings import repeatable
from convstudy.engine.training import EagerLoop, Loop, Step, go_on, train_epoch
from convstudy.engine.weights import Tensors, load_weights, on_cpu, weights_digest
from convstudy.errors import Diverged, FitError, Problem
from convstudy.metrics import ACCURACY, LOG_LOSS, metric_named
from convstudy.networks.build import build_network
from convstudy.plan.fit import Fit
from convstudy.record import Epoch, Record


@dataclass(frozen=True)
class TrainedFit:
    """What a fit leaves: its record, the weights that count (none for a failed fit), and what it said of its
    validation images: ``indices`` int64 ``(n,)`` into the training images, ``labels`` int64 ``(n,)``, ``probabilities``
    float32 ``(n, n_classes)``.
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
    before_step: Callable[[], None] = go_on,
) -> TrainedFit:
    """Train one fit and return what it leaves; a fit that fails returns a record that says so.

    Args:
        fit: what to train.
        images: all training images of the dataset; the fit's split chooses among them.
        checkpoint: where the state is written after each epoch, and read from if it is there. It belongs to the
            fit's lineage: a paused fit leaves it for the one that goes on.
        on_epoch: called after each epoch that was trained here.
        device: where to train: ``cpu`` or ``cuda:N``. It is no part of the fit: sums on another device differ in their
            last bits, and the record says where it was.
        before_step: called before each step of training, or before several that a device takes at once; what it raises
            ends the fit there, with the checkpoint of its last whole epoch on the disk.
    """
    where = torch.device(device)
    try:
        with repeatable(fit.threads, where), memory_errors(fit, where), working_on(where):
            return _train(fit, images, checkpoint, on_epoch, where, before_step)
    except FitError as error:
        kind, text = error.kind, str(error)
    surroundings = environment(fit.threads, device_name(where))
    return TrainedFit(Record(fit.id, "failed", error_kind=kind, error=text, environment=surroundings), {}, {})


def _train(
    fit: Fit,
    images: Images,
    checkpoint: Path | None,
    on_epoch: Callable[[Epoch], None],
    device: torch.device,
    before_step: Callable[[], None],
) -> TrainedFit:
    """Train from the start or the checkpoint to the end."""
    with DEVICE_LOCK.released():
        train_rows, validation_rows = split_indices(images.labels, fit.split)
        train, validation = ImageTensors.of(images, train_rows), ImageTensors.of(images, validation_rows)
    train, validation = train.to(device), validation.to(device)
    measured = _measured(fit, train)
    _check_sample(fit, measured)
    progress = _start(fit, images.image_shape, device)
    if checkpoint is not None:
        load_checkpoint(checkpoint, fit.trial_id, progress)
    if len(progress.history) > fit.n_epochs:
        # Another fit of the lineage is further, and an epoch cannot be taken back: this one begins anew, and leaves
        # the other's checkpoint as it is.
        progress, checkpoint = _start(fit, images.image_shape, device), None
    # A loop on a device costs steps and a capture before the first epoch: there is none where no epoch is left.
    if not _at_end(fit, progress.history):
        step = Step(progress.model, progress.optimizer, fit.recipe, progress.average)
        with _loop(step, train, before_step) as loop:
            for epoch in _epochs(fit, progress, loop, measured, validation):
                if checkpoint is not None:
                    save_checkpoint(checkpoint, fit.trial_id, progress)
                on_epoch(epoch)
    if fit.recipe.checkpoint == "best":
        load_weights(progress.judged, progress.best_weights)
    best = best_epoch(progress.history, fit.metric)
    kept = on_cpu(progress.judged.state_dict())
    weights = {name: tensor.contiguous() for name, tensor in kept.items()}
    with watched_relus(progress.judged) as highest:
        logits = logits_of(progress.judged, validation, fit.recipe.precision, fit.recipe.tta)
    with DEVICE_LOCK.released():
        digest = weights_digest(weights)
        surroundings = environment(fit.threads, ", then ".join(progress.devices))
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
        environment=surroundings,
        dead_relus=dead_relus(highest),
    )
    return TrainedFit(
        record,
        weights,
        {
            "indices": torch.from_numpy(validation_rows),
            "labels": validation.labels.cpu(),
            "probabilities": logits.softmax(dim=1).cpu(),
        },
    )


def best_epoch(history: list[Epoch], metric: str = ACCURACY) -> int:
    """Return the number of the epoch with the best validation score; then the lowest loss; then the first."""
    rank = metric_named(metric).rank
    return min(history, key=lambda e: (rank(e.validation[metric]), e.validation[LOG_LOSS], e.number)).number


@contextmanager
def _loop(step: Step, train: ImageTensors, before_step: Callable[[], None]) -> Iterator[Loop]:
    """Take the steps by plain calls, or on a device captured."""
    if train.labels.device.type == "cpu":
        yield EagerLoop(step, train, before_step)
    else:
        with CapturedLoop(step, train, CudaGraph, before_step) as captured:
            yield captured


def _start(fit: Fit, image_shape: tuple[int, int, int], device: torch.device) -> Progress:
    """Return the fit before its first epoch."""
    n_classes = fit.dataset.n_classes
    model = build_network(fit.network, image_shape, n_classes, torch_generator(fit.seed, "weights"))
    model.to(device)
    average = None if fit.recipe.ema_decay is None else WeightAverage(model)
    return Progress(model, build_optimizer(fit.recipe, model.parameters()), average=average)


def _measured(fit: Fit, train: ImageTensors) -> ImageTensors:
    """Return the training images that training loss and accuracy are measured on, the same after every epoch."""
    most = fit.recipe.train_eval_samples
    if most is None or most >= len(train):
        return train
    rows = torch.from_numpy(numpy_generator(fit.seed, "measure").permutation(len(train))[:most])
    return ImageTensors(train.pixels[rows], train.labels[rows])


def _check_sample(fit: Fit, measured: ImageTensors) -> None:
    """Check that the metric is defined on the sample of training images; validation parts hold every class.

    Raises:
        FitError: where all images of the sample are of one class, and the metric needs two.
    """
    metric = metric_named(fit.metric)
    if metric.classes == "any" or not bool((measured.labels == measured.labels[0]).all()):
        return
    what = f"{metric.title} is not defined on the sample of training images: all are of one class"
    got = f"train_eval_samples = {fit.recipe.train_eval_samples}"
    raise FitError(Problem(what, got=got, hint="a larger sample"))


def _epochs(
    fit: Fit, progress: Progress, loop: Loop, measured: ImageTensors, validation: ImageTensors
) -> Iterator[Epoch]:
    """Train an epoch after another to the end, and yield each when it is part of the progress."""
    device = device_name(validation.labels.device)
    while not _at_end(fit, progress.history):
        epoch = _one_epoch(fit, progress, loop, measured, validation)
        progress.history.append(epoch)
        if progress.devices[-1:] != [device]:
            progress.devices.append(device)
        if fit.recipe.checkpoint == "best" and epoch.number == best_epoch(progress.history, fit.metric):
            progress.best_weights = {
                name: tensor.clone() for name, tensor in progress.judged.state_dict().items()
            }
        yield epoch


def _one_epoch(
    fit: Fit, progress: Progress, loop: Loop, measured: ImageTensors, validation: ImageTensors
) -> Epoch:
    """Train one epoch, measure it in evaluation mode, and return it."""
    number = len(progress.history) + 1
    started = time.perf_counter()
    recipe = fit.recipe
    lr = train_epoch(loop, fit.seed, number)
    trained = time.perf_counter()
    on_train = evaluate(progress.judged, measured, recipe.precision, metric=fit.metric)
    on_validation = evaluate(progress.judged, validation, recipe.precision, recipe.tta, fit.metric)
    if not (math.isfinite(on_train["log-loss"]) and math.isfinite(on_validation["log-loss"])):
        raise Diverged(f"the loss in evaluation mode was not a finite number after epoch {number}")
    if not (math.isfinite(on_train[fit.metric]) and math.isfinite(on_validation[fit.metric])):
        title = metric_named(fit.metric).title
        raise FitError(Problem(f"{title} was not a finite number after epoch {number}", got=fit.metric))
    return Epoch(
        number=number,
        learning_rate=lr,
        train=on_train,
        validation=on_validation,
        train_seconds=trained - started,
        evaluation_seconds=time.perf_counter() - trained,
    )


def _at_end(fit: Fit, history: list[Epoch]) -> bool:
    """Send whether all epochs are trained, or the recipe's patience is at its end."""
    if len(history) >= fit.n_epochs:
        return True
    if fit.recipe.patience is None or not history:
        return False
    lowest = min(history, key=lambda epoch: epoch.validation["log-loss"]).number
    return len(history) - lowest >= fit.recipe.patience
