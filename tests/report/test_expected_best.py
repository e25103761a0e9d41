"""The expected best score of searches by their number of trials, in the analysis and in the report."""

from __future__ import annotations

from statistics import fmean

import pytest

from convstudy.analysis import StageResult, analyse
from convstudy.analysis.expected_best import MAX_POINTS, expected_best, numbers_of_trials
from convstudy.checks import Findings
from convstudy.history.results import Results
from convstudy.metrics import metric_named
from convstudy.report.section import Material
from convstudy.report.sections import expected_best as section
from convstudy.report.table import Table, as_records
from convstudy.studyfile import load_study
from tests.report.synthetic import synthetic_results
from tests.report.test_searches import _drawn, _halved


def search_of(made: Results) -> StageResult:
    return next(each for each in analyse(made).stage_results if each.question == "search")


def text_and_table(made: Results) -> tuple[str, Table]:
    (found,) = section.SECTION.sections(Material(analyse(made), Findings()))
    (table,) = found.every_table
    return next(block.plain for block in found.every_block if block.shape == "text"), table  # type: ignore[union-attr]


def test_grid_starts_at_the_mean_and_ends_at_the_best() -> None:
    found = search_of(synthetic_results())
    scores = [row.validation["accuracy"].mean for row in found.rows]
    assert found.expected is not None and found.best is not None
    first, last = found.expected.points[0].best, found.expected.points[-1].best
    assert (found.expected.kind, found.expected.n, first.n, last.n) == ("grid", 3, 1, 3)
    assert first.expected == pytest.approx(fmean(score for score in scores if score is not None))
    assert last.expected == found.best.validation["accuracy"].mean
    assert found.expected.points[0].new_low is None


def test_halving_has_the_scores_of_its_first_rung() -> None:
    made = _halved()
    found = search_of(made)
    assert found.expected is not None and found.trace is not None
    assert (found.expected.kind, found.expected.n) == ("first rung", 5)
    rung = [score.value for score in found.trace.rungs[0].scores]
    assert found.expected.points[-1].best.expected == max(value for value in rung if value is not None)
    text, table = text_and_table(made)
    assert "the best validation accuracy of the first rung is" in text
    assert "not the final score" in table.caption


def test_only_random_search_speaks_of_new_searches() -> None:
    text, table = text_and_table(_drawn("random"))
    assert "The median best of new random searches with 3 trials" in text
    assert "new_low" in as_records(table)[0]
    text, table = text_and_table(_drawn("tpe"))
    assert "new random" not in text
    assert "a shorter TPE search would have proposed other candidates" in table.caption
    assert "new_low" not in as_records(table)[0]


def test_number_of_trials_within_the_margin() -> None:
    found = search_of(_drawn("random")).expected
    assert found is not None
    last = found.points[-1].best.expected
    n = found.fewest_within(0.001)
    assert last - found.at(n).best.expected <= 0.001 < last - found.at(n - 1).best.expected
    assert found.fewest_within(1.0) == 1


def test_candidate_with_a_failed_fit_is_left_out() -> None:
    made = synthetic_results(fails=["kernel=3"])
    found = search_of(made).expected
    assert found is not None
    assert (found.n, found.n_left_out) == (2, 1)
    assert "1 candidate without all scores is left out." in text_and_table(made)[1].caption


def test_search_without_choice_has_no_curve() -> None:
    found = search_of(synthetic_results())
    assert expected_best(found.rows, None, found.trace, found.metric) is None
    assert expected_best(found.rows[:1], found.rows[0], found.trace, found.metric) is None


def test_lower_loss_is_better() -> None:
    found = search_of(_drawn("random"))
    expected = expected_best(found.rows, found.best, found.trace, metric_named("log-loss"))
    assert expected is not None
    values = [point.best.expected for point in expected.points]
    assert values == sorted(values, reverse=True)
    assert all(
        p.new_low is not None and p.new_high is not None and 0 <= p.new_low <= p.new_high
        for p in expected.points
    )


def test_many_trials_have_few_points() -> None:
    numbers = numbers_of_trials(5000)
    assert (numbers[0], numbers[-1]) == (1, 5000)
    assert list(numbers) == sorted(set(numbers))
    assert len(numbers) <= MAX_POINTS + 1
    assert len(numbers_of_trials(MAX_POINTS)) == MAX_POINTS


def test_json_has_every_point() -> None:
    made = _drawn("random")
    found = section.SECTION.data(Material(analyse(made), Findings()))["expected_best"]["search.kernel-size"]
    assert [point["n"] for point in found["points"]] == [1, 2, 3, 4, 5, 6]
    assert set(found["points"][0]) == {"n", "expected", "worst", "best", "new_search_low", "new_search_high"}


def test_two_trials_have_no_chart() -> None:
    made = {2: synthetic_results(load_study("digits")), 3: synthetic_results()}
    for n, results in made.items():
        found = list(section.SECTION.sections(Material(analyse(results), Findings())))
        charts = [block for each in found for block in each.every_block if block.shape == "figure"]
        assert found and bool(charts) == (n >= section.LEAST_IN_CHART)
