"""Change torch's global settings during training.

Except for the number of threads, the settings belong to the process: all its threads share them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from convstudy.engine.cuda.settings import deterministic_libraries
from convstudy.engine.devices import CPU
from convstudy.engine.float32 import full_float32

_lock = threading.Lock()
_settings = ExitStack()
_n_inside = 0


@contextmanager
def repeatable(threads: int, device: torch.device = CPU) -> Iterator[None]:
    """Set the number of threads, deterministic kernels and full float32 precision; restore the settings at the end.

    The caller's random generator is restored too. On a GPU, a kernel without a deterministic implementation still runs,
    without torch's warning. The settings are restored when the last thread leaves the context.
    """
    global _n_inside, _settings
    with _lock:
        if not _n_inside:
            # If one setting fails, the others are undone, so that the next fit starts from the caller's settings.
            with ExitStack() as settings:
                settings.callback(torch.set_num_threads, torch.get_num_threads())
                settings.enter_context(torch.random.fork_rng(devices=[]))
                settings.enter_context(_deterministic_kernels(device))
                settings.enter_context(full_float32(device))
                _settings = settings.pop_all()
        _n_inside += 1
    try:
        torch.set_num_threads(threads)  # unlike the other settings, torch keeps this number per thread
        yield
    finally:
        with _lock:
            _n_inside -= 1
            if not _n_inside:
                _settings.close()


@contextmanager
def _deterministic_kernels(device: torch.device) -> Iterator[None]:
    """Use deterministic kernels, but do not fill uninitialized memory.

    Torch's deterministic mode fills each new tensor, to expose code that reads uninitialized memory. Filling takes a
    tenth of a step's time. No code here reads such memory, so results without filling are bit-identical.
    """
    on_device = device.type != "cpu"
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    memory: Any = torch.utils.deterministic  # a module whose attribute torch does not annotate
    filling = memory.fill_uninitialized_memory
    with ExitStack() as restore:
        restore.callback(setattr, memory, "fill_uninitialized_memory", filling)
        restore.callback(torch.use_deterministic_algorithms, deterministic, warn_only=warn_only)
        if on_device:
            restore.enter_context(deterministic_libraries())
        torch.use_deterministic_algorithms(True, warn_only=on_device)
        memory.fill_uninitialized_memory = False
        yield
