"""The answer in one short line per question: it agrees with the verdicts and claims no more."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from convstudy.analysis import Analysis, analyse
from convstudy.report.short_answer import LONGEST, short_answer
from convstudy.stats import Measure, Verdict, paired_difference
from convstudy.stats.summary import summarise
from convstudy.stats.verdicts import make_verdict
from convstudy.studyfile import Study
from tests.analysis.known import results_of, rows, study_of
from tests.analysis.test_nested import _results as nested_results
from tests.analysis.test_nested import _study as nested_study
from tests.report.synthetic import synthetic_results
from tests.report.test_interactions import known
from tests.report.test_searches import _drawn, _halved
from tests.three_questions import three_questions

DIGITS = three_questions()
SEARCH, COMPARISON, ABLATION = 0, 1, 2


def lines(study: Study | None = None, **options: Any) -> tuple[str, ...]:
    return short_answer(analyse(synthetic_results(study, **options)))


SCOPE = ", for this training set"
"""The end of a line with verdicts on test images, which most tests here leave out."""


def with_verdicts(question: int, *found: Verdict) -> str:
    """Return the line of a question whose verdicts are these."""
    analysis = analyse(synthetic_results(DIGITS))
    stage_results = list(analysis.stage_results)
    best = stage_results[question].best
    assert best is not None
    side = "second" if question == ABLATION else "first"
    verdicts = tuple(replace(verdict, **{side: best.name}) for verdict in found)
    stage_results[question] = replace(stage_results[question], verdicts=verdicts)
    vars(analysis)["stage_results"] = tuple(stage_results)  # a cached property
    return short_answer(analysis)[question].replace(SCOPE, "")


def a_verdict(differences: list[float], name: str = "x", metric: str = "accuracy", **options: Any) -> Verdict:
    first = [0.5 + difference for difference in differences]
    difference = paired_difference(first, [0.5] * len(first))
    part = options.pop("part", "test")
    margin = options.pop("margin", 0.01)
    return make_verdict(name, name, Measure(part, metric), difference, margin, **options)


BETTER = [0.060, 0.061, 0.062]
WORSE = [-0.060, -0.061, -0.062]
EQUIVALENT = [0.001, -0.001, 0.0005]
INCONCLUSIVE = [0.05, -0.05, 0.02]
AHEAD = [0.009, 0.0115, 0.010]


@pytest.mark.parametrize(
    ("verdict", "kind", "compared", "ablated"),
    [
        (
            a_verdict(BETTER),
            "better",
            r"is better than x \(\+6\.10 pp, 95 % CI 5\.\d\d to 6\.\d\d\)\.",
            r"x is better \(\+6\.10 pp, 95 % CI 5\.\d\d to 6\.\d\d\)\.",
        ),
        (
            a_verdict(WORSE),
            "worse",
            r"is worse than x \(−6\.10 pp, 95 % CI −6\.\d\d to −5\.\d\d\)\.",
            r"x is worse \(−6\.10 pp, 95 % CI −6\.\d\d to −5\.\d\d\)\.",
        ),
        (
            a_verdict(EQUIVALENT),
            "equivalent",
            r"is equivalent to x within 1 pp\.",
            r"x is equivalent within 1 pp\.",
        ),
        (
            a_verdict(INCONCLUSIVE),
            "inconclusive",
            r"is not significantly different from x\.",
            r"x is not significantly different\.",
        ),
        (
            a_verdict(AHEAD),
            "inconclusive",
            r"may be better than x \(inconclusive: \+1\.02 pp, .*\)\.",
            r"x may be better \(inconclusive: .*\)\.",
        ),
        (
            a_verdict([0.05]),
            "too few to say",
            r"cannot be compared with x \(one seed\)\.",
            r"x cannot be compared \(one seed\)\.",
        ),
        (
            a_verdict(BETTER, metric="macro-f1", no_interval=True),
            "too few to say",
            r"cannot be compared with x \(predictions are missing\)\.",
            r"x cannot be compared \(predictions are missing\)\.",
        ),
        (
            replace(a_verdict([0.0, 0.0]), same_models=True),
            None,
            r"has the same weights and scores as x\.",
            r"x has the same weights and scores\.",
        ),
        (
            a_verdict([]),
            "too few to say",
            r"cannot be compared with x \(no seed in common\)\.",
            r"x cannot be compared \(no seed in common\)\.",
        ),
    ],
)
def test_each_kind_of_verdict_has_its_own_words(
    verdict: Verdict, kind: str | None, compared: str, ablated: str
) -> None:
    assert kind is None or verdict.kind == kind
    assert re.search(
        rf"^Comparison architectures: three-conv \(.* % on test\) {compared}$", with_verdicts(1, verdict)
    )
    assert re.search(rf"^Ablation of three-conv \(.* % on test\): {ablated}$", with_verdicts(2, verdict))


def test_a_line_claims_a_difference_only_where_a_verdict_does() -> None:
    for verdict in (a_verdict(values) for values in (EQUIVALENT, INCONCLUSIVE, [0.05], [])):
        for question in (COMPARISON, ABLATION):
            assert not re.search(r"better|worse|%\)? CI|pp,", with_verdicts(question, verdict))


def test_three_verdicts_share_one_verb() -> None:
    found = (a_verdict(INCONCLUSIVE, "deep"), a_verdict(BETTER, "linear"), a_verdict(EQUIVALENT, "two-conv"))
    line = with_verdicts(COMPARISON, *found)
    assert line.endswith(
        " is better than linear, equivalent to two-conv within 1 pp and not significantly different from deep."
    )
    short = with_verdicts(COMPARISON, *found[1:])
    assert re.search(
        r"is better than linear \(\+6.10 pp, 95 % CI .*\) and equivalent to two-conv within 1 pp\.$", short
    )
    assert len(short) <= LONGEST


def test_a_difference_on_folds_is_limited_to_these_folds() -> None:
    line = with_verdicts(SEARCH, a_verdict(BETTER, "kernel=9", part="validation"))
    assert " on validation) is better on these folds than kernel=9 (+6.10 pp, " in line


def test_many_candidates_become_numbers() -> None:
    found = [a_verdict(INCONCLUSIVE, f"candidate-{number}") for number in range(40)]
    found += [a_verdict(BETTER, f"loser-{number}") for number in range(30)]
    line = with_verdicts(COMPARISON, *found)
    assert line.endswith(
        " is better than 30 others (+6.10 pp) and not significantly different from 40 others."
    )
    assert len(line) <= LONGEST
    variants = with_verdicts(ABLATION, *found)
    assert variants.endswith(
        ": 30 variants are better (+6.10 pp); 40 variants are not significantly different."
    )


def test_names_with_commas_become_numbers() -> None:
    found = [a_verdict(INCONCLUSIVE, f"kernel={kernel}, filters=8") for kernel in (3, 5)]
    assert with_verdicts(COMPARISON, *found).endswith("different from 2 others.")


def test_a_lower_loss_is_better() -> None:
    options = {"metric": "log-loss", "lower_is_better": True}
    line = with_verdicts(COMPARISON, a_verdict(WORSE, **options))
    assert " is better than x (−0.0610 nats, 95 % CI −0.0" in line
    assert with_verdicts(COMPARISON, a_verdict(EQUIVALENT, **options)).endswith(
        "equivalent to x within 0.01 nats."
    )


def test_a_metric_without_unit_has_plain_numbers() -> None:
    line = with_verdicts(
        COMPARISON, a_verdict(BETTER, metric="kappa"), a_verdict(EQUIVALENT, "y", metric="kappa")
    )
    assert " is better than x (+0.0610, 95 % CI 0.05" in line
    assert line.endswith(" and equivalent to y within 0.01.")


def test_a_nested_search_has_one_line() -> None:
    search, *_ = short_answer(analyse(nested_results(nested_study())))
    assert search.startswith(
        "Search s: kernel=5 (selected, 95.00 % on validation) is not significantly different"
    )
    assert "inner" not in search and "outer" not in search


def test_another_metric_is_named() -> None:
    made = known(together=150)
    study = made.study.model_copy(update={"metric": "log-loss", "equivalence_margin": 0.01})
    assert short_answer(analyse(replace(made, study=study)))[0].startswith("Ablation of a (loss 0.")


def test_three_questions_give_three_lines() -> None:
    found = lines()
    heads = [line.split(":")[0].split(" (")[0] for line in found]
    assert heads == ["Search kernel-size", "Comparison architectures", "Ablation of three-conv"]
    assert all(len(line) <= LONGEST for line in found)


def test_one_seed_claims_nothing() -> None:
    _, compare, ablate = lines(DIGITS.model_copy(update={"seeds": 1}))
    assert compare.endswith(" cannot be compared with one-conv or two-conv (one seed).")
    assert ablate.endswith(": plain, tanh-glorot and rmsprop cannot be compared (one seed).")


@pytest.mark.parametrize("stop_after", [0, 1, 5, 10, 17, 18, 20, 27])
def test_an_unfinished_run_claims_nothing_about_missing_fits(stop_after: int) -> None:
    search, compare, ablate, unfinished = lines(stop_after=stop_after)
    assert ("nothing is selected yet" in search) == (stop_after < 9)
    assert ("nothing is selected yet" in compare) == (9 <= stop_after < 18)
    assert ("it depends on an earlier stage" in compare) == (stop_after < 9)
    assert ("it depends on an earlier stage" in ablate) == (stop_after < 18)
    missing = f"{stop_after} of 27 fits are trained" if stop_after < 27 else "not every model is evaluated"
    assert unfinished.startswith(f"Unfinished: {missing}")


def test_models_without_test_scores_are_reported() -> None:
    _, compare, ablate, unfinished = lines(tested=False)
    assert compare.endswith(": three-conv is not evaluated on the test set yet.")
    assert ablate == "Ablation of three-conv: the unchanged network is not evaluated on the test set yet."
    assert unfinished == "Unfinished: not every model is evaluated on the test set."


def test_failed_fits_are_counted() -> None:
    search, compare, ablate = lines(fails=["plain", "kernel=3"])
    assert search.endswith("; 1 fit failed.") and ablate.endswith("; 1 fit failed.")
    assert "failed" not in compare
    _, compare, ablate, unfinished = lines(fails=["one-conv", "two-conv", "three-conv"])
    assert unfinished == "Unfinished: a stage selected nothing, so 9 of 27 fits cannot be trained."
    assert compare.endswith(": nothing is selected, because every candidate has a failed fit; 3 fits failed.")


def test_a_candidate_whose_fits_all_failed_is_named() -> None:
    analysis = analyse(synthetic_results())
    stage_result = analysis.stage_results[ABLATION]
    failed = [
        replace(fit, status="failed", failure="lasting", test=None) for fit in stage_result.rows[0].fits
    ]
    best = replace(stage_result.rows[0], fits=tuple(failed), test={"accuracy": summarise([])})
    vars(analysis)["stage_results"] = (replace(stage_result, best=best, rows=(best,)),)
    assert short_answer(analysis)[0] == (
        "Ablation of three-conv: all fits of the unchanged network failed; 3 fits failed."
    )


def test_a_final_training_has_its_mean_and_spread() -> None:
    _, final = lines(DIGITS.model_copy(update={"compare": {}, "ablate": {}}))
    assert re.fullmatch(r"Final training of two-conv: \d\d\.\d\d ± \d\.\d\d % on test, 3 seeds\.", final)


def test_other_runs_on_the_same_test_set_are_reported() -> None:
    assert len(lines()) == 3
    *_, note = short_answer(with_other_runs(2))
    assert note == "Note: other runs in this folder scored 2 candidates on the same test set."


def with_other_runs(n_elsewhere: int) -> Analysis:
    analysis = analyse(synthetic_results())
    vars(analysis)["protocol"] = replace(analysis.protocol, n_hypotheses_elsewhere=n_elsewhere)
    return analysis


def test_a_halving_search_compares_the_last_rung_only() -> None:
    search, *_ = short_answer(analyse(_halved()))
    assert search.endswith(
        "kernel=6 (selected, 91.30 % on validation) is not significantly different from kernel=5."
    )
    assert short_answer(analyse(_halved(stop_after=6)))[0] == "Search kernel-size: nothing is selected yet."
    drawn, *_ = short_answer(analyse(_drawn("random")))
    assert drawn.endswith(" is not significantly different from 5 others.")


def test_interactions_are_counted() -> None:
    (line,) = short_answer(analyse(known(together=150)))
    assert line.endswith(f"; 1 of 1 interaction is significant{SCOPE}.")
    (line,) = short_answer(analyse(known(together=50, seeds=2)))
    assert line.endswith(f"; no interaction is significant{SCOPE}.")
    (line,) = short_answer(analyse(known(together=50, seeds=1)))
    assert "interaction" not in line


def test_the_line_agrees_with_a_known_truth() -> None:
    results = results_of(
        study_of("mnist"), {"a": lambda seed: rows(0, 40 + seed), "b": lambda seed: rows(0, 92 + seed)}
    )
    (line,) = short_answer(analyse(results))
    assert re.search(
        r"Comparison them: [ab] \(99\.\d\d % on test\) is (better|worse) than [ab] \([+−]0\.52 pp, 95 % CI ",
        line,
    )
