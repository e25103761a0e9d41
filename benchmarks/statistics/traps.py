"""Count the reports that claim something false, of simulated studies that hold every trap at once (``trap_worlds.py``).

python -m benchmarks.statistics.traps   # prints the table of docs/statistics.md, "A study with every trap"
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from benchmarks.statistics.trap_worlds import (
    LOOKS,
    TEST,
    TRAIN,
    VALIDATION,
    World,
    true_accuracy,
)
from convstudy.analysis import Analysis, StageResult, analyse
from convstudy.report import answer, short_answer
from convstudy.stats import Verdict


def is_false(verdict: Verdict, trained: bool = False) -> bool:
    """Return whether a verdict contradicts the truth."""
    first, second = (true_accuracy(name, trained) for name in (verdict.first, verdict.second))
    margin = verdict.margin
    if verdict.lower_is_better:
        # Losses order the candidates as accuracies do, and their margin is zero.
        if verdict.kind == "equivalent":
            return True
        margin = 0.0
    claims = {"better": first - second <= margin, "worse": second - first <= margin}
    return {**claims, "equivalent": abs(first - second) > margin}.get(verdict.kind, False)


@dataclass(frozen=True)
class Claim:
    """A verdict of a report: its family, and whether it is false and whether its interval has the truth.

    Attributes:
        family: the kind of verdict.
        verdict: the verdict.
        false: whether it claims something false.
        covers: whether its interval contains the true difference; ``None`` without an interval that is called one.
    """

    family: str
    verdict: Verdict
    false: bool
    covers: bool | None = None


def claims_of(analysis: Analysis) -> Iterator[Claim]:
    """Yield every verdict of a report."""
    for result in analysis.main_results:
        for verdict in result.verdicts:
            yield _claim(_family(result, verdict, "accuracy"), verdict)
        for verdict in result.losses:
            yield Claim(_family(result, verdict, "loss"), verdict, is_false(verdict))
        for pair in result.collapse.pairs if result.collapse else ():
            if pair.trained is not None:
                yield _claim("seeds that trained", pair.trained, trained=True)


def _family(result: StageResult, verdict: Verdict, measure: str) -> str:
    if result.question == "search":
        return f"folds, {measure}"
    return (
        f"seeds, {measure}, {'with' if 'fragile' in (verdict.first, verdict.second) else 'without'} fragile"
    )


def _claim(family: str, verdict: Verdict, trained: bool = False) -> Claim:
    low, high = verdict.difference.low, verdict.difference.high
    first, second = (true_accuracy(name, trained) for name in (verdict.first, verdict.second))
    is_interval = low is not None and high is not None and not verdict.n_collapsed
    covers = low <= first - second <= high if is_interval else None  # type: ignore[operator]
    return Claim(family, verdict, is_false(verdict, trained), covers)


NAMES = r"((?:base|twin|weak|fragile)(?:(?:, | and )(?:base|twin|weak|fragile))*)"


def false_words(analysis: Analysis) -> list[str]:
    """Return the phrases of the answers that claim something false about the comparison's selected network."""
    (result,) = (each for each in analysis.main_results if each.question == "compare")
    found = []
    for line in (*answer(analysis), *short_answer(analysis)):
        if not line.startswith("Comparison"):
            continue
        for part in re.split(r"(?=Among seeds that trained)", line):
            among = part.startswith("Among")
            found += list(_false_phrases(part, result, among))
    return found


def _false_phrases(text: str, result: StageResult, trained: bool) -> Iterator[str]:
    assert result.best is not None
    best = true_accuracy(result.best.name, trained)
    margin = result.verdicts[0].margin
    for phrase in re.finditer(
        rf"(?<!may be )(better|worse) than {NAMES}|(equivalent)[^;.]*? to {NAMES}", text
    ):
        word, names = phrase[1] or phrase[3], re.findall(r"base|twin|weak|fragile", phrase[0])
        for name in names:
            gap = best - true_accuracy(name, trained)
            is_true = {"better": gap > margin, "worse": gap < -margin, "equivalent": abs(gap) <= margin}[word]
            if not is_true:
                yield phrase[0]


def suspected(analysis: Analysis) -> tuple[tuple[int, int, int], ...]:
    """Return for training and test images how many are suspected, how many of these rightly, how many are wrong."""
    return tuple(
        (
            len(each.found),
            len({found.row for found in each.found} & set(part.flipped.tolist())),
            len(part.flipped),
        )
        for each, part in zip(analysis.label_errors, (TRAIN, TEST), strict=True)
    )


Counts = Counter[tuple[str, ...]]


def counts_of(number: int, validation: float = VALIDATION) -> Counts:
    """Return what the reports of one study claim, by kind of verdict and number of seeds."""
    counts: Counts = Counter()
    is_any, world = False, World(number, validation)
    for n_seeds, results in zip(LOOKS, world.looks(), strict=True):
        analysis, seeds = analyse(results), str(n_seeds)
        claims = list(claims_of(analysis))
        false = [each for each in claims if each.false]
        words = bool(false_words(analysis))
        counts["answers", seeds, "false"] += words
        counts["reports", seeds, "false"] += bool(false)
        is_any |= bool(false) or words
        for each in claims:
            key = each.family, seeds
            counts[*key, "verdicts"] += 1
            counts[*key, "clear"] += each.verdict.clear
            counts[*key, "false"] += each.false
            counts[*key, "intervals"] += each.covers is not None
            counts[*key, "covers"] += bool(each.covers)
        for family in {each.family for each in false}:
            counts[family, seeds, "families"] += 1
        for covers in scores_covered(analysis):
            counts["score of a network", seeds, "intervals"] += 1
            counts["score of a network", seeds, "covers"] += covers
        (stage,) = (each for each in analysis.main_results if each.question == "compare")
        expected = sorted(seed for seed in world.collapsed if seed < n_seeds)
        found = [each.part for row in stage.collapse.affected for each in row.seeds] if stage.collapse else []
        counts["collapse", seeds, "present"] += bool(expected)
        counts["collapse", seeds, "found"] += bool(expected) and f"seed {expected[0]}" in found
        counts["collapse", seeds, "others"] += len(set(found) - {f"seed {seed}" for seed in expected})
        for part, (n_found, n_right, n_wrong) in zip(("training", "test"), suspected(analysis), strict=True):
            counts["labels", seeds, part, "suspected"] += n_found
            counts["labels", seeds, part, "rightly"] += n_right
            counts["labels", seeds, part, "wrong"] += n_wrong
    counts["studies", "any", "false"] += is_any
    return counts


def scores_covered(analysis: Analysis) -> Iterator[bool]:
    """Yield for each network without collapsed seeds whether the interval of its accuracy contains the truth."""
    for result in analysis.main_results:
        for row in result.rows if result.question == "compare" else ():
            found = result.interval(row.name)
            if found is not None and found.reliable and row.name != "fragile":
                yield found.low <= true_accuracy(row.name) <= found.high


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument(
        "--validation", type=float, default=VALIDATION, help="the fraction that each seed holds out"
    )
    arguments = parser.parse_args()
    n_studies, counts = arguments.studies, Counts()
    with ProcessPoolExecutor(arguments.workers) as pool:
        for found in pool.map(
            partial(counts_of, validation=arguments.validation), range(n_studies), chunksize=5
        ):
            counts.update(found)
    print(f"{n_studies:,} studies of {len(TRAIN.labels):,} training and {len(TEST.labels):,} test images\n")
    print(
        "| verdicts | seeds | verdicts per report | clear, % | false, % | reports with a false one, % | covers, % |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for family, seeds in sorted({key[:2] for key in counts if key[2] in ("verdicts", "intervals")}):
        n = {
            what: counts[family, seeds, what]
            for what in ("verdicts", "clear", "false", "families", "intervals", "covers")
        }
        of_verdicts = " | | |"
        if n["verdicts"]:
            of_verdicts = (
                f"{n['verdicts'] / n_studies:.1f} | {100 * n['clear'] / n['verdicts']:.1f} | "
                f"{100 * n['false'] / n['verdicts']:.2f} | {100 * n['families'] / n_studies:.2f}"
            )
        covers = f"{100 * n['covers'] / n['intervals']:.1f}" if n["intervals"] else ""
        print(f"| {family} | {seeds} | {of_verdicts} | {covers} |")
    for seeds in map(str, LOOKS):
        collapse = {what: counts["collapse", seeds, what] for what in ("present", "found", "others")}
        reports, answers = (100 * counts[what, seeds, "false"] / n_studies for what in ("reports", "answers"))
        print(
            f"\n{seeds} seeds: {reports:.2f} % of reports have a false verdict, {answers:.2f} % of answers a false "
            f"phrase; the collapsed seed was found in {collapse['found']:,} of {collapse['present']:,} studies, "
            f"and {collapse['others']:,} others"
        )
        for part in ("training", "test"):
            n = {what: counts["labels", seeds, part, what] for what in ("suspected", "rightly", "wrong")}
            print(
                f"{part} labels: {n['suspected']:,} suspected, {n['rightly']:,} of them of {n['wrong']:,} wrong ones"
            )
    print(
        f"\n{100 * counts['studies', 'any', 'false'] / n_studies:.2f} % of studies have a false claim at either look"
    )


if __name__ == "__main__":
    main()
