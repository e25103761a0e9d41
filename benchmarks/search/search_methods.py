"""How often successive halving names what the whole grid would have named, and what share of the epochs it takes.

Grids are trained once, through the package, each repetition with other folds and other seeds; then halving is replayed
on their recorded histories by the package's own plan, where nothing is trained: the record of a
fit with an epoch budget is the start of the whole fit's. Every repetition is replayed with each fold as the first, as
the first rungs see one fold only.

Train (it goes on where it stopped), then replay; both may be done while more repetitions are still to come::

    CONVSTUDY_DATA=<folder that holds mnist/> python -m benchmarks.search.search_methods train --runs runs
    python -m benchmarks.search.search_methods replay --runs runs

The kernel that halving names is the grid's winner, or another one; of the latter the table says what the verdict on the
whole grid's folds is: the winner is better, the two tie, it is unclear, or there are too few folds to say. Only a tie
says that both are as good.

A small size that takes seconds, with ``SMALL="--dataset digits --subset 200 --epochs 4 --repetitions 2"``::

    python -m benchmarks.search.search_methods train --runs small $SMALL
    python -m benchmarks.search.search_methods replay --runs small $SMALL

It trains in bfloat16, or in float32 where the processor would emulate it; ``--precision`` says otherwise.

The grid is that of the built-in study ``mnist``: its network two-conv with kernels 2, 3, 5, 7 and 11 on five folds.
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
from benchmarks.parts.filling import fill
from benchmarks.parts.formats import fast_format
from convstudy.data import Fold
from convstudy.engine.fit import best_epoch
from convstudy.plan import Fit, Plan, Stage, halving_epochs, make_plan, resolve
from convstudy.record import Record
from convstudy.stats import Measure, paired_difference
from convstudy.stats.verdicts import MARGIN, judge
from convstudy.studyfile import Compare, Study, check_study, load_study

KERNELS = (2, 3, 5, 7, 11)
KEY = "search.kernel-size"
BUDGETS = (0.1, 0.15, 0.25, 0.4)
# Far from any seed and fold that a study has, so that repetitions share nothing with it or with each other.
SEEDS_A_REPETITION = 1_000
# How the candidate that halving names stands beside the grid's winner: the same, or the verdict on the two.
KINDS = ("same", "better", "equivalent", "inconclusive", "too few to say")


@dataclass(frozen=True)
class Size:
    """What a grid is trained on."""

    dataset: str = "mnist"
    subset: int = 4_000
    epochs: int = 20
    folds: int = 5
    precision: str = field(default_factory=fast_format)

    def study(self, **search: Any) -> Study:
        """Return a study whose search is the grid, or finds its way by another method."""
        base = load_study("mnist")
        asked = base.search["kernel-size"].model_copy(
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
            dataset=self.dataset,
            seeds=1,
            subset=self.subset,
            recipe=recipe,
            network={name: base.network[name] for name in ("two-conv", "five-conv")},
            search={"kernel-size": asked},
            compare={"networks": Compare(networks=("two-conv", "five-conv"))},
        )
        check_study(study)
        return study


def repeated(fit: Fit, repetition: int) -> Fit:
    """Return the fit of one repetition that stands where ``fit`` stands in the plan: other folds, other seeds."""
    assert isinstance(fit.split, Fold)
    return replace(
        fit,
        seed=fit.seed + SEEDS_A_REPETITION * repetition,
        split=replace(fit.split, seed=fit.split.seed + repetition),
    )


def grid_fits(size: Size, repetition: int) -> list[Fit]:
    """Return the fits of one repetition's grid."""
    return [repeated(fit, repetition) for fit in make_plan(size.study()).stage(KEY).fits]


def train(size: Size, runs: Path, repetitions: int, workers: int) -> None:
    """Train every grid; what is there already is not trained again."""
    fill(
        runs,
        [fit for repetition in range(1, repetitions + 1) for fit in grid_fits(size, repetition)],
        workers,
    )


def shortened(whole: Record, fit: Fit) -> Record:
    """Return the record that a fit with this epoch budget leaves, from that of the whole fit."""
    history = whole.history[: fit.n_epochs]
    best = best_epoch(list(history))
    selected = best if fit.recipe.checkpoint == "best" else len(history)
    return replace(whole, fit_id=fit.id, history=history, best_epoch=best, selected_epoch=selected)


@dataclass(frozen=True)
class Replay:
    """What halving came to beside the grid: who was named, the share of its epochs, and what the choice cost.

    ``lost`` is the mean accuracy, over the grid's folds, of the grid's winner minus that of halving's. ``kind`` is the
    verdict's on the two, by Student's t over these folds; where they are the same candidate, ``"same"``.
    """

    winner: str
    named: str
    share: float
    lost: float
    kind: str


def replay(
    size: Size, records: Mapping[str, Record], repetition: int, first_fold: int, budget: float
) -> Replay:
    """Replay one search by the package's own plan, fold ``first_fold`` (from 0) being the first.

    Args:
        size: what the grids were trained on.
        records: fit id -> record of the whole grid of this repetition.
        repetition: which one, from 1.
        first_fold: which fold is seen first; the others follow in their order.
        budget: the share of the grid's epochs that may be trained.
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
    named = next(choice.chosen for choice in choices if choice.stage == KEY)
    scores = _grid_scores(size, records, repetition)
    winner = _winner(size, records, repetition)
    kind = "same"
    if named != winner:
        difference = paired_difference(scores[winner], scores[named])
        kind = judge(winner, named, Measure("validation", "accuracy"), difference, MARGIN).kind
    return Replay(
        winner=winner,
        named=named,
        share=halving_epochs(tuple(rung.size for rung in stage.rungs)) / (stage.grid_epochs or 1),
        lost=fmean(scores[winner]) - fmean(scores[named]),
        kind=kind,
    )


def _moved(plan: Plan, fit: Fit, first_fold: int, n_folds: int) -> Fit:
    """Return the whole fit on the fold that is seen in place of this fit's."""
    stage = plan.stage(KEY)
    name = stage.owners[fit.id]
    assert isinstance(fit.split, Fold)
    index = (fit.split.index + first_fold) % n_folds
    network = stage.candidate(name).network
    return replace(fit, network=network, epoch_budget=None, seed=index, split=replace(fit.split, index=index))


def _grid(size: Size) -> Stage:
    return make_plan(size.study()).stage(KEY)


def _grid_scores(size: Size, records: Mapping[str, Record], repetition: int) -> dict[str, list[float]]:
    """Return candidate -> its validation accuracy on each fold of the grid."""
    return {
        candidate.name: [
            records[repeated(fit, repetition).id].selected.validation["accuracy"] for fit in candidate.fits
        ]
        for candidate in _grid(size).candidates
    }


def _winner(size: Size, records: Mapping[str, Record], repetition: int) -> str:
    """Return whom the grid chooses, by the package's own rule."""
    found = {
        fit.id: replace(records[repeated(fit, repetition).id], fit_id=fit.id) for fit in _grid(size).fits
    }
    _, choices = resolve(size.study(), found)
    return next(choice.chosen for choice in choices if choice.stage == KEY)


def table(replays: Mapping[float, Sequence[Replay]]) -> str:
    """Return a Markdown table, a row for each budget; where another was named, how it stands beside the winner."""
    head = (
        "| budget | epochs used | replays | names the grid's winner | another: the winner is better | a tie | unclear "
        "| too few to say | points lost, mean | most |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    )
    rows = []
    for budget, found in replays.items():
        kinds = Counter(each.kind for each in found)
        counts = [f"{kinds[kind]} ({100 * kinds[kind] / len(found):.0f} %)" for kind in KINDS]
        rows.append(
            f"| {budget:g} | {100 * fmean(each.share for each in found):.1f} % | {len(found)} | {' | '.join(counts)} "
            f"| {100 * fmean(each.lost for each in found):.3f} | {100 * max(each.lost for each in found):.3f} |"
        )
    return "\n".join([head, *rows])


def report(size: Size, runs: Path, repetitions: int, budgets: Sequence[float]) -> str:
    """Return what the grids in a runs folder that are whole come to."""
    from convstudy.history import History

    history = History.open(runs)
    records = history.records
    whole = [
        repetition
        for repetition in range(1, repetitions + 1)
        if all(fit.id in records and records[fit.id].done for fit in grid_fits(size, repetition))
    ]
    if not whole:
        raise SystemExit(f"no grid in {runs} is whole yet; train first, with the same size")
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
        f"{size.epochs} epochs, {size.precision}; they choose {chosen}.\n\n{table(replays)}"
    )


def main() -> None:
    """Train grids, or replay halving on those that are there."""
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
