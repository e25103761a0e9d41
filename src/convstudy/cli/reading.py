"""The progress of reading images, on a terminal only: one line that disappears at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

STEPS = {
    "list": "Listing the images",
    "probe": "Reading the headers of images",
    "decode": "Decoding images",
    "verify": "Reading all files again",
    "compare": "Comparing images",
    "time": "Timing a few training steps",
}
"""Step of :mod:`convstudy.data.progress` -> its text."""
UPDATES_PER_SECOND = 8


@contextmanager
def show_reading() -> Iterator[None]:
    """Show the progress of work on images within this context on stderr, if that is a terminal."""
    from convstudy.cli.progress import is_terminal

    if not is_terminal():
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from convstudy.data.progress import reporting

    columns = (TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, refresh_per_second=UPDATES_PER_SECOND
    ) as progress:
        task = progress.add_task("Preparing", total=None)

        def show(step: str, done: int, total: int) -> None:
            text = STEPS.get(step, step.capitalize())
            progress.update(task, description=text, completed=done, total=total or None)

        with reporting(show):
            yield
