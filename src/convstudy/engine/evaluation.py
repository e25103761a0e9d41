"""Loss, accuracy and class probabilities in evaluation mode: no dropout, running statistics in batch normalization.

With test-time augmentation (TTA), the logits of several shifted copies of an image are averaged. TTA applies to test
images and to validation images, also after each epoch. So epochs and candidates are selected by scores with TTA. TTA
does not apply to training images.
"""

from __future__ import annotations

from collections.abc import Sequence
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

# TTA name -> the shift of each copy in pixels (down, right); zeros fill the border.
TTA_SHIFTS: dict[str, tuple[tuple[int, int], ...]] = {
    "none": ((0, 0),),
    "shift": ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)),
}


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
    shifts, device = TTA_SHIFTS[tta], part.labels.device
    size = BATCH_SIZE if device.type == "cpu" else BATCH_SIZE_ON_GPU
    logits = []
    with torch.inference_mode(), precision_context(precision, device):
        for start in range(0, len(part), size):
            DEVICE_LOCK.yield_to_exclusive()
            logits.append(_sum_over(model, part.pixels[start : start + size], shifts) / len(shifts))
        return torch.cat(logits)


def _sum_over(model: nn.Module, pixels: torch.Tensor, shifts: Sequence[tuple[int, int]]) -> torch.Tensor:
    """Return the float32 logits ``(n, n_classes)`` of these images, summed over the shifts."""
    logits: list[torch.Tensor] = [model(network_input(moved(pixels, *shift))).float() for shift in shifts]
    return reduce(torch.add, logits)


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
