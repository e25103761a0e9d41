"""The tables behind the scores: data, layers, protocol, checks, environment and failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

from convstudy.data import dataset_info
from convstudy.networks import Network, layer_table, shape_text
from convstudy.plan import Finding
from convstudy.record import Environment
from convstudy.report.numbers import NONE, counted
from convstudy.report.table import Column, Table, Value
from convstudy.stats import Confusion, Contest, Mistake, Protocol
from convstudy.store.results import Results

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def class_table(
    dataset: str, train: npt.NDArray[np.generic] | None, test: npt.NDArray[np.generic] | None
) -> Table:
    """Return how many images each class has; labels int (n,), ``None`` where they are not at hand."""
    info = dataset_info(dataset)
    counts = [None if labels is None else labels.tolist() for labels in (train, test)]
    rows: list[tuple[Value, ...]] = [
        (name, *(None if labels is None else labels.count(label) for labels in counts))
        for label, name in enumerate(info.class_names)
    ]
    columns = (
        Column("class", "Class"),
        Column("train", "Training", "count"),
        Column("test", "Test", "count"),
    )
    caption = f"{info.title}: images per class. The test counts are known once the test set was opened."
    return Table("classes", "Images per class", caption, columns, tuple(rows))


def networks_of(results: Results) -> dict[str, Network]:
    """Return every different network of the plan by a name that tells it: the first candidate that has it."""
    found: dict[tuple[str, ...], str] = {}
    networks: dict[str, Network] = {}
    stages = sorted(results.plan.stages, key=lambda stage: stage.question == "search")
    for stage in stages:
        for candidate in stage.candidates:
            key = (*candidate.network.texts, candidate.network.init)
            if key in found:
                continue
            told = candidate.name in ("as it is", candidate.network_name)
            name = candidate.network_name if told else f"{candidate.network_name}, {candidate.name}"
            found[key] = name
            networks[name] = candidate.network
    return networks


def layers_table(name: str, network: Network, dataset: str, number: int) -> Table:
    """Return the layer table of a network."""
    info = dataset_info(dataset)
    layers = layer_table(network, info.image_shape, info.n_classes)
    columns = (
        Column("layer", "Layer"),
        Column("output", "Output shape"),
        Column("trainable", "Trainable", "count"),
        Column("not_trainable", "Not trainable", "count"),
        Column("multiply_adds", "Multiply-adds", "count"),
        Column("note", "Note", "prose"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            row.text,
            shape_text(row.output_shape),
            row.n_trainable,
            row.n_not_trainable,
            row.multiply_adds,
            f"does nothing: {row.idle}" if row.idle else "",
        )
        for row in layers.rows
    ]
    rows.append(("total", "", layers.n_trainable, layers.n_not_trainable, layers.multiply_adds, ""))
    caption = (
        f"Input {shape_text(layers.input_shape)}; {layers.n_parameters:,} parameters, of which "
        f"{layers.n_trainable:,} trainable and {layers.n_not_trainable:,} not."
    )
    n_shown = len(columns) if any(row[-1] for row in rows) else len(columns) - 1
    shown = tuple(row[:n_shown] for row in rows)
    return Table(f"layers-{number:02d}", name, caption, columns[:n_shown], shown, frozenset({len(rows) - 1}))


def images_table(told: Protocol) -> Table:
    """Return which images each stage uses."""
    columns = (
        Column("stage", "Question"),
        Column("candidates", "Candidates", "count"),
        Column("fits", "Fits", "count"),
        Column("train", "Train", "count"),
        Column("validation", "Validate", "count"),
        Column("test", "Test", "count"),
        Column("how", "How they are divided", "prose"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            stage.stage,
            stage.n_candidates,
            stage.n_fits,
            stage.n_train,
            stage.n_validation,
            stage.n_test or None,
            stage.how,
        )
        for stage in told.stages
    ]
    caption = (
        f"Images per fit. Of the dataset's {told.n_train:,} training images some train and others validate; its "
        f"{told.n_test:,} test images stay sealed until all choices are made."
    )
    return Table("images", "Who saw which images", caption, columns, tuple(rows))


def choices_table(results: Results) -> Table:
    """Return the choices in the order they were made, with the scores that made them."""
    columns = (
        Column("order", "Order"),
        Column("stage", "Question"),
        Column("candidate", "Candidate"),
        Column("accuracy", "Mean validation accuracy", "percent"),
        Column("loss", "Mean validation loss", "loss"),
        Column("failed", "Failed fits", "count"),
        Column("chosen", "Chosen"),
    )
    rows: list[tuple[Value, ...]] = []
    marked = set()
    for number, choice in enumerate(results.choices, start=1):
        for score in choice.scores:
            if score.name == choice.chosen:
                marked.add(len(rows))
            chosen = "chosen" if score.name == choice.chosen else ""
            rows.append(
                (str(number), choice.stage, score.name, score.accuracy, score.loss, score.n_failed, chosen)
            )
    caption = (
        "Every choice rests on validation images alone: the highest mean accuracy, then the lowest mean loss, then "
        "fewer parameters."
    )
    if any(stage.rungs for stage in results.plan.stages):
        caption += " In a search that halves, only the candidates of its last rung are set beside each other."
    return Table("choices", "Choices in order", caption, columns, tuple(rows), frozenset(marked))


def openings_table(told: Protocol) -> Table:
    """Return each opening of the test set by this run."""
    columns = (
        Column("opened_at", "When (UTC)", "time"),
        Column("candidates", "For", "prose"),
        Column("part", "Seed"),
        Column("weights_digest", "Weights", "digest"),
        Column("images", "Images", "count"),
        Column("loss", "Loss", "loss"),
        Column("accuracy", "Accuracy", "percent"),
        Column("purpose", "Asked by study"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            row.opening.opened_at,
            "; ".join(row.candidates),
            row.part,
            row.opening.weights_digest,
            row.opening.n_images,
            row.opening.loss,
            row.opening.accuracy,
            row.opening.purpose,
        )
        for row in told.openings
    ]
    caption = "Each model scored on the sealed test images, by the digest of its weights, in order of time."
    return Table("openings", "Openings of the test set", caption, columns, tuple(rows))


def findings_table(findings: tuple[Finding, ...]) -> Table:
    """Return what the checks of the plan point out."""
    columns = (
        Column("where", "Where", "code"),
        Column("what", "What", "prose"),
        Column("mend", "How to mend it", "prose"),
    )
    rows = tuple((finding.where, finding.what, finding.mend) for finding in findings)
    return Table("findings", "Checks", "What the checks of the plan point out.", columns, rows)


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
        Column("fit_id", "Fit", "code"),
    )
    rows: list[tuple[Value, ...]] = [
        (fit.stage, fit.candidate, fit.part, fit.error_kind, fit.error, fit.fit_id)
        for contest in contests
        for row in contest.rows
        for fit in row.fits
        if fit.status == "failed"
    ]
    return Table("failures", "Failed fits", "Fits that could not be finished.", columns, tuple(rows))


def confusion_table(confusion: Confusion, names: tuple[str, ...]) -> Table:
    """Return the confusion matrix: a row per true class, a column per predicted one."""
    columns = (Column("true", "True class"), *(Column(f"as_{name}", name, "count") for name in names))
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (name, *counts) for name, counts in zip(names, confusion.counts, strict=True)
    )
    return Table("confusion", "Confusion", "How often each class was taken for each.", columns, rows)


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
