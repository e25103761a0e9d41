"""What this study leaves open: statements that its fits and images cannot support, however clear its verdicts are.

Each function returns the sentences on one limit. A sentence is about this run; limits of the methods in general are in
docs/statistics.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from convstudy.numbers import counted
from convstudy.report.section import Items, Material, Section, Topic
from convstudy.report.stages import stage_title
from convstudy.report.training_set_text import THIS, training_set_scope

RULE_OF_THREE = 3


def sections(material: Material) -> Iterator[Section]:
    """Yield the section if there is a sentence."""
    found = left_open(material)
    if found:
        yield Section("left-open", "Left open", (Items(found),))


def data(material: Material) -> dict[str, Any]:
    """Return the sentences."""
    return {"left_open": list(left_open(material))}


def left_open(material: Material) -> tuple[str, ...]:
    """Return all sentences, each once."""
    return tuple(dict.fromkeys(text for limit in LIMITS for text in limit(material)))


def rare_failures(material: Material) -> Iterator[str]:
    """State the rate of failed trainings that the seeds of each comparison cannot show."""
    for stage_result in material.analysis.main_results:
        if stage_result.question == "search":
            continue
        collapse = stage_result.collapse
        # A failed seed shows that its candidate fails, however rarely: the limit is about the other candidates.
        failed = {each.candidate for each in collapse.affected} if collapse else set()
        others = ", candidates without a failed seed" if failed else ""
        numbers = [row.summary(stage_result.measure).n for row in stage_result.rows if row.name not in failed]
        known = [n for n in numbers if n]
        if known:
            yield f"{stage_title(stage_result)}{others}: {rare_failures_text(min(known), max(known))}"


def rare_failures_text(n_seeds: int, most: int = 0) -> str:
    """Say which rates of collapse a number of seeds does not show.

    Args:
        n_seeds: the smallest number of seeds of a candidate.
        most: the largest number; 0 if all candidates have the same.

    >>> rare_failures_text(10)
    '10 seeds per candidate say nothing of failures rarer than about 3 in 10.'
    """
    if most > n_seeds:
        fewest = rare_failures_text(n_seeds).replace("per candidate", "of a candidate")
        return f"{fewest} Other candidates have up to {most} seeds."
    if n_seeds <= RULE_OF_THREE:
        return f"{counted(n_seeds, 'seed')} per candidate say nothing of how often a training fails."
    return f"{n_seeds} seeds per candidate say nothing of failures rarer than about {RULE_OF_THREE} in {n_seeds}."


def one_training_set(material: Material) -> Iterator[str]:
    """State that all seeds train on the same images, unless the study draws training sets."""
    verdicts = [each for result in material.analysis.main_results for each in result.verdicts]
    scope = training_set_scope(verdicts)
    if scope == THIS:
        yield (
            "All seeds train on images of one training set. With other training images, differences may be others; "
            'resample = "training" in [study] measures by how much.'
        )
    elif scope:
        yield (
            "Networks train on half of the training images. With all of them, accuracies are usually higher, and "
            "differences may be others."
        )


LIMITS: tuple[Callable[[Material], Iterator[str]], ...] = (rare_failures, one_training_set)
"""One function per limit."""

SECTION = Topic(24, sections, data)
