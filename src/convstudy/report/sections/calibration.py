"""Whether confidence is accuracy: the reliability diagram of the headline, and a row for each candidate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from convstudy.analysis import Calibration
from convstudy.analysis.calibration import N_BINS
from convstudy.numbers import counted, percent
from convstudy.report import theme
from convstudy.report.figure import Figure, Layer, Spec, chart, quantity
from convstudy.report.section import Details, Material, Section, Text, Topic
from convstudy.report.table import Column, Table, Value


def sections(material: Material) -> Iterator[Section]:
    """Yield the one section, where all predictions of the headline are there."""
    analysis, head = material.analysis, material.analysis.headline
    if head is None:
        return
    found: dict[str, Calibration] = {}
    for candidate in head.stage.candidates:
        calibration = analysis.calibration(analysis.tested(candidate))
        if calibration is not None:
            found[candidate.name] = calibration
    name = head.candidate.name
    if name in found:
        own = found[name]
        yield Section(
            "calibration",
            f"Calibration of {head.candidate.network_name}",
            (
                Text((calibration_words(own),)),
                calibration_chart(own),
                calibration_table(found, name),
                Details("Bins of confidence as a table", (bins_table(own, name),)),
            ),
        )


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
    if not calibration.is_miscalibrated:
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


def calibration_chart(calibration: Calibration) -> Figure:
    """Return the reliability diagram (DeGroot and Fienberg 1983) over a histogram of the confidences.

    Both are shares, so that they stand on one axis: bars are shares of all predictions, points shares of right ones.
    """
    n = sum(each.n for each in calibration.bins)
    rows: list[dict[str, Any]] = [
        {
            "low": each.low,
            "high": each.high,
            "n": each.n,
            "share": each.n / n,
            "none": 0,
            "confidence": each.confidence,
            "accuracy": each.accuracy,
            "from": each.interval.low,
            "to": each.interval.high,
        }
        for each in calibration.bins
        if each.interval is not None
    ]
    last, full_title = rows[-1], "Confidence and accuracy"
    text = (
        f"{full_title}: of {n:,} predictions {percent(last['share'])} are more than {percent(last['low'], 0)} sure, "
        f"and {percent(last['accuracy'])} of these are right."
    )
    title = "On the dashed line confidence is accuracy; bars show where the predictions are"
    return Figure("calibration", title, text, lambda: _draw(rows), full_title, width=420, is_narrow=True)


def _draw(rows: list[dict[str, Any]]) -> Spec:
    scale = {"domain": [0, 1], "nice": False}
    axis = {"format": "~%", "tickCount": 5}
    y = quantity("accuracy", title="right (bars: share of predictions)", scale=scale, axis=axis)
    tips = [
        quantity("confidence", title="mean confidence", format=".2%"),
        quantity("accuracy", title="right", format=".2%"),
        quantity("from", format=".2%"),
        quantity("to", format=".2%"),
        quantity("n", title="predictions", format=","),
    ]
    bars = {
        "x": quantity("low", title="confidence", scale=scale, axis=axis),
        "x2": {"field": "high"},
        "y": quantity("none", scale=scale),
        "y2": {"field": "share"},
        "tooltip": tips,
    }
    x = quantity("confidence", scale=scale)
    return chart(
        Layer({"type": "rect", "color": theme.GREY, "opacity": 0.28, "stroke": None}, bars, rows),
        Layer(
            {"type": "line", "color": theme.GREY, "strokeDash": [5, 4], "strokeWidth": 1.4},
            {"x": quantity("x", scale=scale), "y": quantity("y", scale=scale)},
            [{"x": 0, "y": 0}, {"x": 1, "y": 1}],
        ),
        Layer(
            {"type": "rule", "color": theme.BLUE, "strokeWidth": 2.4, "opacity": 0.6},
            {"x": x, "y": quantity("from", scale=scale), "y2": {"field": "to"}},
            rows,
        ),
        Layer(
            {"type": "point", "color": theme.BLUE, "filled": True, "size": 80, "opacity": 1},
            {"x": x, "y": y, "tooltip": tips},
            rows,
        ),
        height=320,
    )


SECTION = Topic(62, sections)
