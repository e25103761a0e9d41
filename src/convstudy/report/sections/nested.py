"""A nested search judged: its winners on the outer folds that their search did not see."""

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
    for stage_result in material.analysis.asked:
        table = nested_table(stage_result)
        if table is not None:
            yield Section(table.name, table.title, (table,))


def nested_table(stage_result: StageResult) -> Table | None:
    """Return the outer folds of a nested search; ``None`` for others."""
    found = stage_result.nested
    if found is None:
        return None
    metric = stage_result.metric
    write = writer(metric)
    columns = (
        Column("outer_fold", "Outer fold"),
        Column("winner", "Winner without it"),
        Column("searched", f"Validation {metric.title} that it won by", value_kind(metric)),
        Column("epoch", "Scored at epoch", "count"),
        Column(key_of(metric), "On the outer fold", value_kind(metric)),
        Column("train", "Images trained on", "count"),
        Column("images", "Images of the fold", "count"),
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
        "The search done anew on the other images of each outer fold, and its winner, trained on these as far as its "
        "search trained it, scored on the fold at the epoch that the inner folds agree on (the median of those that "
        "count there). The winner that is used further on is that of the search on all folds. "
    )
    if found.score.mean is None:
        return _nested(stage_result, columns, rows, f"{caption}Not every outer fold has a score.")
    caption += f"Mean {write(found.score.mean)}"
    if found.interval:
        caption += f" ({interval_text(found.interval, metric)}, Nadeau and Bengio’s)"
    if found.searched is not None and found.optimism is not None:
        gap = f"{with_sign(metric, found.searched - found.score.mean)}{unit_of(metric)}"
        caption += f"; the search chose by {write(found.searched)}, a difference of {gap}"
        if abs(found.n_train - found.n_train_searched) > 1:
            caption += f", with {found.n_train_searched:,} images to train on instead of {found.n_train:,}"
    elif found.searched is not None:
        caption += "; the search’s own winner was trained up to another epoch, so that no difference is told"
    return _nested(stage_result, columns, rows, f"{caption}. Winners: {winners(found)}.")


def _nested(
    stage_result: StageResult, columns: tuple[Column, ...], rows: list[tuple[Value, ...]], caption: str
) -> Table:
    title = f"Search {stage_result.name} judged on outer folds"
    return Table(f"nested-{stage_result.name}", title, caption, columns, tuple(rows))


SECTION = Topic(46, sections)
