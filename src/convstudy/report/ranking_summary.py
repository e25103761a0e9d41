"""Text of several verdicts: how the best candidate compares with others, and what each change of an ablation does.

Up to two verdicts are reported one by one, each with its interval. More are grouped by their label; the table of
verdicts has every interval.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import get_args

from convstudy.numbers import counted, listed
from convstudy.report.metric_text import capital, margin_of
from convstudy.report.sample_size_text import required_sentence
from convstudy.report.training_set_text import resamples
from convstudy.report.verdict_text import (
    VerdictLabel,
    difference_text,
    differences_range,
    reason,
    shows_interval,
    verdict_label,
    why_not_tested,
)
from convstudy.stats import Verdict

FEW = 2
"""Up to this many verdicts are reported one by one. Up to this many groups are reported with their differences."""


@dataclass(frozen=True)
class _Style:
    """The wording of a summary.

    Attributes:
        phrase: formats (label, names with their differences, number of names) as a clause.
        joined: joins the clauses of several labels.
        name: returns the name of the candidate that a clause on a verdict names.
        unsigned: write by how much one candidate is better, instead of a signed difference.
        conjunction: the word before the last name.
        noun: what the fits of a candidate differ in, ``"seed"`` or ``"fold"``.
        n_all: the number of pairs of a complete verdict.
        about_differences: the labels whose clause begins with "the difference from".
    """

    phrase: Callable[[VerdictLabel, str, int], str]
    joined: Callable[[Sequence[tuple[VerdictLabel, str]]], str]
    name: Callable[[Verdict], str]
    unsigned: bool
    conjunction: Callable[[VerdictLabel], str]
    noun: str
    n_all: int
    about_differences: Collection[VerdictLabel] = ()


def ranking_summary(
    verdicts: Sequence[Verdict], noun: str, n_all: int, where: str = "", lead: str = ""
) -> str:
    """Compare one candidate (the subject "it") with others in one sentence without its full stop.

    It reads ``It is better than b (by 0.52 pp, 95 % CI 0.41 to 0.63), and the difference from c (...) is inconclusive;
    a verdict needs about 15 to 40 seeds if the true difference is 0.2 percentage points or 0 (power 80 %)``.

    Args:
        verdicts: at least one, each with the candidate first.
        noun: what its fits differ in, ``"seed"`` or ``"fold"``.
        n_all: the candidate's number of seeds or folds; for a verdict with fewer pairs, the text gives their number.
        where: a phrase that limits the claims, with a space before it: ``" on these folds"``.
        lead: a phrase at the beginning of the sentence: ``"for this training set"``.
    """
    predicates: dict[VerdictLabel, str] = {
        "worse": f"is worse{where} than",
        "behind": f"may be worse{where} than",
        "better": f"is better{where} than",
        "ahead": f"may be better{where} than",
        "equivalent": f"is equivalent within {margin_of(verdicts[0])} to",
        "same": "has the same weights and scores as",
        "no pair": f"has no {noun} in common with",
    }
    about_differences: dict[VerdictLabel, tuple[str, str]] = {
        "inconclusive": ("is inconclusive", "are inconclusive"),
        "no spread": (f"does not vary between {noun}s", f"do not vary between {noun}s"),
        "no interval": ("is not tested", "are not tested"),
        "one seed": (f"is inconclusive with one {noun}", f"are inconclusive with one {noun}"),
    }

    def phrase(label: VerdictLabel, names: str, n_names: int) -> str:
        if label in predicates:
            return f"{predicates[label]} {names}"
        several = n_names > 1
        difference = "differences" if several else "difference"
        return f"the {difference} from {names} {about_differences[label][several]}"

    def joined(clauses: Sequence[tuple[VerdictLabel, str]]) -> str:
        """Join "it is ...", then "the difference ...", then "it has no seed in common ..."."""
        sentences: list[str] = []
        for is_about_it, group in groupby(clauses, key=lambda clause: clause[0] in predicates):
            texts = [text for _, text in group]
            sentences += [f"it {listed(texts)}"] if is_about_it else texts
        return capital(", ".join(filter(None, (lead, _clauses(sentences)))))

    style = _Style(
        phrase=phrase,
        joined=joined,
        name=lambda verdict: verdict.second,
        unsigned=True,
        conjunction=lambda label: "or" if label == "no pair" else "and",
        noun=noun,
        n_all=n_all,
        about_differences=about_differences,
    )
    return _summary(verdicts, style)


def changes(verdicts: Sequence[Verdict], n_all: int) -> str:
    """Report what the changes of an ablation do, in one sentence without its full stop.

    It reads ``plain (−0.70 pp, 95 % CI −0.91 to −0.49) is worse, and quiet (...) is inconclusive; about ...``.

    Args:
        verdicts: at least one, each with the changed network first and the unmodified network second.
        n_all: the number of seeds of the unmodified network; for a verdict with fewer pairs, the text gives that
            number.
    """
    equivalent = f"equivalent within {margin_of(verdicts[0])}"
    words: dict[VerdictLabel, tuple[str, str]] = {
        "worse": ("is worse", "are worse"),
        "behind": ("may be worse", "may be worse"),
        "better": ("is better", "are better"),
        "ahead": ("may be better", "may be better"),
        "equivalent": (f"is {equivalent}", f"are {equivalent}"),
        "same": (
            "changes nothing (same weights and scores)",
            "change nothing (same weights and scores)",
        ),
        "inconclusive": ("is inconclusive", "are inconclusive"),
        "no spread": ("has the same difference for every seed", "have the same difference for every seed"),
        "no interval": ("is not tested", "are not tested"),
        "one seed": ("is inconclusive with one seed", "are inconclusive with one seed"),
        "no pair": ("has no test score", "have no test score"),
    }
    style = _Style(
        phrase=lambda label, names, n_names: f"{names} {words[label][n_names > 1]}",
        joined=lambda clauses: _clauses([text for _, text in clauses]),
        name=lambda verdict: verdict.first,
        unsigned=False,
        conjunction=lambda label: "and",
        noun="seed",
        n_all=n_all,
    )
    return _summary(verdicts, style)


def _clauses(texts: Sequence[str]) -> str:
    """Join clauses: ``"a is better, b is worse, and c and d are inconclusive"``."""
    return ", and ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))


def _summary(verdicts: Sequence[Verdict], style: _Style) -> str:
    one_by_one = len(verdicts) <= FEW
    groups: dict[VerdictLabel, list[Verdict]] = {}
    for verdict in verdicts:
        groups.setdefault(_group_label(verdict, one_by_one), []).append(verdict)
    clauses: list[tuple[VerdictLabel, str]] = []
    names_interval = True  # "95 % CI" is written once, before the first interval
    several_levels = len({verdict.difference.confidence for verdict in verdicts}) > 1
    for label in get_args(VerdictLabel):
        if label not in groups:
            continue
        found = groups[label]
        if one_by_one:
            names = []
            for verdict in found:
                names.append(f"{style.name(verdict)}{_brackets(verdict, style, names_interval)}")
                if shows_interval(verdict) and not verdict.n_collapsed:
                    names_interval = several_levels
            text = listed(names, style.conjunction(label))
        else:
            text = _names(found, style, label, most=3 if len(groups) <= FEW else 2)
            if len(found) == 1 and len(groups) <= FEW:
                text += _brackets(found[0], style, names_interval=True)
            else:
                text += _common_brackets(found, style, label, len(groups) <= FEW)
        clauses.append((label, style.phrase(label, text, len(found))))
    return f"{style.joined(clauses)}{_more(verdicts, style.noun)}"


def _group_label(verdict: Verdict, one_by_one: bool) -> VerdictLabel:
    """Among many verdicts, all inconclusive ones form one group."""
    label = verdict_label(verdict)
    return "inconclusive" if not one_by_one and label in ("ahead", "behind", "no spread") else label


def _brackets(verdict: Verdict, style: _Style, names_interval: bool) -> str:
    if verdict.difference.mean is None or verdict.same_models:
        return ""
    n_pairs = _pairs_text([verdict], style)
    difference = difference_text(verdict, style.unsigned, names_interval)
    return f" ({difference}{', ' if n_pairs else ''}{n_pairs})"


def _common_brackets(
    found: Sequence[Verdict], style: _Style, label: VerdictLabel, with_differences: bool
) -> str:
    known = [v for v in found if v.difference.mean is not None and not v.same_models]
    texts = []
    if known and with_differences:
        texts.append(differences_range(known, style.unsigned, label not in style.about_differences))
    texts += [_pairs_text(known, style)] if known else []
    text = ", ".join(each for each in texts if each)
    return f" ({text})" if text else ""


def _pairs_text(found: Sequence[Verdict], style: _Style) -> str:
    """Format the number of pairs, if it is smaller than the candidate's own number of seeds or folds."""
    if any(resamples(v) for v in found):
        return ""  # the pairs are means of training sets, so that all seeds are in them
    least, most = min(v.difference.n for v in found), max(v.difference.n for v in found)
    if least == style.n_all or most == 1:  # the clause already mentions a single seed
        return ""
    if least == most:
        return f"{least} of {counted(style.n_all, style.noun)}"
    return f"{least} to {counted(most, style.noun)}"


def _names(found: Sequence[Verdict], style: _Style, label: VerdictLabel, most: int) -> str:
    """List the names, or the first ones and the number of others."""
    names = [style.name(verdict) for verdict in found]
    if len(names) > 1 and any("," in name for name in names):
        return counted(len(names), "other")
    if len(names) > most:
        names = [*names[: most - 1], counted(len(names) - most + 1, "other")]
    return listed(names, style.conjunction(label))


def _more(verdicts: Sequence[Verdict], noun: str) -> str:
    """Return the required sample size, or why a single difference is not significant; empty if all is conclusive."""
    labels = [verdict_label(verdict) for verdict in verdicts]
    if "no interval" in labels:
        return f"; {why_not_tested(verdicts[0])}"
    if "one seed" in labels:
        return f"; at least two {noun}s are needed"
    inconclusive = [
        v for v, label in zip(verdicts, labels, strict=True) if label in ("inconclusive", "no spread")
    ]
    text = required_sentence(inconclusive) or (reason(verdicts[0]) if len(verdicts) == 1 else "")
    return f"; {text}" if text else ""
