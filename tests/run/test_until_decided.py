"""Runs that add seeds until validation scores decide each pair: resuming, workers, test set, report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from convstudy.analysis import analyse
from convstudy.history import History, Results
from convstudy.plan import Plan
from convstudy.plan.stages import UNCHANGED
from convstudy.report import short_answer
from convstudy.report.write import write_report
from convstudy.run import ChoiceMade, EvaluatedOnTestSet, FitEnded, SearchAdvanced, run_study
from convstudy.studyfile import Ablate, Compare, NetworkPattern, Study, Variant
from tests.report.synthetic import analysed
from tests.run.studies import drop_record, ran, started, statistics, stored

KEY = "compare.nets"


def growing(**changes: object) -> Study:
    """Return a comparison of two similar networks and one that sees a single pixel; fits take milliseconds."""
    values: dict[str, object] = {
        "name": "growing",
        "dataset": "digits",
        "subset": 300,
        "max_seeds": 10,
        "equivalence_margin": 3.0,
        "recipe": {"epochs": 4, "learning_rate": 0.02, "batch_size": 40},
        "network": {
            "wide": NetworkPattern(layers=("average-pool 4", "flatten", "dense 24 relu")),
            "narrow": NetworkPattern(layers=("average-pool 4", "flatten", "dense 16 relu")),
            "blind": NetworkPattern(layers=("max-pool 28", "flatten")),
        },
        "compare": {"nets": Compare(networks=("wide", "narrow", "blind"))},
    }
    return Study(**{**values, **changes})  # type: ignore[arg-type]


def counts(plan: Plan) -> dict[str, int]:
    return {each.name: len(each.fits) for each in plan.stage(KEY).candidates}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, list[object], Path]:
    runs = tmp_path_factory.mktemp("whole")
    results, events = ran(growing(), runs)
    return results, list(events), runs


def test_a_worse_network_is_dropped_and_the_test_set_is_evaluated_at_the_end(
    whole: tuple[Results, list[object], Path],
) -> None:
    results, events, _ = whole
    n_seeds = counts(results.plan)
    assert results.complete
    assert n_seeds["blind"] < n_seeds["wide"] == n_seeds["narrow"] <= 10
    kinds = [type(event) for event in events]
    n_fits = sum(n_seeds.values())
    assert kinds.count(FitEnded) == kinds.count(EvaluatedOnTestSet) == n_fits
    # Every training, and every look, is before the first test-set evaluation.
    first = kinds.index(EvaluatedOnTestSet)
    assert FitEnded not in kinds[first:] and ChoiceMade not in kinds[first:]
    looks = [event.plan.stage(KEY).looks for event in events if isinstance(event, SearchAdvanced)]
    assert [len(each) for each in looks] == list(range(1, len(results.plan.stage(KEY).looks)))
    verdicts = analyse(results).stage_results[0].verdicts
    # Looks at validation scores are no looks at the test set, and candidates with fewer seeds are not tested twice.
    assert {(v.look, len(v.looks), v.difference.confidence) for v in verdicts} == {(1, 1, 0.95)}
    assert {v.difference.n for v in verdicts if "blind" in (v.first, v.second)} == {n_seeds["blind"]}
    assert {v.difference.n for v in verdicts if "blind" not in (v.first, v.second)} == {n_seeds["wide"]}


def test_the_same_command_adds_nothing(whole: tuple[Results, list[object], Path]) -> None:
    results, _, runs = whole
    again, events = ran(growing(), runs)
    assert started(events) == []
    assert statistics(again) == statistics(results)
    assert stored(runs, growing()).plan == results.plan


def test_a_run_that_was_stopped_resumes_to_identical_results(
    whole: tuple[Results, list[object], Path], tmp_path: Path
) -> None:
    after = 16  # one fit of the third look is trained
    n_ended = 0

    def stop(event: object) -> None:
        nonlocal n_ended
        n_ended += isinstance(event, FitEnded)
        if n_ended == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(growing(), tmp_path, 0, stop)
    partly = stored(tmp_path, growing())
    assert not partly.complete and not partly.test_evaluations
    results, events = ran(growing(), tmp_path)
    assert len(started(events)) == sum(counts(results.plan).values()) - after
    assert statistics(results) == statistics(whole[0])


def test_workers_do_not_change_the_seeds(whole: tuple[Results, list[object], Path], tmp_path: Path) -> None:
    results, _ = ran(growing(), tmp_path, workers=2)
    assert statistics(results) == statistics(whole[0])


def test_a_study_with_fixed_seeds_in_the_same_folder_shares_fits(
    whole: tuple[Results, list[object], Path], tmp_path: Path
) -> None:
    results, _, runs = whole
    shutil.copytree(runs, tmp_path / "runs")
    fixed, events = ran(growing(max_seeds=None, seeds=5), tmp_path / "runs")
    assert fixed.run_id != results.run_id
    assert counts(fixed.plan) == {"wide": 5, "narrow": 5, "blind": 5}
    assert started(events) == []


def test_numbers_of_seeds_are_stored_before_the_test_set_is_evaluated(
    whole: tuple[Results, list[object], Path], tmp_path: Path
) -> None:
    """A lost record must not lead to other seeds once a model has a test score."""
    results, _, runs = whole
    shutil.copytree(runs, tmp_path / "runs")
    history = History.open(tmp_path / "runs", create=True)
    drop_record(history, results.plan.stage(KEY).candidate("blind").fits[0].id)
    history.close()
    damaged = stored(tmp_path / "runs", growing())
    assert counts(damaged.plan) == counts(results.plan)
    assert len(damaged.records) == len(results.records) - 1


def test_an_ablation_adds_seeds_too(tmp_path: Path) -> None:
    variants = {"slow": Variant(recipe={"learning_rate": 1e-7}), "small": Variant(recipe={"batch_size": 30})}
    results, _ = ran(
        growing(compare={}, ablate={"wide": Ablate(network="wide", variants=variants)}, max_seeds=5), tmp_path
    )
    (stage,) = results.plan.stages
    assert results.complete
    assert [look.n_seeds for look in stage.looks] == [3, 5]
    assert {each.second for look in stage.looks for each in look.decisions} <= {UNCHANGED}
    assert len(results.test_evaluations) == len(results.records)


def test_report_and_answer_name_the_looks(whole: tuple[Results, list[object], Path], tmp_path: Path) -> None:
    results, _, _ = whole
    n_looks = len(results.plan.stage(KEY).looks)
    (line,) = [line for line in short_answer(analyse(results)) if line.startswith("Seeds:")]
    assert f"looks at validation scores only ({n_looks} looks, at most 10 seeds)" in line
    assert "of 3 pairs decided" in line
    write_report(*analysed(results), tmp_path, ["markdown", "json"])
    page = (tmp_path / "report.md").read_text(encoding="utf-8")
    section = page.partition("Added seeds of comparison nets")[2].partition("\n## ")[0]
    assert "no test score entered them" in section
    assert "wide better than blind" in section
    looks = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["looks"][KEY]
    assert [look["n_seeds"] for look in looks] == [3, 5, 7, 10][:n_looks]


def test_the_report_of_an_unfinished_run_says_which_look_is_next(tmp_path: Path) -> None:
    def stop(event: object) -> None:
        if isinstance(event, SearchAdvanced):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(growing(), tmp_path / "runs", 0, stop)
    results = stored(tmp_path / "runs", growing())
    assert not [line for line in short_answer(analyse(results)) if line.startswith("Seeds:")]
    write_report(*analysed(results), tmp_path / "page", ["markdown"])
    assert "The next look needs 5 seeds." in (tmp_path / "page" / "report.md").read_text(encoding="utf-8")
