"""Selects the device and the precision of a run. Imports torch only if that is necessary."""

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
    """Return ``"cpu"`` or ``"cuda:N"`` for ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

    Raises:
        UsageError: if there is no such device.
    """
    # On a CPU, only the workers need torch. Importing it here too would delay the start of each run by seconds.
    if name == "cpu" or (name == "auto" and not _has_driver()):
        return "cpu"
    from convstudy.engine.devices import find_device

    return str(find_device(name))


def fix_precision(study: Study, device: str = "auto") -> Study:
    """Replace each ``precision = "auto"`` of a study by bfloat16 if the device supports it, otherwise by float32.

    A run calls this function before planning, so that its fits stay the same when its results are read on another
    device.

    Args:
        study: the study.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

    Raises:
        UsageError: if there is no such device.
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
    """Return every value of ``precision`` in a study's recipe, searches and variants."""
    return set(_precisions(study_document(study)))


def _precisions(document: dict[str, Any]) -> Iterator[str]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from _precisions(value)
        elif key == "precision":
            yield from value if isinstance(value, list) else [value]


def _with_precision(document: dict[str, Any], precision: str) -> dict[str, Any]:
    """Return a document with each ``"auto"`` replaced; in a list, a value that occurs twice stays once."""
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
    """Return whether this machine has a GPU driver, without which torch finds no GPU."""
    try:
        ctypes.CDLL(CUDA_DRIVER)
    except OSError:
        return AMD_DRIVER.exists()
    return True
