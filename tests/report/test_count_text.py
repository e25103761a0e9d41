from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convstudy import verdict_on_counts
from convstudy.report import counts_answer


def told(*counts: int, **more: object) -> str:
    return "\n".join(counts_answer(verdict_on_counts(*counts, **more)))  # type: ignore[arg-type]


def test_the_notebooks_figures_are_called_what_they_are() -> None:
    lines = counts_answer(verdict_on_counts(9951, 9937, 10_000))
    assert lines[0] == (
        "The two models cannot be told apart (difference 0.14 points, 95 % interval −0.07 to 0.35, 10,000 images); "
        "to tell a difference of 0.1 points you would need about 40,000 to 90,000 images."
    )
    assert lines[3].startswith("Difference: +0.14 points (95 % interval −0.07 to +0.35; Newcombe")
    assert "--both-right" in lines[4] and "+0.06 to +0.22 at best" in lines[4]
    assert "about two trained models, one run each" in lines[-1]


@pytest.mark.parametrize(
    ("counts", "more", "said"),
    [
        (
            (990, 900, 1000),
            {},
            "The first model is better on images of this kind (by 9.00 points, 95 % interval 7.10 to 11.07, ",
        ),
        (
            (900, 990, 1000),
            {},
            "The second model is better on images of this kind (by 9.00 points, 95 % interval 7.10 to ",
        ),
        ((990, 900, 1000), {"margin": 0}, "The first model is better on images of this kind (by "),
        (
            (99_500, 99_500, 100_000),
            {"both_right": 99_400},
            "The two models tie within 0.1 points on images of this kind (difference 0.00 points, ",
        ),
        (
            (9951, 9937, 10_000),
            {"both_right": 9930},
            "The first model is ahead on images of this kind (by 0.14 points, 95 % interval 0.03 to 0.25, ",
        ),
        (
            (9937, 9951, 10_000),
            {"both_right": 9930},
            "10,000 images), but perhaps by no more than 0.1 points.\n",
        ),
        (
            (9951, 9937, 10_000),
            {"both_right": 9930},
            "21 images only the first gets right, 7 only the second",
        ),
        ((9951, 9937, 10_000), {"both_right": 9930}, "McNemar's exact p 0.013"),
        ((9951, 9937, 10_000), {"both_right": 9937}, "McNemar's exact p < 0.001"),
    ],
)
def test_each_verdict_has_its_sentence(counts: tuple[int, ...], more: dict[str, object], said: str) -> None:
    assert said in told(*counts, **more)


def test_successes_that_leave_one_pairing_ask_for_none() -> None:
    """It said "to −23.10 to +23.10 at best, or leave it at −23.10 to +23.10"."""
    lines = counts_answer(verdict_on_counts(10, 10, 10))
    assert lines[0].endswith("; these images can show a difference of about 30 points, not of 0.1 points.")
    assert lines[4] == (
        "If both saw the same images, their successes leave one pairing only, and the interval is −23.10 to +23.10 "
        "(still not to be told apart beyond the region)."
    )
    assert "at best" not in " ".join(lines) and "--both-right" not in " ".join(lines)


def test_pairings_that_widen_the_interval_are_not_said_to_leave_it() -> None:
    lines = counts_answer(verdict_on_counts(5000, 5000, 10_000))
    assert "interval −1.39 to 1.39" in lines[0]
    assert lines[4].endswith(
        ": the interval is then −0.03 to +0.03 at best (a tie) and −1.96 to +1.96 at worst."
    )


@pytest.mark.parametrize(("n", "images"), [(1, "this image"), (2, "these images")])
def test_too_few_images_are_not_said_to_show_a_difference_of_100_points(n: int, images: str) -> None:
    assert f"; {images} cannot show any difference.\n" in told(n, n, n)


def test_where_the_pairing_is_known_it_is_not_asked_for() -> None:
    assert "--both-right" not in told(9951, 9937, 10_000, both_right=9930)
    assert "you would need" not in told(990, 900, 1000)


@given(
    counts=st.integers(1, 2000).flatmap(
        lambda n: st.tuples(st.integers(0, n), st.integers(0, n), st.just(n))
    ),
    margin=st.sampled_from([0.0, 0.001, 0.01, 0.1]),
)
def test_the_first_line_says_what_the_verdict_is(counts: tuple[int, int, int], margin: float) -> None:
    found = verdict_on_counts(*counts, margin=margin)
    line = counts_answer(found)[0]
    assert ("first model is better" in line) == (found.kind == "better")
    assert ("second model is better" in line) == (found.kind == "worse")
    assert ("tie" in line) == (found.kind == "equivalent")
    assert ("told apart" in line or "is ahead" in line) == (found.kind == "inconclusive")
    assert len(line.split()) <= 40
