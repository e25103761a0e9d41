"""The tables of scores: each comparison, ablation and final training, every fit, and what it all cost."""

from __future__ import annotations

from convstudy.analysis import CandidateRow, Contest
from convstudy.figures import counted
from convstudy.history.results import Results
from convstudy.plan import epochs_added, fit_cost, own_epochs
from convstudy.report.table import Column, Table, Value
from convstudy.stats import Interval, Measure

MEASURED = (
    "All figures are measured in evaluation mode, on the weights of the epoch that counts; those on training images "
    "on a sample, where there are more than the recipe’s measure_at_most."
)


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
            row.test["accuracy"],
            *_ends(contest.accuracy_intervals.get(row.name)),
            *([letters.get(row.name, "")] if letters else []),
            row.test["log-loss"],
            *_ends(contest.loss_intervals.get(row.name)),
            row.validation["accuracy"],
            row.train["accuracy"],
            row.train["log-loss"],
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
    return Table(
        table_name(contest), stage_title(contest), caption, columns, tuple(rows), chosen_rows(contest)
    )


def stage_title(contest: Contest) -> str:
    """Return what people call a stage: ``"Ablation of three-conv"``."""
    if contest.question == "ablate" and contest.settled:
        return f"Ablation of {contest.rows[0].network}"
    words = {"search": "Search", "compare": "Comparison", "ablate": "Ablation", "final": "Final training of"}
    return f"{words[contest.question]} {contest.name}"


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
            fit.score(Measure("train", "log-loss")),
            fit.score(Measure("train", "accuracy")),
            fit.score(Measure("validation", "log-loss")),
            fit.score(Measure("validation", "accuracy")),
            fit.score(Measure("test", "log-loss")),
            fit.score(Measure("test", "accuracy")),
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
    fits = [fit for stage in results.plan.stages for fit in stage.fits]
    own, added = own_epochs(fits, results.records), epochs_added(fits)
    rows: dict[str, tuple[Value, ...]] = {}
    for stage in results.plan.stages:
        owners = stage.owners
        for fit in stage.fits:
            record = results.records.get(fit.id)
            if record is None or fit.id in rows:
                continue
            opening = results.openings.get(fit.id)
            rows[fit.id] = (
                fit.id,
                stage.key,
                owners[fit.id],
                record.n_train * len(own[fit.id]),
                float(fit_cost(fit, added[fit.id]).operations),
                sum(epoch.train_seconds for epoch in own[fit.id]),
                sum(epoch.evaluation_seconds for epoch in own[fit.id]),
                opening.seconds if opening else None,
            )
    caption = "What each fit cost on the machine where it ran; operations are those of all planned epochs."
    if any(fit.until for fit in fits):
        caption += " A fit that goes on from a paused one counts its own epochs only."
    return Table("costs", "Costs", caption, columns, tuple(rows.values()))


def table_name(contest: Contest) -> str:
    """Return what files call a stage's table."""
    return f"{contest.question}-{contest.name}"


def _ends(interval: Interval | None) -> tuple[float | None, float | None]:
    return (interval.low, interval.high) if interval else (None, None)


def chosen_rows(contest: Contest) -> frozenset[int]:
    """Return which row of a stage's table stands out: its choice."""
    return frozenset(number for number, row in enumerate(contest.rows) if row.chosen)


def _fits_text(rows: tuple[CandidateRow, ...]) -> str:
    done = sorted({row.n_done for row in rows})
    if len(done) == 1:
        return counted(done[0], "seed")
    return f"{done[0]} to {done[-1]} seeds"
