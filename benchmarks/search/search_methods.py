"""Measure how often successive halving selects the same candidate as the whole grid, and how many epochs it needs.

The grid is that of the built-in study ``mnist``: the network two-conv with kernels 2, 3, 5, 7 and 11 on five folds.
``train`` trains whole grids, each repetition with other folds and seeds. ``replay`` runs halving on their recorded
histories with the package's own plan and trains nothing: the record of a fit with an epoch budget is the beginning of
the record of the whole fit. Each repetition is replayed with each fold as the first, because the first rungs use only
one fold.

``train`` resumes where it stopped. ``replay`` uses the repetitions that are complete::

    CONVSTUDY_DATA=<folder that holds mnist/> python -m benchmarks.search.search_methods train --runs runs
    python -m benchmarks.search.search_methods replay --runs runs

If halving selects another kernel than the grid, the table shows the verdict on the winner and this kernel over the
folds of the whole grid: better, equivalent, inconclusive, or too few folds. Only "equivalent" means that both are
equally good.

A run that takes seconds, with ``SMALL="--dataset digits --subset 200 --epochs 4 --repetitions 2"``::

    python -m benchmarks.search.search_methods train --runs small $SMALL
    python -m benchmarks.search.search_methods replay --runs small $SMALL

The precision is bfloat16, or float32 if the CPU emulates bfloat16; ``--precision`` sets another one.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.parts.arguments import at_least
from benchmarks.parts.fits import train_fits
from benchmarks.parts.precision import fast_precision
from convstudy.data import BUILT_IN_DATASETS, Fold
from convstudy.engine.fit import best_epoch
from convstudy.plan import Fit, Plan, Stage, halving_epochs, make_plan, resolve
from convstudy.record import Record
from convstudy.stats import Measure, paired_difference
from convstudy.stats.verdicts import MARGIN, make_verdict
from convstudy.studyfile import Compare, Study, check_study, load_study

KERNELS = (2, 3, 5, 7, 11)
KEY = "search.kernel-size"
BUDGETS = (0.1, 0.15, 0.25, 0.4)
# Larger than any seed or fold of a study: repetitions share no fit with a study or with each other.
SEEDS_PER_REPETITION = 1_000
# Either both select the same candidate, or this is the verdict on the two.
KINDS = ("same", "better", "equivalent", "inconclusive", "too few to say")


@dataclass(frozen=True)
class Size:
    """The data and the size of a grid."""

    dataset: str = "mnist"
    subset: int = 4_000
    epochs: int = 20
    folds: int = 5
    precision: str = field(default_factory=fast_precision)

    def study(self, **search: Any) -> Study:
        """Return a study with the grid as its search; keywords such as ``method`` change the search."""
        base = load_study("mnist")
        changed = base.search["kernel-size"].model_copy(
            update={
                "parameters": {"kernel": KERNELS},
                "folds": self.folds,
                "subset": None,
                "recipe": {},
                **search,
            }
        )
        recipe = base.recipe.varied(
            {"epochs": self.epochs, "precision": self.precision, "train_eval_samples": 500}
        )
        study = Study(
            name="search-methods",
            dataset=BUILT_IN_DATASETS[self.dataset],
            seeds=1,
            subset=self.subset,
            recipe=recipe,
            network={name: base.network[name] for name in ("two-conv", "five-conv")},
            search={"kernel-size": changed},
            compare={"networks": Compare(networks=("two-conv", "five-conv"))},
        )
        check_study(study)
        return study


def repeated(fit: Fit, repetition: int) -> Fit:
    """Return the fit of one repetition that corresponds to ``fit`` of the plan, with other folds and seeds."""
    assert isinstance(fit.split, Fold)
    return replace(
        fit,
        seed=fit.seed + SEEDS_PER_REPETITION * repetition,
        split=replace(fit.split, seed=fit.split.seed + repetition),
    )


def grid_fits(size: Size, repetition: int) -> list[Fit]:
    """Return the fits of the grid of one repetition, counted from 1."""
    return [repeated(fit, repetition) for fit in make_plan(size.study()).stage(KEY).fits]


def train(size: Size, runs: Path, repetitions: int, workers: int) -> None:
    """Train the fits of all grids that the runs folder does not have yet."""
    train_fits(
        runs,
        [fit for repetition in range(1, repetitions + 1) for fit in grid_fits(size, repetition)],
        workers,
    )


def shortened(whole: Record, fit: Fit) -> Record:
    """Return the record of a fit with an epoch budget, made from the record of the whole fit."""
    history = whole.history[: fit.n_epochs]
    best = best_epoch(list(history))
    selected = best if fit.recipe.checkpoint == "best" else len(history)
    return replace(whole, fit_id=fit.id, history=history, best_epoch=best, selected_epoch=selected)


@dataclass(frozen=True)
class Replay:
    """Halving, compared with the grid.

    Attributes:
        winner: the candidate that the grid selects.
        selected: the candidate that halving selects.
        used: the epochs of halving, as a fraction of those of the grid.
        lost: the mean accuracy of the winner minus that of the selected candidate, over the folds of the grid.
        kind: ``"same"``, or the verdict on the two by Student's t over these folds.
    """

    winner: str
    selected: str
    used: float
    lost: float
    kind: str


def replay(
    size: Size, records: Mapping[str, Record], repetition: int, first_fold: int, budget: float
) -> Replay:
    """Replay one search with the package's own plan.

    Args:
        size: the size of the grids.
        records: fit id -> record, for the whole grid of this repetition.
        repetition: the number of the repetition, from 1.
        first_fold: the fold that the first rungs use, from 0; the others follow in order.
        budget: the fraction of the grid's epochs that halving may use.
    """
    study = size.study(method="halving", budget=budget)
    found: dict[str, Record] = {}
    while True:
        plan, choices = resolve(study, found)
        stage = plan.stage(KEY)
        missing = [fit for fit in stage.fits if fit.id not in found]
        if not missing:
            break
        for fit in missing:
            whole = records[repeated(_moved(plan, fit, first_fold, size.folds), repetition).id]
            found[fit.id] = shortened(whole, fit)
    selected = next(choice.chosen for choice in choices if choice.stage == KEY)
    scores = _grid_scores(size, records, repetition)
    winner = _winner(size, records, repetition)
    kind = "same"
    if selected != winner:
        difference = paired_difference(scores[winner], scores[selected])
        kind = make_verdict(winner, selected, Measure("validation", "accuracy"), difference, MARGIN).kind
    return Replay(
        winner=winner,
        selected=selected,
        used=halving_epochs(tuple(rung.size for rung in stage.rungs)) / (stage.grid_epochs or 1),
        lost=fmean(scores[winner]) - fmean(scores[selected]),
        kind=kind,
    )


def _moved(plan: Plan, fit: Fit, first_fold: int, n_folds: int) -> Fit:
    """Return the fit without an epoch budget on the fold that replaces the fold of ``fit``."""
    stage = plan.stage(KEY)
    name = stage.owners[fit.id]
    assert isinstance(fit.split, Fold)
    index = (fit.split.index + first_fold) % n_folds
    network = stage.candidate(name).network
    return replace(fit, network=network, epoch_budget=None, seed=index, split=replace(fit.split, index=index))


def _grid(size: Size) -> Stage:
    return make_plan(size.study()).stage(KEY)


def _grid_scores(size: Size, records: Mapping[str, Record], repetition: int) -> dict[str, list[float]]:
    """Return candidate -> validation accuracy on each fold of the grid."""
    return {
        candidate.name: [
            records[repeated(fit, repetition).id].selected.validation["accuracy"] for fit in candidate.fits
        ]
        for candidate in _grid(size).candidates
    }


def _winner(size: Size, records: Mapping[str, Record], repetition: int) -> str:
    """Return the candidate that the grid selects, by the package's own rule."""
    found = {
        fit.id: replace(records[repeated(fit, repetition).id], fit_id=fit.id) for fit in _grid(size).fits
    }
    _, choices = resolve(size.study(), found)
    return next(choice.chosen for choice in choices if choice.stage == KEY)


def table(replays: Mapping[float, Sequence[Replay]]) -> str:
    """Return a Markdown table with a row for each budget."""
    head = (
        "| budget | epochs used | replays | same as the grid | other: worse than the winner | equivalent "
        "| inconclusive | too few folds | accuracy lost, pp: mean | max"
        " |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    )
    rows = []
    for budget, found in replays.items():
        kinds = Counter(each.kind for each in found)
        counts = [f"{kinds[kind]} ({100 * kinds[kind] / len(found):.0f} %)" for kind in KINDS]
        rows.append(
            f"| {budget:g} | {100 * fmean(each.used for each in found):.1f} % | {len(found)} | {' | '.join(counts)} "
            f"| {100 * fmean(each.lost for each in found):.3f} | {100 * max(each.lost for each in found):.3f} |"
        )
    return "\n".join([head, *rows])


def report(size: Size, runs: Path, repetitions: int, budgets: Sequence[float]) -> str:
    """Return the text and the table for the complete grids of a runs folder."""
    from convstudy.history import History

    history = History.open(runs)
    records = history.records
    whole = [
        repetition
        for repetition in range(1, repetitions + 1)
        if all(fit.id in records and records[fit.id].done for fit in grid_fits(size, repetition))
    ]
    if not whole:
        raise SystemExit(f"{runs} has no complete grid of this size. Run `train` first.")
    replays = {
        budget: [
            replay(size, records, repetition, first_fold, budget)
            for repetition in whole
            for first_fold in range(size.folds)
        ]
        for budget in budgets
    }
    winners = Counter(each.winner for each in replays[budgets[0]][:: size.folds])
    history.close()
    n_epochs = len(KERNELS) * size.folds * size.epochs
    chosen = ", ".join(f"{name} {n} ×" for name, n in winners.most_common())
    return (
        f"{len(whole)} grids of {n_epochs} epochs: {size.dataset}, {size.subset:,} images, {size.folds} folds, "
        f"{size.epochs} epochs, {size.precision}; selected: {chosen}.\n\n{table(replays)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("train", "replay"))
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--repetitions", type=at_least(1), default=5)
    parser.add_argument("--workers", type=at_least(0), default=2, help="0 trains in this process")
    parser.add_argument("--budgets", type=float, nargs="+", default=BUDGETS)
    for name, default in Size().__dict__.items():
        parser.add_argument(
            f"--{name}", type=at_least(1) if isinstance(default, int) else str, default=default
        )
    options = vars(parser.parse_args())
    size = Size(**{name: options[name] for name in Size().__dict__})
    if options["what"] == "train":
        train(size, options["runs"], options["repetitions"], options["workers"])
    else:
        print(report(size, options["runs"], options["repetitions"], options["budgets"]))


if __name__ == "__main__":
    main()
