"""The answer of studies with a known truth: what it must claim and what it must not claim."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from convstudy.analysis import analyse
from convstudy.history import Results
from convstudy.report import answer
from convstudy.report.conclusions import conclusions
from tests.analysis.known import ablation_of, results_of, rows, study_of
from tests.report.synthetic import synthetic_results
from tests.three_questions import three_questions

Wrong = Callable[[int], npt.NDArray[np.int64]]
CLAIM = r"(?<!may be )\b(better|worse)\b|\bequivalent\b|\bchanges? nothing\b"
"""Words that claim something; "may be better" and "may be worse" do not."""


def line(results: Results) -> str:
    """Return the answer of a study with one question."""
    (text,) = answer(analyse(results))
    assert text.endswith(".") and text.count(". ") <= 1
    return text


def scattered(n_wrong: int, salt: int, hard: int = 300) -> Wrong:
    """Return indices of wrong predictions among the ``hard`` first images, different for each seed."""
    return lambda seed: np.random.RandomState(1000 * salt + seed).permutation(hard)[:n_wrong]


def swinging(numbers: tuple[int, ...], salt: int) -> Wrong:
    """Return ``numbers[seed]`` indices of wrong predictions."""
    return lambda seed: np.random.RandomState(1000 * salt + seed).permutation(300)[: numbers[seed]]


def chosen_first(name: str) -> float:
    """Return a validation accuracy with which "a" is selected."""
    return 0.97 if name == "a" else 0.9


def test_large_difference_is_better_with_its_interval() -> None:
    text = line(
        results_of(study_of("mnist"), {"a": scattered(40, 1), "b": scattered(92, 2)}, level=chosen_first)
    )
    assert re.fullmatch(
        r"Comparison them: a \(99\.60 % mean test accuracy, 5 seeds\) was selected on validation images\. "
        r"For this training set, it is better than b \(by 0\.52 pp, 95 % CI 0\.\d\d to 0\.\d\d\)\.",
        text,
    )


def test_selected_candidate_that_tests_worse_is_called_worse() -> None:
    text = line(
        results_of(study_of("mnist"), {"a": scattered(92, 1), "b": scattered(40, 2)}, level=chosen_first)
    )
    assert re.search(
        r": a \(.*\) was selected on validation images\. For this training set, "
        r"it is worse than b \(by 0\.52 pp, 95 % CI 0\.\d\d to 0\.",
        text,
    )
    assert "better" not in text and "−" not in text


def test_no_difference_with_enough_seeds_is_equivalent() -> None:
    text = line(
        results_of(study_of("mnist", seeds=20), {"a": scattered(30, 1, 60), "b": scattered(31, 2, 60)})
    )
    assert "For this training set, it is equivalent within 0.1 percentage points to " in text
    assert not re.search(r"better|worse|inconclusive|needed|significant", text)


def test_no_difference_with_too_few_seeds_is_inconclusive() -> None:
    results = results_of(
        study_of("mnist", seeds=3),
        {"a": scattered(40, 1), "b": swinging((40, 70, 25), 2)},
        level=chosen_first,
    )
    text = line(results)
    assert (
        "For this training set, the difference from b (0.05 pp, 95 % CI −" in text
        and " is inconclusive; " in text
    )
    assert text.endswith("; the required number of seeds cannot be planned yet from 3 seeds: run 10 first.")
    assert not re.search(CLAIM, text)
    assert (
        ", inconclusive for this training set; the interval is wide mainly because there are few seeds (±"
        in conclusions(analyse(results))[0].notes[1]
    )


def test_small_test_set_is_inconclusive_and_gives_the_difference_that_it_shows() -> None:
    results = results_of(
        study_of("digits"), {"a": lambda s: rows(0, 6 + s % 2), "b": lambda s: rows(0, 9 + s % 2)}
    )
    text = line(results)
    assert re.search(r"the difference from [ab] \(.*\) is inconclusive; ", text)
    assert re.search(
        r"; \d seeds and 360 test images can show a true difference of about \d percentage points? \(power 80 %\), "
        r"but not 0\.2 percentage points\.$",
        text,
    )
    assert not re.search(CLAIM, text)
    assert "mainly because there are few test images" in conclusions(analyse(results))[0].notes[1]


def test_difference_of_the_size_of_the_margin_may_be_better() -> None:
    """Ten images of 10,000 with every seed are 0.1 pp: different from zero, but perhaps within the margin."""
    results = results_of(
        study_of("mnist", seeds=10), {"a": scattered(40, 1), "b": scattered(50, 1)}, level=chosen_first
    )
    text = line(results)
    assert "For this training set, it may be better than b (by 0.10 pp, 95 % CI 0.0" in text
    assert text.endswith("; the difference may be within the margin of 0.1 percentage points.")
    assert not re.search(CLAIM, text)


@pytest.mark.parametrize("n_wrong", [45, 50, 92])
def test_interval_that_ends_at_the_margin_is_inside_it(n_wrong: int) -> None:
    """A margin at the far end makes it equivalent; a margin at the near end does not make it better."""
    wrong = {"a": scattered(30, 1), "b": scattered(n_wrong, 1)}

    def with_margin(margin: float) -> tuple[str, float, float]:
        results = results_of(study_of("mnist", seeds=10, margin=margin), wrong, level=chosen_first)
        difference = analyse(results).stage_results[0].verdicts[0].difference
        assert difference.low is not None and difference.high is not None
        return line(results), difference.low * 100, difference.high * 100

    _, low, high = with_margin(0.1)
    far = max(abs(low), abs(high))
    assert "equivalent within" in with_margin(far)[0]
    assert not re.search(CLAIM, with_margin(far * 0.999)[0])
    if low > 0:
        assert not re.search(CLAIM, with_margin(low)[0])
        assert "better than b" in with_margin(low * 0.999)[0]


def test_one_seed_is_inconclusive_even_for_a_large_difference() -> None:
    text = line(
        results_of(
            study_of("mnist", seeds=1),
            {"a": lambda s: rows(0, 40), "b": lambda s: rows(0, 400)},
            level=chosen_first,
        )
    )
    assert "The difference from b (3.60 pp) is inconclusive with one seed; " in text
    assert text.endswith("; at least two seeds are needed.")
    assert not re.search(CLAIM + "|interval|CI", text)


def test_failed_fit_leaves_fewer_seeds_and_is_reported() -> None:
    results = results_of(
        study_of("mnist", networks=3, seeds=4),
        {"a": scattered(40, 1), "b": scattered(41, 2), "c": scattered(150, 3)},
        fails=["b"],
        level=lambda name: {"a": 0.97}.get(name, 0.9),
    )
    text, failed = answer(analyse(results))
    assert re.search(r"a \(99\.60 % mean test accuracy, 4 seeds\) was selected on validation images", text)
    assert re.search(r" from b \(.* pp, (95 % CI )?−?\d\.\d\d to \d\.\d\d, 3 of 4 seeds\)", text)
    assert re.search(r"better than c \(by 1\.10 pp, 95 % CI \d\.\d\d to \d\.\d\d\)", text)
    assert failed.startswith("1 fit of 12 failed (diverged)")


def test_candidate_without_successful_fits_is_not_compared() -> None:
    results = results_of(study_of("mnist", seeds=1), {"a": scattered(40, 1)}, fails=["b"], level=chosen_first)
    text, failed = answer(analyse(results))
    assert text.endswith("was selected on validation images. It has no seed in common with b.")
    assert failed.startswith("1 fit of 2 failed")
    ablated = results_of(
        ablation_of("mnist", ("quiet",), seeds=1), {"unmodified network": scattered(40, 1)}, fails=["quiet"]
    )
    assert answer(analyse(ablated))[0].endswith("test accuracy (1 seed); quiet has no test score.")


def test_many_networks_are_grouped_by_verdict() -> None:
    levels = {"a": 40, "b": 41, "c": 150, "d": 152, "e": 151}
    results = results_of(
        study_of("mnist", networks=5),
        {name: scattered(n, salt) for salt, (name, n) in enumerate(levels.items())},
        level=chosen_first,
    )
    text = line(results)
    assert re.search(
        r"\. For this training set, it is better than c, d and e \(by 1\.10 to 1\.12 pp\), and the difference from b ",
        text,
    )
    assert re.search(
        r" b \(0\.01 pp, 95 % CI −0\.\d\d to 0\.\d\d\) is inconclusive; a verdict needs about \d+ to \d+ seeds if "
        r"the true difference is 0\.2 percentage points, and \d+ to \d+ if it is 0 \(power 80 %\)\.",
        text,
    )
    assert (
        "Groups without a significant difference by more than 0.1 percentage points of test accuracy: "
        "a and b; c, e and d." in conclusions(analyse(results))[0].notes
    )


def test_each_change_of_an_ablation_has_its_verdict() -> None:
    """One part is useful, one is harmful, one does nothing; the fourth is inconclusive."""
    results = results_of(
        ablation_of("mnist", ("without-norm", "without-noise", "quiet", "swinging"), seeds=10),
        {
            "unmodified network": scattered(60, 1, 100),
            "without-norm": scattered(130, 2, 200),
            "without-noise": scattered(20, 3, 60),
            "quiet": scattered(60, 4, 100),
            "swinging": swinging((20, 150, 60, 10, 90, 40, 120, 30, 10, 80), 5),
        },
    )
    text = line(results)
    assert text.startswith(
        "Ablation of a: the unmodified network has 99.40 % mean test accuracy (10 seeds); for this training set, "
        "without-norm is worse, "
    )
    assert (
        ", without-noise is better, quiet is equivalent within 0.1 percentage points, and swinging is inconclusive"
        in text
    )
    kinds = {verdict.first: verdict.kind for verdict in analyse(results).stage_results[0].verdicts}
    assert kinds == {
        "without-norm": "worse",
        "without-noise": "better",
        "quiet": "equivalent",
        "swinging": "inconclusive",
    }


def test_part_without_effect_is_equivalent() -> None:
    results = results_of(
        ablation_of("mnist", ("quiet",), seeds=20),
        {"unmodified network": scattered(30, 1, 60), "quiet": scattered(30, 2, 60)},
    )
    text = line(results)
    assert re.search(
        r"; for this training set, "
        r"quiet \(0\.00 pp, 95 % CI −0\.\d\d to 0\.\d\d\) is equivalent within 0\.1 percentage points\.$",
        text,
    )
    assert not re.search("better|worse|inconclusive", text)


def test_change_with_fewer_seeds_gives_their_number() -> None:
    results = results_of(
        ablation_of("mnist", ("rough", "quiet"), seeds=4),
        {
            "unmodified network": scattered(30, 1, 60),
            "rough": scattered(150, 2),
            "quiet": scattered(31, 3, 60),
        },
        fails=["rough"],
    )
    assert re.search(
        r"; for this training set, "
        r"rough \(−1\.20 pp, 95 % CI −1\.\d\d to −\d\.\d\d, 3 of 4 seeds\) is worse, and quiet \(",
        answer(analyse(results))[0],
    )


def test_search_claims_a_winner_only_on_its_folds() -> None:
    study = three_questions().model_copy(update={"compare": {}, "ablate": {}})
    clear, *_ = answer(
        analyse(synthetic_results(study, level=lambda name: {"kernel=7": 0.97}.get(name, 0.9)))
    )
    assert re.search(
        r": kernel=7 \(\d\d\.\d\d % mean validation accuracy, 3 folds\) was selected\. It is better on these",
        clear,
    )
    assert "test" not in clear
    open_one, *_ = answer(analyse(synthetic_results(study, level=lambda name: 0.95)))
    assert "was selected. The differences from kernel=" in open_one and " are inconclusive." in open_one
    assert "needed" not in open_one, "the required number is not known, because predictions are missing"
    assert not re.search(CLAIM, open_one)
