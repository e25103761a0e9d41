"""What the answer says, and what it must not say, of studies of which the truth is known."""

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
from convstudy.studyfile import load_study
from tests.analysis.known import ablation_of, results_of, rows, study_of
from tests.report.synthetic import synthetic_results

Wrong = Callable[[int], npt.NDArray[np.int64]]
NOTHING_CLAIMED = r"\b(better|worse|ties|hurts?|helps?|no difference)\b"


def line(results: Results) -> str:
    """Return the answer to a study's only question; every part of it is in one sentence."""
    (text,) = answer(analyse(results))
    assert text.endswith(".") and ". " not in text
    return text


def scattered(n_wrong: int, salt: int, hard: int = 300) -> Wrong:
    """Return wrong rows among the hardest images, other ones with each seed."""
    return lambda seed: np.random.RandomState(1000 * salt + seed).permutation(hard)[:n_wrong]


def swinging(numbers: tuple[int, ...], salt: int) -> Wrong:
    """Return as many wrong rows for each seed."""
    return lambda seed: np.random.RandomState(1000 * salt + seed).permutation(300)[: numbers[seed]]


def chosen_first(name: str) -> float:
    """Return validation accuracies by which a is chosen."""
    return 0.97 if name == "a" else 0.9


def test_a_real_difference() -> None:
    text = line(
        results_of(study_of("mnist"), {"a": scattered(40, 1), "b": scattered(92, 2)}, level=chosen_first)
    )
    assert re.fullmatch(
        r"Comparison them: a \(99\.60 % on test images, 5 seeds\) was chosen by validation; it is better than b "
        r"\(by 0\.52 points, 95 % interval 0\.\d\d to 0\.\d\d\)\.",
        text,
    )


def test_a_choice_that_the_test_images_speak_against() -> None:
    text = line(
        results_of(study_of("mnist"), {"a": scattered(92, 1), "b": scattered(40, 2)}, level=chosen_first)
    )
    assert re.search(
        r": a \(.*\) was chosen by validation; it is worse than b \(by 0\.52 points, 95 % interval 0\.\d\d to 0\.",
        text,
    )
    assert "better" not in text and "−" not in text


def test_no_difference_and_enough_seeds() -> None:
    text = line(
        results_of(study_of("mnist", seeds=20), {"a": scattered(30, 1, 60), "b": scattered(31, 2, 60)})
    )
    assert "it ties within 0.1 points with " in text
    assert not re.search(r"better|worse|apart|you would need|clear", text)


def test_no_difference_and_too_few_seeds() -> None:
    results = results_of(
        study_of("mnist", seeds=3),
        {"a": scattered(40, 1), "b": swinging((40, 70, 25), 2)},
        level=chosen_first,
    )
    text = line(results)
    assert "it cannot be told apart from b (0.05 points, 95 % interval −" in text
    assert re.search(
        r"; 3 seeds can show a difference of about 0\.\d points, not of 0\.1 points: run more seeds first\.$",
        text,
    )
    assert not re.search(NOTHING_CLAIMED, text)
    assert ", too uncertain to call, mostly for want of seeds (±" in conclusions(analyse(results))[0].notes[1]


def test_a_test_set_that_is_too_small() -> None:
    results = results_of(
        study_of("digits"), {"a": lambda s: rows(0, 6 + s % 2), "b": lambda s: rows(0, 9 + s % 2)}
    )
    text = line(results)
    assert "it cannot be told apart from " in text
    assert re.search(
        r"; 360 test images can show a difference of about \d points at best, not of 0\.1 points\.$", text
    )
    assert not re.search(NOTHING_CLAIMED, text)
    assert "mostly for want of test images" in conclusions(analyse(results))[0].notes[1]


def test_a_difference_at_the_border_of_what_matters() -> None:
    """Ten images more or less with every seed, 0.1 points: not none, but perhaps nothing that matters."""
    results = results_of(
        study_of("mnist", seeds=10), {"a": scattered(40, 1), "b": scattered(50, 1)}, level=chosen_first
    )
    text = line(results)
    assert "it may be ahead of b (by 0.10 points, 95 % interval 0.0" in text
    assert text.endswith("; if so, perhaps by no more than 0.1 points.")
    assert not re.search(NOTHING_CLAIMED, text)


@pytest.mark.parametrize("n_wrong", [45, 50, 92])
def test_an_interval_that_ends_at_the_border(n_wrong: int) -> None:
    """With the region at its far end all of it lies within: a tie. With the region at its near end none is beyond."""
    wrong = {"a": scattered(30, 1), "b": scattered(n_wrong, 1)}

    def with_margin(margin: float) -> tuple[str, float, float]:
        results = results_of(study_of("mnist", seeds=10, margin=margin), wrong, level=chosen_first)
        difference = analyse(results).stage_results[0].verdicts[0].difference
        assert difference.low is not None and difference.high is not None
        return line(results), difference.low * 100, difference.high * 100

    _, low, high = with_margin(0.1)
    far = max(abs(low), abs(high))
    assert "ties within" in with_margin(far)[0]
    assert not re.search(NOTHING_CLAIMED, with_margin(far * 0.999)[0])
    if low > 0:
        assert not re.search(NOTHING_CLAIMED, with_margin(low)[0])
        assert "better than b" in with_margin(low * 0.999)[0]


def test_one_seed_tells_nothing_however_large_the_difference() -> None:
    text = line(
        results_of(
            study_of("mnist", seeds=1),
            {"a": lambda s: rows(0, 40), "b": lambda s: rows(0, 400)},
            level=chosen_first,
        )
    )
    assert "it cannot be told apart by one seed from b (3.60 points)" in text
    assert text.endswith("; to say more you would need two seeds or more.")
    assert not re.search(NOTHING_CLAIMED + "|interval", text)


def test_a_failed_fit_leaves_fewer_seeds_and_is_said() -> None:
    results = results_of(
        study_of("mnist", networks=3, seeds=4),
        {"a": scattered(40, 1), "b": scattered(41, 2), "c": scattered(150, 3)},
        fails=["b"],
        level=lambda name: {"a": 0.97}.get(name, 0.9),
    )
    text, failed = answer(analyse(results))
    assert re.search(r"a \(99\.60 % on test images, 4 seeds\) was chosen by validation", text)
    assert re.search(r" from b \(.* points, (95 % interval )?−?\d\.\d\d to \d\.\d\d, 3 of 4 seeds\)", text)
    assert re.search(r"better than c \(by 1\.10 points, 95 % interval \d\.\d\d to \d\.\d\d\)", text)
    assert failed.startswith("1 fit of 12 failed (diverged)")


def test_a_candidate_of_which_every_fit_failed() -> None:
    results = results_of(study_of("mnist", seeds=1), {"a": scattered(40, 1)}, fails=["b"], level=chosen_first)
    text, failed = answer(analyse(results))
    assert text.endswith("was chosen by validation; it shares no seed with b.")
    assert failed.startswith("1 fit of 2 failed")
    ablated = results_of(
        ablation_of("mnist", ("quiet",), seeds=1), {"as it is": scattered(40, 1)}, fails=["quiet"]
    )
    assert answer(analyse(ablated))[0].endswith("as it is (1 seed); quiet has no test score.")


def test_of_many_networks_each_is_told() -> None:
    levels = {"a": 40, "b": 41, "c": 150, "d": 152, "e": 151}
    results = results_of(
        study_of("mnist", networks=5),
        {name: scattered(n, salt) for salt, (name, n) in enumerate(levels.items())},
        level=chosen_first,
    )
    text = line(results)
    assert re.search(
        r"; it is better than c, d and e \(by 1\.10 to 1\.12 points\) and cannot be told apart from b ", text
    )
    assert re.search(r" b \(0\.01 points, 95 % interval −0\.\d\d to 0\.\d\d\); to tell a difference", text)
    assert (
        "By more than 0.1 points of test accuracy these cannot be told apart: a and b; c, e and d."
        in conclusions(analyse(results))[0].notes
    )


def test_what_changes_of_an_ablation_do() -> None:
    """One part matters, one does harm, one does nothing; of the fourth too little is known."""
    results = results_of(
        ablation_of("mnist", ("without-norm", "without-noise", "quiet", "swinging"), seeds=10),
        {
            "as it is": scattered(60, 1, 100),
            "without-norm": scattered(130, 2, 200),
            "without-noise": scattered(20, 3, 60),
            "quiet": scattered(60, 4, 100),
            "swinging": swinging((20, 150, 60, 10, 90, 40, 120, 30, 10, 80), 5),
        },
    )
    text = line(results)
    assert text.startswith("Ablation of a: 99.40 % on test images as it is (10 seeds); without-norm hurts, ")
    assert (
        ", without-noise helps, quiet makes no difference beyond 0.1 points and swinging cannot be told from"
        in text
    )
    kinds = {verdict.first: verdict.kind for verdict in analyse(results).stage_results[0].verdicts}
    assert kinds == {
        "without-norm": "worse",
        "without-noise": "better",
        "quiet": "equivalent",
        "swinging": "inconclusive",
    }


def test_a_part_that_does_nothing_is_not_called_useful() -> None:
    results = results_of(
        ablation_of("mnist", ("quiet",), seeds=20),
        {"as it is": scattered(30, 1, 60), "quiet": scattered(30, 2, 60)},
    )
    text = line(results)
    assert re.search(
        r"; quiet \(0\.00 points, 95 % interval −0\.\d\d to 0\.\d\d\) makes no difference beyond 0\.1 points\.$",
        text,
    )
    assert not re.search("hurt|help|cannot", text)


def test_an_ablation_with_fewer_seeds_of_one_change_says_so() -> None:
    results = results_of(
        ablation_of("mnist", ("rough", "quiet"), seeds=4),
        {"as it is": scattered(30, 1, 60), "rough": scattered(150, 2), "quiet": scattered(31, 3, 60)},
        fails=["rough"],
    )
    assert re.search(
        r"; rough \(−1\.20 points, 95 % interval −1\.\d\d to −\d\.\d\d, 3 of 4 seeds\) hurts and quiet \(",
        answer(analyse(results))[0],
    )


def test_a_search_with_a_clear_winner_and_one_without() -> None:
    study = load_study("digits").model_copy(update={"compare": {}, "ablate": {}})
    clear, *_ = answer(
        analyse(synthetic_results(study, level=lambda name: {"kernel=7": 0.97}.get(name, 0.9)))
    )
    assert re.search(
        r": kernel=7 \(\d\d\.\d\d % on validation images, 3 folds\) was chosen; it is better on these", clear
    )
    assert "test images" not in clear
    open_one, *_ = answer(analyse(synthetic_results(study, level=lambda name: 0.95)))
    assert "was chosen; it cannot be told apart from kernel=" in open_one and " or kernel=" in open_one
    assert "you would need" not in open_one, "predictions are missing: not known"
    assert not re.search(NOTHING_CLAIMED, open_one)
