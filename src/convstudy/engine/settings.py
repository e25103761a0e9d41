"""Torch's settings while fits are trained; they are the process's, so that fits in several threads share them."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from convstudy.engine.devices import CPU

# What cuBLAS needs to add up in the same order each time; it reads the variable when a thread first uses it.
CUBLAS_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"

_lock = threading.Lock()
_settings = ExitStack()
_n_inside = 0


@contextmanager
def repeatable(threads: int, device: torch.device = CPU) -> Iterator[None]:
    """Fix the thread count, ask for repeatable kernels, and leave the caller's generator and settings as they were.

    On a device float32 is float32, no shorter format, and a kernel that has no repeatable form is used all the same.
    The settings come back when the last thread leaves.
    """
    global _n_inside
    n_threads = torch.get_num_threads()
    torch.set_num_threads(threads)
    with _lock:
        if not _n_inside:
            _settings.callback(torch.set_num_threads, n_threads)
            _settings.enter_context(torch.random.fork_rng(devices=[]))
            _settings.enter_context(_repeatable_kernels(device))
        _n_inside += 1
    try:
        yield
    finally:
        with _lock:
            _n_inside -= 1
            if not _n_inside:
                _settings.close()


@contextmanager
def _repeatable_kernels(device: torch.device) -> Iterator[None]:
    """Ask for repeatable kernels.

    Torch would also fill each new tensor before it is written, which finds code that reads too early and costs a tenth
    of a step; no code here does so, and what a fit comes to is the same to the last bit without.
    """
    on_device = device.type != "cpu"
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    memory: Any = torch.utils.deterministic  # a module whose attribute torch does not annotate
    filling, short_float32 = memory.fill_uninitialized_memory, torch.backends.cudnn.allow_tf32
    if on_device:
        os.environ.setdefault(CUBLAS_WORKSPACE, ":4096:8")
        torch.backends.cudnn.allow_tf32 = False
        warnings.filterwarnings("ignore", message=".*does not have a deterministic implementation")
    torch.use_deterministic_algorithms(True, warn_only=on_device)
    memory.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        memory.fill_uninitialized_memory = filling
        torch.backends.cudnn.allow_tf32 = short_float32
