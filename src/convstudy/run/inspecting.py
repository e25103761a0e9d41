"""Stores what an inspection of the images computes next to the test-set evaluation: statistics and baselines."""

from __future__ import annotations

from convstudy.data import Dataset
from convstudy.history import History
from convstudy.run.events import ImagesInspected, Listener
from convstudy.run.tasks import Inspected, Lost


def save_inspection(
    message: Inspected | Lost, dataset: Dataset, history: History, listener: Listener
) -> None:
    """Store the statistics of an inspection; its worker has stored the baselines.

    No result of a study depends on either: a failure does not end the run, and the next run tries again.

    Args:
        message: the last message about the inspection.
        dataset: the inspected dataset.
        history: the history that stores the statistics.
        listener: receives an :class:`~convstudy.run.events.ImagesInspected` event, in which ``error`` or
            ``baselines_error`` is set after a failure.
    """
    if isinstance(message, Lost):
        statistics, error, baselines_error = None, message.reason, ""
    else:
        statistics, error, baselines_error = message.statistics, message.error, message.baselines_error
    if statistics is None and not error:
        statistics = history.dataset_statistics(dataset)  # an earlier run computed them
    elif statistics is not None:
        try:
            history.save_dataset_statistics(statistics)
        except OSError as problem:
            error = problem.strerror or str(problem)
    listener(ImagesInspected(dataset, statistics, error, baselines_error))
