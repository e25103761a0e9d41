"""Loss, accuracy and class probabilities in evaluation mode: no dropout, moving averages in batch normalisation.

A recipe may ask for several views of an image, whose logits are averaged. Validation and test images are seen so, after
each epoch too: a choice by validation accuracy then knows what the views are worth. Training images are not.
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
# A device is fast at many images, and each batch costs the processor its launches.
BATCH_SIZE_ON_DEVICE = 2_500

# Name -> by how many pixels each view is moved (down, right), zeros moving in.
VIEWS: dict[str, tuple[tuple[int, int], ...]] = {
    "none": ((0, 0),),
    "shift": ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)),
}


def half_precision(precision: str, device: torch.device = CPU) -> torch.autocast:
    """Return the context in which convolutions and matrix products run in the recipe's number format."""
    # Weights cast for one thread's graph must not be taken for another step's, and torch has one cache for all threads.
    cached = None if device.type == "cpu" else False
    wanted = precision == "bfloat16"
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted, cache_enabled=cached)


def logits_of(model: nn.Module, part: ImageTensors, precision: str, tta: str = "none") -> torch.Tensor:
    """Return float32 logits ``(n, n_classes)``, the mean over the views; leaves the model in evaluation mode."""
    model.eval()
    shifts, device = VIEWS[tta], part.labels.device
    size = BATCH_SIZE if device.type == "cpu" else BATCH_SIZE_ON_DEVICE
    logits = []
    with torch.inference_mode(), half_precision(precision, device):
        for start in range(0, len(part), size):
            DEVICE_LOCK.yield_to_exclusive()
            logits.append(_sum_over(model, part.pixels[start : start + size], shifts) / len(shifts))
        return torch.cat(logits)


def _sum_over(model: nn.Module, pixels: torch.Tensor, shifts: Sequence[tuple[int, int]]) -> torch.Tensor:
    """Return the sum of the float32 logits of these images, moved by each shift."""
    logits: list[torch.Tensor] = [model(network_input(moved(pixels, *shift))).float() for shift in shifts]
    return reduce(torch.add, logits)


def moved(pixels: torch.Tensor, down: int, right: int) -> torch.Tensor:
    """Return images ``(n, height, width, channels)`` moved by whole pixels, zeros moving in."""
    # A negative padding cuts off.
    return pad(pixels, (0, 0, right, -right, down, -down)) if down or right else pixels


def scores_of(logits: torch.Tensor, labels: torch.Tensor, metric: str = ACCURACY) -> Scores:
    """Return log-loss, accuracy and one more metric of logits ``(n, n_classes)``; NaN where it is not defined."""
    losses = nn.functional.cross_entropy(logits, labels, reduction="none")
    hits = logits.argmax(dim=1) == labels
    # Both at once: each look at a device waits for it.
    both = torch.stack([losses.double().mean(), hits.double().sum()])
    wait_for(both.device)
    loss, n_hits = both.tolist()
    scores = {LOG_LOSS: loss, ACCURACY: n_hits / len(labels)}
    if metric not in scores:
        probabilities = logits.softmax(dim=1).cpu().numpy()
        scores[metric] = metric_named(metric).value(labels.cpu().numpy(), probabilities)
    return Scores(scores)


def evaluate(
    model: nn.Module, part: ImageTensors, precision: str, tta: str = "none", metric: str = ACCURACY
) -> Scores:
    """Return log-loss, accuracy and one more metric on a part."""
    return scores_of(logits_of(model, part, precision, tta), part.labels, metric)
