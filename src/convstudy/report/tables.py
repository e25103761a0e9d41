"""The tables of scores: each stage, every fit, and what it all cost."""

from __future__ import annotations

from convstudy.plan import fit_cost
from convstudy.report.numbers import counted
from convstudy.report.table import Column, Table, Value
from convstudy.stats import CandidateRow, Contest, Interval
from convstudy.store.results import Results

MEASURED = "All figures are measured in evaluation mode, on the weights of the epoch that counts."


def search_table(contest: Contest) -> Table:
    """Return a search's candidates with each fold's validation accuracy."""
    parts = [fit.part for fit in contest.rows[0].fits]
    columns = (
        Column("candidate", "Candidate"),
        Column("validation_accuracy", "Validation accuracy", "percent"),
        *(Column(part.replace(" ", "_"), part.capitalize(), "percent") for part in parts),
        Column("validation_loss", "Validation loss", "loss"),
        Column("parameters", "Parameters", "count"),
        Column("seconds", "Time a fit", "seconds"),
        Column("chosen", "Chosen"),
    )
    rows = []
    for row in contest.rows:
        scores = row.scores("validation_accuracy")
        folds = (scores.get(part) for part in parts)
        rows.append(
            (
                row.name,
                row.validation_accuracy,
                *folds,
                row.validation_loss,
                row.n_parameters,
                row.seconds,
                "chosen" if row.chosen else "",
            )
        )
    caption = (
        f"Mean ± standard deviation over {counted(len(parts), 'fold')}, and each fold by itself. The highest mean "
        f"validation accuracy is chosen; the test images have no part in it. {MEASURED}"
    )
    title = f"Search {contest.name}"
    return Table(_name(contest), title, caption, columns, tuple(rows), _chosen(contest))


def scores_table(contest: Contest) -> Table:
    """Return the candidates of a comparison, an ablation or a final training, with their test scores."""
    letters = contest.letters if contest.groups else {}
    columns = (
        Column("candidate", "Candidate"),
        Column("test_accuracy", "Test accuracy", "percent"),
        Column("accuracy_low", "From", "percent"),
        Column("accuracy_high", "To", "percent"),
        *([Column("group", "Group")] if letters else []),
        Column("test_loss", "Test loss", "loss"),
        Column("loss_low", "From", "loss"),
        Column("loss_high", "To", "loss"),
        Column("validation_accuracy", "Validation accuracy", "percent"),
        Column("train_accuracy", "Train accuracy", "percent"),
        Column("train_loss", "Train loss", "loss"),
        Column("parameters", "Parameters", "count"),
        Column("seconds", "Time a fit", "seconds"),
        Column("weights_digests", "Weights measured", "digests"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            row.name,
            row.test_accuracy,
            *_ends(contest.accuracy_intervals.get(row.name)),
            *([letters.get(row.name, "")] if letters else []),
            row.test_loss,
            *_ends(contest.loss_intervals.get(row.name)),
            row.validation_accuracy,
            row.train_accuracy,
            row.train_loss,
            row.n_parameters,
            row.seconds,
            row.weights_digests,
        )
        for row in contest.rows
    ]
    seeds = _fits_text(contest.rows)
    counts = (
        "other test images, for these models"
        if seeds == "1 seed"
        else "both other seeds and other test images"
    )
    apart = (
        "Networks that share a letter of “group” cannot be told apart beyond the region. " if letters else ""
    )
    caption = (
        f"Mean ± standard deviation over {seeds}. {MEASURED} “From” and “to” are 95 % intervals that count {counts}. "
        f"{apart}Each digest names the "
        "weights of one seed."
    )
    if not contest.settled:
        caption = "Not trained: this hangs on a choice that is not made, and the networks here only stand in."
    return Table(_name(contest), stage_title(contest), caption, columns, tuple(rows), _chosen(contest))


def stage_title(contest: Contest) -> str:
    """Return what people call a stage: ``"Ablation of three-conv"``."""
    if contest.question == "ablate" and contest.settled:
        return f"Ablation of {contest.rows[0].network}"
    words = {"search": "Search", "compare": "Comparison", "ablate": "Ablation", "final": "Final training of"}
    return f"{words[contest.question]} {contest.name}"


def stage_table(contest: Contest) -> Table:
    """Return the table of any stage."""
    return search_table(contest) if contest.question == "search" else scores_table(contest)


def results_table(contests: tuple[Contest, ...]) -> Table:
    """Return every fit with its scores and weights.

    It holds no time and no date: a run that was stopped and gone on with gives the same bytes as one that was not.
    """
    columns = (
        Column("stage", "Question"),
        Column("candidate", "Candidate"),
        Column("part", "Seed or fold"),
        Column("status", "Status"),
        Column("epochs", "Epochs", "count"),
        Column("counted_epoch", "Epoch that counts", "count"),
        Column("train_loss", "Train loss", "loss"),
        Column("train_accuracy", "Train accuracy", "percent"),
        Column("validation_loss", "Validation loss", "loss"),
        Column("validation_accuracy", "Validation accuracy", "percent"),
        Column("test_loss", "Test loss", "loss"),
        Column("test_accuracy", "Test accuracy", "percent"),
        Column("weights_digest", "Weights", "digest"),
        Column("fit_id", "Fit", "code"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            fit.stage,
            fit.candidate,
            fit.part,
            fit.status,
            fit.n_epochs or None,
            fit.counted_epoch,
            fit.train_loss,
            fit.train_accuracy,
            fit.validation_loss,
            fit.validation_accuracy,
            fit.test_loss,
            fit.test_accuracy,
            fit.weights_digest,
            fit.fit_id,
        )
        for contest in contests
        for row in contest.rows
        for fit in row.fits
    ]
    caption = f"Every fit of the plan. {MEASURED} A fit that two questions share is trained once and stands in both."
    return Table("results", "Every fit", caption, columns, tuple(rows))


def costs_table(results: Results) -> Table:
    """Return what every fit cost, each once."""
    columns = (
        Column("fit_id", "Fit", "code"),
        Column("stage", "First asked by"),
        Column("candidate", "Candidate"),
        Column("train_images", "Images trained", "count"),
        Column("operations", "Operations planned", "rate"),
        Column("train_seconds", "Training", "seconds"),
        Column("evaluation_seconds", "Measuring", "seconds"),
        Column("test_seconds", "Test", "seconds"),
    )
    rows: dict[str, tuple[Value, ...]] = {}
    for stage in results.plan.stages:
        for candidate in stage.candidates:
            for fit in candidate.fits:
                record = results.records.get(fit.id)
                if record is None or fit.id in rows:
                    continue
                opening = results.openings.get(fit.id)
                rows[fit.id] = (
                    fit.id,
                    stage.key,
                    candidate.name,
                    record.n_train * len(record.history),
                    float(fit_cost(fit).operations),
                    sum(epoch.train_seconds for epoch in record.history),
                    sum(epoch.evaluation_seconds for epoch in record.history),
                    opening.seconds if opening else None,
                )
    caption = "What each fit cost on the machine where it ran; operations are those of all planned epochs."
    return Table("costs", "Costs", caption, columns, tuple(rows.values()))


def _name(contest: Contest) -> str:
    return f"{contest.question}-{contest.name}"


def _ends(interval: Interval | None) -> tuple[float | None, float | None]:
    return (interval.low, interval.high) if interval else (None, None)


def _chosen(contest: Contest) -> frozenset[int]:
    return frozenset(number for number, row in enumerate(contest.rows) if row.chosen)


def _fits_text(rows: tuple[CandidateRow, ...]) -> str:
    done = sorted({row.n_done for row in rows})
    if len(done) == 1:
        return counted(done[0], "seed")
    return f"{done[0]} to {done[-1]} seeds"
