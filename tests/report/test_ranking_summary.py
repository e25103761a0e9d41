"""The text of verdicts agrees with their kinds and contains only their numbers."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convstudy.report.ranking_summary import changes, ranking_summary
from convstudy.report.sample_size_text import plan_sentence
from convstudy.report.verdict_text import verdict_label
from convstudy.stats import Measure, RequiredSampleSize, Requirement, Verdict, paired_difference
from convstudy.stats.verdicts import corrected, make_verdict

N_SEEDS = 5
# Accuracies on 10,000 images; NEAR makes small and equal differences likely.
ACCURACIES = st.integers(9_000, 10_000).map(lambda n: n / 10_000)
NEAR = st.integers(9_900, 9_930).map(lambda n: n / 10_000)
PAIRS = st.one_of(
    st.lists(st.tuples(ACCURACIES, ACCURACIES), max_size=N_SEEDS),
    st.lists(st.tuples(NEAR, NEAR), min_size=2, max_size=N_SEEDS),
    st.tuples(NEAR, NEAR).flatmap(
        lambda pair: st.lists(
            st.integers(-1, 1).map(lambda step: (pair[0] + step / 10_000, pair[1])),
            min_size=N_SEEDS,
            max_size=N_SEEDS,
        )
    ),
)
NEEDED = st.one_of(
    st.none(),
    st.builds(RequiredSampleSize, st.just(0.001), st.just("seeds"), st.just(5), st.just(10_000)).flatmap(
        lambda base: st.one_of(
            st.just(replace(base, run_first=10)),
            st.builds(
                lambda low, more, images, shows: planned(base, low, more, images, shows),
                st.one_of(st.none(), st.integers(5, 50)),
                st.integers(0, 100),
                st.booleans(),
                st.floats(0.0021, 1),
            ),
        )
    ),
)


def planned(
    base: RequiredSampleSize, low: int | None, more: int, images: bool, shows: float
) -> RequiredSampleSize:
    """Return a plan; the number for "equivalent" is larger than that for "better" by ``more``."""
    factor, unit, pairs = (2000, "images", 8) if images else (1, "seeds", None)
    ends = (None, None) if low is None else (low * factor, (2 * low + more) * factor)
    return replace(
        base,
        better=Requirement("better", 0.002, unit, *ends, pairs),  # type: ignore[arg-type]
        equivalent=Requirement(
            "equivalent", 0.0, unit, *(end and end + more * factor for end in ends), pairs
        ),  # type: ignore[arg-type]
        shows=shows if low is None else None,
    )


@st.composite
def verdicts(draw: st.DrawFn, most: int = 9) -> list[Verdict]:
    """Draw the verdicts on candidate a of one question, after Holm's correction."""
    found = []
    for number in range(draw(st.integers(1, most))):
        pairs = draw(PAIRS)
        difference = paired_difference([a for a, _ in pairs], [b for _, b in pairs])
        found.append(make_verdict("a", f"other-{number}", Measure("test", "accuracy"), difference, 0.001))
    return [
        replace(each, required=draw(NEEDED)) if each.kind == "inconclusive" else each
        for each in corrected(found, draw(st.integers(len(found), 40)))
    ]


def numbers(text: str) -> set[str]:
    """Return the numbers of a text, except those within names."""
    return set(re.findall(r"(?<![\w-])−?\d[\d,]*(?:\.\d+)?", text))


def expected(found: list[Verdict]) -> set[str]:
    """Return every number of the verdicts as the text can format it, with both signs."""
    texts = {"95", "0.1", str(N_SEEDS), *(str(n) for n in range(len(found) + 1))}
    for verdict in found:
        difference = verdict.difference
        texts |= {str(difference.n), str(verdict.n_comparisons)}
        for figure in (difference.mean, difference.low, difference.high):
            if figure is not None:
                texts |= {f"{figure * sign * 100:.2f}".replace("-", "−") for sign in (1, -1)}
        if verdict.required:
            # tests/report/test_sample_size_text.py tests which numbers of a plan the text contains.
            texts |= numbers(plan_sentence(verdict.required))
    return texts | {
        text.removeprefix("−") for text in texts if float(text.replace("−", "-").replace(",", "")) == 0
    }


@settings(deadline=None)
@given(verdicts())
def test_text_claims_exactly_the_kinds_of_the_verdicts(found: list[Verdict]) -> None:
    kinds = {verdict.kind for verdict in found}
    for text in (ranking_summary(found, "seed", N_SEEDS), changes(found, N_SEEDS)):
        assert bool(re.search(r"(?<!may be )better", text)) == ("better" in kinds)
        assert bool(re.search(r"(?<!may be )worse", text)) == ("worse" in kinds)
        assert ("equivalent" in text) == ("equivalent" in kinds)


@settings(deadline=None)
@given(verdicts())
def test_every_number_in_the_text_is_from_a_verdict(found: list[Verdict]) -> None:
    for text in (ranking_summary(found, "seed", N_SEEDS), changes(found, N_SEEDS)):
        assert numbers(text) - expected(found) == set()


@settings(deadline=None)
@given(verdicts())
def test_text_is_short_and_names_or_counts_all_candidates(found: list[Verdict]) -> None:
    """The candidate and its accuracy come before it, with another dozen words."""
    text = ranking_summary(found, "seed", N_SEEDS)
    assert len(text.split()) <= {1: 50, 2: 65}.get(len(found), 75)
    named = len(re.findall(r"other-\d", text)) + sum(int(n) for n in re.findall(r"(\d) others?\b", text))
    assert named == len(found)


@settings(deadline=None)
@given(verdicts(most=1), st.floats(0.0005, 0.2))
def test_interval_that_touches_the_margin_is_neither_better_nor_worse(
    found: list[Verdict], margin: float
) -> None:
    (verdict,) = found
    difference = verdict.difference
    if difference.low is None or difference.high is None:
        return
    for border in (margin, abs(difference.low), abs(difference.high)):
        again = make_verdict("a", "b", Measure("test", "accuracy"), difference, border)
        text = ranking_summary([again], "seed", N_SEEDS)
        if difference.low <= border + 1e-13 and difference.high >= -border - 1e-13:
            assert not re.search("(?<!may be )(better|worse)", text)
        if -border - 1e-13 <= difference.low and difference.high <= border + 1e-13:
            assert "equivalent" in text


@pytest.mark.parametrize(
    ("pairs", "n_comparisons", "label"),
    [
        ([0.003, 0.0031, 0.0029], 1, "better"),
        ([-0.003, -0.0031, -0.0029], 1, "worse"),
        ([0.0001, 0.0, -0.0001], 1, "equivalent"),
        ([0.0011, 0.001, 0.0009], 1, "ahead"),
        ([-0.0011, -0.001, -0.0009], 1, "behind"),
        ([0.003, 0.0031, 0.0029], 1000, "ahead"),  # significant only without the correction
        ([0.003, -0.002, 0.001], 1, "inconclusive"),
        ([0.003, 0.003, 0.003], 1, "no spread"),
        ([0.003], 1, "one seed"),
        ([], 1, "no pair"),
    ],
)
def test_each_verdict_has_its_label_and_text(pairs: list[float], n_comparisons: int, label: str) -> None:
    alone = make_verdict(
        "a", "b", Measure("test", "accuracy"), paired_difference(pairs, [0.0] * len(pairs)), 0.001
    )
    (verdict,) = corrected([alone], n_comparisons)
    assert verdict_label(verdict) == label
    text = ranking_summary([verdict], "seed", 3)
    assert text.count("b") >= 1 and text.count("(") == text.count(")")
    if n_comparisons > 1:
        assert text.endswith("; this is not significant after the correction for 1,000 comparisons")


def test_model_compared_with_itself_has_no_difference_and_no_required_sample_size() -> None:
    alone = make_verdict(
        "a", "b", Measure("test", "accuracy"), paired_difference([0.9, 0.9], [0.9, 0.9]), 0.001
    )
    itself = replace(alone, same_models=True)
    other = make_verdict(
        "c", "b", Measure("test", "accuracy"), paired_difference([0.9, 0.8], [0.9, 0.9]), 0.001
    )
    assert changes([itself], 2) == "a changes nothing (same weights and scores)"
    assert ranking_summary([itself], "seed", 2) == "It has the same weights and scores as b"
    assert changes([itself, other], 2).startswith("a changes nothing (same weights and scores), and c (")
