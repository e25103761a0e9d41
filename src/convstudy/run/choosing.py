"""Which device a run trains on, and in which number format; torch is asked only where it has to be."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from convstudy.studyfile import Study, study_document, study_of

CUDA_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
AMD_DRIVER = Path("/dev/kfd")


def chosen_device(name: str) -> str:
    """Return ``cpu`` or ``cuda:N`` for a device that somebody asked for, or for ``auto``.

    Raises:
        UsageError: where there is no such device.
    """
    # The driver process of a run on the processor needs no torch: importing it takes seconds.
    if name == "cpu" or (name == "auto" and not _has_driver()):
        return "cpu"
    from convstudy.engine.devices import find_device

    return str(find_device(name))


def fix_precision(study: Study, device: str = "auto") -> Study:
    """Return the study with a number format wherever it says ``precision = "auto"``: the one that is fast on a device.

    That is bfloat16 where the device computes in it, else float32. It is fixed once, before anything is planned, so
    that a run keeps it wherever it is looked at.

    Raises:
        UsageError: where there is no such device.
    """
    document = study_document(study)
    if _with_precision(document, "float32") == document:
        return study
    from convstudy.engine.bfloat16 import computes_bfloat16
    from convstudy.engine.devices import find_device

    found = find_device(device)
    fixed = _with_precision(document, "bfloat16" if computes_bfloat16(found) else "float32")
    return study_of({**fixed, "dataset": study.dataset})


def precisions_of(study: Study) -> set[str]:
    """Return every ``precision`` that a study's recipe, searches and variants name."""
    return set(_precisions(study_document(study)))


def _precisions(document: dict[str, Any]) -> Iterator[str]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from _precisions(value)
        elif key == "precision":
            yield from value if isinstance(value, list) else [value]


def _with_precision(document: dict[str, Any], precision: str) -> dict[str, Any]:
    """Return a document with this precision for each ``"auto"``; a search tries it once, however often it says it."""
    replaced = dict(document)
    for key, value in document.items():
        if isinstance(value, dict):
            replaced[key] = _with_precision(value, precision)
        elif key == "precision" and isinstance(value, list):
            replaced[key] = list(dict.fromkeys(precision if each == "auto" else each for each in value))
        elif key == "precision" and value == "auto":
            replaced[key] = precision
    return replaced


def _has_driver() -> bool:
    """Send whether this machine has the driver without which torch finds no device."""
    try:
        ctypes.CDLL(CUDA_DRIVER)
    except OSError:
        return AMD_DRIVER.exists()
    return True
