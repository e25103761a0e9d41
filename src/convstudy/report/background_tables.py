"""The tables behind the scores: data, layers, checks, environment, failures and mistakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

from convstudy.analysis import Contest
from convstudy.analysis.candidates import Failure
from convstudy.checks import Findings
from convstudy.data import Dataset
from convstudy.figures import counted
from convstudy.history.results import Results
from convstudy.networks import Network, layer_table, shape_text
from convstudy.record import RUNS_UNTIL_LASTING, Environment
from convstudy.report.numbers import NONE
from convstudy.report.table import Column, Table, Value
from convstudy.stats import ClassAccuracy, Confusion, Mistake

_FAILURES: Mapping[Failure, str] = {
    "": "",
    "may yet succeed": "not yet: it may succeed in another run",
    "lasting": "yes: it would fail again",
    "repeated": f"yes: the same error in {RUNS_UNTIL_LASTING} runs",
    "accepted": "yes: accepted, see the protocol",
}

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def class_table(
    dataset: Dataset, train: npt.NDArray[np.generic] | None, test: npt.NDArray[np.generic] | None
) -> Table:
    """Return how many images each class has; labels int (n,), ``None`` where they are not at hand."""
    counts = [None if labels is None else Counter(labels.tolist()) for labels in (train, test)]
    rows: list[tuple[Value, ...]] = [
        (name, *(None if count is None else count[label] for count in counts))
        for label, name in enumerate(dataset.class_names)
    ]
    columns = (
        Column("class", "Class"),
        Column("train", "Training", "count"),
        Column("test", "Test", "count"),
    )
    caption = f"{dataset.title}: images per class. The test counts are known once the test set was opened."
    return Table("classes", "Images per class", caption, columns, tuple(rows))


def networks_of(results: Results) -> dict[str, Network]:
    """Return every different network of the plan by a name that tells it: the first candidate that has it."""
    found: dict[Network, str] = {}
    networks: dict[str, Network] = {}
    # Stages that judge a nested search train its networks, under names of their own.
    asked = [stage for stage in results.plan.stages if stage.tested or stage.question == "search"]
    stages = sorted(asked, key=lambda stage: stage.question == "search")
    for stage in stages:
        for candidate in stage.candidates:
            key = candidate.network
            if key in found:
                continue
            told = candidate.name in ("as it is", candidate.network_name)
            name = candidate.network_name if told else f"{candidate.network_name}, {candidate.name}"
            found[key] = name
            networks[name] = candidate.network
    return networks


def layers_table(name: str, network: Network, dataset: Dataset, number: int) -> Table:
    """Return the layer table of a network."""
    layers = layer_table(network, dataset.image_shape, dataset.n_classes)
    columns = (
        Column("number", "No."),
        Column("layer", "Layer"),
        Column("output", "Output shape"),
        Column("trainable", "Trainable", "count"),
        Column("not_trainable", "Not trainable", "count"),
        Column("multiply_adds", "Multiply-adds", "count"),
        Column("note", "Note", "prose"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            row.number,
            row.text,
            shape_text(row.output_shape),
            row.n_trainable,
            row.n_not_trainable,
            row.multiply_adds,
            f"does nothing: {row.idle}" if row.idle else "",
        )
        for row in layers.rows
    ]
    rows.append(("", "total", "", layers.n_trainable, layers.n_not_trainable, layers.multiply_adds, ""))
    caption = (
        f"Input {shape_text(layers.input_shape)}; {layers.n_parameters:,} parameters, of which "
        f"{layers.n_trainable:,} trainable and {layers.n_not_trainable:,} not."
    )
    n_shown = len(columns) if any(row[-1] for row in rows) else len(columns) - 1
    shown = tuple(row[:n_shown] for row in rows)
    return Table(f"layers-{number:02d}", name, caption, columns[:n_shown], shown, frozenset({len(rows) - 1}))


def findings_table(findings: Findings) -> Table:
    """Return what the checks point out, without what is silenced."""
    columns = (
        Column("check", "Check", "code"),
        Column("level", "Level"),
        Column("where", "Where", "code"),
        Column("what", "What", "prose"),
        Column("mend", "How to mend it", "prose"),
    )
    rows = tuple((each.check, each.level, each.where, each.what, each.mend) for each in findings.heard)
    caption = "What the checks point out; docs/checks.md has a section on each, by its name."
    return Table("findings", "Checks", caption, columns, rows)


def silenced_table(findings: Findings) -> Table:
    """Return what the checks point out and the study silences, with its reasons."""
    columns = (
        Column("check", "Check", "code"),
        Column("where", "Where", "code"),
        Column("what", "What", "prose"),
        Column("reason", "Silenced because", "prose"),
    )
    rows = tuple(
        (each.finding.check, each.finding.where, each.finding.what, each.reason) for each in findings.silenced
    )
    return Table(
        "silenced", "Silenced checks", "What the study does not want to hear, and why.", columns, rows
    )


def environment_table(environments: Mapping[Environment, int]) -> Table:
    """Return each environment that records come from, with how many."""
    titles = {"n_cores": "Cores", "torch": "PyTorch", "numpy": "NumPy", "convstudy": "convstudy"}
    columns = [Column("fact", "")]
    columns += [Column(f"environment_{i}", counted(n, "fit")) for i, n in enumerate(environments.values(), 1)]
    rows: list[tuple[Value, ...]] = [
        (
            titles.get(item.name, item.name.capitalize().replace("_", " ")),
            *(str(getattr(each, item.name)) or NONE for each in environments),
        )
        for item in fields(Environment)
    ]
    caption = "Where the fits ran; convstudy's row is the version of the code."
    return Table("environment", "Environment", caption, tuple(columns), tuple(rows))


def failures_table(contests: tuple[Contest, ...]) -> Table:
    """Return the fits that failed, with their errors."""
    columns = (
        Column("stage", "Question"),
        Column("candidate", "Candidate"),
        Column("part", "Seed or fold"),
        Column("kind", "Kind"),
        Column("error", "Error", "prose"),
        Column("counts", "Counts as failed", "prose"),
        Column("fit_id", "Fit", "code"),
    )
    rows: list[tuple[Value, ...]] = [
        (fit.stage, fit.candidate, fit.part, fit.error_kind, fit.error, _FAILURES[fit.failure], fit.fit_id)
        for contest in contests
        for row in contest.rows
        for fit in row.fits
        if fit.status == "failed"
    ]
    caption = (
        "Fits that could not be finished. While one of them may yet succeed, nothing is chosen from its stage, and no "
        "test image is read."
    )
    return Table("failures", "Failed fits", caption, columns, tuple(rows))


MOST_CLASSES = 50
"""Up to this many classes the confusion is a matrix, and a chart shows all classes."""
MOST_PAIRS = 100
"""With more classes, this many of the most frequent confusions are listed."""


def confusion_table(confusion: Confusion, names: tuple[str, ...]) -> Table:
    """Return the confusion matrix, a row per true class, a column per predicted one; of many classes, a list of pairs.

    The list has the most frequent confusions and says how many it leaves out.
    """
    if confusion.n_classes > MOST_CLASSES:
        return _pairs_table(confusion, names)
    columns = (Column("true", "True class"), *(Column(f"as_{name}", name, "count") for name in names))
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (name, *counts) for name, counts in zip(names, confusion.counts, strict=True)
    )
    return Table("confusion", "Confusion", "How often each class was taken for each.", columns, rows)


def _pairs_table(confusion: Confusion, names: tuple[str, ...]) -> Table:
    """Return the most frequent confusions of two classes."""
    shown, others = confusion.mistakes[:MOST_PAIRS], confusion.mistakes[MOST_PAIRS:]
    columns = (
        Column("true", "True class"),
        Column("predicted", "Taken for"),
        Column("count", "Predictions", "count"),
        Column("share", "Share of the class", "percent"),
    )
    n_of = confusion.images_of
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (names[true], names[predicted], count, count / n_of[true]) for true, predicted, count in shown
    )
    caption = f"The most frequent confusions of {confusion.n_classes:,} classes."
    if others:
        n_mistakes = sum(count for _, _, count in others)
        caption += (
            f" {counted(len(others), 'other pair')} of classes with {counted(n_mistakes, 'mistake')}, each pair with "
            f"at most {others[0][2]:,}, {'is' if len(others) == 1 else 'are'} not shown."
        )
    return Table("confusion", "Confusion", caption, columns, rows)


def class_accuracy_table(found: tuple[ClassAccuracy, ...], names: tuple[str, ...]) -> Table:
    """Return how often each class is right, with intervals."""
    columns = (
        Column("class", "Class"),
        Column("images", "Test images", "count"),
        Column("accuracy", "Accuracy", "percent"),
        Column("low", "from", "percent"),
        Column("high", "to", "percent"),
        Column("taken_for", "Most often taken for"),
        Column("share_taken", "so often", "percent"),
    )
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (
            names[each.label],
            each.n_images,
            *(
                (each.accuracy.estimate, each.accuracy.low, each.accuracy.high)
                if each.accuracy
                else (None, None, None)
            ),
            None if each.taken_for is None else names[each.taken_for],
            each.share_taken if each.taken_for is not None else None,
        )
        for each in found
    )
    one = all(each.n_models == 1 for each in found)
    counts = (
        "new images of this class, for this one model" if one else "new seeds and new images of this class"
    )
    caption = (
        f"{'One seed' if one else 'All seeds together'}. Each 95 % interval is for {counts}, and not corrected for the "
        "number of classes: of twenty intervals, one may well miss."
    )
    return Table("class-accuracy", "Accuracy by class", caption, columns, rows)


def mistakes_table(mistakes: tuple[Mistake, ...], names: tuple[str, ...]) -> Table:
    """Return the most confident mistakes on the test images: what the page shows as images."""
    columns = (
        Column("test_image", "Test image", "count"),
        Column("true", "True class"),
        Column("predicted", "Predicted"),
        Column("confidence", "Confidence", "percent"),
        Column("wrong_models", "Seeds wrong", "count"),
        Column("models", "Seeds", "count"),
    )
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (each.row, names[each.label], names[each.prediction], each.confidence, each.n_wrong, each.n_models)
        for each in mistakes
    )
    caption = "The most confident mistakes, by the most confident model; test images are counted from 0."
    return Table("mistakes", "Mistakes", caption, columns, rows)
