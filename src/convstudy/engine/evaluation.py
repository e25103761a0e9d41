"""Loss, accuracy and class probabilities in evaluation mode: no dropout, running statistics in batch normalization.

With test-time augmentation (TTA), the logits of several shifted copies of an image are averaged. TTA applies to test
images and to validation images, also after each epoch. So epochs and candidates are selected by scores with TTA. TTA
does not apply to training images.

``"shift"`` computes every copy of every image. ``"shift-uncertain"`` first computes the image itself, and the other
copies only if the prediction is uncertain: if the two largest class probabilities differ by less than
``UNCERTAIN_MARGIN``. The rule uses the image's own logits only, so it does not depend on the other images.
"""

from __future__ import annotations

from functools import reduce

import torch
from torch import nn
from torch.nn.functional import pad

from convstudy.engine.batches import ImageTensors, network_input
from convstudy.engine.device_lock import DEVICE_LOCK
from convstudy.engine.devices import CPU, wait_for
from convstudy.metrics import ACCURACY, LOG_LOSS, metric_named
from convstudy.record import Scores

BATCH_SIZE = 500
# Batches are larger on a GPU, which computes many images in parallel and needs a series of kernel launches per batch.
BATCH_SIZE_ON_GPU = 2_500

Shifts = tuple[tuple[int, int], ...]
_BY_ONE_PIXEL: Shifts = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
# TTA name -> the shift of each copy in pixels (down, right); zeros fill the border. The first copy is the image.
TTA_SHIFTS: dict[str, Shifts] = {"none": ((0, 0),), "shift": _BY_ONE_PIXEL, "shift-uncertain": _BY_ONE_PIXEL}
# The TTA that computes only the first copy of an image with a confident prediction.
SELECTIVE_TTA = "shift-uncertain"
# The difference of the two largest probabilities below which a prediction is uncertain. On MNIST's validation images
# this is true of 3 to 4 % (benchmarks/accuracy/speedrun.md).
UNCERTAIN_MARGIN = 0.7


def precision_context(precision: str, device: torch.device = CPU) -> torch.autocast:
    """Return the autocast context of a recipe's precision; it does nothing for ``"float32"``."""
    # Disable the cache on a GPU: autocast shares one cache of cast weights between threads. A weight that was cast
    # while one thread captured its graph must not be used by another thread.
    cache = None if device.type == "cpu" else False
    enabled = precision == "bfloat16"
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled, cache_enabled=cache)


def logits_of(model: nn.Module, part: ImageTensors, precision: str, tta: str = "none") -> torch.Tensor:
    """Return float32 logits ``(n, n_classes)``, averaged over the TTA copies; leaves the model in evaluation mode."""
    model.eval()
    shifts = TTA_SHIFTS[tta]
    with torch.inference_mode(), precision_context(precision, part.labels.device):
        if tta != SELECTIVE_TTA:
            return _sums_over(model, part, shifts) / len(shifts)
        logits = _sums_over(model, part, shifts[:1])
        rows = uncertain_rows(logits)
        if len(rows):
            # Gathered over all batches, because a batch has few uncertain images, and small batches are slow.
            others = _sums_over(model, part, shifts[1:], rows)
            there = rows.to(logits.device)
            logits[there] = (logits[there] + others) / len(shifts)
        return logits


def uncertain_rows(logits: torch.Tensor) -> torch.Tensor:
    """Return the rows, int64 on the CPU, whose two largest probabilities differ by less than ``UNCERTAIN_MARGIN``."""
    first, second = logits.softmax(dim=1).topk(2, dim=1).values.unbind(1)
    is_uncertain = first - second < UNCERTAIN_MARGIN
    wait_for(logits.device)
    return torch.nonzero(is_uncertain.cpu()).flatten()


def _sums_over(
    model: nn.Module, part: ImageTensors, shifts: Shifts, rows: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the float32 logits ``(n, n_classes)``, summed over the shifts, of all images or of those at ``rows``."""
    size = BATCH_SIZE if part.labels.device.type == "cpu" else BATCH_SIZE_ON_GPU
    n_images = len(part) if rows is None else len(rows)
    sums = []
    for start in range(0, n_images, size):
        DEVICE_LOCK.yield_to_exclusive()
        batch = slice(start, start + size)
        pixels = part.pixels[batch if rows is None else rows[batch]]
        logits: list[torch.Tensor] = [model(network_input(moved(pixels, *shift))).float() for shift in shifts]
        sums.append(reduce(torch.add, logits))
    return torch.cat(sums)


def moved(pixels: torch.Tensor, down: int, right: int) -> torch.Tensor:
    """Return images ``(n, height, width, channels)`` shifted by these pixels; zeros fill the border."""
    # Negative padding crops.
    return pad(pixels, (0, 0, right, -right, down, -down)) if down or right else pixels


def scores_of(logits: torch.Tensor, labels: torch.Tensor, metric: str = ACCURACY) -> Scores:
    """Return log-loss, accuracy and this metric of logits ``(n, n_classes)``; NaN if the metric is not defined."""
    losses = nn.functional.cross_entropy(logits, labels, reduction="none")
    correct = logits.argmax(dim=1) == labels
    # One transfer for both values: each one synchronizes with the GPU.
    both = torch.stack([losses.double().mean(), correct.double().sum()])
    wait_for(both.device)
    loss, n_correct = both.tolist()
    scores = {LOG_LOSS: loss, ACCURACY: n_correct / len(labels)}
    if metric not in scores:
        probabilities = logits.softmax(dim=1).cpu().numpy()
        scores[metric] = metric_named(metric).value(labels.cpu().numpy(), probabilities)
    return Scores(scores)


def evaluate(
    model: nn.Module, part: ImageTensors, precision: str, tta: str = "none", metric: str = ACCURACY
) -> Scores:
    """Return log-loss, accuracy and this metric of a model on these images; see :func:`logits_of` for ``tta``."""
    return scores_of(logits_of(model, part, precision, tta), part.labels, metric)
