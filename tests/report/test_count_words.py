from __future__ import annotations

import pytest

from convstudy import verdict_on_counts
from convstudy.report import counts_answer


def told(*counts: int, **more: object) -> str:
    return "\n".join(counts_answer(verdict_on_counts(*counts, **more)))  # type: ignore[arg-type]


def test_the_notebooks_figures_are_called_what_they_are() -> None:
    lines = counts_answer(verdict_on_counts(9951, 9937, 10_000))
    assert lines[0].startswith(
        "The two models cannot be told apart on these images: the difference may be none"
    )
    assert lines[3].startswith("Difference: +0.14 points (95 % interval −0.07 to +0.35; Newcombe")
    assert "--both-right" in lines[4] and "+0.06 to +0.22 at best" in lines[4]
    assert "about two trained models, one run each" in lines[-1]


@pytest.mark.parametrize(
    ("counts", "more", "said"),
    [
        ((990, 900, 1000), {}, "The first model is better on images of this kind, by more than 0.1 points."),
        ((900, 990, 1000), {}, "The second model is better"),
        ((990, 900, 1000), {"region": 0}, "The first model is better on images of this kind.\n"),
        ((99_500, 99_500, 100_000), {"both_right": 99_400}, "A tie: "),
        ((9951, 9937, 10_000), {"both_right": 9930}, "the first is ahead, but perhaps by no more than that"),
        ((9937, 9951, 10_000), {"both_right": 9930}, "the second is ahead"),
        (
            (9951, 9937, 10_000),
            {"both_right": 9930},
            "21 images only the first gets right, 7 only the second",
        ),
        ((9951, 9937, 10_000), {"both_right": 9930}, "McNemar's exact p 0.013"),
    ],
)
def test_each_verdict_has_its_sentence(counts: tuple[int, ...], more: dict[str, object], said: str) -> None:
    assert said in told(*counts, **more)


def test_where_the_pairing_is_known_it_is_not_asked_for() -> None:
    assert "--both-right" not in told(9951, 9937, 10_000, both_right=9930)
    assert "images would tell" not in told(990, 900, 1000)
