"""The text of verdicts agrees with their kinds and contains only their numbers."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convstudy.numbers import between, one_digit
from convstudy.report.ranking_summary import changes, ranking_summary
from convstudy.report.verdict_text import percentage_points, required_sentence, required_short, verdict_label
from convstudy.stats import Measure, RequiredSampleSize, Verdict, paired_difference
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
    st.builds(
        RequiredSampleSize,
        st.just(0.001),
        st.just("seeds"),
        st.just(5),
        st.integers(6, 50),
        st.integers(50, 1000),
    ),
    st.builds(
        RequiredSampleSize,
        st.just(0.001),
        st.just("test images"),
        st.just(10_000),
        st.integers(10_001, 100_000),
    ),
    st.builds(
        RequiredSampleSize,
        st.just(0.001),
        st.sampled_from(["seeds", "test images"]),
        st.just(5),
        shows=st.floats(0.001, 1),
    ),
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
            required = verdict.required
            texts.add(f"{required.n_present:,}")
            if required.fewest is not None:
                texts |= set(
                    between(required.fewest, required.most, required.n_present)
                    .removesuffix(" or more")
                    .split(" to ")
                )
                texts.add(f"{one_digit(required.fewest):,.0f}")
            if required.shows is not None:
                texts.add(f"{one_digit(required.shows * 100):g}")
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
    assert len(text.split()) <= {1: 38, 2: 55}.get(len(found), 65)
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


def test_largest_required_sample_size_is_reported() -> None:
    base = make_verdict(
        "a", "b", Measure("test", "accuracy"), paired_difference([0.003, -0.002], [0.0, 0.0]), 0.001
    )
    few, many, images, never = (
        replace(base, required=required)
        for required in (
            RequiredSampleSize(0.001, "seeds", 5, 12, 37),
            RequiredSampleSize(0.001, "seeds", 20, 130, None),
            RequiredSampleSize(0.001, "test images", 10_000, 20_000),
            RequiredSampleSize(0.001, "test images", 360, shows=0.0074),
        )
    )
    assert required_sentence([few]) == (
        "about 10 to 40 seeds are needed to detect a difference of 0.1 percentage points"
    )
    assert required_sentence([many, few]).startswith("about 100 or more seeds are")
    assert required_sentence([many, images, few]).startswith("at least 20,000 test images are")
    assert required_sentence([never, images]) == (
        "360 test images can detect a difference of about 0.8 percentage points at best, "
        "but not 0.1 percentage points"
    )
    assert required_sentence([base]) == ""


def test_few_seeds_or_folds_are_to_be_increased_first() -> None:
    base = make_verdict(
        "a", "b", Measure("validation", "accuracy"), paired_difference([0.003, -0.002], [0.0, 0.0]), 0.001
    )
    few = RequiredSampleSize(0.001, "images", 1437, folds_first=True)
    detect = "to detect a difference of 0.1 percentage points"
    expected_texts = {
        RequiredSampleSize(0.001, "seeds", 3, 9, 68): (
            f"about 9 to 70 seeds are needed {detect} (a rough estimate: run more than 3 first)"
        ),
        RequiredSampleSize(0.001, "seeds", 3, shows=0.021): (
            "3 seeds can detect a difference of about 3 percentage points, but not 0.1 percentage points: run more "
            "seeds first"
        ),
        RequiredSampleSize(
            0.001, "seeds", 2, shows=1.0
        ): "2 seeds cannot detect any difference: run more seeds first",
        RequiredSampleSize(0.001, "test images", 2, shows=1.0): "2 test images cannot detect any difference",
        replace(few, fewest=1437, most=9000): f"use more folds {detect}",
        replace(
            few, fewest=3100, most=9000
        ): f"use more folds first, then about 3,000 to 9,000 images {detect}",
        replace(few, fewest=3100): f"use more folds first, then about 3,000 or more images {detect}",
        replace(few, fewest=3100, most=3100, folds_first=False): (
            f"about 3,000 to 4,000 images are needed {detect}"
        ),
        replace(few, shows=0.0074): (
            "use more folds first: 1,437 images can detect a difference of about 0.8 percentage points at best, "
            "but not 0.1 percentage points"
        ),
        replace(few, shows=0.0074, folds_first=False): (
            "1,437 images can detect a difference of about 0.8 percentage points at best, "
            "but not 0.1 percentage points"
        ),
    }
    for required, end in expected_texts.items():
        text = required_sentence([replace(base, required=required)])
        assert text.endswith(end) and ("more folds" in text) == required.folds_first
        short = required_short(replace(base, required=required))
        assert ("more folds" in short) == required.folds_first and "repeats" not in short + end


def test_percentage_points_have_no_trailing_zeros() -> None:
    assert [percentage_points(each) for each in (0.001, 0.01, 0.0025, 0.0)] == [
        "0.1 percentage points",
        "1 percentage point",
        "0.25 percentage points",
        "0 percentage points",
    ]
