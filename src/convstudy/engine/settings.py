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
from convstudy.engine.float32 import whole_float32

# What cuBLAS needs to add up in the same order each time; it reads the variable when a thread first uses it.
CUBLAS_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
# How torch begins to say that a kernel has no repeatable form.
NOT_REPEATABLE = ".*does not have a deterministic implementation"

_lock = threading.Lock()
_settings = ExitStack()
_n_inside = 0


@contextmanager
def repeatable(threads: int, device: torch.device = CPU) -> Iterator[None]:
    """Fix the thread count, ask for repeatable kernels, and leave the caller's generator and settings as they were.

    float32 is float32, no shorter format. On a device a kernel that has no repeatable form is used all the same, and
    torch does not warn of it. The settings come back when the last thread leaves.
    """
    global _n_inside, _settings
    with _lock:
        if not _n_inside:
            # Whatever fails here, the next fit finds no half of it.
            with ExitStack() as settings:
                settings.callback(torch.set_num_threads, torch.get_num_threads())
                settings.enter_context(torch.random.fork_rng(devices=[]))
                settings.enter_context(_repeatable_kernels(device))
                settings.enter_context(whole_float32(device))
                _settings = settings.pop_all()
        _n_inside += 1
    try:
        torch.set_num_threads(threads)  # each thread has a number of its own
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
    filling = memory.fill_uninitialized_memory
    with ExitStack() as callers:
        callers.callback(setattr, memory, "fill_uninitialized_memory", filling)
        callers.callback(torch.use_deterministic_algorithms, deterministic, warn_only=warn_only)
        if on_device:
            callers.enter_context(_unsaid(NOT_REPEATABLE))
            if CUBLAS_WORKSPACE not in os.environ:
                callers.callback(os.environ.pop, CUBLAS_WORKSPACE, None)
                os.environ[CUBLAS_WORKSPACE] = ":4096:8"
        torch.use_deterministic_algorithms(True, warn_only=on_device)
        memory.fill_uninitialized_memory = False
        yield


@contextmanager
def _unsaid(message: str) -> Iterator[None]:
    """Have no warning that begins so said.

    Not by ``warnings.catch_warnings``: the thread that leaves last may be another one than that which came first, and
    filters that somebody set meanwhile are to stay.
    """
    filters: Any = warnings.filters  # a list, which its annotation hides
    before = list(filters)
    warnings.filterwarnings("ignore", message=message)
    ours = filters[0]
    try:
        yield
    finally:
        if ours not in before and ours in filters:
            filters.remove(ours)
