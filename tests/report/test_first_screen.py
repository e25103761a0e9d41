"""The first screen: after the sentences a picture for each question, with the selected candidate marked."""

from __future__ import annotations

from typing import Any

import pytest

from convstudy.report.figure import Figure
from convstudy.report.markdown import markdown
from convstudy.report.page import page
from convstudy.report.ranking import MOST
from convstudy.report.report import Report
from convstudy.report.section import Facts, Row, Text
from convstudy.studyfile import load_study
from tests.report.synthetic import figure_of, gathered, synthetic_results

BASE = load_study("digits")


def thumbnails(report: Report) -> list[str]:
    return [figure.name for figure in report.figures if figure.name.startswith("answer-")]


def rows_of(figure: Figure) -> list[dict[str, Any]]:
    """Return the candidates of a picture, from top to bottom."""
    spec = figure.draw()
    rows: list[dict[str, Any]] = spec["datasets"][spec["layer"][-1]["data"]["name"]]
    return rows


def test_sentences_are_first_then_a_picture_for_each_question() -> None:
    report = gathered(synthetic_results())
    answer = report.sections[0]
    assert [type(block) for block in answer.blocks] == [Text, Text, Text, Row, Facts]
    assert thumbnails(report) == [
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


def test_thirty_candidates_are_shortened_and_the_selected_one_stays() -> None:
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
    # Ends of long names stay, because they set the candidates apart.
    axis = figure.draw()["layer"][-1]["encoding"]["y"]["axis"]
    assert all(f"-name-{number}" in axis["labelExpr"] for number in range(18, 30))
    assert len(figure_of(report, "ranking-all").draw()["datasets"]["rows-1"]) == 30
    # 30 networks have 435 pairs: a reader opens them.
    assert "All 435 verdicts" in page(report)


def test_a_single_candidate_has_its_interval() -> None:
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
def test_what_has_no_score_has_no_picture(stop_after: int, expected: list[str]) -> None:
    report = gathered(synthetic_results(stop_after=stop_after))
    assert thumbnails(report) == expected
    for name in expected:
        figure = figure_of(report, name)
        assert ("selected" in figure.title) == (stop_after == 12)


def test_without_predictions_means_have_no_interval_and_say_so() -> None:
    report = gathered(synthetic_results(with_arrays=False))
    figure = figure_of(report, "answer-compare-architectures")
    assert "test accuracy, mean over 3 seeds" in figure.title
    assert all(row["low"] == row["mean"] == row["high"] for row in rows_of(figure))
