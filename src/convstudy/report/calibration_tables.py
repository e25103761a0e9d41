"""Whether confidence is accuracy: a row a candidate, the bins of one, and the same in words."""

from __future__ import annotations

from collections.abc import Mapping

from convstudy.analysis import Calibration
from convstudy.analysis.calibration import N_BINS
from convstudy.figures import counted, percent
from convstudy.report.table import Column, Table, Value


def calibration_words(calibration: Calibration) -> str:
    """Return what is to be said of one candidate's calibration."""
    interval, error, chance = calibration.accuracy, calibration.error.mean, calibration.by_chance.mean
    assert error is not None  # there is a model
    assert chance is not None
    sure = percent(interval.estimate + calibration.gap)
    told = (
        f"On average its models are {sure} sure and {percent(interval.estimate)} right (95 % interval "
        f"{percent(interval.low)} to {percent(interval.high)}): "
    )
    if not calibration.is_clear:
        told += "these test images do not tell the two apart."
    else:
        told += (
            "they are surer than they should be."
            if calibration.gap > 0
            else "they could be surer than they are."
        )
    return (
        f"{told} The expected calibration error is {percent(error)}; a perfectly calibrated model would show about "
        f"{percent(chance)} by chance."
    )


def calibration_table(calibrations: Mapping[str, Calibration], chosen: str) -> Table:
    """Return the calibration of candidates by their names; ``chosen`` is marked."""
    columns = (
        Column("candidate", "Candidate"),
        Column("models", "Seeds", "count"),
        Column("confidence", "Mean confidence", "percent"),
        Column("accuracy", "Accuracy", "percent"),
        Column("accuracy_low", "from", "percent"),
        Column("accuracy_high", "to", "percent"),
        Column("error", "Calibration error", "percent"),
        Column("error_by_chance", "by chance", "percent"),
        Column("equal_mass", "Same, bins of equal counts", "percent"),
        Column("equal_mass_by_chance", "by chance", "percent"),
        Column("largest", "Largest gap of a bin", "percent"),
        Column("brier", "Brier score", "loss"),
        Column("loss", "Loss", "loss"),
    )
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (
            name,
            each.n_models,
            each.confidence,
            each.accuracy.estimate,
            each.accuracy.low,
            each.accuracy.high,
            each.error,
            each.by_chance,
            each.equal_mass,
            each.equal_mass_by_chance,
            each.largest,
            each.brier,
            each.loss,
        )
        for name, each in calibrations.items()
    )
    caption = (
        f"Mean ± sd over seeds, on the test images. Expected calibration error over {N_BINS} bins of equal width, and "
        f"of equally many predictions; it is never below 0, and “by chance” is what a perfectly calibrated model with "
        "these confidences would show. The largest gap is that of one bin, which may hold few predictions."
    )
    marked = frozenset(number for number, name in enumerate(calibrations) if name == chosen)
    return Table("calibration", "Calibration", caption, columns, rows, marked)


def bins_table(calibration: Calibration, name: str) -> Table:
    """Return the bins that hold predictions."""
    columns = (
        Column("above", "Confidence above", "percent"),
        Column("up_to", "up to", "percent"),
        Column("predictions", "Predictions", "count"),
        Column("images", "Images", "count"),
        Column("confidence", "Mean confidence", "percent"),
        Column("accuracy", "Accuracy", "percent"),
        Column("low", "from", "percent"),
        Column("high", "to", "percent"),
    )
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (
            each.low,
            each.high,
            each.n,
            each.n_images,
            each.confidence,
            each.accuracy,
            each.interval.low if each.interval else None,
            each.interval.high if each.interval else None,
        )
        for each in calibration.bins
        if each.n
    )
    caption = (
        f"{name}: the predictions of {counted(calibration.n_models, 'seed')} on {calibration.n_images:,} test images, "
        f"by confidence, in {len(rows)} of {len(calibration.bins)} bins (the others are empty). Wilson’s 95 % interval "
        "of as many images as there are different ones in the bin."
    )
    return Table("calibration-bins", "Bins of confidence", caption, columns, rows)
