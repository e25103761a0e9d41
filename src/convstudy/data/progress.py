"""Reports the progress of work on images to the command that waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

ProgressCallback = Callable[[str, int, int], None]
"""Receives a step (``"list"``, ``"decode"``, ``"compare"``), the number of finished images, and the number of all."""


def ignore(step: str, done: int, total: int) -> None:
    """Report nothing."""


_callback: ContextVar[ProgressCallback] = ContextVar("progress", default=ignore)


def report_progress(step: str, done: int, total: int) -> None:
    """Call the callback of :func:`reporting`, if any.

    Args:
        step: what is done, such as ``"decode"``.
        done: the number of finished images.
        total: the number of all images.
    """
    _callback.get()(step, done, total)


@contextmanager
def reporting(callback: ProgressCallback) -> Iterator[None]:
    """Report the progress of all work on images within this context to ``callback``.

    >>> with reporting(lambda step, done, total: print(step, done, "of", total)):
    ...     report_progress("decode", 3, 10)
    decode 3 of 10
    """
    token = _callback.set(callback)
    try:
        yield
    finally:
        _callback.reset(token)
