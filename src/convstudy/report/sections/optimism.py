"""What a notebook would have reported of this study, next to what is honest."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.analysis import BiasedEstimate
from convstudy.metrics import Metric, metric_named
from convstudy.report.metric_text import difference_kind, value_kind
from convstudy.report.section import Material, Section, Topic
from convstudy.report.table import Column, Table, Value

# Kind -> what would have been kept, and what stands in its place.
_KEPT = {
    "seed": ("the best of {n} seeds", "their mean"),
    "network": ("the best of {n} networks by test score", "the one that validation chose"),
    "seed and network": ("the best of {n} trainings of all networks", "the chosen one’s mean"),
    "epoch": ("the best of {n} epochs looked at", "the last epoch on the same images"),
    "kept epoch": (
        "the best of {n} epochs, by which this study keeps its weights",
        "the last epoch on the same images",
    ),
    "nested search": (
        "the best score of {n} candidates",
        "winners on outer folds that their search did not see",
    ),
    "search": (
        "the best score of {n} candidates",
        "about the same without the luck of being the best of these",
    ),
    "halved search": (
        "the best score of {n} candidates of the last rung",
        "about the same without the luck of being the best of these; earlier rungs are not in it",
    ),
}


def sections(material: Material) -> Iterator[Section]:
    """Yield the one section, where there is something to compare."""
    table = optimism_table(material.analysis.biased_estimates, metric_named(material.results.study.metric))
    if table.rows:
        yield Section("optimism", table.title, (table,))


def optimism_table(kept: tuple[BiasedEstimate, ...], metric: Metric) -> Table:
    """Return what a notebook would have reported of this study, beside what is honest."""
    columns = (
        Column("kept", "Kept", "prose"),
        Column("instead", "Instead of", "prose"),
        Column("about", "Of"),
        Column("images", "Images"),
        Column("reported", "Reported", value_kind(metric)),
        Column("honest", "Honest", value_kind(metric)),
        Column("difference", "Difference", difference_kind(metric)),
    )
    rows: list[tuple[Value, ...]] = [
        (
            _KEPT[each.kind][0].format(n=f"{each.n_options:,}"),
            _KEPT[each.kind][1],
            each.about,
            each.images,
            each.biased,
            each.unbiased,
            each.difference,
        )
        for each in kept
    ]
    caption = (
        "Each figure on the left is the best of several, and the next training need not be so lucky. The networks’ "
        "difference may be merit as well as luck; that of epochs is told of the validation images, for the test "
        "images are never scored epoch by epoch."
    )
    if not metric.higher_is_better:
        caption += " The difference is by how much the reported figure is better, that is lower."
    if any(each.kind == "kept epoch" for each in kept):
        caption += (
            " With keep = “best” the validation scores in this report are of that kind; test scores are not, "
            "for the epoch was chosen by other images."
        )
    return Table(
        "optimism", "What a notebook would have reported", caption, columns, tuple(rows) if kept else ()
    )


SECTION = Topic(76, sections)
