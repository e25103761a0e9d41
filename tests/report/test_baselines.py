"""The section on baselines: scores, differences, and the text if they are not computed."""

from __future__ import annotations

from convstudy.analysis import analyse
from convstudy.report.page import page
from convstudy.report.sections.baselines import NOT_COMPUTED
from convstudy.report.sections.protocol import protocol_text
from tests.checks.made import results, study, with_baselines
from tests.report.synthetic import gathered, table_of, texts_of


def test_tables_have_the_scores_and_the_difference_of_every_network() -> None:
    report = gathered(with_baselines(results(), 0.9601))
    scores = table_of(report, "baselines").rows
    assert [row[:3] for row in scores] == [
        ("test images", "majority class", 0.0),
        ("test images", "linear model", 0.5),
        ("test images", "nearest neighbours", 0.9601),
    ]
    low, high, n_train = scores[2][3:]
    assert isinstance(low, float) and isinstance(high, float) and low < 0.9601 < high
    assert n_train == 50_000
    differences = table_of(report, "baseline-differences").rows
    assert [(row[0], row[1], row[-1]) for row in differences] == [
        ("one", "better", "compare.all"),
        ("two", "inconclusive", "compare.all"),
        ("unmodified network", "better", "ablate.best"),
        ("tanh", "worse", "ablate.best"),
    ]
    assert all(row[2] == "nearest neighbours" for row in differences)
    assert 'id="table-baseline-differences"' in page(report)


def test_report_without_baselines_says_so() -> None:
    report = gathered(results())
    assert texts_of(report, "baselines") == [NOT_COMPUTED]
    assert "baselines" not in [table.name for table in report.tables]


def test_study_with_another_metric_compares_accuracy_and_says_so() -> None:
    made = with_baselines(results(study(metric="log-loss")), 0.9601)
    assert "compared by accuracy" in texts_of(gathered(made), "baselines")[0]
    assert {each.measure.metric for each in analyse(made).baselines} == {"accuracy"}


def test_protocol_says_that_baselines_were_scored_on_the_test_images() -> None:
    found = analyse(with_baselines(results(), 0.9))
    assert "baselines" in protocol_text(found.protocol, False, True)
    assert (
        "nothing is chosen by their scores"
        in texts_of(gathered(with_baselines(results(), 0.9)), "protocol")[0]
    )
    assert "baselines" not in texts_of(gathered(results()), "protocol")[0]
