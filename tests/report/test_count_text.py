from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convstudy import verdict_on_counts
from convstudy.report import counts_answer
from convstudy.stats import Share


def text_of(*counts: int, **more: object) -> str:
    return "\n".join(counts_answer(verdict_on_counts(*counts, **more)))  # type: ignore[arg-type]


def test_notebook_accuracies_are_inconclusive() -> None:
    lines = counts_answer(verdict_on_counts(9951, 9937, 10_000))
    assert lines[0] == (
        "The comparison of the two models is inconclusive (difference 0.14 pp, 95 % CI −0.07 to 0.35, 10,000 images)."
    )
    assert lines[1] == (
        "A verdict needs about 80,000 to 100,000 images if the true difference is 0.2 percentage points (power 80 %); "
        "if it is 0, more than 10 times the data."
    )
    assert lines[4].startswith("Difference: +0.14 pp (95 % CI −0.07 to +0.35; Newcombe")
    assert lines[5] == "Error ratio 0.78, 95 % CI 0.54 to 1.13 (first to second)."
    assert "--both-right" in lines[6] and "+0.06 to +0.22 at best" in lines[6]
    assert "compares two trained models, one run each" in lines[-1]


@pytest.mark.parametrize(
    ("counts", "more", "expected"),
    [
        (
            (990, 900, 1000),
            {},
            "The first model is better on images of this kind (by 9.00 pp, 95 % CI 7.10 to 11.07, ",
        ),
        (
            (900, 990, 1000),
            {},
            "The second model is better on images of this kind (by 9.00 pp, 95 % CI 7.10 to ",
        ),
        ((990, 900, 1000), {"margin": 0}, "The first model is better on images of this kind (by "),
        (
            (99_500, 99_500, 100_000),
            {"both_right": 99_400},
            "The two models are equivalent within 0.1 percentage points on images of this kind (difference 0.00 pp, ",
        ),
        (
            (9951, 9937, 10_000),
            {"both_right": 9930},
            "The first model is ahead on images of this kind (by 0.14 pp, 95 % CI 0.03 to 0.25, ",
        ),
        (
            (9937, 9951, 10_000),
            {"both_right": 9930},
            "10,000 images), but possibly by no more than 0.1 percentage points.\n",
        ),
        (
            (9951, 9937, 10_000),
            {"both_right": 9930},
            "21 images correct only for the first model, 7 only for the second",
        ),
        ((9951, 9937, 10_000), {"both_right": 9930}, "exact McNemar p of “equally accurate” 0.013"),
        ((9951, 9937, 10_000), {"both_right": 9937}, "exact McNemar p of “equally accurate” < 0.001"),
    ],
)
def test_verdict_sentences(counts: tuple[int, ...], more: dict[str, object], expected: str) -> None:
    assert expected in text_of(*counts, **more)


def test_counts_with_only_one_pairing_do_not_ask_for_it() -> None:
    lines = counts_answer(verdict_on_counts(10, 10, 10))
    assert lines[1] == (
        "10 images can show a true difference of about 70 percentage points (power 80 %), but not 0.2 percentage "
        "points."
    )
    assert lines[6] == (
        "If both models were evaluated on the same images, only one pairing is possible, and the interval is "
        "−23.10 to +23.10 (still inconclusive)."
    )
    assert "at best" not in " ".join(lines) and "--both-right" not in " ".join(lines)


def test_pairing_that_widens_the_interval_is_reported() -> None:
    lines = counts_answer(verdict_on_counts(5000, 5000, 10_000))
    assert "CI −1.39 to 1.39" in lines[0]
    assert lines[6].endswith(
        ": the interval is then −0.03 to +0.03 at best (equivalent) and −1.96 to +1.96 at worst."
    )


@pytest.mark.parametrize(("n", "images"), [(1, "1 image"), (2, "2 images")])
def test_too_few_images_cannot_show_any_difference(n: int, images: str) -> None:
    assert f"\n{images} are too few to say which true difference they can show.\n" in text_of(n, n, n)


def test_known_pairing_is_not_asked_for() -> None:
    assert "--both-right" not in text_of(9951, 9937, 10_000, both_right=9930)
    assert "needs" not in text_of(990, 900, 1000)


@given(
    counts=st.integers(1, 2000).flatmap(
        lambda n: st.tuples(st.integers(0, n), st.integers(0, n), st.just(n))
    ),
    margin=st.sampled_from([0.0, 0.001, 0.01, 0.1]),
)
def test_first_line_claims_the_kind_of_the_verdict(counts: tuple[int, int, int], margin: float) -> None:
    found = verdict_on_counts(*counts, margin=margin)
    line = counts_answer(found)[0]
    assert ("first model is better" in line) == (found.kind == "better")
    assert ("second model is better" in line) == (found.kind == "worse")
    assert ("equivalent" in line) == (found.kind == "equivalent")
    assert ("inconclusive" in line or "is ahead" in line) == (found.kind == "inconclusive")
    assert len(line.split()) <= 40


def test_a_share_of_the_errors_is_the_margin_in_words() -> None:
    share = Share(0.1)
    found = counts_answer(verdict_on_counts(59_940, 59_892, 60_000, both_right=59_880, margin=share))
    assert found[0] == (
        "The first model is better on images of this kind (by 0.08 pp, 95 % CI 0.05 to 0.11, 60,000 images; "
        "error ratio 0.56, 95 % CI 0.44 to 0.68)."
    )
    few = counts_answer(verdict_on_counts(9995, 9996, 10_000, margin=share))[0]
    assert few.endswith(
        "error ratio 1.25, any ratio is possible); 10 % of the errors is fewer than 3 images, too few to show "
        "equivalence."
    )
    same = counts_answer(verdict_on_counts(90_000, 90_000, 100_000, both_right=90_000, margin=share))[0]
    assert same.startswith("The two models are equivalent within 10 % of the errors on images of this kind")
