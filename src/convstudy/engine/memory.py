"""Report failed allocations on CPU and GPU as :class:`OutOfMemory`.

A failed allocation is recognized by its error type and by the free memory, never by the text of its message.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from convstudy.engine.cuda.memory import has_room, is_out_of_memory
from convstudy.engine.evaluation import BATCH_SIZE, BATCH_SIZE_ON_GPU
from convstudy.errors import OutOfMemory, Problem
from convstudy.networks import layer_table
from convstudy.networks.modules.spectral.rule import WORKSPACE
from convstudy.plan.fit import Fit

BYTES_PER_VALUE = 4


@contextmanager
def memory_errors(fit: Fit, device: torch.device) -> Iterator[None]:
    """Turn a failed allocation during a fit's training or evaluation into :class:`OutOfMemory`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _lacks_memory(error, step_bytes(fit, device), device):
            raise
        what, hint = "there was not enough memory for this fit", "use a smaller batch_size or fewer workers"
        if str(error):
            what += f": {str(error).splitlines()[0]}"
        raise OutOfMemory(Problem(what, hint=hint)) from None


def step_bytes(fit: Fit, device: torch.device) -> int:
    """Return the memory of a fit's largest step, in bytes: all layers' outputs and their gradients in float32.

    On a CPU a layer can also need the workspace of a convolution by spectrum.
    """
    info = fit.dataset
    rows = layer_table(fit.network, info.image_shape, info.n_classes).rows
    n_values = math.prod(info.image_shape) + sum(math.prod(row.output_shape) for row in rows)
    evaluation_batch_size = BATCH_SIZE if device.type == "cpu" else BATCH_SIZE_ON_GPU
    n_bytes = BYTES_PER_VALUE * n_values * max(2 * fit.recipe.batch_size, evaluation_batch_size)
    return n_bytes + (WORKSPACE if device.type == "cpu" else 0)


def _lacks_memory(error: MemoryError | RuntimeError, required: int, device: torch.device) -> bool:
    """Return whether an error is a failed allocation.

    Torch's CPU allocator and CUDA's libraries raise a plain ``RuntimeError``. It counts as a failed allocation if the
    memory of one more step cannot be allocated while the failed step still holds its tensors.
    """
    if isinstance(error, MemoryError) or is_out_of_memory(error):
        return True
    return type(error) is RuntimeError and not _has_room(required, device)


def _has_room(n_bytes: int, device: torch.device) -> bool:
    if device.type == "cuda":
        return has_room(n_bytes, device)
    try:
        np.empty(n_bytes, np.uint8)  # reserves the memory and does not write to it
    except MemoryError:
        return False
    return True
