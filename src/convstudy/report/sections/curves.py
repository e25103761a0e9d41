"""Learning curves of every candidate, and learning rates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from convstudy.analysis import StageResult
from convstudy.metrics import metric_named, recorded_with
from convstudy.numbers import counted
from convstudy.report import theme
from convstudy.report.curves import curves_chart
from convstudy.report.figure import Figure, Layer, Spec, chart, epoch_axis, named_scale, nominal, quantity
from convstudy.report.section import Block, Heading, Material, Row, Section, Text, Topic
from convstudy.report.stages import stage_title, trained

_ORDER = ("compare", "final", "ablate", "search")
_LEGEND = (
    "Thick line: mean over seeds or folds. Band: ± 1 sd. Thin lines: single fits. Training and validation images are "
    "both evaluated after each epoch in evaluation mode, using at most train_eval_samples training images."
)


def sections(material: Material) -> Iterator[Section]:
    """Yield the section if at least one fit is trained."""
    stage_results = sorted(
        material.analysis.main_results, key=lambda stage_result: _ORDER.index(stage_result.question)
    )
    blocks = [block for stage_result in stage_results for block in _curves_of(material, stage_result)]
    if blocks:
        yield Section("curves", "Learning curves", (Text((_LEGEND,)), *blocks, *_rates(material)))


def _curves_of(material: Material, stage_result: StageResult) -> Iterator[Block]:
    """Yield a stage's heading and curves: loss, accuracy and the study's metric for each candidate."""
    results, title = material.results, stage_title(stage_result)
    candidates = list(trained(results, results.plan.stage(stage_result.stage)))
    if candidates:
        yield Heading(title)
    for number, (candidate, records) in enumerate(candidates, start=1):
        name = f"{stage_result.question}-{stage_result.name}-{number:02d}"
        yield Row(
            tuple(
                curves_chart(
                    name, f"{title}, {candidate.name}", candidate.name, records, metric_named(metric)
                )
                for metric in recorded_with(results.study.metric)
            )
        )


def _rates(material: Material) -> Iterator[Block]:
    """Yield the chart of learning rates, or a sentence if the learning rate is constant."""
    rates = rates_chart(material)
    if rates is not None:
        yield Heading("Learning rate")
        yield rates
        return
    records = material.results.records
    fits = [fit for fit in material.results.plan.fits if fit.id in records]
    found = {epoch.learning_rate for fit in fits for epoch in records[fit.id].history}
    if len(found) == 1:
        yield Text((f"The learning rate is {found.pop()} in every epoch of every fit.",))


def rates_chart(material: Material) -> Figure | None:
    """Return the learning rate by epoch, one line per distinct schedule; ``None`` if it is constant."""
    results = material.results
    shared: dict[tuple[float, ...], list[str]] = {}
    for stage in results.plan.stages:
        for candidate, records in trained(results, stage):
            longest = max(records, key=lambda record: len(record.history))
            key = tuple(epoch.learning_rate for epoch in longest.history)
            shared.setdefault(key, []).append(f"{stage.key}: {candidate.name}")
    if len({rate for rates in shared for rate in rates}) < 2:
        return None  # the recipe already shows a constant rate
    named = [
        (
            names[0]
            if len(names) == 1
            else f"{names[0]} and {counted(len(names) - 1, 'more candidate')} of any stage",
            rates,
        )
        for rates, names in shared.items()
    ]
    title = "Learning rate by epoch"
    alt = f"{title}, one line per distinct schedule: {'; '.join(name for name, _ in named)}."
    return Figure("learning-rate", title, alt, lambda: _draw(named))


def _draw(named: Sequence[tuple[str, Sequence[float]]]) -> Spec:
    rows: list[dict[str, Any]] = [
        {"epoch": epoch, "name": name, "rate": rate}
        for name, rates in named
        for epoch, rate in enumerate(rates, start=1)
    ]
    names = [name for name, _ in named]
    n_epochs = max((len(rates) for _, rates in named), default=1)
    colour = nominal(
        "name",
        title=None,
        legend={"symbolType": "stroke", "labelLimit": 400},
        scale=named_scale(names, theme.PALETTE),
        sort=names,
    )
    encoding = {
        "x": quantity("epoch", axis=epoch_axis(n_epochs), scale={"nice": False}),
        "y": quantity("rate", title="learning rate"),
        "color": colour,
        "strokeDash": nominal("name", title=None, scale=named_scale(names, theme.DASHES), sort=names),
        "tooltip": [nominal("name", title="candidate"), quantity("epoch"), quantity("rate", format=".3g")],
    }
    return chart(Layer({"type": "line", "point": {"size": 36}}, encoding, rows), height=150)


SECTION = Topic(50, sections)
