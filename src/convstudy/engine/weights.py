"""Save and load weights as safetensors, and compute their digest. Loading such a file runs no code from it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from convstudy.atomic_write import atomic_write
from convstudy.errors import Location, Problem, StoreError
from convstudy.regular_file import check_regular

Tensors = dict[str, torch.Tensor]


def on_cpu(tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """Return the tensors on the CPU; a tensor that is already on the CPU is not copied."""
    return {name: tensor.detach().to("cpu") for name, tensor in tensors.items()}


def weights_digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """Return the SHA-256 over name, dtype, shape and bytes of all tensors in the order of their names.

    The tensors must be on the CPU.
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        # View as uint8: NumPy has no bfloat16.
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors and metadata atomically: an interruption leaves the old file or the complete new one.

    Raises:
        StoreError: if the file cannot be written, because the disk is full or the folder is read-only.
    """
    contiguous = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    try:
        with atomic_write(path) as partial:
            save_file(contiguous, partial, dict(metadata))
    except (SafetensorError, OSError) as error:  # safetensors wraps the system's error in its own
        what = f"this file cannot be written: {error}"
        hint = "free disk space or restore access, then run the same command again"
        raise StoreError(Problem(what, Location(str(path)), hint=hint)) from None


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """Write NumPy arrays as :func:`write_tensors` does, with their digest in the metadata."""
    tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}
    write_tensors(path, tensors, {"digest": weights_digest(tensors)})


def read_tensors(path: Path) -> tuple[Tensors, dict[str, str]]:
    """Return the tensors and metadata of a file; raise :class:`StoreError` if it is damaged or missing."""
    try:
        check_regular(path)
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (a safetensors file is not iterable)
            return tensors, dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        what = f"this file cannot be read as safetensors: {error}"
        raise StoreError(Problem(what, Location(str(path)))) from None


def load_weights(model: torch.nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    """Copy weights into a model; raise :class:`StoreError` if names or shapes differ."""
    own = model.state_dict()
    if {name: tensor.shape for name, tensor in own.items()} != {n: t.shape for n, t in tensors.items()}:
        raise StoreError(Problem("these weights belong to another network"))
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(tensors[name])
