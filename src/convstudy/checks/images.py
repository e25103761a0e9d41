"""Checks of the dataset's images and of the calibration of models. docs/checks.md states the same constants."""

from __future__ import annotations

import math
from collections.abc import Iterator

from convstudy.analysis import Analysis
from convstudy.checks.candidates import tested_candidates
from convstudy.checks.check import Spot
from convstudy.checks.text import points
from convstudy.numbers import counted, decimals, percent
from convstudy.stats import balance_of

DATASET = "study.dataset"
MIN_NEAR_FRACTION = 0.01
"""Near-duplicates are reported from this fraction of the test images: a few different images also look this similar."""
MIN_IMBALANCE = 3.0
"""Imbalance is reported from this ratio of the largest to the smallest class."""
MIN_MISCALIBRATION = 0.01
"""Miscalibration is reported if the mean confidence is this far outside the interval of the accuracy."""


def train_test_duplicates(analysis: Analysis) -> Iterator[Spot]:
    """Find test images that are copies or near-duplicates of training images."""
    statistics = analysis.results.images
    if statistics is None:
        return
    n_exact, n_near = (
        statistics.exact.n_test,
        statistics.near_duplicates.n_test if statistics.near_duplicates else 0,
    )
    if not n_exact and n_near < MIN_NEAR_FRACTION * statistics.test.n_images:
        return
    n_relabelled = statistics.exact.n_otherwise_labelled + (
        statistics.near_duplicates.n_otherwise_labelled if statistics.near_duplicates else 0
    )
    labels = f"; in {counted(n_relabelled, 'pair')} the labels differ" if n_relabelled else ""
    yield Spot(
        DATASET,
        f"{counted(n_exact, 'exact copy', 'exact copies')} and {counted(n_near, 'near-duplicate')} of training images "
        f"among {statistics.test.n_images:,} test images{labels}: a model may have memorised them",
        "remove them from the training images, and check how the dataset was split",
    )


def class_imbalance(analysis: Analysis) -> Iterator[Spot]:
    """Find parts whose largest class has several times the images of the smallest."""
    statistics = analysis.results.images
    if statistics is None:
        return
    names = analysis.results.dataset.class_names
    for part, counts in (("training", statistics.train.class_counts), ("test", statistics.test.class_counts)):
        balance = balance_of(counts)
        if balance.ratio < MIN_IMBALANCE:
            continue
        times = (
            f"class {names[balance.smallest]} has no {part} images"
            if math.isinf(balance.ratio)
            else f"class {names[balance.largest]} has {decimals(balance.ratio, 1)} times the {part} images of class "
            f"{names[balance.smallest]}"
        )
        yield Spot(
            DATASET,
            f"{times}, and always predicting {names[balance.largest]} is correct on {percent(balance.majority)} of "
            "them: accuracy says little about small classes",
            f"read the accuracy per class too, and compare accuracy with {percent(balance.majority)}, not with 0",
        )


def constant_images(analysis: Analysis) -> Iterator[Spot]:
    """Find parts with images whose pixels all have one value."""
    statistics = analysis.results.images
    if statistics is None:
        return
    for part, known in (("training", statistics.train), ("test", statistics.test)):
        if known.n_constant:
            yield Spot(
                DATASET,
                f"{counted(known.n_constant, 'constant image')} among {known.n_images:,} {part} images: all pixels "
                "have one value",
                "check how the files were made: an unreadable image often becomes an empty one",
            )


def badly_calibrated(analysis: Analysis) -> Iterator[Spot]:
    """Find candidates whose mean confidence is clearly outside the interval of their accuracy."""
    results = analysis.results
    for each in tested_candidates(analysis):
        tested = tuple(
            fit.record.fit_id for fit in each.fits if fit.record.fit_id in results.test_evaluations
        )
        calibration = analysis.calibration(tested)
        if calibration is None or not calibration.accuracy.reliable:
            continue
        accuracy = calibration.accuracy
        confidence = accuracy.estimate + calibration.gap
        outside = max(accuracy.low - confidence, confidence - accuracy.high)
        if outside >= MIN_MISCALIBRATION:
            yield Spot(
                each.where,
                f"mean confidence is {percent(confidence)} and accuracy {percent(accuracy.estimate)} (95 % CI "
                f"{percent(accuracy.low)} to {percent(accuracy.high)}): the models are "
                f"{'overconfident' if calibration.gap > 0 else 'underconfident'} by {points(calibration.gap)}",
                "do not use the probabilities as they are; fit a temperature on validation images",
            )
