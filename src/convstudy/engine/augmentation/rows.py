"""Change some images of a batch only."""

from __future__ import annotations

from collections.abc import Callable

import torch


def changed_where(
    chosen: torch.Tensor, images: torch.Tensor, change: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Return images in which ``change`` has replaced the chosen ones.

    On a CPU, only the chosen images are computed. On a GPU, the number of chosen images is unknown to the CPU, so that
    all are computed (:func:`changed_everywhere`, the reference implementation); both give the same images.

    Args:
        chosen: bool ``(n,)``.
        images: ``(n, ...)``.
        change: gets images and their rows in the batch, and returns the changed images.
    """
    if images.device.type != "cpu":
        return changed_everywhere(chosen, images, change)
    rows = chosen.nonzero().flatten()
    return images.index_copy(0, rows, change(images[rows], rows)) if len(rows) else images


def changed_everywhere(
    chosen: torch.Tensor, images: torch.Tensor, change: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Return images in which ``change`` has replaced the chosen ones; it is computed for all of them."""
    changed = change(images, torch.arange(len(images), device=images.device))
    return torch.where(chosen.reshape(-1, *(1 for _ in images.shape[1:])), changed, images)
