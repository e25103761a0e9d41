"""Looking over a dataset's images for duplicates and the like, once in a runs folder, when the test set was opened."""

from __future__ import annotations

from convstudy.data import Dataset
from convstudy.history import History
from convstudy.run.events import ImagesInspected, Listener
from convstudy.run.tasks import Inspect, Inspected, Lost
from convstudy.run.watching import Watched


def inspect_images(dataset: Dataset, history: History, executor: Watched, listener: Listener) -> None:
    """Have the images looked over unless that is done, and keep what is found.

    This reads the test images, so that it must follow all choices. It answers no question of a study: where it fails,
    the run does not, and the next one tries again.
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
