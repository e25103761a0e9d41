"""The images themselves, once they were looked over, and how sure models are of what they see in them.

Each rule's constants stand here and in docs/checks.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from convstudy.analysis import Analysis
from convstudy.checks.candidates import tested_candidates
from convstudy.checks.check import Spot
from convstudy.checks.text import points
from convstudy.numbers import decimals, percent
from convstudy.stats import balance_of

DATASET = "study.dataset"
NEAR_SHARE = 0.01
"""Near duplicates count from this share of the test images on: a few originals are as alike as that."""
UNEVEN = 3.0
"""Classes are uneven where the largest has so many times the images of the smallest."""
FAR = 0.01
"""So far outside the interval of the accuracy a mean confidence is more than a trifle."""


def train_test_duplicates(analysis: Analysis) -> Iterator[Spot]:
    """Test images that are training images too, or nearly."""
    statistics = analysis.results.images
    if statistics is None:
        return
    n_exact, n_near = (
        statistics.exact.n_test,
        statistics.near_duplicates.n_test if statistics.near_duplicates else 0,
    )
    if not n_exact and n_near < NEAR_SHARE * statistics.test.n_images:
        return
    n_otherwise = statistics.exact.n_otherwise_labelled + (
        statistics.near_duplicates.n_otherwise_labelled if statistics.near_duplicates else 0
    )
    labels = f"; {n_otherwise:,} pairs have two labels" if n_otherwise else ""
    yield Spot(
        DATASET,
        f"{n_exact:,} of {statistics.test.n_images:,} test images are training images too, "
        f"and {n_near:,} nearly{labels}: "
        "on these a model may remember the answer",
        "take them out of the training images, and look how the dataset was divided",
    )


def class_imbalance(analysis: Analysis) -> Iterator[Spot]:
    """Parts whose largest class has many times the images of the smallest."""
    statistics = analysis.results.images
    if statistics is None:
        return
    names = analysis.results.dataset.class_names
    for part, counts in (("training", statistics.train.class_counts), ("test", statistics.test.class_counts)):
        balance = balance_of(counts)
        if balance.ratio < UNEVEN:
            continue
        times = (
            f"class {names[balance.smallest]} has no {part} images"
            if math.isinf(balance.ratio)
            else f"class {names[balance.largest]} has {decimals(balance.ratio, 1)} times the {part} images of class "
            f"{names[balance.smallest]}"
        )
        yield Spot(
            DATASET,
            f"{times}, and always saying {names[balance.largest]} is right on {percent(balance.majority)} of them: "
            "accuracy says little of the small classes",
            "read the accuracy by class beside it, and compare with that share, not with 0",
        )


def constant_images(analysis: Analysis) -> Iterator[Spot]:
    """Parts with images that hold one value only."""
    statistics = analysis.results.images
    if statistics is None:
        return
    for part, known in (("training", statistics.train), ("test", statistics.test)):
        if known.n_constant:
            yield Spot(
                DATASET,
                f"{known.n_constant:,} of {known.n_images:,} {part} images hold one value only: nothing is to be seen",
                "look how the files were made: an image that could not be read often becomes an empty one",
            )


def badly_calibrated(analysis: Analysis) -> Iterator[Spot]:
    """Candidates whose mean confidence lies clearly outside the interval of their accuracy."""
    results = analysis.results
    for each in tested_candidates(analysis):
        tested = tuple(
            fit.record.fit_id for fit in each.fits if fit.record.fit_id in results.test_evaluations
        )
        calibration = analysis.calibration(tested)
        if calibration is None:
            continue
        accuracy = calibration.accuracy
        sure = accuracy.estimate + calibration.gap
        beyond = max(accuracy.low - sure, sure - accuracy.high)
        if beyond >= FAR:
            yield Spot(
                each.where,
                f"on average its models are {percent(sure)} sure and {percent(accuracy.estimate)} right (interval "
                f"{percent(accuracy.low)} to {percent(accuracy.high)}): they are too "
                f"{'sure' if calibration.gap > 0 else 'unsure'} by {points(calibration.gap)}",
                "do not read its probabilities as such; rescale them by a temperature found on validation images",
            )
