"""What is drawn from files beside the records and from the data: mistakes, kernels, first images, class counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from convstudy.analysis import Analysis, Calibration, Headline, Predictions
from convstudy.data import Dataset, Images
from convstudy.errors import ConvstudyError
from convstudy.figures import counted, percent
from convstudy.history.results import Results
from convstudy.plan import Candidate
from convstudy.report import background_tables, calibration_tables, class_charts, image_tables, pictures
from convstudy.report.calibration_chart import calibration_chart
from convstudy.report.figure import Figure
from convstudy.report.pictures import Picture
from convstudy.report.table import Table
from convstudy.stats import Confusion, Guesses, Mistake, class_accuracies, confusion_of, mistakes_of

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


def gather_beside(analysis: Analysis) -> Beside:
    """Read what lies beside the records and the training images; missing parts leave a note."""
    import numpy as np

    results = analysis.results
    info = results.study.dataset
    found: dict[str, Any] = {}
    notes: list[str] = []
    head = analysis.headline
    models = _predictions(analysis, head, notes) if head else []
    labels = models[0].labels if models else None
    if head:
        found["headline"] = head.candidate.network_name
    if head and labels is not None:
        predicted = np.stack([each.predicted for each in models])
        confusion = confusion_of(labels, [each.predicted for each in models], info.n_classes)
        found["confusion"] = confusion
        found["confusion_table"] = background_tables.confusion_table(confusion, info.class_names)
        if info.n_classes <= background_tables.MOST_CLASSES:
            found["confusion_figure"] = class_charts.confusion_chart(
                confusion, info.class_names, "Confusion on the test images"
            )
        wrong = mistakes_of(labels, [_with_sound_pictures(each, info) for each in models])
        found["mistakes_table"] = background_tables.mistakes_table(wrong, info.class_names)
        found["mistakes"] = tuple(_pictures(wrong, info))
        by_class = class_accuracies(labels, predicted, info.n_classes)
        found["class_accuracy_table"] = background_tables.class_accuracy_table(by_class, info.class_names)
        found["class_accuracy_figure"] = class_charts.class_accuracy_chart(
            by_class, info.class_names, "Accuracy by class"
        )
        found |= _calibration(analysis, head)
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


def _calibration(analysis: Analysis, head: Headline) -> dict[str, Any]:
    """Return what is told of the calibration of the headline's stage; its other candidates stand in the table."""
    found: dict[str, Calibration] = {}
    for candidate in head.stage.candidates:
        calibration = analysis.calibration(_tested(analysis, candidate))
        if calibration is not None:
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


def _at_hand(dataset: Dataset) -> Images:
    """Return the training images if they are on this machine; a report downloads nothing."""
    return dataset.load(download=False).train


def _read(
    results: Results, fit_ids: list[str], what: str, notes: list[str], limit: int = 100
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the arrays of these fits, each with its id; a file that is missing leaves a note."""
    for fit_id in fit_ids[:limit]:
        try:
            yield fit_id, results.arrays(fit_id, what)
        except ConvstudyError as error:
            notes.append(f"The {what} file of fit {fit_id} could not be read: {error.problems[0].what}.")


def _predictions(analysis: Analysis, head: Headline, notes: list[str]) -> list[Predictions]:
    """Return the predictions of the headline's models; a file that is missing or does not fit leaves a note."""
    found = []
    for fit_id in _tested(analysis, head.candidate):
        predictions = analysis.predictions.of(fit_id)
        reason = analysis.predictions.unreadable(fit_id)
        if predictions is not None:
            found.append(predictions)
        elif reason:
            notes.append(f"The test file of fit {fit_id} could not be read: {reason}.")
        else:
            notes.append(
                f"The test file of fit {fit_id} does not hold what its record tells of; it is left out."
            )
    return found


def _tested(analysis: Analysis, candidate: Candidate) -> tuple[str, ...]:
    """Return the fits of a candidate that are done and whose model has a test score."""
    results = analysis.results
    done = [record.fit_id for record in results.records_of(candidate) if record.done]
    openings = {fit_id: results.openings.get(fit_id) for fit_id in done}
    return tuple(fit_id for fit_id, each in openings.items() if each and each.scores is not None)


def _done(results: Results, head: Headline) -> list[str]:
    return [record.fit_id for record in results.records_of(head.candidate) if record.done]


def _with_sound_pictures(found: Predictions, info: Dataset) -> Guesses:
    """Return predictions with their pictures of mistakes, or with none where they are no pictures of test images."""
    import numpy as np

    rows, pixels = found.mistake_rows, found.mistake_pixels
    if (
        rows is not None
        and pixels is not None
        and rows.ndim == 1
        and rows.dtype.kind in "iu"
        and pixels.dtype == np.uint8
        and pixels.shape == (len(rows), *info.image_shape)
        and ((rows >= 0) & (rows < len(found.labels))).all()
    ):
        return Guesses(
            found.predicted, found.confidence, rows.astype(np.int64), pixels.astype(np.uint8, copy=False)
        )
    nothing = np.zeros((0, *info.image_shape), np.uint8)
    return Guesses(found.predicted, found.confidence, np.zeros(0, np.int64), nothing)


def _pictures(mistakes: tuple[Mistake, ...], info: Dataset) -> Iterator[Picture]:
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
