"""After training: what scores, choices and openings show. Each rule's constants stand here and in docs/checks.md."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Literal

from convstudy.analysis import TEST, VALIDATION, Analysis
from convstudy.checks.candidates import TrainedCandidate, failed_parts, tested_candidates
from convstudy.checks.check import SURE, Spot, accuracy_margin
from convstudy.checks.text import listed, points
from convstudy.metrics import ACCURACY
from convstudy.numbers import counted, difference_text, percent
from convstudy.stats import Kind, Verdict
from convstudy.studyfile import Range
from convstudy.studyfile.part import Tried

LEAST_VALUES = 3
EDGE = 0.05
LEAST_GAP = 0.05
LEAST_SEEDS = 5
OUTLYING = 5.0
MAD_OF_NORMAL = 0.6745
OFTEN = 10

# Factors that keep the median absolute deviation of few values from falling short (Croux and Rousseeuw 1992).
_SMALL_SAMPLE = {5: 1.206, 6: 1.200, 7: 1.140, 8: 1.129, 9: 1.107}
_KINDS: Mapping[Kind, str] = {
    "worse": "the other is better",
    "equivalent": "a tie",
    "inconclusive": "too uncertain to call",
    "too few to say": "too few seeds to say",
}


def failed_fits(analysis: Analysis) -> Iterator[Spot]:
    """Fits that could not be finished, for another reason than that they diverged."""
    for where, fits in failed_parts(analysis, lambda record: not record.final).items():
        yield Spot(
            where,
            f"{counted(len(fits), 'fit')} failed and may yet succeed ({listed(fits)}): before that no choice rests on "
            "this stage and no test image is read",
            "read the errors with `convstudy status`, then run the study again; `--accept-failures REASON` makes such "
            "fits count as failed, and the report prints the reason",
        )
    for where, fits in failed_parts(analysis, lambda r: r.final and r.error_kind != "diverged").items():
        yield Spot(
            where,
            f"{counted(len(fits), 'fit')} could not be finished ({listed(fits)}): means are over the others, and a "
            "candidate with a failed fit is not chosen",
            "read the errors with `convstudy status`; compare with networks that this machine can train, or train on "
            "another one into another runs folder",
        )


def winners_at_edge(analysis: Analysis) -> Iterator[Spot]:
    """Searches whose winner lies at the border of what was tried, so that the best may lie beyond."""
    results = analysis.results
    for name, search in results.study.search.items():
        choice = results.choice(f"search.{name}")
        if choice is None or not choice.chosen:
            continue
        values = results.plan.stage(choice.stage).candidate(choice.chosen).values
        for key, tried in search.parameters.items():
            edge = edge_of(tried, values[key])
            if edge:
                beyond = "higher" if edge == "highest" else "lower"
                yield Spot(
                    f"search.{name}.parameters.{key}",
                    f"the winner has {key} = {values[key]}, at the {edge} that was tried: a {beyond} one may do better",
                    f"try {beyond} values of {key} too",
                )


def edge_of(tried: tuple[Tried, ...] | Range, value: Tried) -> Literal["lowest", "highest", ""]:
    """Return at which end of what was tried a value lies; nothing where it lies inside, or there is nothing beyond.

    In a list of three or more numbers the ends are the lowest and the highest; in a range they are the outermost
    5 % of its scale, to each side. Below 0, or 1 where numbers are whole, is nothing to try.
    """
    if isinstance(value, (bool, str)):
        return ""
    if isinstance(tried, Range):
        if tried.is_integer and len(tried.integers) < LEAST_VALUES:
            return ""
        low, high = tried.ends
        scale = math.log if tried.log else float
        place = (scale(value) - scale(low)) / (scale(high) - scale(low))
        edge: Literal["lowest", "highest", ""] = (
            "lowest" if place <= EDGE else "highest" if place >= 1 - EDGE else ""
        )
    else:
        numbers = {each for each in tried if isinstance(each, (int, float)) and not isinstance(each, bool)}
        if len(numbers) < LEAST_VALUES or len(numbers) < len(set(tried)):
            return ""
        edge = "lowest" if value == min(numbers) else "highest" if value == max(numbers) else ""
    at_end_of_all = value == 0 or (isinstance(value, int) and value == 1)
    return "" if edge == "lowest" and at_end_of_all else edge


def differences_within_noise(analysis: Analysis) -> Iterator[Spot]:
    """Searches and comparisons whose choice is not clearly better than the next best."""
    for stage_result in analysis.stage_results:
        best, other = stage_result.best, stage_result.runner_up
        verdict = stage_result.verdict_on(other.name) if best and other else None
        if best is None or other is None or verdict is None or verdict.difference.mean is None:
            continue
        if verdict.kind == "better":
            continue
        images, more = (
            ("folds", "folds or images")
            if stage_result.question == "search"
            else ("test images", "seeds or images")
        )
        leads = stage_result.metric.rank(verdict.difference.mean) <= 0
        ahead = best.name if leads == (verdict.first == best.name) else other.name
        if verdict.required is not None and (verdict.required.fewest or 0) > verdict.required.at_hand:
            more += " (the verdict says about how many)"
        yield Spot(
            stage_result.stage,
            f"{best.name} was chosen before {other.name}; on the {images} {ahead} is ahead by "
            f"{difference_text(abs(verdict.difference.mean), stage_result.metric.unit)}: {_said(verdict)}",
            "do not call it the better one: take the one that costs less"
            + ("" if verdict.kind == "equivalent" else f", or more {more}"),
        )


def _said(verdict: Verdict) -> str:
    return "no interval for this metric" if verdict.no_interval else _KINDS[verdict.kind]


def overfitted(analysis: Analysis) -> Iterator[Spot]:
    """Networks that are far better on the images they were trained on than on validation images."""
    for each in tested_candidates(analysis):
        train, validation = each.row.train["accuracy"].mean, each.row.validation["accuracy"].mean
        if train is None or validation is None:
            continue
        gap = train - validation
        if gap >= LEAST_GAP and gap > SURE * _error(validation, _n_validation(each)):
            yield Spot(
                each.where,
                f"{percent(train)} of the training images are right and {percent(validation)} of the validation "
                f"images: a gap of {points(gap)} that will not carry over to new images",
                "more images, augment, dropout or weight_decay, or a smaller network",
            )


def outlying_seeds(analysis: Analysis) -> Iterator[Spot]:
    """Seeds that lie far from the others of their candidate."""
    n_test = analysis.results.dataset.n_test
    for each in tested_candidates(analysis):
        scores, n_images = each.row.scores(TEST), n_test
        if len(scores) < len(each.row.scores(VALIDATION)):
            scores, n_images = each.row.scores(VALIDATION), _n_validation(each)
        outliers = outlying(scores, n_images)
        if outliers:
            middle = median(scores.values())
            told = listed([f"{part} with {percent(scores[part])}" for part in outliers])
            yield Spot(
                each.where,
                f"{told} lies far from the median of {len(scores)} seeds, {percent(middle)}: the mean hangs on it",
                "look at its curve; report the median and every seed beside the mean, and leave no seed out",
            )


def outlying(scores: Mapping[str, float], n_images: int) -> list[str]:
    """Return which of these accuracies, part -> fraction of ``n_images``, are outliers; none among fewer than five.

    The distance to the median is divided by the median absolute deviation as an estimate of the standard deviation
    (Iglewicz and Hoaglin 1993), with Croux and Rousseeuw's factors for few values, and no smaller than the standard
    error that ``n_images`` leave to one accuracy; an outlier is 5 or more of these away.
    """
    if len(scores) < LEAST_SEEDS or n_images < 1:
        return []
    middle = median(scores.values())
    deviation = median(abs(score - middle) for score in scores.values())
    n = len(scores)
    spread = deviation / MAD_OF_NORMAL * _SMALL_SAMPLE.get(n, n / (n - 0.8))
    scale = max(spread, _error(middle, n_images))
    return [part for part, score in scores.items() if scale > 0 and abs(score - middle) >= OUTLYING * scale]


def scores_below_validation(analysis: Analysis) -> Iterator[Spot]:
    """Networks whose test accuracy is clearly below their validation accuracy."""
    margin = accuracy_margin(analysis.results.study)
    for each in tested_candidates(analysis):
        interval = each.stage_result.interval(each.candidate.name, ACCURACY)
        validation, test = each.row.validation["accuracy"].mean, each.row.test["accuracy"].mean
        if interval is None or validation is None or test is None:
            continue
        error = _error(validation, _n_validation(each))
        if validation - SURE * error > interval.high and validation - test > margin:
            yield Spot(
                each.where,
                f"{percent(validation)} on validation and {percent(test)} on test images, whose interval ends at "
                f"{percent(interval.high)}: validation promises too much",
                "report the test figure; look whether test images differ in kind, or validation images were chosen by "
                "too often",
            )


def reused_test_sets(analysis: Analysis) -> Iterator[Spot]:
    """Test sets that have answered ten questions or more of other runs."""
    results, told = analysis.results, analysis.protocol
    if told.test_evaluations and told.n_questions_elsewhere >= OFTEN:
        yield Spot(
            "study.dataset",
            f"the test set of {results.dataset.name} has answered {told.n_questions:,} questions in this "
            f"runs folder, {told.n_questions_elsewhere:,} of them asked by other runs: who looks so often finds good "
            "figures by chance",
            "settle questions on validation images, and keep fresh images for the last word",
        )


def _n_validation(each: TrainedCandidate) -> int:
    """Return on how many validation images a fit was measured, the fewest of all fits: seeds share images."""
    return min(fit.record.n_validation for fit in each.fits)


def _error(accuracy: float, n_images: int) -> float:
    """Return the standard error of an accuracy on this many images, √(p (1 − p) / n), one image at least.

    An accuracy of 100 % is not certain either.
    """
    return max(math.sqrt(accuracy * (1 - accuracy) / n_images), 1 / n_images) if n_images else math.inf
