"""Nested cross-validation: the candidates that a search selects, scored on outer folds that it did not see."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.analysis import StageResult
from convstudy.report.metric_text import key_of, unit_of, value_kind, with_sign, writer
from convstudy.report.optimism_text import winners
from convstudy.report.section import Material, Section, Topic
from convstudy.report.table import Column, Table, Value
from convstudy.report.verdict_text import interval_text


def sections(material: Material) -> Iterator[Section]:
    """Yield a section for each nested search."""
    for stage_result in material.analysis.main_results:
        table = nested_table(stage_result)
        if table is not None:
            yield Section(table.name, table.title, (table,))


def nested_table(stage_result: StageResult) -> Table | None:
    """Return a table of the outer folds of a nested search; ``None`` for other searches."""
    found = stage_result.nested
    if found is None:
        return None
    metric = stage_result.metric
    write = writer(metric)
    columns = (
        Column("outer_fold", "Outer fold"),
        Column("winner", "Selected without it"),
        Column("searched", f"Inner validation {metric.title}", value_kind(metric)),
        Column("epoch", "Epoch", "count"),
        Column(key_of(metric), f"Outer {metric.title}", value_kind(metric)),
        Column("train", "Training images", "count"),
        Column("images", "Images in the fold", "count"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            f"{fold.number} of {len(found.folds)}",
            fold.winner,
            fold.searched,
            fold.epoch,
            fold.score,
            fold.n_train or None,
            fold.n_images or None,
        )
        for fold in found.folds
    ]
    caption = (
        "For each outer fold, the search runs on the other images. The selected candidate is trained on these images "
        "and scored on the outer fold, at the median of the selected epochs of the inner folds. Later stages use the "
        "candidate that the search on all folds selects. "
    )
    if found.score.mean is None:
        return _nested(stage_result, columns, rows, f"{caption}Not every outer fold has a score.")
    caption += f"Mean {write(found.score.mean)}"
    if found.interval:
        caption += f" ({interval_text(found.interval, metric)}, Nadeau and Bengio)"
    if found.searched is not None and found.optimism is not None:
        gap = f"{with_sign(metric, found.searched - found.score.mean)}{unit_of(metric)}"
        caption += f"; the score of the search is {write(found.searched)}, a difference of {gap}"
        if abs(found.n_train - found.n_train_searched) > 1:
            caption += f", with {found.n_train_searched:,} training images instead of {found.n_train:,}"
    elif found.searched is not None:
        caption += "; the score of the search is not comparable, because it was measured at another epoch"
    return _nested(stage_result, columns, rows, f"{caption}. Selected: {winners(found)}.")


def _nested(
    stage_result: StageResult, columns: tuple[Column, ...], rows: list[tuple[Value, ...]], caption: str
) -> Table:
    title = f"Nested cross-validation of search {stage_result.name}"
    return Table(f"nested-{stage_result.name}", title, caption, columns, tuple(rows))


SECTION = Topic(46, sections)
