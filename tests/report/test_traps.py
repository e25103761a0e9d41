"""Studies that hold every trap, drawn with a known truth: their reports claim nothing false and name each trap."""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import cache

import pytest

from benchmarks.statistics import trap_worlds, traps
from convstudy.analysis import Analysis, analyse
from convstudy.checks import check_run
from convstudy.report import answer, short_answer
from convstudy.report.conclusions import conclusions
from convstudy.report.markdown import markdown
from convstudy.report.report import gather
from tests.report.synthetic import table_of

FEW, MANY = 3, 200
FALSE = 0.05
"""The rate of false claims that verdicts promise not to exceed."""


@cache
def looks(number: int) -> tuple[Analysis, ...]:
    """Return the analysis at each look of one draw."""
    return tuple(map(analyse, trap_worlds.World(number).looks()))


def limit(n: int) -> float:
    """Return the rate of false claims that n studies may show: four standard errors above ``FALSE``."""
    return FALSE + 4 * math.sqrt(FALSE * (1 - FALSE) / n)


@cache
def counted(n: int) -> traps.Counts:
    found: traps.Counts = Counter()
    for number in range(n):
        found.update(traps.counts_of(number))
    return found


def assert_nothing_false(n: int) -> None:
    found = counted(n)
    for seeds in ("3", "5"):
        assert found["reports", seeds, "false"] <= limit(n) * n
        assert found["answers", seeds, "false"] <= limit(n) * n
        assert found["collapse", seeds, "others"] == 0
        for family in (
            "folds, accuracy",
            "seeds, accuracy, without fragile",
            "seeds that trained",
            "score of a network",
        ):
            n_intervals, n_covers = (found[family, seeds, what] for what in ("intervals", "covers"))
            # Intervals of one draw are dependent: a draw counts once.
            assert n_intervals - n_covers <= limit(n) * n_intervals
    assert found["studies", "any", "false"] <= 2 * limit(n) * n  # two reports
    # The reports say something: the truly worse network is found.
    assert found["seeds, accuracy, without fragile", "5", "clear"] >= n
    assert found["collapse", "5", "found"] >= 0.95 * n


def test_few_draws_claim_nothing_false() -> None:
    assert_nothing_false(FEW)
    found = counted(FEW)
    assert sum(found["reports", seeds, "false"] + found["answers", seeds, "false"] for seeds in "35") == 0


@pytest.mark.slow
def test_many_draws_claim_nothing_false() -> None:
    assert_nothing_false(MANY)


def test_false_claims_are_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    """With another truth, the same reports are false: "weak" is then as good as the others."""
    last = looks(0)[-1]
    assert not any(claim.false for claim in traps.claims_of(last)) and not traps.false_words(last)
    monkeypatch.setitem(trap_worlds.ERROR, "weak", trap_worlds.ERROR["base"])
    assert any(claim.false for claim in traps.claims_of(last)) and traps.false_words(last)


def text_of(analysis: Analysis) -> str:
    return markdown(gather(analysis, check_run(analysis)))


def test_report_names_every_trap() -> None:
    first, last = looks(0)
    text = text_of(last)
    lines = "\n".join((*answer(last), *short_answer(last)))
    notes = "\n".join(note for each in conclusions(last) for note in each.notes)
    # Folds of unequal size, and an interval that their sampling of patients widens.
    folds = table_of(gather(last, None), "images-per-split-1").rows[-1]
    assert sum(folds[2:]) == len(trap_worlds.TRAIN.labels) and len(set(folds[2:])) > 1  # type: ignore[arg-type]
    assert "Numbers of images therefore differ between folds" in text
    assert "better on these folds than learning_rate=0.03" in lines
    assert re.search(r"the difference from learning_rate=0\.0[12] \(.*\) is inconclusive", lines)
    # Groups.
    assert re.search(r"640 test images of 83 groups count like \d+ to \d+ independent images", lines)
    assert "1,229 images of 152 groups count like" in notes
    # The rare class.
    assert "class common has 5.5 times the training images of class rare" in lines
    (rare,) = (row for row in table_of(gather(last, None), "class-accuracy").rows if row[0] == "rare")
    assert rare[1:3] == (48, 11)
    # Wrong labels.
    checks = {each.check for each in check_run(last).reported}
    assert {"likely-label-errors", "margin-below-label-errors"} <= checks
    assert re.search(r"\d+ images of 1,229 \(\d\.\d\d %\) are suspected\.", text)
    assert "Only a person can decide." in text
    # The collapsed seed.
    assert "1 of 5 seeds of fragile collapsed." in lines
    assert "1 of 5 seeds of fragile collapsed (rate 20 %, 95 % CI 1 to 72 %)." in notes
    assert re.search(r"Among seeds that trained: \w+ minus fragile", notes)
    assert re.search(
        r"(minus fragile|fragile minus).* pp \(interval .*, not reliable with collapsed seeds\)", notes
    )
    assert {"collapsed-fit", "seed-outlier"} <= checks
    # The earlier look.
    assert (
        "tested on the test set with 3, then 5 seeds: these intervals have a confidence level of 97.5 %"
        in lines
    )
    assert "so this interval has the confidence level 97.5 %" in notes
    assert not any("tested on the test set with" in line for line in answer(first))
    # The training set.
    assert re.search(r"For this training set, (it is better than weak|the differences? from )", lines)
    assert 'resample = "training" in \\[study\\] measures by how much' in text


def test_limit_of_few_seeds_is_about_candidates_without_a_failure() -> None:
    """One of five seeds of "fragile" failed, so five seeds do say something of failures rarer than 3 in 5."""
    first, last = (text_of(each) for each in looks(0))
    lead = "Comparison networks, candidates without a failed seed: "
    assert f"{lead}3 seeds per candidate say nothing of how often a training fails." in first
    assert f"{lead}5 seeds per candidate say nothing of failures rarer than about 3 in 5." in last
