#!/usr/bin/env bash
# People expect StratifiedGroupKFold to put each class into each fold if each class is in more groups than there are folds.
# scikit-learn 1.9.0 does not: with two folds and four groups, whose images of two classes are (0, 3), (1, 1), (2, 0) and
# (1, 1), one fold has no image of a class, for every seed. A perfect split exists: the first and the third group against the
# other two, with class counts (2, 3) and (2, 2). The greedy assignment never revises a choice, and nothing warns. Scores per
# class, balanced accuracy or ROC AUC of that fold are then undefined.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check scikit-learn==1.9.0 numpy==2.4.6 scipy==1.17.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import warnings

import numpy as np
import sklearn
from sklearn.model_selection import StratifiedGroupKFold

print("scikit-learn", sklearn.__version__, "numpy", np.__version__)
table = np.array([[0, 3], [1, 1], [2, 0], [1, 1]])  # images of each class in each group
groups, labels = np.divmod(np.repeat(np.arange(table.size), table.reshape(-1)), 2)
n_seeds, missing = 20, 0
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    for seed in range(n_seeds):
        folds = StratifiedGroupKFold(2, shuffle=True, random_state=seed)
        counts = [np.bincount(labels[rows], minlength=2).tolist() for _, rows in folds.split(labels, labels, groups)]
        missing += any(0 in each for each in counts)
print("class counts of the two folds with the last seed:", counts)
print("seeds with a fold that lacks a class:", missing, "of", n_seeds, "- warnings:", len(warned))
best = [table[[0, 2]].sum(axis=0).tolist(), table[[1, 3]].sum(axis=0).tolist()]
print("groups 1 and 3 against 2 and 4:", best)
sys.exit(0 if missing == n_seeds and not warned and all(all(each) for each in best) else 1)
PYTHON
