"""Compare search methods with whole grids: epochs used, winners found, and accuracy lost.

``train`` trains whole grids of several kinds (``grids.py``), each repetition with other images, folds and seeds, and
records the validation scores after each epoch. It resumes where it stopped. ``replay`` trains nothing: a fit with an
epoch budget is the beginning of the whole fit, so every method can be replayed on the records. The package's own
methods are replayed with its own plan, the rules of the literature with ``rules.py``::

    CONVSTUDY_DATA=<folder that holds mnist/> python -m benchmarks.search.search_methods train --runs runs
    python -m benchmarks.search.search_methods replay --runs runs

A run that takes a minute::

    python -m benchmarks.search.search_methods train --runs small --kinds digits-rate-width --repetitions 2
    python -m benchmarks.search.search_methods replay --runs small

A method uses the folds one after another, so each grid is replayed with each fold as the first. These replays are not
independent, but the grids are: the tables show means over grids. Their columns are:

- the epochs used, as a fraction of those of the grid;
- the verdict on the winner of the whole grid and the selected candidate, over the folds of the whole grid. Only "same"
  and "equivalent" mean that both are equally good; "worse" means that the selected candidate is;
- the accuracy lost on this grid: the winner's mean over folds minus that of the selected candidate, its mean and its
  maximum over all replays. The winner's mean is the highest of several noisy means, so even the best candidate loses;
- the accuracy lost on other grids: between the selected candidate and the best one, both by their means over all other
  repetitions of the same kind, which have other images, folds and seeds. The noise of this grid does not bias it.

The row "another whole grid" selects the winner of another repetition of the kind: it shows how much two grids agree.
Below the tables are the differences of screening and halving on the same grids: their means and standard errors.

The methods and their constants were chosen with the tuning grids: repetitions 1 and 2 of every kind, and 3 of those in
``TUNED_WITH_3``. All other grids were trained later and are reported apart.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from statistics import fmean, stdev

from benchmarks.parts.arguments import at_least
from benchmarks.parts.fits import train_fits
from benchmarks.search import rules
from benchmarks.search.grids import KEY, KINDS, Kind
from benchmarks.search.recorded import Recorded
from convstudy.data import Fold
from convstudy.history import History
from convstudy.plan import halving_epochs, make_plan, resolve
from convstudy.record import Record
from convstudy.stats import Measure, paired_difference
from convstudy.stats.verdicts import MARGIN, make_verdict

TUNED_WITH_3 = ("digits-kernel", "digits-optimizer-dropout", "mnist-rate-width", "mnist-dense-dropout")

COMPARED = tuple(
    (f"screening, budget {ours:g}", f"halving, budget {theirs:g}")
    for ours, theirs in ((0.15, 0.15), (0.08, 0.08), (0.08, 0.15))
)

Method = Callable[[Recorded, int], tuple[int, float]]
"""Grid and first fold -> the number of the selected candidate, and the fraction of the grid's epochs."""


def is_tuning(grid: Recorded) -> bool:
    """Return whether the methods were chosen with this grid."""
    return grid.repetition <= (3 if grid.kind in TUNED_WITH_3 else 2)


def train(kind: Kind, repetition: int, runs: Path) -> None:
    """Train one grid in this process and record its scores, unless that was done before."""
    path = runs / f"{kind.name}-{repetition}.json"
    if path.exists():
        return
    print(path.stem, flush=True)
    stage = make_plan(kind.study(repetition)).stage(KEY)
    folder = runs / path.stem
    train_fits(folder, stage.fits, workers=0)
    history = History.open(folder)
    records = {fit.id: history.records[fit.id] for fit in stage.fits}
    history.close()
    Recorded.of(kind.name, repetition, stage, records).write(path)


def replayed(method: str, budget: float) -> Method:
    """Return the package's own method, replayed with its own plan."""

    def run(grid: Recorded, first_fold: int) -> tuple[int, float]:
        study = KINDS[grid.kind].study(grid.repetition, method=method, budget=budget)
        found: dict[str, Record] = {}
        while True:
            plan, choices = resolve(study, found)
            stage = plan.stage(KEY)
            missing = [fit for fit in stage.fits if fit.id not in found]
            if not missing:
                break
            for fit in missing:
                assert isinstance(fit.split, Fold)
                fold = (fit.split.index + first_fold) % grid.n_folds
                found[fit.id] = grid.record(fit, stage.owners[fit.id], fold)
        selected = next(choice.chosen for choice in choices if choice.stage == KEY)
        epochs = halving_epochs(tuple(rung.size for rung in stage.rungs))
        return grid.names.index(selected), epochs / grid.grid_epochs

    return run


def by_rule(rule: rules.Rule) -> Method:
    """Return a rule of the literature as a method."""

    def run(grid: Recorded, first_fold: int) -> tuple[int, float]:
        folds = [(first_fold + place) % grid.n_folds for place in range(grid.n_folds)]
        selected, epochs = rule(grid, folds)
        return selected, epochs / grid.grid_epochs

    return run


def another_grid(grids: Sequence[Recorded]) -> Method:
    """Return the method that selects the winner of another repetition of the same kind."""

    def run(grid: Recorded, first_fold: int) -> tuple[int, float]:
        others = _others(grid, grids)
        return (others[first_fold % len(others)].winner if others else grid.winner), 1.0

    return run


def methods(grids: Sequence[Recorded]) -> dict[str, Method]:
    """Return the rows of the tables."""
    own = {
        f"{method}, budget {budget:g}": replayed(method, budget)
        for method, budgets in (("screening", (0.04, 0.08, 0.15, 0.25)), ("halving", (0.08, 0.15, 0.25)))
        for budget in budgets
    }
    return {
        "the whole grid": lambda grid, first_fold: (grid.winner, 1.0),
        "another whole grid": another_grid(grids),
        **own,
        "i-Epoch, 1 epoch of 1 fold": by_rule(rules.i_epoch(1, 1)),
        "i-Epoch, 6 epochs of 1 fold": by_rule(rules.i_epoch(6, 1)),
        "i-Epoch, 2 epochs of 3 folds": by_rule(rules.i_epoch(2, 3)),
        "i-Epoch, 2 × 3, by log-loss": by_rule(rules.i_epoch(2, 3, by_loss=True)),
        "reshuffled, 6 epochs of 1 fold": by_rule(rules.reshuffled(6, 1)),
        "reshuffled, 2 epochs of 3 folds": by_rule(rules.reshuffled(2, 3)),
        "folds stopped early, 2 epochs": by_rule(rules.forgiving(2)),
        "folds stopped early, all epochs": by_rule(rules.forgiving(1_000)),
        "race of folds, 2 epochs": by_rule(rules.race(2, 1.0)),
    }


@dataclass(frozen=True)
class Replay:
    """A method on one grid with one first fold, compared with the whole grid.

    Attributes:
        used: the epochs, as a fraction of those of the grid.
        kind: ``"same"``, or the verdict on the winner and the selected candidate.
        lost: the accuracy lost on this grid, as a fraction.
        lost_elsewhere: the accuracy lost on the other repetitions of the kind; ``None`` without other repetitions.
    """

    used: float
    kind: str
    lost: float
    lost_elsewhere: float | None


def judged(grid: Recorded, selected: int, used: float, others: Sequence[Recorded]) -> Replay:
    """Compare a selected candidate with the winner of the whole grid.

    Args:
        grid: the grid.
        selected: the number of the selected candidate.
        used: the fraction of the grid's epochs.
        others: the other repetitions of the kind.
    """
    kind = "same"
    if selected != grid.winner:
        winner, other = (grid.selected[0][place, :, -1].tolist() for place in (grid.winner, selected))
        difference = paired_difference(winner, other)
        names = grid.names[grid.winner], grid.names[selected]
        kind = make_verdict(*names, Measure("validation", "accuracy"), difference, MARGIN).kind
    elsewhere = None
    if others:
        means = [fmean(float(each.final[place]) for each in others) for place in range(len(grid.names))]
        elsewhere = max(means) - means[selected]
    return Replay(used, kind, float(grid.final[grid.winner] - grid.final[selected]), elsewhere)


def replays(grid: Recorded, method: Method, grids: Sequence[Recorded]) -> list[Replay]:
    """Replay a method with each fold as the first."""
    others = _others(grid, grids)
    return [judged(grid, *method(grid, first), others) for first in range(grid.n_folds)]


def table(rows: Mapping[str, Sequence[Sequence[Replay]]]) -> str:
    """Return a Markdown table with a row for each method; its values are the replays of each grid."""
    head = (
        "| method | epochs used | same winner | equivalent | inconclusive | worse "
        "| lost, pp: mean | max | lost on other grids, pp |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    )
    lines = []
    for name, grids in rows.items():
        same, equivalent, inconclusive, worse = (
            f"{100 * _mean(grids, lambda each, kinds=kinds: each.kind in kinds):.0f} %"
            for kinds in (("same",), ("equivalent",), ("inconclusive", "too few to say"), ("better",))
        )
        used, lost = _mean(grids, lambda each: each.used), _mean(grids, lambda each: each.lost)
        largest = max(each.lost for found in grids for each in found)
        elsewhere = _mean(grids, lambda each: each.lost_elsewhere or 0.0)
        lines.append(
            f"| {name} | {100 * used:.1f} % | {same} | {equivalent} | {inconclusive} | {worse} "
            f"| {100 * lost:.3f} | {100 * largest:.2f} | {100 * elsewhere:.3f} |"
        )
    return "\n".join([head, *lines])


def differences(rows: Mapping[str, Sequence[Sequence[Replay]]]) -> str:
    """Return a Markdown table of the differences of the pairs in ``COMPARED``: means over grids ± standard errors."""
    lines = ["| difference | grids | lost, pp | same winner or equivalent, pp |", "|---|---:|---:|---:|"]
    for one, other in COMPARED:
        cells = []
        for value, digits in (
            (lambda each: each.lost, 3),
            (lambda each: each.kind in ("same", "equivalent"), 0),
        ):
            paired = [
                100 * (_mean([ours], value) - _mean([theirs], value))
                for ours, theirs in zip(rows[one], rows[other], strict=True)
            ]
            error = stdev(paired) / len(paired) ** 0.5 if len(paired) > 1 else nan
            cells.append(f"{fmean(paired):+.{digits}f} ± {error:.{digits}f}")
        lines.append(f"| {one} − {other} | {len(rows[one])} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _mean(grids: Sequence[Sequence[Replay]], value: Callable[[Replay], float]) -> float:
    """Return the mean over grids of the mean over the replays of a grid."""
    return fmean(fmean(value(each) for each in found) for found in grids)


def report(runs: Path) -> str:
    """Return the tables of the tuning grids and of the others."""
    grids = [Recorded.read(path) for path in sorted(runs.glob("*.json"))]
    if not grids:
        raise SystemExit(f"{runs} has no complete grid. Run `train` first.")
    parts = []
    every: dict[str, list[list[Replay]]] = {}
    for title, is_part in (("chosen with", is_tuning), ("reported on", lambda grid: not is_tuning(grid))):
        own = [grid for grid in grids if is_part(grid)]
        if not own:
            continue
        rows = {
            name: [replays(grid, method, grids) for grid in own] for name, method in methods(grids).items()
        }
        n_kinds = len({grid.kind for grid in own})
        parts.append(f"The methods are {title} these {len(own)} grids of {n_kinds} kinds:\n\n{table(rows)}")
        parts.append(differences(rows))
        for name, found in rows.items():
            every.setdefault(name, []).extend(found)
    return "\n\n".join([*parts, f"On all grids:\n\n{differences(every)}"])


def _others(grid: Recorded, grids: Sequence[Recorded]) -> list[Recorded]:
    return [each for each in grids if each.kind == grid.kind and each.repetition != grid.repetition]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("train", "replay"))
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--kinds", nargs="+", choices=tuple(KINDS), default=tuple(KINDS))
    parser.add_argument("--repetitions", type=at_least(1), default=5)
    options = parser.parse_args()
    if options.what == "replay":
        print(report(options.runs))
        return
    options.runs.mkdir(parents=True, exist_ok=True)
    for repetition in range(1, options.repetitions + 1):
        for name in options.kinds:
            train(KINDS[name], repetition, options.runs)


if __name__ == "__main__":
    main()
