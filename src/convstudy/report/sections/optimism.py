"""Selection-biased estimates of this study's scores, and the estimates to use instead."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.analysis import BiasedEstimate
from convstudy.metrics import Metric, metric_named
from convstudy.report.metric_text import difference_kind, value_kind
from convstudy.report.section import Material, Section, Topic
from convstudy.report.table import Column, Table, Value

# The keys are kinds of biased estimates; the values are the biased estimate and the estimate to use instead.
_ESTIMATES = {
    "seed": ("best of {n} seeds", "mean over seeds"),
    "network": ("best of {n} networks by test score", "network selected on validation images"),
    "seed and network": ("best of {n} fits of all networks", "mean of the selected network"),
    "epoch": ("best of {n} epochs", "last epoch, same images"),
    "selected epoch": ("best of {n} epochs, as in checkpoint = “best”", "last epoch, same images"),
    "nested search": ("best score of {n} candidates", "mean over outer folds (nested cross-validation)"),
    "search": ("best score of {n} candidates", "approximate correction for selection"),
    "halved search": (
        "best score of {n} candidates of the last rung",
        "approximate correction for selection in the last rung; earlier rungs are not corrected",
    ),
}


def sections(material: Material) -> Iterator[Section]:
    """Yield the section if there is a biased estimate."""
    table = optimism_table(material.analysis.biased_estimates, metric_named(material.results.study.metric))
    if table.rows:
        yield Section("optimism", table.title, (table,))


def optimism_table(estimates: tuple[BiasedEstimate, ...], metric: Metric) -> Table:
    """Return a table of selection-biased estimates and the estimates to use instead."""
    columns = (
        Column("biased", "Biased estimate", "prose"),
        Column("instead", "Use instead", "prose"),
        Column("about", "Candidate or search"),
        Column("images", "Images"),
        Column("biased_value", "Biased value", value_kind(metric)),
        Column("unbiased_value", "Value to use", value_kind(metric)),
        Column("difference", "Difference", difference_kind(metric)),
    )
    rows: list[tuple[Value, ...]] = [
        (
            _ESTIMATES[each.kind][0].format(n=f"{each.n_options:,}"),
            _ESTIMATES[each.kind][1],
            each.about,
            each.images,
            each.biased,
            each.unbiased,
            each.difference,
        )
        for each in estimates
    ]
    caption = (
        "A biased estimate is the best of several scores, so part of it can be chance. For the best of several "
        "networks, part of the column “Difference” can also be real. Epochs are compared on validation "
        "images, because test images are scored only once."
    )
    if not metric.higher_is_better:
        caption += " A positive difference means that the biased estimate is better, that is lower."
    if any(each.kind == "selected epoch" for each in estimates):
        caption += (
            " With checkpoint = “best”, the validation scores of this report have this bias; test scores do not, "
            "because other images select the epoch."
        )
    return Table("optimism", "Selection-biased estimates", caption, columns, tuple(rows) if estimates else ())


SECTION = Topic(76, sections)
