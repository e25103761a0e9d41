"""The first screen: the sentences, then one chart per stage with the selected candidate marked."""

from __future__ import annotations

from typing import Any

import pytest

from convstudy.report.figure import Figure
from convstudy.report.markdown import markdown
from convstudy.report.page import page
from convstudy.report.ranking import MOST
from convstudy.report.report import Report
from convstudy.report.section import Facts, Row, Text
from tests.report.synthetic import figure_of, gathered, synthetic_results
from tests.three_questions import three_questions

BASE = three_questions()


def chart_names(report: Report) -> list[str]:
    return [figure.name for figure in report.figures if figure.name.startswith("answer-")]


def rows_of(figure: Figure) -> list[dict[str, Any]]:
    """Return the candidates of a chart, from top to bottom."""
    spec = figure.draw()
    rows: list[dict[str, Any]] = spec["datasets"][spec["layer"][-1]["data"]["name"]]
    return rows


def test_first_screen_has_sentences_then_one_chart_per_stage() -> None:
    report = gathered(synthetic_results())
    answer = report.sections[0]
    assert [type(block) for block in answer.blocks] == [Text, Text, Text, Row, Facts]
    assert chart_names(report) == [
        "answer-search-kernel-size",
        "answer-compare-architectures",
        "answer-ablate-best",
    ]
    for name, chosen in (
        ("answer-search-kernel-size", "kernel=5"),
        ("answer-compare-architectures", "three-conv"),
    ):
        figure = figure_of(report, name)
        rows = rows_of(figure)
        assert [row["candidate"] for row in rows if row["chosen"]] == [chosen]
        assert [row["mean"] for row in rows] == sorted((row["mean"] for row in rows), reverse=True)
        assert all(row["low"] < row["mean"] < row["high"] for row in rows)
        assert figure.title.endswith("(◆\u00a0selected)") and f"Selected: {chosen}." in figure.alt
        assert figure.alt.split(": ")[0] in markdown(report)
    assert "over 3 folds" in figure_of(report, "answer-search-kernel-size").title
    effects = rows_of(figure_of(report, "answer-ablate-best"))
    assert {row["pair"] for row in effects} == {"plain", "tanh-glorot", "rmsprop"}


def test_small_chart_of_thirty_candidates_shows_the_best_twelve() -> None:
    names = tuple(f"a-network-with-a-rather-long-name-{number:02d}" for number in range(30))
    pattern = BASE.network["one-conv"]
    networks = {
        name: pattern.model_copy(update={"layers": (f"conv {3 + number} 3 relu", "flatten")})
        for number, name in enumerate(names)
    }
    compare = BASE.compare["architectures"].model_copy(update={"networks": names})
    study = BASE.model_copy(
        update={"network": networks, "search": {}, "compare": {"all": compare}, "ablate": {}}
    )
    report = gathered(synthetic_results(study, level=lambda name: 0.9 + int(name[-2:]) * 0.003))
    figure = figure_of(report, "answer-compare-all")
    assert "the best 12 of 30" in figure.title
    assert len(rows_of(figure)) == MOST
    # The ends of long names stay, because only these differ.
    axis = figure.draw()["layer"][-1]["encoding"]["y"]["axis"]
    assert all(f"-name-{number}" in axis["labelExpr"] for number in range(18, 30))
    assert len(figure_of(report, "ranking-all").draw()["datasets"]["rows-1"]) == 30
    # 30 networks have 435 pairs: the table is folded.
    assert "All 435 verdicts" in page(report)


def test_single_candidate_has_an_interval() -> None:
    search = BASE.search["kernel-size"].model_copy(update={"parameters": {"kernel": (5,)}})
    study = BASE.model_copy(update={"compare": {}, "ablate": {}, "search": {"kernel-size": search}})
    report = gathered(synthetic_results(study))
    for name in ("answer-search-kernel-size", "answer-final-two-conv"):
        (row,) = rows_of(figure_of(report, name))
        assert row["low"] < row["mean"] < row["high"]


@pytest.mark.parametrize(
    ("stop_after", "expected"),
    [(0, []), (7, ["answer-search-kernel-size"]), (12, ["answer-search-kernel-size"])],
)
def test_stage_without_score_has_no_chart(stop_after: int, expected: list[str]) -> None:
    report = gathered(synthetic_results(stop_after=stop_after))
    assert chart_names(report) == expected
    for name in expected:
        figure = figure_of(report, name)
        assert ("selected" in figure.title) == (stop_after == 12)


def test_means_without_predictions_have_no_interval_and_another_title() -> None:
    report = gathered(synthetic_results(with_arrays=False))
    figure = figure_of(report, "answer-compare-architectures")
    assert "test accuracy, mean over 3 seeds" in figure.title
    assert all(row["low"] == row["mean"] == row["high"] for row in rows_of(figure))
