"""What machine and which versions a fit ran on."""

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
    """Return this process's surroundings; ``device`` is what trained, in words."""
    return Environment(
        machine=f"{platform.system()} {platform.machine()}",
        cpu=_processor(),
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
    """Return 12 digits of the SHA-256 over this package's own source: which code it was, released or not."""
    folder = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(f"{file.relative_to(folder).as_posix()}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def _processor() -> str:
    """Return the processor's name as the system tells it, with its widest vector instructions."""
    name = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    except OSError:
        pass  # only Linux has that file
    return f"{name or 'unknown'} ({torch.backends.cpu.get_cpu_capability()})"
