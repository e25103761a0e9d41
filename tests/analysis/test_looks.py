"""Looks at a comparison, as the test-set access log shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest

from convstudy.analysis import CandidateRow, analyse, candidate_rows
from convstudy.analysis.descriptive import UNFINISHED
from convstudy.analysis.looks import LookReader, Looks
from convstudy.history.access_log import Entry, hypothesis_of
from convstudy.history.results import Results
from convstudy.plan import Fit
from convstudy.record import Evaluation
from convstudy.report.conclusions import answer
from convstudy.report.sections.questions import looks_table
from convstudy.report.short_answer import short_answer
from tests.report.synthetic import digest, synthetic_results
from tests.scores import scores

STAGE = "compare.architectures"


def entry(fit: Fit, run_id: str, dataset: str = "", weights: str = "") -> Entry:
    weights = weights or digest(fit.id)
    found = Evaluation(fit.id, weights, "why", "2026-01-01T00:00:00Z", 360, scores(0.1, 0.9))
    return Entry(found, run_id, hypothesis_of(fit), fit.seed, dataset or fit.dataset.digest)


def with_log(results: Results, blocks: Iterable[tuple[str, Sequence[int]]]) -> Results:
    """Return results with a log in which each run evaluates all tested fits of some seeds."""
    log = [
        entry(fit, run_id)
        for run_id, seeds in blocks
        for fit in results.plan.tested_fits
        if fit.seed in seeds
    ]
    return replace(results, access_log=tuple(log))


def pair_of(results: Results) -> tuple[CandidateRow, CandidateRow]:
    first, second, *_ = candidate_rows(results, results.plan.stage(STAGE))
    return first, second


def looks(results: Results) -> Looks:
    return LookReader.of(results).looks(pair_of(results))


@pytest.fixture(scope="module")
def made() -> Results:
    return synthetic_results()


def test_evaluations_of_one_run_are_one_look(made: Results) -> None:
    assert looks(with_log(made, [(made.run_id, (0, 1, 2))])) == Looks((3,), 1)
    assert looks(made) == Looks()  # without a log


def test_each_run_that_adds_seeds_adds_a_look(made: Results) -> None:
    assert looks(with_log(made, [("first", (0, 1)), (made.run_id, (2,))])) == Looks((2, 3), 2)
    again = with_log(made, [("first", (0, 1)), ("again", ()), (made.run_id, (2,))])
    assert looks(again) == Looks((2, 3), 2)


def test_look_with_one_seed_is_listed_but_does_not_count(made: Results) -> None:
    assert looks(with_log(made, [("first", (0,)), (made.run_id, (1, 2))])) == Looks((1, 3), 1)


def test_later_seeds_of_other_runs_do_not_change_the_level_of_an_earlier_look(made: Results) -> None:
    more = synthetic_results(made.study.model_copy(update={"seeds": 5}))
    seen = with_log(more, [("three seeds", (0, 1, 2)), ("five seeds", (3, 4))])
    assert looks(seen) == Looks((3, 5), 2)
    assert looks(replace(made, access_log=seen.access_log)) == Looks((3,), 1, (5,))


def test_seeds_that_are_left_out_count_as_looks(made: Results) -> None:
    more = synthetic_results(made.study.model_copy(update={"seeds": 5}))
    seen = with_log(more, [(more.run_id, (0, 1, 2, 3, 4))])
    assert looks(replace(made, access_log=seen.access_log)) == Looks((5, 3), 3)


def test_other_weights_or_another_form_of_the_test_set_are_another_look(made: Results) -> None:
    own = with_log(made, [(made.run_id, (0, 1, 2))]).access_log
    for earlier in (
        [entry(fit, "gpu", weights="f" * 64) for fit in made.plan.tested_fits],
        [entry(fit, "form", dataset="e" * 64) for fit in made.plan.tested_fits],
    ):
        assert looks(replace(made, access_log=(*earlier, *own))) == Looks((3, 3), 2)


def test_evaluations_of_other_candidates_are_questions_and_no_looks(made: Results) -> None:
    log = with_log(made, [(made.run_id, (0, 1, 2))]).access_log
    others = [replace(entry(fit, "other"), hypothesis=f"other {fit.id}") for fit in made.plan.tested_fits[:4]]
    results = replace(made, access_log=(*others, *log))
    rows = candidate_rows(results, results.plan.stage(STAGE))
    reader, alone = LookReader.of(results), LookReader.of(replace(made, access_log=log))
    assert reader.looks(rows[:2]) == alone.looks(rows[:2]) == Looks((3,), 1)
    assert reader.n_others(rows) == alone.n_others(rows) + 4
    assert reader.n_hypotheses == alone.n_hypotheses + 4


def test_report_names_earlier_tests_and_their_level(made: Results) -> None:
    once = analyse(with_log(made, [(made.run_id, (0, 1, 2))]))
    again = analyse(with_log(made, [("first", (0, 1)), (made.run_id, (2,))]))
    assert {v.difference.confidence for v in once.main_results[1].verdicts} == {0.95}
    assert {v.difference.confidence for v in again.main_results[1].verdicts} == {0.975}
    assert {v.difference.confidence for v in again.main_results[1].losses} == {0.975}
    assert looks_table(once.main_results).rows == ()
    rows = looks_table(again.main_results).rows
    assert len(rows) == 2 * (3 + 3) and {row[2:5] for row in rows} == {("2, then 3", 2, "97.5 %")}
    said = "ested on the test set with 2, then 3 seeds: these intervals have a confidence level of 97.5 %."
    assert any(said in line for line in short_answer(again)) and any(said in line for line in answer(again))
    assert not any("ested on the test set with" in line for line in (*short_answer(once), *answer(once)))


def test_unfinished_evaluation_makes_no_claim(made: Results) -> None:
    kept = dict(list(made.test_evaluations.items())[:-1])
    results = with_log(replace(made, test_evaluations=kept), [(made.run_id, (0, 1, 2))])
    verdicts = [verdict for each in analyse(results).main_results for verdict in each.verdicts]
    missing = [verdict for verdict in verdicts if verdict.descriptive == UNFINISHED]
    assert missing and all(verdict.difference.low is None for verdict in missing)
