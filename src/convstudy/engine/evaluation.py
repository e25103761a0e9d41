"""Loss, accuracy and class probabilities in evaluation mode: no dropout, moving averages in batch normalisation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from convstudy.engine.batches import ImageTensors, network_input

BATCH_SIZE = 500


@dataclass(frozen=True)
class Score:
    """Mean cross-entropy in nats an image, and the fraction of images whose most probable class is the label."""

    loss: float
    accuracy: float


def half_precision(precision: str) -> torch.autocast:
    """Return the context in which convolutions and matrix products run in the recipe's number format."""
    return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")


def logits_of(model: nn.Module, part: ImageTensors, precision: str) -> torch.Tensor:
    """Return float32 logits ``(n, n_classes)``; leaves the model in evaluation mode."""
    model.eval()
    with torch.inference_mode(), half_precision(precision):
        pieces = (part.pixels[start : start + BATCH_SIZE] for start in range(0, len(part), BATCH_SIZE))
        return torch.cat([model(network_input(pixels)).float() for pixels in pieces])


def score_of(logits: torch.Tensor, labels: torch.Tensor) -> Score:
    """Return loss and accuracy of logits ``(n, n_classes)``."""
    losses = nn.functional.cross_entropy(logits, labels, reduction="none")
    hits = int((logits.argmax(dim=1) == labels).sum())
    return Score(float(losses.double().mean()), hits / len(labels))


def evaluate(model: nn.Module, part: ImageTensors, precision: str) -> Score:
    """Return loss and accuracy on a part."""
    return score_of(logits_of(model, part, precision), part.labels)
