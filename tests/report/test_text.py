from __future__ import annotations

import doctest
import importlib
import re

import pytest

from convstudy.analysis import analyse
from convstudy.report import answer
from convstudy.report.conclusions import conclusions
from tests.report.synthetic import synthetic_results
from tests.three_questions import three_questions

DIGITS = three_questions()
LEVELS = {"two-conv": 0.97, "one-conv": 0.96, "kernel=7": 0.97, "unmodified network": 0.97, "rmsprop": 0.9}


def test_answer_has_one_line_per_question() -> None:
    results = synthetic_results()
    lines = answer(analyse(results))
    assert len(lines) == 3
    assert [line.split(":")[0] for line in lines] == [
        "Search kernel-size",
        "Comparison architectures",
        "Ablation of three-conv",
    ]


def test_every_number_in_the_answer_is_in_the_analysis() -> None:
    results = synthetic_results()
    values = {abs(round(v * 100, 2)) for c in analyse(results).stage_results for v in _values(c)}
    texts = [text for each in conclusions(analyse(results)) for text in (each.text, *each.notes)]
    written = {float(text) for line in texts for text in re.findall(r"\d+\.\d\d", line)}
    assert len(written) >= 25
    assert written - values == set()


def _values(stage_result: object) -> list[float]:
    found: list[float] = []
    for row in stage_result.rows:  # type: ignore[attr-defined]
        for summary in (row.validation["accuracy"], row.test["accuracy"]):
            found += [value for value in (summary.mean, summary.sd) if value is not None]
    for verdict in stage_result.verdicts:  # type: ignore[attr-defined]
        difference = verdict.difference
        found += [value for value in (difference.mean, difference.low, difference.high) if value is not None]
        widths = [difference.half_width_of(name) for name in ("seeds", "images")]
        found += [width for width in widths if width is not None]
    for interval in [each["accuracy"] for each in stage_result.intervals.values() if each]:  # type: ignore[attr-defined]
        found += [interval.low, interval.high]
    return found


def test_every_conclusion_has_evidence() -> None:
    results = synthetic_results()
    for conclusion in conclusions(analyse(results)):
        assert conclusion.evidence.fits
        for fit in conclusion.evidence.fits:
            assert fit.weights_digest == results.records[fit.fit_id].weights_digest


def test_large_differences_are_better_and_worse() -> None:
    _, compare, ablate = answer(analyse(synthetic_results(level=lambda name: LEVELS.get(name, 0.92))))
    assert re.search(
        r": two-conv \(\d\d\.\d\d % mean test accuracy, 3 seeds\) was selected on validation images\. "
        r"For this training set, it ",
        compare,
    )
    assert "is better than three-conv (by " in compare
    assert re.search(r"rmsprop( \(difference.* pp\))? (is|are) worse[ ;.]", ablate)


def test_comparison_reports_every_network() -> None:
    levels = {**LEVELS, "one-conv": 0.6, "three-conv": 0.3}
    results = synthetic_results(level=lambda name: levels.get(name, 0.92))
    compare = analyse(results).stage_results[1]
    text = answer(analyse(results))[1]
    assert [verdict.second for verdict in compare.verdicts_on_best] == ["one-conv", "three-conv"]
    assert re.search(
        r"\. For this training set, "
        r"it is better than one-conv \(by \d+\.\d\d pp, 95 % CI .*\) and three-conv \(by .*\)\.$",
        text,
    )
    (found,) = (each for each in conclusions(analyse(results)) if each.question == "compare")
    assert re.search(
        r"^two-conv minus three-conv: \+\d\d\.\d\d pp .*, a significant difference for this training set\.$",
        found.notes[2],
    )
    assert (
        found.notes[-1] == "All 3 differ significantly by more than 0.1 percentage points of test accuracy."
    )
    assert set(found.evidence.fit_ids) == {fit.fit_id for row in compare.rows for fit in row.fits}


def test_claim_of_a_search_is_limited_to_its_folds() -> None:
    found = conclusions(analyse(synthetic_results(level=lambda name: LEVELS.get(name, 0.9))))[0]
    assert "was selected. It is better on these folds than kernel=3 (by" in found.text
    (note,) = [note for note in found.notes if "Bayesian" in note]
    assert note.startswith("According to the Bayesian correlated t-test, kernel=7 is better than kernel=")
    assert "probability more than 99 %" in note


def test_one_seed_is_inconclusive() -> None:
    results = synthetic_results(DIGITS.model_copy(update={"seeds": 1}))
    _, compare, ablate = answer(analyse(results))
    assert re.search(r"The differences from .* are inconclusive with one seed; ", compare)
    assert "are inconclusive with one seed" in ablate
    for line in (compare, ablate):
        assert line.endswith("; at least two seeds are needed.")
        assert not re.search(r"better|worse|equivalent|significant|±|CI", line)
    notes = " ".join(conclusions(analyse(results))[1].notes)
    assert (
        "for these two models on new images), inconclusive: with one seed per candidate, the variation"
        in notes
    )


def test_failed_fits_are_reported_with_their_number() -> None:
    lines = answer(analyse(synthetic_results(fails=["plain", "kernel=3"])))
    assert lines[3].startswith("2 fits of 27 failed (diverged)")
    one = answer(analyse(synthetic_results(fails=["plain"])))
    assert one[3].startswith("1 fit of 27 failed")


@pytest.mark.parametrize("stop_after", [0, 1, 5, 10, 17, 18, 20])
def test_unfinished_run_is_reported_and_missing_stages_have_no_claim(stop_after: int) -> None:
    lines = answer(analyse(synthetic_results(stop_after=stop_after)))
    assert f"unfinished: {stop_after} of 27 fits" in lines[-1]
    # After 18 fits the search and the comparison are trained, so the ablated network is known.
    assert ("not trained, because it depends on a selection" in lines[2]) == (stop_after < 18)
    assert "test" not in lines[0]


def test_impossible_selection_is_not_an_unfinished_run() -> None:
    lines = answer(analyse(synthetic_results(fails=["one-conv", "two-conv", "three-conv"])))
    assert "every candidate has a failed fit" in lines[1]
    assert lines[-1].startswith("A selection could not be made")


def test_models_without_test_scores_are_reported() -> None:
    lines = answer(analyse(synthetic_results(tested=False)))
    assert "not evaluated on the test set yet" in lines[1] and "not evaluated on the test set yet" in lines[2]
    assert "some models are not evaluated" in lines[-1]


def test_study_with_only_a_search_ends_with_the_final_score() -> None:
    study = DIGITS.model_copy(update={"compare": {}, "ablate": {}})
    search, final = answer(analyse(synthetic_results(study)))
    assert search.startswith("Search kernel-size: ")
    assert re.search(r"^Final training of two-conv: test accuracy \d\d\.\d\d ± ", final)
    assert final.count("seed") == 1
    assert " % (3 seeds, 95 % CI" in final


def test_several_comparisons_have_one_line_each() -> None:
    pair = DIGITS.compare["architectures"].model_copy(update={"networks": ("one-conv", "three-conv")})
    study = DIGITS.model_copy(update={"compare": {**DIGITS.compare, "small": pair}, "ablate": {}})
    lines = answer(analyse(synthetic_results(study)))
    assert [line.split(":")[0] for line in lines] == [
        "Search kernel-size",
        "Comparison architectures",
        "Comparison small",
    ]
    assert "one-conv" in lines[2] and "three-conv" in lines[2] and "two-conv" not in lines[2]


@pytest.mark.parametrize("module", ["count_text", "figure", "metric_text", "section", "table", "toml"])
def test_examples_in_docstrings_run(module: str) -> None:
    found = doctest.testmod(importlib.import_module(f"convstudy.report.{module}"))
    assert found.attempted > 0 and found.failed == 0
