from __future__ import annotations

import math
import re

import pytest

from convstudy.analysis import analyse
from convstudy.report import answer
from convstudy.report.conclusions import conclusions
from convstudy.studyfile import load_study
from tests.report.synthetic import synthetic_results

DIGITS = load_study("digits")
LEVELS = {"two-conv": 0.97, "one-conv": 0.96, "kernel=7": 0.97, "as it is": 0.97, "rmsprop": 0.9}


def test_the_first_three_lines_answer_the_three_questions() -> None:
    results = synthetic_results()
    lines = answer(analyse(results))
    assert len(lines) == 3
    assert [line.split(":")[0] for line in lines] == [
        "Search kernel-size",
        "Comparison architectures",
        "Ablation of three-conv",
    ]


def test_every_figure_in_the_answer_is_in_the_statistics() -> None:
    results = synthetic_results()
    figures = {abs(round(v * 100, 2)) for c in analyse(results).stage_results for v in _figures(c)}
    texts = [text for said in conclusions(analyse(results)) for text in (said.text, *said.notes)]
    said = {float(text) for line in texts for text in re.findall(r"\d+\.\d\d", line)}
    assert len(said) >= 25
    assert said - figures == set()


def _figures(stage_result: object) -> list[float]:
    found: list[float] = []
    for row in stage_result.rows:  # type: ignore[attr-defined]
        for summary in (row.validation["accuracy"], row.test["accuracy"]):
            found += [value for value in (summary.mean, summary.sd) if value is not None]
    for verdict in stage_result.verdicts:  # type: ignore[attr-defined]
        difference = verdict.difference
        found += [value for value in (difference.mean, difference.low, difference.high) if value is not None]
        widths = [difference.half_width_of(name) for name in ("seeds", "images")]
        # These are rounded up.
        found += [math.ceil(width * 10_000) / 10_000 for width in widths if width is not None]
    for interval in [each["accuracy"] for each in stage_result.intervals.values() if each]:  # type: ignore[attr-defined]
        found += [interval.low, interval.high]
    return found


def test_every_sentence_has_its_evidence() -> None:
    results = synthetic_results()
    for said in conclusions(analyse(results)):
        assert said.evidence.fits
        for fit in said.evidence.fits:
            assert fit.weights_digest == results.records[fit.fit_id].weights_digest


def test_clear_differences_are_called_clear() -> None:
    _, compare, ablate = answer(analyse(synthetic_results(level=lambda name: LEVELS.get(name, 0.92))))
    assert re.search(
        r": two-conv \(\d\d\.\d\d % on test images, 3 seeds\) was chosen by validation; it ", compare
    )
    assert "is better than three-conv (by " in compare
    assert re.search(r"rmsprop( \(difference.* points\))? hurts?[ ;.]", ablate)


def test_the_comparison_tells_of_every_network() -> None:
    levels = {**LEVELS, "one-conv": 0.6, "three-conv": 0.3}
    results = synthetic_results(level=lambda name: levels.get(name, 0.92))
    compare = analyse(results).stage_results[1]
    text = answer(analyse(results))[1]
    assert [verdict.second for verdict in compare.verdicts_on_best] == ["one-conv", "three-conv"]
    assert re.search(
        r"; it is better than one-conv \(by \d+\.\d\d points, 95 % interval .*\) and three-conv \(by .*\)\.$",
        text,
    )
    (said,) = (each for each in conclusions(analyse(results)) if each.question == "compare")
    assert re.search(
        r"^two-conv against three-conv: \+\d\d\.\d\d points .*, a clear difference\.$", said.notes[2]
    )
    assert said.notes[-1] == "All 3 differ by more than 0.1 points."
    assert set(said.evidence.fit_ids) == {fit.fit_id for row in compare.rows for fit in row.fits}


def test_what_is_clear_on_folds_is_said_of_these_folds_only() -> None:
    said = conclusions(analyse(synthetic_results(level=lambda name: LEVELS.get(name, 0.9))))[0]
    assert "was chosen; it is better on these folds than kernel=3 (by" in said.text
    (likely,) = [note for note in said.notes if note.startswith("By the Bayesian correlated t-test")]
    assert likely.startswith("By the Bayesian correlated t-test kernel=7 beats kernel=")
    assert "probability more than 99 %" in likely


def test_one_seed_tells_nothing_from_chance() -> None:
    results = synthetic_results(DIGITS.model_copy(update={"seeds": 1}))
    _, compare, ablate = answer(analyse(results))
    assert "it cannot be told apart by one seed from " in compare
    assert "cannot be told from no change by one seed" in ablate
    for line in (compare, ablate):
        assert line.endswith("; to say more you would need two seeds or more.")
        assert not re.search(r"better|worse|ties|hurt|help|clear|±|interval", line)
    notes = " ".join(conclusions(analyse(results))[1].notes)
    assert "for these two models on new images), one seed of each, so nothing can be told" in notes


def test_failed_fits_are_counted_and_said() -> None:
    lines = answer(analyse(synthetic_results(fails=["plain", "kernel=3"])))
    assert lines[3].startswith("2 fits of 27 failed (diverged)")
    one = answer(analyse(synthetic_results(fails=["plain"])))
    assert one[3].startswith("1 fit of 27 failed")


@pytest.mark.parametrize("stop_after", [0, 1, 5, 10, 17, 18, 20])
def test_an_unfinished_run_says_so_and_claims_nothing_of_what_is_missing(stop_after: int) -> None:
    lines = answer(analyse(synthetic_results(stop_after=stop_after)))
    assert f"unfinished: {stop_after} of 27 fits" in lines[-1]
    # With 18 fits the search and the comparison are trained, and what is ablated is known.
    assert ("not trained, for it hangs on a choice" in lines[2]) == (stop_after < 18)
    assert "test images" not in lines[0]


def test_a_choice_that_cannot_be_made_is_no_unfinished_run() -> None:
    lines = answer(analyse(synthetic_results(fails=["one-conv", "two-conv", "three-conv"])))
    assert "every candidate has a failed fit" in lines[1]
    assert lines[-1].startswith("A choice could not be made")


def test_models_that_were_not_tested_yet() -> None:
    lines = answer(analyse(synthetic_results(tested=False)))
    assert "still to come" in lines[1] and "still to come" in lines[2]
    assert "not every model was scored" in lines[-1]


def test_a_study_that_only_searches_ends_in_the_final_score() -> None:
    study = DIGITS.model_copy(update={"compare": {}, "ablate": {}})
    search, final = answer(analyse(synthetic_results(study)))
    assert search.startswith("Search kernel-size: ")
    assert re.search(r"^Final training of two-conv: it scores \d\d\.\d\d ± ", final)
    assert final.count("seed") == 1
    assert "on the sealed test images (3 seeds, 95 % interval" in final


def test_each_of_several_comparisons_has_its_line() -> None:
    pair = DIGITS.compare["architectures"].model_copy(update={"networks": ("one-conv", "three-conv")})
    study = DIGITS.model_copy(update={"compare": {**DIGITS.compare, "small": pair}, "ablate": {}})
    lines = answer(analyse(synthetic_results(study)))
    assert [line.split(":")[0] for line in lines] == [
        "Search kernel-size",
        "Comparison architectures",
        "Comparison small",
    ]
    assert "one-conv" in lines[2] and "three-conv" in lines[2] and "two-conv" not in lines[2]
