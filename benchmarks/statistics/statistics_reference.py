"""Compute reference values with baycomp, mlxtend, statsmodels, SciPy and scikit-learn.

    python3.11 -m venv .venv-reference
    .venv-reference/bin/pip install baycomp mlxtend statsmodels scipy scikit-learn
    .venv-reference/bin/python -m benchmarks.statistics.statistics_reference

The script writes tests/stats/reference.json, with which the tests compare convstudy's statistics. The tests do not need
these packages.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from baycomp import CorrelatedTTest
from mlxtend.evaluate import mcnemar as mlxtend_mcnemar
from mlxtend.evaluate import mcnemar_table, paired_ttest_5x2cv
from scipy.stats import t, ttest_rel
from sklearn.datasets import load_iris, make_moons
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold, train_test_split
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

PLACE = Path(__file__).parents[2] / "tests" / "stats" / "reference.json"
PACKAGES = ("baycomp", "mlxtend", "statsmodels", "scipy", "scikit-learn")


def worked_example() -> dict[str, Any]:
    """Return the values of scikit-learn's "Statistical comparison of models using grid search": rbf, linear."""
    x, y = make_moons(noise=0.352, random_state=1, n_samples=100)
    grid = [{"kernel": ["linear"]}, {"kernel": ["poly"], "degree": [2, 3]}, {"kernel": ["rbf"]}]
    folds = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    search = GridSearchCV(SVC(random_state=0), grid, scoring="roc_auc", cv=folds).fit(x, y)
    scores = {
        "_".join(map(str, params.values())): [
            float(search.cv_results_[f"split{i}_test_score"][number]) for i in range(100)
        ]
        for number, params in enumerate(search.cv_results_["params"])
    }
    differences = np.subtract(scores["rbf"], scores["linear"])
    n, n_train, n_test = 100, 90, 10
    scale = np.sqrt(np.var(differences, ddof=1) * (1 / n + n_test / n_train))
    corrected = differences.mean() / scale
    plain = differences.mean() / np.sqrt(np.var(differences, ddof=1) / n)
    posterior = t(n - 1, loc=differences.mean(), scale=scale)
    return {
        "first": scores["rbf"],
        "second": scores["linear"],
        "ratio": n_test / n_train,
        "t": corrected,
        "one_sided_p": t.sf(abs(corrected), n - 1),
        "uncorrected_t": plain,
        "uncorrected_one_sided_p": t.sf(abs(plain), n - 1),
        "better": 1 - posterior.cdf(0),
        "same_within_0.01": posterior.cdf(0.01) - posterior.cdf(-0.01),
        "interval_95": list(posterior.interval(0.95)),
    }


def over_folds(random: np.random.RandomState) -> list[dict[str, Any]]:
    cases = []
    for k, runs in ((3, 1), (5, 1), (10, 1), (10, 3)):
        first, second = 0.95 + random.normal(0, 0.01, k * runs), 0.945 + random.normal(0, 0.01, k * runs)
        for margin in (0.0, 0.001, 0.01):
            found = CorrelatedTTest.probs(first, second, rope=margin, runs=runs)
            left, same, right = (
                found if margin else (found[0], 0.0, found[1])
            )  # the first is better on the left
            cases.append(
                {
                    "first": list(first),
                    "second": list(second),
                    "k": k,
                    "margin": margin,
                    "better": left,
                    "same": same,
                    "worse": right,
                }
            )
    return cases


def on_images(random: np.random.RandomState) -> list[dict[str, Any]]:
    cases = []
    for one, other in ((0, 0), (1, 0), (6, 1), (25, 12), (90, 110)):
        n = 2000
        labels, first, second = np.zeros(n, int), np.zeros(n, int), np.zeros(n, int)
        order = random.permutation(n)
        second[order[:one]] = 1
        first[order[one : one + other]] = 1
        first[order[-30:]] = second[order[-30:]] = 1
        table = mcnemar_table(labels, first, second)
        cases.append(
            {
                "first_only": one,
                "second_only": other,
                "n": n,
                "mlxtend_p": mlxtend_mcnemar(table, exact=True)[1] if one + other else 1.0,
                "statsmodels_p": mcnemar([[n - 30 - one - other, one], [other, 30]], exact=True).pvalue,
            }
        )
    return cases


def proportions() -> list[dict[str, Any]]:
    cases = []
    for first, second, n in ((9951, 9937, 10_000), (355, 350, 360), (990, 1000, 1000), (5, 3, 20)):
        cases.append(
            {
                "first": first,
                "second": second,
                "n": n,
                "wilson": list(proportion_confint(first, n, method="wilson")),
                "wilson_second": list(proportion_confint(second, n, method="wilson")),
                "newcombe": list(
                    confint_proportions_2indep(first, n, second, n, method="newcomb", compare="diff")
                ),
            }
        )
    return cases


def two_way(random: np.random.RandomState) -> list[dict[str, Any]]:
    cases = []
    for n_seeds, n_images in ((2, 5), (3, 8), (5, 12)):
        table = (
            random.normal(0, 1, (n_seeds, 1))
            + random.normal(0, 2, n_images)
            + random.normal(size=(n_seeds, n_images))
        )
        long = pd.DataFrame(
            [
                {"seed": seed, "image": image, "value": table[seed, image]}
                for seed in range(n_seeds)
                for image in range(n_images)
            ]
        )
        squares = anova_lm(ols("value ~ C(seed) + C(image)", long).fit())["mean_sq"]
        cases.append(
            {
                "table": table.tolist(),
                "seeds": squares["C(seed)"],
                "images": squares["C(image)"],
                "rest": squares["Residual"],
            }
        )
    return cases


def halves() -> dict[str, Any]:
    """Return the result of mlxtend's 5×2cv test and its ten differences."""
    x, y = load_iris(return_X_y=True)
    first, second = (
        LogisticRegression(C=0.01, max_iter=1000),
        DecisionTreeClassifier(random_state=1, max_depth=1),
    )
    found = paired_ttest_5x2cv(first, second, x, y, random_seed=1)
    random = np.random.RandomState(1)
    pairs = []
    for _ in range(5):
        seed = random.randint(low=0, high=32767)
        x1, x2, y1, y2 = train_test_split(x, y, test_size=0.5, random_state=seed)
        pairs.append(
            [
                first.fit(*train).score(*test) - second.fit(*train).score(*test)
                for train, test in (((x1, y1), (x2, y2)), ((x2, y2), (x1, y1)))
            ]
        )
    return {"pairs": pairs, "t": found[0], "p": found[1]}


def over_seeds(random: np.random.RandomState) -> list[dict[str, Any]]:
    cases = []
    for n in (2, 3, 5, 10):
        first, second = 0.99 + random.normal(0, 0.001, n), 0.989 + random.normal(0, 0.001, n)
        found = ttest_rel(first, second)
        interval = found.confidence_interval(0.95)
        cases.append(
            {
                "first": list(first),
                "second": list(second),
                "p": found.pvalue,
                "interval": [interval.low, interval.high],
            }
        )
    return cases


def main() -> None:
    random = np.random.RandomState(20260101)
    p_values = [[0.01, 0.04, 0.03], [0.2, 0.001, 0.013, 0.04, 0.9], [0.5], [0.03, 0.03]]
    values = {
        "versions": {name: version(name) for name in PACKAGES},
        "worked_example": worked_example(),
        "over_folds": over_folds(random),
        "over_seeds": over_seeds(random),
        "on_images": on_images(random),
        "proportions": proportions(),
        "two_way": two_way(random),
        "halves": halves(),
        "holm": [{"p": p, "adjusted": list(multipletests(p, method="holm")[1])} for p in p_values],
    }
    text = json.dumps(values, indent=1, default=float)
    PLACE.write_text(text + "\n", encoding="utf-8")
    example = values["worked_example"]
    print(
        {
            key: round(example[key], 3)
            for key in ("t", "one_sided_p", "uncorrected_t", "better", "same_within_0.01")
        }
    )
    print(f"{PLACE}: {len(text):,} characters")


if __name__ == "__main__":
    main()
