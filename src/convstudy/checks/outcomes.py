"""Checks after training: problems in scores, selections and test-set evaluations.

docs/checks.md states the same constants.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Literal

from convstudy.analysis import TEST, VALIDATION, Analysis
from convstudy.checks.candidates import TrainedCandidate, failed_parts, tested_candidates
from convstudy.checks.check import N_STANDARD_ERRORS, Spot, accuracy_margin
from convstudy.checks.text import listed, points
from convstudy.metrics import ACCURACY
from convstudy.numbers import counted, difference_text, percent
from convstudy.stats import Kind, Verdict
from convstudy.studyfile import Range
from convstudy.studyfile.part import SearchValue

MIN_VALUES = 3
EDGE_FRACTION = 0.05
MIN_GAP = 0.05
MIN_SEEDS = 5
OUTLIER_DISTANCE = 5.0
MAD_OF_NORMAL = 0.6745
MANY_HYPOTHESES = 10

# Small-sample corrections of the median absolute deviation (Croux and Rousseeuw 1992).
_SMALL_SAMPLE = {5: 1.206, 6: 1.200, 7: 1.140, 8: 1.129, 9: 1.107}
_LABELS: Mapping[Kind, str] = {
    "worse": "the other candidate is better",
    "equivalent": "equivalent within the margin",
    "inconclusive": "inconclusive",
    "too few to say": "too few seeds for a verdict",
}


def failed_fits(analysis: Analysis) -> Iterator[Spot]:
    """Find fits that failed for a reason other than divergence."""
    for where, fits in failed_parts(analysis, lambda record: not record.final).items():
        yield Spot(
            where,
            f"{counted(len(fits), 'fit')} failed and may succeed in another run ({listed(fits)}): until then, this "
            "stage selects nothing and no test image is read",
            "read the errors with `convstudy status`, then run the study again; with `--accept-failures REASON` these "
            "fits count as permanently failed, and the report prints the reason",
        )
    for where, fits in failed_parts(analysis, lambda r: r.final and r.error_kind != "diverged").items():
        yield Spot(
            where,
            f"{counted(len(fits), 'fit')} failed permanently ({listed(fits)}): the mean scores exclude them, and a "
            "candidate with a failed fit is not selected",
            "read the errors with `convstudy status`; compare networks that this machine can train, or train on "
            "another machine into another runs folder",
        )


def winners_at_edge(analysis: Analysis) -> Iterator[Spot]:
    """Find searches whose best candidate is at the edge of the search space."""
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
                    f"the best candidate has {key} = {values[key]}, at the {edge} end of the search space: a {beyond} "
                    "value may be better",
                    f"try {beyond} values of {key} too",
                )


def edge_of(tried: tuple[SearchValue, ...] | Range, value: SearchValue) -> Literal["lowest", "highest", ""]:
    """Return the end of the search space at which a value is; "" for an inner value or an end that cannot be extended.

    The ends of a list of three or more numbers are its lowest and highest; the ends of a range are the outermost 5 % of
    its linear or log scale. An end cannot be extended below 0, or below 1 for integers.

    >>> edge_of((3, 5, 7), 7), edge_of((3, 5, 7), 5), edge_of((1, 3, 5), 1)
    ('highest', '', '')
    """
    if isinstance(value, (bool, str)):
        return ""
    if isinstance(tried, Range):
        if tried.is_integer and len(tried.integers) < MIN_VALUES:
            return ""
        low, high = tried.ends
        scale = math.log if tried.log else float
        place = (scale(value) - scale(low)) / (scale(high) - scale(low))
        edge: Literal["lowest", "highest", ""] = (
            "lowest" if place <= EDGE_FRACTION else "highest" if place >= 1 - EDGE_FRACTION else ""
        )
    else:
        numbers = {each for each in tried if isinstance(each, (int, float)) and not isinstance(each, bool)}
        if len(numbers) < MIN_VALUES or len(numbers) < len(set(tried)):
            return ""
        edge = "lowest" if value == min(numbers) else "highest" if value == max(numbers) else ""
    at_end_of_all = value == 0 or (isinstance(value, int) and value == 1)
    return "" if edge == "lowest" and at_end_of_all else edge


def differences_within_noise(analysis: Analysis) -> Iterator[Spot]:
    """Find searches and comparisons whose best candidate is not clearly better than the runner-up."""
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
        # rank() sorts better values first, so a rank of 0 or less means that the verdict's first candidate is ahead.
        first_is_ahead = stage_result.metric.rank(verdict.difference.mean) <= 0
        ahead = best.name if first_is_ahead == (verdict.first == best.name) else other.name
        if verdict.required is not None and any(each.fewest for each in verdict.required.requirements):
            more += " (the verdict estimates the number)"
        yield Spot(
            stage_result.stage,
            f"{best.name} was selected over {other.name}; on the {images} {ahead} is ahead by "
            f"{difference_text(abs(verdict.difference.mean), stage_result.metric.unit)}: {_verdict_label(verdict)}",
            "do not call either one better: take the cheaper candidate"
            + ("" if verdict.kind == "equivalent" else f", or use more {more}"),
        )


def _verdict_label(verdict: Verdict) -> str:
    if verdict.descriptive:
        return "descriptive only"
    return "no interval, because predictions are missing" if verdict.no_interval else _LABELS[verdict.kind]


def overfitted(analysis: Analysis) -> Iterator[Spot]:
    """Find networks that are much better on training images than on validation images."""
    for each in tested_candidates(analysis):
        train, validation = each.row.train["accuracy"].mean, each.row.validation["accuracy"].mean
        if train is None or validation is None:
            continue
        gap = train - validation
        if gap >= MIN_GAP and gap > N_STANDARD_ERRORS * _standard_error(validation, _n_validation(each)):
            yield Spot(
                each.where,
                f"training accuracy is {percent(train)} and validation accuracy {percent(validation)} "
                f"({points(gap)}): expect the validation accuracy on new images, not the training accuracy",
                "use more images, augment, dropout, weight_decay, or a smaller network",
            )


def outlying_seeds(analysis: Analysis) -> Iterator[Spot]:
    """Find seeds that collapsed, by the rule of the report, and other seeds whose score is far from the rest."""
    n_test = analysis.results.dataset.n_test
    for each in tested_candidates(analysis):
        scores, n_images = each.row.scores(TEST), n_test
        if len(scores) < len(each.row.scores(VALIDATION)):
            scores, n_images = each.row.scores(VALIDATION), _n_validation(each)
        collapsed = _collapsed(each)
        if collapsed and len(collapsed) < len(scores):
            yield _some_collapsed(each, collapsed)
        scores = {part: score for part, score in scores.items() if part not in collapsed}
        outliers = outlying(scores, n_images)
        if outliers:
            middle = median(scores.values())
            names = listed([f"{part} with {percent(scores[part])}" for part in outliers])
            verb, them = ("is", "it") if len(outliers) == 1 else ("are", "them")
            yield Spot(
                each.where,
                f"{names} {verb} far from the median of {len(scores)} seeds, {percent(middle)}: the mean depends on "
                f"{them}",
                "look at the learning curve; report the median and every seed next to the mean, and drop no seed",
            )


def _collapsed(each: TrainedCandidate) -> tuple[str, ...]:
    """Return the seeds of a candidate that completed training and collapsed, in order."""
    found = each.stage_result.collapse
    candidates = found.candidates if found is not None else ()
    parts = [c.collapsed_parts for c in candidates if c.candidate == each.candidate.name]
    return tuple(fit.part for fit in each.row.fits if any(fit.part in own for own in parts))


def _some_collapsed(each: TrainedCandidate, collapsed: tuple[str, ...]) -> Spot:
    scores = each.row.scores(VALIDATION)
    others = median(score for part, score in scores.items() if part not in collapsed)
    names = listed([f"{part} with {percent(scores[part])}" for part in collapsed])
    them = "it" if len(collapsed) == 1 else "them"
    return Spot(
        each.where,
        f"{names} collapsed: the median validation accuracy of the other seeds is {percent(others)}, and the mean "
        f"depends on {them}",
        "look at the learning curve; report the rate of collapse and the verdicts among seeds that trained (section "
        "“Collapsed seeds”) next to the mean, and drop no seed",
    )


def outlying(scores: Mapping[str, float], n_images: int) -> list[str]:
    """Return the seeds whose accuracy is an outlier; empty for fewer than five seeds.

    An outlier is 5 or more robust standard deviations away from the median. The robust standard deviation comes from
    the median absolute deviation (Iglewicz and Hoaglin 1993) with Croux and Rousseeuw's small-sample factors. It is at
    least the standard error of one accuracy on ``n_images``.

    Args:
        scores: seed -> accuracy, a fraction.
        n_images: the number of images on which each accuracy is measured.
    """
    if len(scores) < MIN_SEEDS or n_images < 1:
        return []
    middle = median(scores.values())
    deviation = median(abs(score - middle) for score in scores.values())
    n = len(scores)
    spread = deviation / MAD_OF_NORMAL * _SMALL_SAMPLE.get(n, n / (n - 0.8))
    scale = max(spread, _standard_error(middle, n_images))
    return [
        part
        for part, score in scores.items()
        if scale > 0 and abs(score - middle) >= OUTLIER_DISTANCE * scale
    ]


def scores_below_validation(analysis: Analysis) -> Iterator[Spot]:
    """Find networks whose test accuracy is clearly below their validation accuracy."""
    margin = accuracy_margin(analysis.results.study)
    for each in tested_candidates(analysis):
        interval = each.stage_result.interval(each.candidate.name, ACCURACY)
        validation, test = each.row.validation["accuracy"].mean, each.row.test["accuracy"].mean
        if interval is None or not interval.reliable or validation is None or test is None:
            continue
        error = _standard_error(validation, _n_validation(each))
        if validation - N_STANDARD_ERRORS * error > interval.high and validation - test > margin:
            yield Spot(
                each.where,
                f"validation accuracy is {percent(validation)} and test accuracy {percent(test)} (95 % CI up to "
                f"{percent(interval.high)}): the validation score is too optimistic",
                "report the test score; check whether test images differ in kind, or the validation images were used "
                "for too many choices",
            )


def reused_test_sets(analysis: Analysis) -> Iterator[Spot]:
    """Find test sets on which other runs evaluated ten or more candidates; all seeds of a candidate count as one."""
    results, protocol = analysis.results, analysis.protocol
    if protocol.test_evaluations and protocol.n_hypotheses_elsewhere >= MANY_HYPOTHESES:
        yield Spot(
            "study.dataset",
            f"the test set of {results.dataset.name} was used to score {protocol.n_hypotheses:,} candidates in this "
            f"runs folder, {protocol.n_hypotheses_elsewhere:,} of them in other runs: among that many, some scores are "
            "good by chance",
            "compare on validation images, and keep unseen images for the final evaluation",
        )


def _n_validation(each: TrainedCandidate) -> int:
    """Return the smallest number of validation images of a fit; numbers are not added because seeds share images."""
    return min(fit.record.n_validation for fit in each.fits)


def _standard_error(accuracy: float, n_images: int) -> float:
    """Return the standard error of an accuracy, √(p (1 − p) / n), at least 1 / n because 100 % is uncertain too."""
    return max(math.sqrt(accuracy * (1 - accuracy) / n_images), 1 / n_images) if n_images else math.inf
