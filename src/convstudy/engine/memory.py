"""An allocation that failed, on the processor or on a device, as one error: by types and states, not by messages."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from convstudy.engine.cuda.memory import has_room, is_out_of_memory
from convstudy.engine.evaluation import BATCH_SIZE, BATCH_SIZE_ON_DEVICE
from convstudy.errors import OutOfMemory, Problem
from convstudy.networks import layer_table
from convstudy.plan.fit import Fit

BYTES_A_NUMBER = 4


@contextmanager
def memory_errors(fit: Fit, device: torch.device) -> Iterator[None]:
    """Turn an allocation that failed while a fit was trained or tested into :class:`OutOfMemory`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _lacks_memory(error, step_bytes(fit, device), device):
            raise
        what, hint = "there was not enough memory for this fit", "a smaller batch_size, or fewer workers"
        raise OutOfMemory(
            Problem(what, got=str(error).splitlines()[0] if str(error) else "", hint=hint)
        ) from None


def step_bytes(fit: Fit, device: torch.device) -> int:
    """Return the bytes that the largest step of a fit needs: every layer's output and its gradient, in float32."""
    info = fit.dataset
    rows = layer_table(fit.network, info.image_shape, info.n_classes).rows
    numbers = math.prod(info.image_shape) + sum(math.prod(row.output_shape) for row in rows)
    evaluated = BATCH_SIZE if device.type == "cpu" else BATCH_SIZE_ON_DEVICE
    return BYTES_A_NUMBER * numbers * max(2 * fit.recipe.batch_size, evaluated)


def _lacks_memory(error: MemoryError | RuntimeError, required: int, device: torch.device) -> bool:
    """Send whether an error is an allocation that failed.

    torch's allocator on a CPU and CUDA's libraries raise a plain ``RuntimeError``. Then the memory itself is
    asked: there is not enough if a step cannot be allocated now, while the failed one still holds what it had.
    """
    if isinstance(error, MemoryError) or is_out_of_memory(error):
        return True
    return type(error) is RuntimeError and not _has_room(required, device)


def _has_room(n_bytes: int, device: torch.device) -> bool:
    """Send whether this many bytes can be allocated now."""
    if device.type == "cuda":
        return has_room(n_bytes, device)
    try:
        np.empty(n_bytes, np.uint8)  # reserved, not touched
    except MemoryError:
        return False
    return True
