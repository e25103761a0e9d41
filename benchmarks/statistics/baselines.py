"""Measures accuracies and times of the baselines: majority class, linear model, nearest neighbours.

    python -m benchmarks.statistics.baselines digits mnist

The table is in docs/statistics.md. The second line of a dataset is the first of five folds. The time is that of
all cores together, with the import of scikit-learn in the first line.
"""

from __future__ import annotations

import argparse
import time

from convstudy.data import BASELINES, BUILT_IN_DATASETS, Fold, Holdout, baseline_predictions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datasets", nargs="+", choices=sorted(BUILT_IN_DATASETS))
    print(f"| dataset | scored on | {' | '.join(f'{name} | fitted to' for name in BASELINES)} | CPU time |")
    print("|---|---|" + "--:|" * (2 * len(BASELINES) + 1))
    for name in parser.parse_args().datasets:
        loaded = BUILT_IN_DATASETS[name].load()
        test = loaded.test.open(lambda: None)
        for split, scored in ((Holdout(0.2, 0), "test images"), (Fold(0, 5, 0), "images of a fold")):
            started = time.process_time()
            found = baseline_predictions(loaded.train, test, split)
            seconds = time.process_time() - started
            cells = [
                f"{100 * (predicted == found.labels).mean():.2f} % | {n:,}"
                for n, predicted in zip(found.n_train, found.predicted, strict=True)
            ]
            print(
                f"| {name} | {len(found.images):,} {scored} | {' | '.join(cells)} | {seconds:.1f} s |",
                flush=True,
            )


if __name__ == "__main__":
    main()
