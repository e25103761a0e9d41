"""Text of a required sample size: within a sentence, and in the cells of a table.

A verdict is planned for two true differences: twice the margin ("better" or "worse") and 0 ("equivalent").
"""

from __future__ import annotations

from collections.abc import Sequence

from convstudy.numbers import between, count, counted, one_digit, shortest, shortest_percent
from convstudy.stats import RequiredSampleSize, Requirement, Verdict
from convstudy.stats.sample_size import MAX_EXTRAPOLATION, POWER, RUN_FIRST

_POWER = f"(power {shortest_percent(POWER)})"
_BEYOND = f"more than {MAX_EXTRAPOLATION} times the data"


def required_sentence(verdicts: Sequence[Verdict]) -> str:
    """Format the required sample size of the verdict that needs most; empty if none is known.

    It reads ``a verdict needs about 20 to 50 seeds if the true difference is 0.2 percentage points, and 30 to 60 if it
    is 0 (power 80 %)``. If more than ten times the present data were needed, it gives the difference that
    these data can show.
    """
    found = [verdict.required for verdict in verdicts if verdict.required is not None]
    return plan_sentence(max(found, key=_size)) if found else ""


def plan_sentence(required: RequiredSampleSize) -> str:
    """Format a required sample size as a clause without a full stop."""
    if required.run_first is not None:
        return _run_first(required)
    better, equivalent = required.better, required.equivalent
    assert better is not None and equivalent is not None  # both are set if there is a plan
    difference = percentage_points(better.difference)
    if better.fewest is None:
        # Folds need no new images. Beyond ten, more folds hardly narrow the interval.
        few_folds = required.pairs == "folds" and required.n_pairs < RUN_FIRST
        first = "use more folds first: " if few_folds else ""
        limit = "" if required.shows == 1 else f" {_POWER}, but not {difference}"
        return f"{first}{_shown(required)}{limit}"
    first = f"a verdict needs {_amount(required, better)} if the true difference is {difference}"
    if equivalent.fewest is None:
        return f"{first} {_POWER}; if it is 0, {_BEYOND}"
    last = _amount(required, equivalent)
    if last == _amount(required, better):
        return f"{first} or 0 {_POWER}"
    if not is_met(required, better) and (better.unit, better.n_pairs) == (
        equivalent.unit,
        equivalent.n_pairs,
    ):
        last = between(equivalent.fewest, equivalent.most, _present(required, equivalent))
    return f"{first}, and {last} if it is 0 {_POWER}"


def required_cells(verdict: Verdict) -> tuple[str, str]:
    """Format the required sample sizes for "better" and for "equivalent" as table cells; empty if not known."""
    required = verdict.required
    if required is None:
        return "", ""
    if required.run_first is not None:
        text = f"run {required.run_first} {required.pairs} first"
        return text, text
    better, equivalent = (_cell(required, each) for each in required.requirements)
    return better, equivalent


def percentage_points(fraction: float) -> str:
    """Format a fraction without trailing zeros: ``0.1 percentage points``."""
    text = shortest(fraction * 100)
    return f"{text} percentage point{'' if text == '1' else 's'}"


def _size(required: RequiredSampleSize) -> tuple[bool, bool, float]:
    """Return a sort key: seeds or folds come before images, and images before requirements that are out of reach."""
    all_of = required.requirements
    beyond = any(each.fewest is None for each in all_of)
    images = any(each.unit == "images" for each in all_of)
    return (
        beyond,
        images,
        required.shows or max((each.most or each.fewest or 0 for each in all_of), default=0),
    )


def _run_first(required: RequiredSampleSize) -> str:
    pairs, images = required.pairs, _images(required)
    text = (
        f"the required number of {pairs} cannot be planned yet from {required.n_pairs} {pairs}: "
        f"run {required.run_first} first"
    )
    if required.images_first is None:
        return text
    return f"{text}; at least {count(one_digit(required.images_first))} {images} are needed in any case"


def _shown(required: RequiredSampleSize) -> str:
    """Name the difference that the present data can show."""
    assert required.shows is not None  # set if a requirement is out of reach
    present = f"{counted(required.n_images, 'image')}"
    if required.pairs == "seeds":
        present = f"{counted(required.n_pairs, 'seed')} and {counted(required.n_images, 'test image')}"
    elif required.pairs == "folds":
        present = f"{counted(required.n_pairs, 'fold')} of {present}"
    if required.shows >= 1:  # accuracies differ by 100 percentage points at most
        return f"{present} are too few to say which true difference they can show"
    return f"{present} can show a true difference of about {percentage_points(one_digit(required.shows * 100) / 100)}"


def _amount(required: RequiredSampleSize, each: Requirement) -> str:
    """Format one requirement within a sentence."""
    assert each.fewest is not None  # callers handle requirements that are out of reach
    if is_met(required, each):
        return f"no more than the present {_count(required, each)}"
    return _text(required, each, "about ")


def _cell(required: RequiredSampleSize, each: Requirement) -> str:
    if each.fewest is None:
        shown = (
            f"; the present data show about {shortest(one_digit(required.shows * 100))} pp"
            if (each.kind == "better" and required.shows is not None and required.shows < 1)
            else ""
        )
        return f"{_BEYOND}{shown}"
    return f"the present {_count(required, each)}" if is_met(required, each) else _text(required, each, "")


def _text(required: RequiredSampleSize, each: Requirement, about: str) -> str:
    assert each.fewest is not None
    if each.unit != "images":
        return f"{about}{between(each.fewest, each.most, required.n_pairs)} {each.unit}"
    images = f"{about}{between(each.fewest, each.most, required.n_images)} {_images(required)}"
    if each.n_pairs is None:
        return images
    # More folds come first, because they need no new images.
    if required.pairs == "folds":
        return f"{each.n_pairs} folds and {images}"
    return f"{images} with {each.n_pairs} seeds"


def is_met(required: RequiredSampleSize, each: Requirement) -> bool:
    """Return whether the present data are enough for one verdict."""
    return each.fewest == each.most == _present(required, each) and each.n_pairs in (None, required.n_pairs)


def _present(required: RequiredSampleSize, each: Requirement) -> int:
    return required.n_images if each.unit == "images" else required.n_pairs


def _count(required: RequiredSampleSize, each: Requirement) -> str:
    return f"{required.n_images:,} images" if each.unit == "images" else f"{required.n_pairs} {each.unit}"


def _images(required: RequiredSampleSize) -> str:
    return "test images" if required.pairs == "seeds" else "images"
