"""Selection-biased estimates: the best seed, network, epoch and candidate, compared with hand computations."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convstudy.analysis import analyse
from convstudy.history.results import Results
from convstudy.metrics import metric_named
from convstudy.report.sections.optimism import optimism_table
from convstudy.report.table import cell_text
from tests.analysis.known import results_of, rows, study_of
from tests.report.synthetic import gathered, synthetic_results, table_of
from tests.scores import rescored

ACCURATE = metric_named("accuracy")


def _known() -> Results:
    """Return results in which a is selected on validation images and b is better on the 360 test images."""
    study = study_of("digits", networks=2, seeds=3)
    wrong = {"a": lambda seed: rows(0, 18 + 9 * seed), "b": lambda seed: rows(0, 9 + 9 * seed)}
    return results_of(study, wrong, level=lambda name: {"a": 0.97, "b": 0.9}[name])


def test_best_seed_and_network_equal_hand_computation() -> None:
    results = _known()
    head = analyse(results).headline
    assert head is not None
    assert head.candidate.name == "a"
    seed, network, both, *_ = analyse(results).biased_estimates
    # a: 342, 333 and 324 of 360 correct, mean 0.925; b: 351, 342 and 333, 0.95.
    assert (seed.kind, seed.n_options, seed.biased, seed.unbiased) == ("seed", 3, 0.95, pytest.approx(0.925))
    assert (network.kind, network.n_options, network.biased) == ("network", 2, pytest.approx(0.95))
    assert network.difference == pytest.approx(0.025)
    assert (both.kind, both.n_options, both.biased, both.unbiased) == (
        "seed and network",
        6,
        0.975,
        pytest.approx(0.925),
    )
    assert {each.images for each in (seed, network, both)} == {"test"}


def test_best_epoch_is_measured_on_validation_images() -> None:
    results = _known()
    head = analyse(results).headline
    assert head is not None
    records = dict(results.records)
    for number, fit in enumerate(head.candidate.fits):
        epochs = [
            rescored(replace(records[fit.id].history[0], number=n + 1), accuracy=accuracy)
            for n, accuracy in enumerate((0.9, 0.95 + number / 100, 0.93))
        ]
        records[fit.id] = replace(records[fit.id], history=tuple(epochs), selected_epoch=2)
    results = replace(results, records=records)
    found = analyse(results).biased_estimates
    (epoch,) = [each for each in found if each.kind in ("epoch", "selected epoch")]
    assert epoch.kind == "selected epoch"  # the default of recipe.checkpoint is "best"
    caption = optimism_table(found, ACCURATE).caption
    assert "With checkpoint = “best”, the validation scores of this report have this bias" in caption
    assert "With checkpoint" not in optimism_table((replace(epoch, kind="epoch"),), ACCURATE).caption
    # The best epochs have 0.95, 0.96 and 0.97, the last ones 0.93 each.
    assert (epoch.n_options, epoch.biased, epoch.unbiased) == (3, pytest.approx(0.96), pytest.approx(0.93))
    assert epoch.images == "validation"


def test_table_names_each_estimate() -> None:
    results = _known()
    table = optimism_table(analyse(results).biased_estimates, ACCURATE)
    first = [
        cell_text(value, column.kind) for value, column in zip(table.rows[0], table.columns, strict=True)
    ]
    assert first == ["best of 3 seeds", "mean over seeds", "a", "test", "95.00 %", "92.50 %", "+2.50"]
    made = synthetic_results()
    assert table_of(gathered(made), "optimism") == optimism_table(analyse(made).biased_estimates, ACCURATE)
    assert len(table_of(gathered(made), "optimism").rows) == 4


def test_unknown_estimates_are_left_out() -> None:
    one_seed = synthetic_results(study_of("digits", networks=2, seeds=1))
    kinds = [each.kind for each in analyse(one_seed).biased_estimates]
    assert "seed" not in kinds
    assert "network" in kinds
    unfinished = synthetic_results(stop_after=1)
    assert analyse(unfinished).biased_estimates == ()
    assert not any(table.name == "optimism" for table in gathered(unfinished).tables)
