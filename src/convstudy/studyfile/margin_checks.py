"""Check ``[study] equivalence_margin`` against the metric of the study."""

from __future__ import annotations

from convstudy.errors import one_of
from convstudy.metrics import metric_named, recorded_with
from convstudy.stats.error_ratio import Share
from convstudy.studyfile.draft import Draft

KEY = "equivalence_margin"


def check_margins(draft: Draft) -> None:
    """Add an error for each margin of a metric that the study does not record, and for each share without errors."""
    head = draft.head
    if head is None or head.equivalence_margin is None:
        return
    is_table, margin = isinstance(head.equivalence_margin, tuple), head.equivalence_margin
    margins = margin if isinstance(margin, tuple) else ((head.metric, margin),)
    recorded = recorded_with(head.metric)
    if head.max_seeds is not None and isinstance(head.margin, Share):
        what = "seeds are added until differences are decided by a margin in the unit of the metric"
        draft.report(
            ("study", KEY),
            what,
            head.margin.text,
            "a number",
            "set seeds instead of max_seeds, or another margin",
        )
    for name, each in margins:
        path = ("study", KEY, name) if is_table else ("study", KEY)
        metric = metric_named(name)
        if name not in recorded:
            draft.report(
                path,
                f"this study does not record {metric.title}",
                name,
                f"the margin of a recorded metric: {one_of(recorded)}",
                f'remove it, or set metric = "{name}"',
            )
        elif isinstance(each, str) and not metric.has_errors:
            what = f"{metric.title} has no best possible value, so that a value has no error of which there is a share"
            draft.report(path, what, each, "a number", "use a margin in the unit of the metric")
