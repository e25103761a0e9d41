"""Torch's settings while fits are trained; they are the process's, so that fits in several threads share them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from convstudy.engine.cuda.settings import repeatable_libraries
from convstudy.engine.devices import CPU
from convstudy.engine.float32 import whole_float32

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
            callers.enter_context(repeatable_libraries())
        torch.use_deterministic_algorithms(True, warn_only=on_device)
        memory.fill_uninitialized_memory = False
        yield
