"""Calibration: the reliability diagram of the candidate that the report shows in detail (``analysis.headline``), and
one table row per candidate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from convstudy.analysis import Calibration
from convstudy.analysis.calibration import N_BINS
from convstudy.metrics import ACCURACY, metric_named
from convstudy.numbers import counted, percent
from convstudy.report import theme
from convstudy.report.figure import Figure, Layer, Spec, chart, quantity
from convstudy.report.section import Details, Material, Section, Text, Topic
from convstudy.report.stages import ends
from convstudy.report.table import Column, Table, Value
from convstudy.report.verdict_text import interval_text


def sections(material: Material) -> Iterator[Section]:
    """Yield the section if the predictions of the headline candidate are complete."""
    analysis, head = material.analysis, material.analysis.headline
    if head is None:
        return
    found: dict[str, Calibration] = {}
    for candidate in head.stage.candidates:
        calibration = analysis.calibration(analysis.tested_fit_ids(candidate))
        if calibration is not None:
            found[candidate.name] = calibration
    name = head.candidate.name
    if name in found:
        own = found[name]
        yield Section(
            "calibration",
            f"Calibration of {head.candidate.network_name}",
            (
                Text((calibration_text(own),)),
                calibration_chart(own),
                calibration_table(found, name),
                Details("Confidence bins as a table", (bins_table(own, name),)),
            ),
        )


def calibration_text(calibration: Calibration) -> str:
    """Return sentences on one candidate's calibration."""
    interval, error, chance = calibration.accuracy, calibration.error.mean, calibration.by_chance.mean
    assert error is not None  # a calibration is computed from at least one model
    assert chance is not None
    if not interval.reliable:
        result = "whether they differ is not tested, because seeds collapsed"
    elif not calibration.is_miscalibrated:
        result = "the difference is not significant on these test images"
    else:
        result = f"the models are {'overconfident' if calibration.gap > 0 else 'underconfident'}"
    return (
        f"Mean confidence is {percent(interval.estimate + calibration.gap)} and accuracy {percent(interval.estimate)} "
        f"({interval_text(interval, metric_named(ACCURACY))}): {result}. The expected calibration error "
        f"(ECE) is {percent(error)}; a perfectly calibrated model would have about {percent(chance)} by chance."
    )


def calibration_table(calibrations: Mapping[str, Calibration], chosen: str) -> Table:
    """Return a table with one row per candidate; the row of ``chosen`` is marked."""
    columns = (
        Column("candidate", "Candidate"),
        Column("models", "Seeds", "count"),
        Column("confidence", "Mean confidence", "percent"),
        Column("accuracy", "Accuracy", "percent"),
        Column("accuracy_low", "95 % CI from", "percent"),
        Column("accuracy_high", "to", "percent"),
        Column("error", "ECE", "percent"),
        Column("error_by_chance", "by chance", "percent"),
        Column("equal_mass", "ECE, equal-mass bins", "percent"),
        Column("equal_mass_by_chance", "by chance", "percent"),
        Column("largest", "MCE", "percent"),
        Column("brier", "Brier score", "loss"),
        Column("loss", "Loss", "loss"),
    )
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (
            name,
            each.n_models,
            each.confidence,
            each.accuracy.estimate,
            *ends(each.accuracy),
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
        f"Mean ± sd over seeds, on the test images. ECE: expected calibration error over {N_BINS} bins, of equal width "
        "unless stated; “by chance”: the ECE of a perfectly calibrated model with these confidences. MCE: maximum "
        "calibration error, the largest difference between mean confidence and accuracy in any bin; this bin may have "
        "few predictions."
    )
    if not all(each.accuracy.reliable for each in calibrations.values()):
        caption += " Candidates with collapsed seeds have no 95 % CI."
    marked = frozenset(number for number, name in enumerate(calibrations) if name == chosen)
    return Table("calibration", "Calibration", caption, columns, rows, marked)


def bins_table(calibration: Calibration, name: str) -> Table:
    """Return a table of the bins that are not empty."""
    columns = (
        Column("above", "Confidence above", "percent"),
        Column("up_to", "up to", "percent"),
        Column("predictions", "Predictions", "count"),
        Column("images", "Images", "count"),
        Column("confidence", "Mean confidence", "percent"),
        Column("accuracy", "Accuracy", "percent"),
        Column("low", "95 % CI from", "percent"),
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
            *ends(each.interval),
        )
        for each in calibration.bins
        if each.n
    )
    caption = (
        f"{name}: predictions of {counted(calibration.n_models, 'seed')} on {calibration.n_images:,} test images, in "
        f"{len(rows)} non-empty bins of {len(calibration.bins)}. 95 % CI of the accuracy: that of a proportion, "
        "with the number of different images (not of predictions) as the sample size."
    )
    if calibration.accuracy.groups is not None and calibration.accuracy.groups.is_known:
        caption += (
            " Images are in groups: the sample size is the number of independent images that they count like."
        )
    if not calibration.accuracy.reliable:
        caption += " It is left out, because seeds collapsed."
    return Table("calibration-bins", "Confidence bins", caption, columns, rows)


def calibration_chart(calibration: Calibration) -> Figure:
    """Return the reliability diagram (DeGroot and Fienberg 1983) over a histogram of confidences.

    Both share one axis: points show the accuracy in each bin, bars show each bin's proportion of all predictions.
    """
    n = sum(each.n for each in calibration.bins)
    rows: list[dict[str, Any]] = [
        {
            "low": each.low,
            "high": each.high,
            "n": each.n,
            "proportion": each.n / n,
            "none": 0,
            "confidence": each.confidence,
            "accuracy": each.accuracy,
            "from": ends(each.interval)[0],
            "to": ends(each.interval)[1],
        }
        for each in calibration.bins
        if each.interval is not None
    ]
    last, full_title = rows[-1], "Reliability diagram"
    text = (
        f"{full_title}: of {n:,} predictions, {percent(last['proportion'])} have a confidence above "
        f"{percent(last['low'], 0)}; {percent(last['accuracy'])} of these are correct."
    )
    title = f"{full_title} (dashed: perfect calibration; bars: proportion of predictions)"
    return Figure("calibration", title, text, lambda: _draw(rows), full_title, width=420, is_narrow=True)


def _draw(rows: list[dict[str, Any]]) -> Spec:
    scale = {"domain": [0, 1], "nice": False}
    axis = {"format": "~%", "tickCount": 5}
    y = quantity("accuracy", title="accuracy (bars: proportion of predictions)", scale=scale, axis=axis)
    tips = [
        quantity("confidence", title="mean confidence", format=".2%"),
        quantity("accuracy", title="accuracy", format=".2%"),
        quantity("from", title="95 % CI from", format=".2%"),
        quantity("to", format=".2%"),
        quantity("n", title="predictions", format=","),
    ]
    bars = {
        "x": quantity("low", title="confidence", scale=scale, axis=axis),
        "x2": {"field": "high"},
        "y": quantity("none", scale=scale),
        "y2": {"field": "proportion"},
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
