"""One fit from its start, or from its checkpoint, to its record."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from convstudy.data import Images, dataset_info, split_indices
from convstudy.engine.averaging import WeightAverage
from convstudy.engine.batches import ImageTensors
from convstudy.engine.checkpoint import Progress, load_checkpoint, save_checkpoint
from convstudy.engine.environment import environment
from convstudy.engine.evaluation import evaluate, logits_of
from convstudy.engine.optimizers import build_optimizer
from convstudy.engine.randomness import numpy_generator, torch_generator
from convstudy.engine.training import train_epoch
from convstudy.engine.weights import Tensors, take_over, weights_digest
from convstudy.errors import Diverged, FitError, OutOfMemory, Problem
from convstudy.networks.build import build_network
from convstudy.plan.fit import Fit
from convstudy.record import Epoch, Record

# What torch's allocator says, on Linux and macOS, and on Windows.
NO_MEMORY = ("allocate memory", "not enough memory")


@dataclass(frozen=True)
class Trained:
    """What a fit leaves: its record, the weights that count (none for a failed fit), and what it said of its
    validation images: ``indices`` int64 ``(n,)`` into the training images, ``probabilities`` float32
    ``(n, n_classes)``.
    """

    record: Record
    weights: Tensors
    validation: Tensors


def run_fit(
    fit: Fit,
    images: Images,
    checkpoint: Path | None = None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> Trained:
    """Train one fit and return what it leaves; a fit that fails returns a record that says so.

    Args:
        fit: what to train.
        images: all training images of the dataset; the fit's split chooses among them.
        checkpoint: where the state is written after each epoch, and read from if it is there. It belongs to the
            fit's lineage: a paused fit leaves it for the one that goes on.
        on_epoch: called after each epoch that was trained here.
    """
    try:
        with repeatable(fit.threads), _memory_errors():
            return _train(fit, images, checkpoint, on_epoch)
    except FitError as error:
        kind, text = error.kind, str(error)
    failed = Record(fit.id, "failed", error_kind=kind, error=text, environment=environment(fit.threads))
    return Trained(failed, {}, {})


def _train(fit: Fit, images: Images, checkpoint: Path | None, on_epoch: Callable[[Epoch], None]) -> Trained:
    """Train from the start or the checkpoint to the end."""
    train_rows, validation_rows = split_indices(images.labels, fit.split)
    train, validation = ImageTensors.of(images, train_rows), ImageTensors.of(images, validation_rows)
    measured = _measured(fit, train)
    progress = _start(fit, images.image_shape)
    if checkpoint is not None:
        load_checkpoint(checkpoint, fit.lineage_id, progress)
    if len(progress.history) > fit.n_epochs:
        # Another fit of the lineage is further, and an epoch cannot be taken back: this one begins anew, and leaves
        # the other's checkpoint as it is.
        progress, checkpoint = _start(fit, images.image_shape), None
    while not _at_end(fit, progress.history):
        epoch = _one_epoch(fit, progress, train, measured, validation)
        progress.history.append(epoch)
        if fit.recipe.keep == "best" and epoch.number == best_epoch(progress.history):
            progress.best_weights = {
                name: tensor.clone() for name, tensor in progress.judged.state_dict().items()
            }
        if checkpoint is not None:
            save_checkpoint(checkpoint, fit.lineage_id, progress)
        on_epoch(epoch)
    if fit.recipe.keep == "best":
        take_over(progress.judged, progress.best_weights)
    best = best_epoch(progress.history)
    weights = {name: tensor.contiguous() for name, tensor in progress.judged.state_dict().items()}
    record = Record(
        fit_id=fit.id,
        status="done",
        history=tuple(progress.history),
        best_epoch=best,
        counted_epoch=best if fit.recipe.keep == "best" else len(progress.history),
        n_train=len(train),
        n_validation=len(validation),
        n_parameters=sum(parameter.numel() for parameter in progress.model.parameters()),
        weights_digest=weights_digest(weights),
        environment=environment(fit.threads),
    )
    logits = logits_of(progress.judged, validation, fit.recipe.precision, fit.recipe.views)
    return Trained(
        record,
        weights,
        {"indices": torch.from_numpy(validation_rows), "probabilities": logits.softmax(dim=1)},
    )


def best_epoch(history: list[Epoch]) -> int:
    """Return the number of the epoch with the highest validation accuracy; then the lowest loss; then the first."""
    return min(history, key=lambda e: (-e.validation_accuracy, e.validation_loss, e.number)).number


def _start(fit: Fit, image_shape: tuple[int, int, int]) -> Progress:
    """Return the fit before its first epoch."""
    n_classes = dataset_info(fit.dataset).n_classes
    model = build_network(fit.network, image_shape, n_classes, torch_generator(fit.seed, "weights"))
    average = None if fit.recipe.average is None else WeightAverage(model, fit.recipe.average)
    return Progress(model, build_optimizer(fit.recipe, model.parameters()), average=average)


def _measured(fit: Fit, train: ImageTensors) -> ImageTensors:
    """Return the training images that training loss and accuracy are measured on, the same after every epoch."""
    most = fit.recipe.measure_at_most
    if most is None or most >= len(train):
        return train
    rows = torch.from_numpy(numpy_generator(fit.seed, "measure").permutation(len(train))[:most])
    return ImageTensors(train.pixels[rows], train.labels[rows])


def _one_epoch(
    fit: Fit, progress: Progress, train: ImageTensors, measured: ImageTensors, validation: ImageTensors
) -> Epoch:
    """Train one epoch, measure it in evaluation mode, and return it."""
    number = len(progress.history) + 1
    started = time.perf_counter()
    recipe = fit.recipe
    lr = train_epoch(progress.model, progress.optimizer, train, recipe, fit.seed, number, progress.average)
    trained = time.perf_counter()
    on_train = evaluate(progress.judged, measured, recipe.precision)
    on_validation = evaluate(progress.judged, validation, recipe.precision, recipe.views)
    if not (math.isfinite(on_train.loss) and math.isfinite(on_validation.loss)):
        what = f"the loss in evaluation mode was not a finite number after epoch {number}"
        raise Diverged(Problem(what, mend="a smaller learning_rate, or clip_norm = 1.0"))
    return Epoch(
        number=number,
        learning_rate=lr,
        train_loss=on_train.loss,
        train_accuracy=on_train.accuracy,
        validation_loss=on_validation.loss,
        validation_accuracy=on_validation.accuracy,
        train_seconds=trained - started,
        evaluation_seconds=time.perf_counter() - trained,
    )


def _at_end(fit: Fit, history: list[Epoch]) -> bool:
    """Tell whether all epochs are trained, or the recipe's patience is at its end."""
    if len(history) >= fit.n_epochs:
        return True
    if fit.recipe.patience is None or not history:
        return False
    lowest = min(history, key=lambda epoch: epoch.validation_loss).number
    return len(history) - lowest >= fit.recipe.patience


@contextmanager
def repeatable(threads: int) -> Iterator[None]:
    """Fix the thread count, ask for repeatable kernels, and leave the caller's generator and settings as they were.

    Torch would also fill each new tensor before it is written, which finds code that reads too early and costs a tenth
    of a step; no code here does so, and what a fit comes to is the same to the last bit without.
    """
    n_threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    memory: Any = torch.utils.deterministic  # a module whose attribute torch does not annotate
    filling = memory.fill_uninitialized_memory
    with torch.random.fork_rng(devices=[]):
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True)
        memory.fill_uninitialized_memory = False
        try:
            yield
        finally:
            torch.set_num_threads(n_threads)
            torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
            memory.fill_uninitialized_memory = filling


@contextmanager
def _memory_errors() -> Iterator[None]:
    """Turn an allocation that failed into :class:`OutOfMemory`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(words in str(error) for words in NO_MEMORY):
            raise
        what, mend = "there was not enough memory for this fit", "a smaller batch_size, or fewer workers"
        raise OutOfMemory(
            Problem(what, got=str(error).splitlines()[0] if str(error) else "", mend=mend)
        ) from None
