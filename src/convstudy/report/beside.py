"""What is drawn from files beside the records and from the data: mistakes, kernels, first images, class counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convstudy.analysis import Calibration, Headline, PredictionReader, calibration_of, headline
from convstudy.data import DatasetInfo, Images, dataset_info, load_dataset
from convstudy.errors import ConvstudyError
from convstudy.figures import counted, percent
from convstudy.history.results import Results
from convstudy.report import background_tables, calibration_tables, class_charts, image_tables, pictures
from convstudy.report.calibration_chart import calibration_chart
from convstudy.report.figure import Figure
from convstudy.report.pictures import Picture
from convstudy.report.table import Table
from convstudy.stats import Confusion, Mistake, class_accuracies, confusion_of, mistakes_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

N_FIRST_IMAGES = 25
N_KERNELS = 64


@dataclass(frozen=True)
class Beside:
    """What is drawn from files beside the records and from the data; empty, with a note, where they are missing."""

    headline: str = ""
    classes: Table | None = None
    confusion: Confusion | None = None
    confusion_table: Table | None = None
    mistakes_table: Table | None = None
    confusion_figure: Figure | None = None
    classes_figure: Figure | None = None
    mistakes: tuple[Picture, ...] = ()
    kernels: tuple[Picture, ...] = ()
    first_images: tuple[Picture, ...] = ()
    class_accuracy_table: Table | None = None
    class_accuracy_figure: Figure | None = None
    calibration_words: str = ""
    calibration_table: Table | None = None
    calibration_bins: Table | None = None
    calibration_figure: Figure | None = None
    image_words: tuple[str, ...] = ()
    image_tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()


def gather_beside(results: Results) -> Beside:
    """Read what lies beside the records and the training images; missing parts leave a note."""
    info = dataset_info(results.study.dataset)
    found: dict[str, Any] = {}
    notes: list[str] = []
    head = headline(results)
    predictions = PredictionReader(results)
    labels: npt.NDArray[np.int64] | None = None
    if head:
        found["headline"] = head.candidate.network_name
        for test in _read_tests(results, head, predictions, notes):
            labels = test["labels"]
    if head and labels is not None:

        def tests() -> Iterator[dict[str, Any]]:
            # Read again for each use: with 1,000 classes one file of predictions is 40 MB.
            return _read_tests(results, head, predictions, [])

        confusion = confusion_of(
            ((test["labels"], test["probabilities"]) for test in tests()), info.n_classes
        )
        found["confusion"] = confusion
        found["confusion_table"] = background_tables.confusion_table(confusion, info.class_names)
        if info.n_classes <= background_tables.MOST_CLASSES:
            found["confusion_figure"] = class_charts.confusion_chart(
                confusion, info.class_names, "Confusion on the test images"
            )
        wrong = mistakes_of(_with_sound_pictures(test, info) for test in tests())
        found["mistakes_table"] = background_tables.mistakes_table(wrong, info.class_names)
        found["mistakes"] = tuple(_pictures(wrong, info))
        by_class = class_accuracies(tests(), info.n_classes)
        found["class_accuracy_table"] = background_tables.class_accuracy_table(by_class, info.class_names)
        found["class_accuracy_figure"] = class_charts.class_accuracy_chart(
            by_class, info.class_names, "Accuracy by class"
        )
    if head and labels is not None:
        found |= _calibration(results, head, predictions)
    if head:
        weights = _read(results, _done(results, head), "weights", notes, limit=1)
        found["kernels"] = tuple(kernel for _, each in weights for kernel in _kernels(each))
    train = None
    try:
        images = _at_hand(results.study.dataset)
        train = images.labels
        found["first_images"] = tuple(
            Picture(pictures.data_uri(images.pixels[i]), f"training image {i}: {label}", label)
            for i, label in (
                (i, info.class_names[int(train[i])]) for i in range(min(N_FIRST_IMAGES, len(images)))
            )
        )
    except ConvstudyError as error:
        notes.append(f"The training images are not at hand: {error.problems[0].what}.")
    found["image_words"] = image_tables.image_words(results.images, info)
    if results.images is not None:
        found["image_tables"] = (
            image_tables.parts_table(results.images, info),
            image_tables.duplicates_table(results.images, info),
        )
    classes = background_tables.class_table(results.study.dataset, train, labels)
    if train is not None or labels is not None:
        found["classes"] = classes
        found["classes_figure"] = class_charts.classes_chart(
            [(str(row[0]), _count(row[1]), _count(row[2])) for row in classes.rows], "Images per class"
        )
    return Beside(**found, notes=tuple(dict.fromkeys(notes)))


def _calibration(results: Results, head: Headline, predictions: PredictionReader) -> dict[str, Any]:
    """Return what is told of the calibration of the headline's stage; its other candidates stand in the table."""
    found: dict[str, Calibration] = {}
    for candidate in head.stage.candidates:
        notes: list[str] = []
        calibration = calibration_of(
            _read_tests(results, Headline(head.stage, candidate), predictions, notes)
        )
        if calibration is not None and not notes:
            found[candidate.name] = calibration
    own = found.get(head.candidate.name)
    if own is None:
        return {}
    return {
        "calibration_words": calibration_tables.calibration_words(own),
        "calibration_table": calibration_tables.calibration_table(found, head.candidate.name),
        "calibration_bins": calibration_tables.bins_table(own, head.candidate.name),
        "calibration_figure": calibration_chart(own, "Confidence and accuracy"),
    }


def _at_hand(dataset: str) -> Images:
    """Return the training images if they are on this machine; a report downloads nothing."""
    return load_dataset(dataset, download=False).train


def _read(
    results: Results, fit_ids: list[str], what: str, notes: list[str], limit: int = 100
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the arrays of these fits, each with its id; a file that is missing leaves a note."""
    for fit_id in fit_ids[:limit]:
        try:
            yield fit_id, results.arrays(fit_id, what)
        except ConvstudyError as error:
            notes.append(f"The {what} file of fit {fit_id} could not be read: {error.problems[0].what}.")


def _read_tests(
    results: Results, head: Headline, predictions: PredictionReader, notes: list[str]
) -> Iterator[dict[str, Any]]:
    """Yield the predictions of a candidate's models; a file that does not fit its record leaves a note too."""
    ids = [i for i in _done(results, head) if i in results.openings]
    ids = [i for i in ids if results.openings[i].accuracy is not None]
    for fit_id, test in _read(results, ids, "test", notes):
        if predictions.fits(fit_id, test):
            yield test
        else:
            notes.append(
                f"The test file of fit {fit_id} does not hold what its record tells of; it is left out."
            )


def _done(results: Results, head: Headline) -> list[str]:
    return [record.fit_id for record in results.records_of(head.candidate) if record.done]


def _with_sound_pictures(test: dict[str, Any], info: DatasetInfo) -> dict[str, Any]:
    """Return a test file with its pictures of mistakes, or with none where they are no pictures of test images."""
    import numpy as np

    rows, pixels = test.get("mistake_rows"), test.get("mistake_pixels")
    if (
        rows is not None
        and pixels is not None
        and rows.ndim == 1
        and rows.dtype.kind in "iu"
        and pixels.dtype == np.uint8
        and pixels.shape == (len(rows), *info.image_shape)
        and ((rows >= 0) & (rows < len(test["labels"]))).all()
    ):
        return test
    nothing = {
        "mistake_rows": np.zeros(0, np.int64),
        "mistake_pixels": np.zeros((0, *info.image_shape), np.uint8),
    }
    return {**test, **nothing}


def _pictures(mistakes: tuple[Mistake, ...], info: DatasetInfo) -> Iterator[Picture]:
    for mistake in mistakes:
        true, taken = info.class_names[mistake.label], info.class_names[mistake.prediction]
        sure = percent(mistake.confidence)
        yield Picture(
            pictures.data_uri(mistake.pixels),
            f"test image {mistake.row}: a {true}, taken for {taken} with confidence {sure}",
            f"{true} → {taken}",
            f"{mistake.confidence * 100:.1f} % sure\n{mistake.n_wrong} of {counted(mistake.n_models, 'seed')}",
        )


def _kernels(weights: dict[str, Any]) -> Iterator[Picture]:
    kernels = pictures.first_kernels(weights)
    if kernels is None:
        return
    for number, kernel in enumerate(kernels[:N_KERNELS]):
        largest = float(abs(kernel).max())
        pixels = pictures.kernel_pixels(kernel, largest)
        yield Picture(
            pictures.data_uri(pixels),
            f"kernel {number}, weights from {kernel.min():.2f} to {kernel.max():.2f}",
        )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None
