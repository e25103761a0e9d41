"""The machine and the versions that a fit runs on."""

from __future__ import annotations

import hashlib
import platform
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from convstudy._version import __version__
from convstudy.cores import n_cores
from convstudy.record import Environment


def environment(threads: int, device: str = "cpu") -> Environment:
    """Return the machine and versions of this process.

    Args:
        threads: the number of CPU threads of the fit.
        device: the name of the device that trained, from :func:`~convstudy.engine.devices.device_name`.
    """
    return Environment(
        machine=f"{platform.system()} {platform.machine()}",
        cpu=_cpu_name(),
        n_cores=n_cores(),
        threads=threads,
        device=device,
        python=platform.python_version(),
        torch=torch.__version__,
        numpy=np.__version__,
        convstudy=f"{__version__}, source {_source_digest()}",
        scikit_learn=version("scikit-learn"),
    )


@lru_cache(maxsize=1)
def _source_digest() -> str:
    """Return 12 digits of the SHA-256 over this package's source. They also identify unreleased code."""
    folder = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(f"{file.relative_to(folder).as_posix()}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def _cpu_name() -> str:
    """Return the CPU's name and its widest vector instructions, as ``"Intel(R) Xeon(R) ... (AVX512)"``."""
    name = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    except OSError:
        pass  # only Linux has that file
    return f"{name or 'unknown'} ({torch.backends.cpu.get_cpu_capability()})"
