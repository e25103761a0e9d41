"""Verdicts of a study whose margin is a share of the errors, or a table of margins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from convstudy.analysis import analyse
from convstudy.report.conclusions import answer, conclusions
from convstudy.report.error_ratios import error_ratio_table, few_errors_text
from convstudy.report.short_answer import short_answer
from convstudy.stats import ImageGroups, Share
from convstudy.stats.verdicts import Verdict
from convstudy.studyfile import Ablate, Variant
from tests.analysis.known import ablation_of, results_of, rows, study_of


def compared(first: int, second: int, margin: Any, seeds: int = 3, lost: bool = False) -> Any:
    """Return the analysis of two networks that err on this many of 10,000 images, the same ones with every seed."""
    study = study_of("mnist", seeds=seeds).model_copy(update={"equivalence_margin": margin})
    wrong = {"a": lambda seed: rows(0, first), "b": lambda seed: rows(0, second)}
    return analyse(results_of(study, wrong, lost=lost))


def only(analysis: Any) -> Verdict:
    (verdict,) = analysis.stage_results[0].verdicts
    assert isinstance(verdict, Verdict)
    return verdict


def test_a_share_tells_what_points_hide() -> None:
    absolute, by_share = only(compared(100, 125, 1.0)), only(compared(100, 125, "10 %"))
    assert absolute.kind == "equivalent" and absolute.errors is not None
    kinds = {by_share.first: by_share.kind}
    assert kinds in ({"a": "better"}, {"b": "worse"})
    ratio = by_share.errors
    assert ratio is not None and ratio.high is not None and ratio.ratio is not None
    assert {round(ratio.ratio, 4), round(1 / ratio.ratio, 4)} == {0.8, 1.25}
    assert by_share.margin == pytest.approx(0.1 * 0.0125)
    assert by_share.required is None


def test_texts_name_the_share_and_the_ratio() -> None:
    analysis = compared(100, 125, "10 %")
    text, notes = " ".join(answer(analysis)), " ".join(n for c in conclusions(analysis) for n in c.notes)
    assert "better" in text or "worse" in text
    assert "error ratio" in notes and "95 % CI" in notes
    table = error_ratio_table(analysis.stage_results, analysis.stage_results[0].metric, Share(0.1))
    assert len(table.rows) == 1 and "10 % of the errors" in table.caption
    same = compared(3000, 3000, "10 %")
    assert only(same).kind == "equivalent"
    assert any("within 10 % of the errors" in line for line in (*short_answer(same), *answer(same)))


def test_few_errors_are_said() -> None:
    analysis = compared(3, 4, "10 %")
    verdict = only(analysis)
    assert verdict.kind == "inconclusive" and verdict.by_share is not None and verdict.by_share.few_errors
    assert "10 % of the errors is fewer than 3 images" in " ".join(answer(analysis))
    # 3 effective images can be many images.
    groups = ImageGroups(10_000, 300, 500.0)
    grouped = replace(verdict, difference=replace(verdict.difference, groups=groups))
    assert "10 % of the errors counts like fewer than 3 images" in few_errors_text(grouped)


def test_scores_without_predictions_bound_the_ratio() -> None:
    known, lost = only(compared(100, 200, "10 %")), only(compared(100, 200, "10 %", lost=True))
    assert known.errors and lost.errors and lost.bounded
    assert lost.errors.low < known.errors.low
    assert lost.errors.ratio == pytest.approx(known.errors.ratio)


def test_the_margin_of_losses_is_their_own() -> None:
    margin = (("accuracy", 0.5), ("log-loss", 0.05))
    analysis = compared(100, 103, margin)
    (loss,) = analysis.stage_results[0].losses
    assert (only(analysis).margin, loss.margin) == (0.005, 0.05)
    assert loss.kind == "equivalent"
    (default,) = compared(100, 103, 0.5).stage_results[0].losses
    assert (default.margin, default.kind == "equivalent") == (0.0, False)
    (share,) = compared(100, 200, (("log-loss", "5 %"),)).stage_results[0].losses
    assert share.by_share is not None and share.kind in ("better", "worse")


def test_interactions_use_the_share_of_the_unmodified_errors() -> None:
    ablate = Ablate(
        network="a",
        interactions=True,
        variants={
            "one": Variant(recipe={"learning_rate": 0.02}),
            "two": Variant(recipe={"batch_size": 48}),
        },
    )
    study = ablation_of("mnist", ("one",), seeds=3)
    study = study.model_copy(update={"ablate": {"a": ablate}, "equivalence_margin": "10 %"})
    wrong = {
        name: (lambda n: lambda seed: rows(0, n))(number)
        for name, number in (("unmodified network", 200), ("one", 210), ("two", 205), ("one + two", 212))
    }
    stage_result = analyse(results_of(study, wrong)).stage_results[0]
    assert {verdict.by_share is not None for verdict in stage_result.verdicts} == {True}
    assert len(stage_result.interactions) == 1
    for interaction in stage_result.interactions:
        assert interaction.by_share is None
        assert interaction.margin == pytest.approx(0.1 * 0.02)
