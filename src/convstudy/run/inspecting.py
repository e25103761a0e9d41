"""Computes the statistics of a dataset's images, such as the number of duplicates, after the test-set evaluation."""

from __future__ import annotations

from convstudy.data import Dataset
from convstudy.history import History
from convstudy.run.events import ImagesInspected, Listener
from convstudy.run.tasks import Inspect, Inspected, Lost
from convstudy.run.watching import Watched


def inspect_images(dataset: Dataset, history: History, executor: Watched, listener: Listener) -> None:
    """Compute and store the statistics of the images, unless they exist.

    The inspection reads the test images, so it must run after all choices. No result of a study depends on it: a
    failure does not end the run, and the next run tries again.

    Args:
        dataset: the dataset to inspect.
        history: the history that stores the statistics.
        executor: the executor of the task.
        listener: receives an :class:`~convstudy.run.events.ImagesInspected` event, in which ``error`` is set after a
            failure.
    """
    if history.dataset_statistics(dataset) is not None:
        return
    executor.submit(Inspect(dataset))
    while True:
        match executor.next_message():
            case Inspected(statistics=statistics, error=error):
                break
            case Lost(reason=reason):
                statistics, error = None, reason
                break
    if statistics is not None:
        try:
            history.save_dataset_statistics(statistics)
        except OSError as problem:
            error = problem.strerror or str(problem)
    listener(ImagesInspected(dataset, statistics, error))
