"""The tables of a search: its candidates, its rungs, and the outer folds that judge it."""

from __future__ import annotations

from convstudy.analysis import CandidateRow, Contest
from convstudy.figures import counted, percent
from convstudy.plan import Rung, ranked
from convstudy.report.numbers import points
from convstudy.report.optimism_words import winners
from convstudy.report.table import Column, Table, Value
from convstudy.report.tables import MEASURED, chosen_rows, table_name
from convstudy.report.verdict_words import within

FEW_NAMES = 4


def search_table(contest: Contest) -> Table:
    """Return a search's candidates with each fold's validation accuracy, and how far each came where they differ."""
    parts = list(dict.fromkeys(fit.part for row in contest.rows for fit in row.fits))
    halves = contest.course is not None and bool(contest.course.rungs)
    reached = (Column("reached", "Trained"), Column("dropped", "Dropped in")) if halves else ()
    columns = (
        Column("candidate", "Candidate"),
        Column("validation_accuracy", "Validation accuracy", "percent"),
        *reached,
        *(Column(part.replace(" ", "_"), part.capitalize(), "percent") for part in parts),
        Column("validation_loss", "Validation loss", "loss"),
        Column("parameters", "Parameters", "count"),
        Column("seconds", "Time a fit", "seconds"),
        Column("chosen", "Chosen"),
    )
    rows: list[tuple[Value, ...]] = []
    for row in contest.rows:
        scores = row.scores(contest.measure)
        folds = (scores.get(part) for part in parts)
        rows.append(
            (
                row.name,
                row.validation["accuracy"],
                *(_reached(contest, row) if halves else ()),
                *folds,
                row.validation["log-loss"],
                row.n_parameters,
                row.seconds,
                "chosen" if row.chosen else "",
            )
        )
    folds_text = "the folds that each came to" if halves else counted(len(parts), "fold")
    among = "Of the last rung, the highest" if halves else "The highest"
    caption = (
        f"Mean ± standard deviation over {folds_text}, and each fold by itself. {among} mean "
        f"validation accuracy is chosen; the test images have no part in it. {_epochs_text(contest)}{MEASURED}"
    )
    title = f"Search {contest.name}"
    return Table(table_name(contest), title, caption, columns, tuple(rows), chosen_rows(contest))


def rungs_table(contest: Contest) -> Table | None:
    """Return the rungs of a search that halves, as far as they were reached; ``None`` for others."""
    if contest.course is None or not contest.course.rungs:
        return None
    columns = (
        Column("rung", "Rung"),
        Column("candidates", "Candidates", "count"),
        Column("folds", "Folds", "count"),
        Column("epochs", "Epochs", "count"),
        Column("best", "Best"),
        Column("accuracy", "Its validation accuracy", "percent"),
        Column("went_on", "Went on", "prose"),
    )
    rows: list[tuple[Value, ...]] = []
    for number, rung in enumerate(contest.course.rungs, start=1):
        if not rung.took_part:
            continue
        best = ranked(rung.scores)
        rows.append(
            (
                str(number),
                len(rung.took_part),
                rung.size.n_folds,
                rung.size.n_epochs,
                best[0].name if best else "",
                best[0].scores["accuracy"] if best and best[0].scores else None,
                _names_or_number(rung),
            )
        )
    caption = (
        "Each rung trains those who are left on the first so many folds, up to so many epochs of the same training; "
        "the better half by mean validation accuracy goes on. What a rung trained is not trained again in the next."
    )
    return Table(f"rungs-{contest.name}", f"Rungs of search {contest.name}", caption, columns, tuple(rows))


def _names_or_number(rung: Rung) -> str:
    """Return who went on from a rung, or only how many where a list would be long; the search's table has them all."""
    if len(rung.went_on) <= FEW_NAMES:
        return "; ".join(rung.went_on)
    return f"{len(rung.went_on)} of {len(rung.took_part)}"


def _reached(contest: Contest, row: CandidateRow) -> tuple[Value, Value]:
    """Return how far a candidate came in folds and epochs, and in which rung it was dropped."""
    course = contest.course
    assert course is not None  # callers ask of searches only
    rung, dropped = course.reached(row.name), course.dropped_in.get(row.name)
    far = f"{counted(rung.size.n_folds, 'fold')} × {counted(rung.size.n_epochs, 'epoch')}" if rung else ""
    return far, f"rung {dropped}" if dropped else ""


def _epochs_text(contest: Contest) -> str:
    """Return what a search that is no grid trained beside the grid, as a sentence with a space after it."""
    course = contest.course
    if course is None or course.method == "grid":
        return ""
    epochs = f"It trained {counted(course.n_epochs, 'epoch')}"
    if course.grid_epochs is None or course.share is None:
        return f"{epochs}; ranges have no grid to set that beside. "
    return f"{epochs}, where the grid would train {course.grid_epochs:,} ({course.share * 100:.0f} %). "


def nested_table(contest: Contest) -> Table | None:
    """Return the outer folds of a nested search; ``None`` for others."""
    found = contest.nested
    if found is None:
        return None
    columns = (
        Column("outer_fold", "Outer fold"),
        Column("winner", "Winner without it"),
        Column("searched", "Validation accuracy that it won by", "percent"),
        Column("epoch", "Scored at epoch", "count"),
        Column("accuracy", "On the outer fold", "percent"),
        Column("train", "Images trained on", "count"),
        Column("images", "Images of the fold", "count"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            f"{fold.number} of {len(found.folds)}",
            fold.winner,
            fold.searched,
            fold.epoch,
            fold.accuracy,
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
    if found.accuracy.mean is None:
        return _nested(contest, columns, rows, f"{caption}Not every outer fold has a score.")
    caption += f"Mean {percent(found.accuracy.mean)}"
    if found.interval:
        caption += f" ({within(found.interval)}, Nadeau and Bengio’s)"
    if found.searched is not None and found.optimism is not None:
        caption += f"; the search chose by {percent(found.searched)}, a difference of {points(found.optimism)} points"
        if abs(found.n_train - found.n_train_searched) > 1:
            caption += f", with {found.n_train_searched:,} images to train on instead of {found.n_train:,}"
    elif found.searched is not None:
        caption += "; the search’s own winner was trained up to another epoch, so that no difference is told"
    return _nested(contest, columns, rows, f"{caption}. Winners: {winners(found)}.")


def _nested(
    contest: Contest, columns: tuple[Column, ...], rows: list[tuple[Value, ...]], caption: str
) -> Table:
    title = f"Search {contest.name} judged on outer folds"
    return Table(f"nested-{contest.name}", title, caption, columns, tuple(rows))
