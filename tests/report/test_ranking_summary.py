"""Whatever the figures are, the words agree with the verdicts and say no number that is not theirs."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convstudy.numbers import between, one_digit
from convstudy.report.ranking_summary import changes, ranking_summary
from convstudy.report.verdict_text import in_points, required_short, takes, verdict_label
from convstudy.stats import Measure, RequiredSampleSize, Verdict, paired_difference
from convstudy.stats.verdicts import corrected, judge

N_SEEDS = 5
# Accuracies, so that differences are of one image in 10,000 or many; often alike.
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
    """Return the verdicts on candidate a of one question, corrected as they would be."""
    found = []
    for number in range(draw(st.integers(1, most))):
        pairs = draw(PAIRS)
        difference = paired_difference([a for a, _ in pairs], [b for _, b in pairs])
        found.append(judge("a", f"other-{number}", Measure("test", "accuracy"), difference, 0.001))
    return [
        replace(each, required=draw(NEEDED)) if each.kind == "inconclusive" else each
        for each in corrected(found, draw(st.integers(len(found), 40)))
    ]


def numbers(text: str) -> set[str]:
    """Return the figures of a text, without those of names."""
    return set(re.findall(r"(?<![\w-])−?\d[\d,]*(?:\.\d+)?", text))


def expected(found: list[Verdict]) -> set[str]:
    """Return every figure of the verdicts as it may be written: with two digits, and by how much the other way."""
    texts = {"95", "0.1", str(N_SEEDS), *(str(n) for n in range(len(found) + 1))}
    for verdict in found:
        difference = verdict.difference
        texts |= {str(difference.n), str(verdict.n_comparisons)}
        for figure in (difference.mean, difference.low, difference.high):
            if figure is not None:
                texts |= {f"{figure * sign * 100:.2f}".replace("-", "−") for sign in (1, -1)}
        if verdict.required:
            required = verdict.required
            texts.add(f"{required.at_hand:,}")
            if required.fewest is not None:
                texts |= set(
                    between(required.fewest, required.most, required.at_hand)
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
def test_words_agree_with_the_verdicts(found: list[Verdict]) -> None:
    kinds = {verdict.kind for verdict in found}
    text = ranking_summary(found, "seed", N_SEEDS)
    assert ("better" in text) == ("better" in kinds)
    assert ("worse" in text) == ("worse" in kinds)
    assert ("ties" in text) == ("equivalent" in kinds)
    text = changes(found, N_SEEDS)
    assert bool(re.search(r"(?<!may )\bhelps?\b", text)) == ("better" in kinds)
    assert bool(re.search(r"(?<!may )\bhurts?\b", text)) == ("worse" in kinds)
    assert ("no difference" in text) == ("equivalent" in kinds)


@settings(deadline=None)
@given(verdicts())
def test_every_number_is_a_rounding_of_a_figure(found: list[Verdict]) -> None:
    for text in (ranking_summary(found, "seed", N_SEEDS), changes(found, N_SEEDS)):
        assert numbers(text) - expected(found) == set()


@settings(deadline=None)
@given(verdicts())
def test_a_sentence_is_short_and_names_everybody_or_how_many(found: list[Verdict]) -> None:
    """The label and the chosen one's accuracy come before it: another dozen words."""
    text = ranking_summary(found, "seed", N_SEEDS)
    assert len(text.split()) <= {1: 36, 2: 53}.get(len(found), 63)
    named = len(re.findall(r"other-\d", text)) + sum(int(n) for n in re.findall(r"(\d) others?\b", text))
    assert named == len(found)


@settings(deadline=None)
@given(verdicts(most=1), st.floats(0.0005, 0.2))
def test_nothing_is_better_or_worse_whose_interval_touches_the_region(
    found: list[Verdict], margin: float
) -> None:
    (verdict,) = found
    difference = verdict.difference
    if difference.low is None or difference.high is None:
        return
    for border in (margin, abs(difference.low), abs(difference.high)):
        again = judge("a", "b", Measure("test", "accuracy"), difference, border)
        text = ranking_summary([again], "seed", N_SEEDS)
        if difference.low <= border + 1e-13 and difference.high >= -border - 1e-13:
            assert not re.search("better|worse", text)
        if -border - 1e-13 <= difference.low and difference.high <= border + 1e-13:
            assert "ties" in text


@pytest.mark.parametrize(
    ("pairs", "n_comparisons", "said"),
    [
        ([0.003, 0.0031, 0.0029], 1, "better"),
        ([-0.003, -0.0031, -0.0029], 1, "worse"),
        ([0.0001, 0.0, -0.0001], 1, "equivalent"),
        ([0.0011, 0.001, 0.0009], 1, "ahead"),
        ([-0.0011, -0.001, -0.0009], 1, "behind"),
        ([0.003, 0.0031, 0.0029], 1000, "ahead"),  # clear by itself only
        ([0.003, -0.002, 0.001], 1, "inconclusive"),
        ([0.003, 0.003, 0.003], 1, "no spread"),
        ([0.003], 1, "one seed"),
        ([], 1, "no pair"),
    ],
)
def test_each_kind_of_difference_has_its_words(pairs: list[float], n_comparisons: int, said: str) -> None:
    alone = judge("a", "b", Measure("test", "accuracy"), paired_difference(pairs, [0.0] * len(pairs)), 0.001)
    (verdict,) = corrected([alone], n_comparisons)
    assert verdict_label(verdict) == said
    text = ranking_summary([verdict], "seed", 3)
    assert text.count("b") >= 1 and text.count("(") == text.count(")")
    if n_comparisons > 1:
        assert text.endswith("; as one of 1,000 comparisons that may be chance")


def test_a_model_compared_with_itself_has_no_figures_and_asks_for_nothing() -> None:
    alone = judge("a", "b", Measure("test", "accuracy"), paired_difference([0.9, 0.9], [0.9, 0.9]), 0.001)
    itself = replace(alone, same_models=True)
    other = judge("c", "b", Measure("test", "accuracy"), paired_difference([0.9, 0.8], [0.9, 0.9]), 0.001)
    assert changes([itself], 2) == "a changed nothing (same weights and scores)"
    assert ranking_summary([itself], "seed", 2) == "has the same weights and scores as b"
    assert changes([itself, other], 2).startswith("a changed nothing (same weights and scores) and c (")


def test_what_takes_most_is_told() -> None:
    base = judge("a", "b", Measure("test", "accuracy"), paired_difference([0.003, -0.002], [0.0, 0.0]), 0.001)
    few, many, images, never = (
        replace(base, required=required)
        for required in (
            RequiredSampleSize(0.001, "seeds", 5, 12, 37),
            RequiredSampleSize(0.001, "seeds", 20, 130, None),
            RequiredSampleSize(0.001, "test images", 10_000, 20_000),
            RequiredSampleSize(0.001, "test images", 360, shows=0.0074),
        )
    )
    assert takes([few]) == "to tell a difference of 0.1 points you would need about 10 to 40 seeds"
    assert takes([many, few]).endswith("about 100 or more seeds")
    assert takes([many, images, few]).endswith("at least 20,000 test images")
    assert takes([never, images]) == (
        "360 test images can show a difference of about 0.8 points at best, not of 0.1 points"
    )
    assert takes([base]) == ""


def test_what_few_seeds_and_folds_ask_for_comes_with_what_to_do_first() -> None:
    base = judge(
        "a", "b", Measure("validation", "accuracy"), paired_difference([0.003, -0.002], [0.0, 0.0]), 0.001
    )
    few = RequiredSampleSize(0.001, "images", 1437, folds_first=True)
    said = {
        RequiredSampleSize(0.001, "seeds", 3, 9, 68): "about 9 to 70 seeds, roughly: run more than 3 first",
        RequiredSampleSize(0.001, "seeds", 3, shows=0.021): (
            "3 seeds can show a difference of about 3 points, not of 0.1 points: run more seeds first"
        ),
        RequiredSampleSize(
            0.001, "seeds", 2, shows=1.0
        ): "2 seeds cannot show any difference: run more seeds first",
        RequiredSampleSize(0.001, "test images", 2, shows=1.0): "2 test images cannot show any difference",
        replace(few, fewest=1437, most=9000): "to tell a difference of 0.1 points use more folds",
        replace(few, fewest=3100, most=9000): "use more folds first, then about 3,000 to 9,000 images",
        replace(few, fewest=3100): "use more folds first, then about 3,000 or more images",
        replace(few, fewest=3100, most=3100, folds_first=False): (
            "to tell a difference of 0.1 points you would need about 3,000 to 4,000 images"
        ),
        replace(few, shows=0.0074): (
            "use more folds first: 1,437 images can show a difference of about 0.8 points at best, not of 0.1 points"
        ),
        replace(few, shows=0.0074, folds_first=False): (
            "1,437 images can show a difference of about 0.8 points at best, not of 0.1 points"
        ),
    }
    for required, words in said.items():
        text = takes([replace(base, required=required)])
        assert text.endswith(words) and ("more folds" in text) == required.folds_first
        short = required_short(replace(base, required=required))
        assert ("more folds" in short) == required.folds_first and "repeats" not in short + words


def test_a_region_is_written_as_it_was_told() -> None:
    assert [in_points(each) for each in (0.001, 0.01, 0.0025, 0.0)] == [
        "0.1 points",
        "1 point",
        "0.25 points",
        "0 points",
    ]
