"""Several verdicts in one sentence: how a chosen candidate stands against others, what each change of an ablation does.

Up to two verdicts are told one by one, each with its interval. More are told by what they have in common; every
interval stands in the table of verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

from convstudy.numbers import counted, listed
from convstudy.report.metric_text import margin_of, metric_of
from convstudy.report.verdict_text import (
    Saying,
    figures,
    reason,
    shows_interval,
    spread,
    takes,
    verdict_label,
)
from convstudy.stats import Verdict

FEW = 2
"""So many verdicts are told one by one; of more, so many groups have their figures and more names with them."""


@dataclass(frozen=True)
class _Telling:
    """How verdicts are told.

    Attributes:
        phrase: what is said, its names with their figures, and whether they are several -> the words.
        name: the candidate of a verdict that is named.
        by: whether differences are told by how much one is better, not with their sign.
        joined: what is said -> the word before the last name.
        noun: what the fits of a candidate differ in, ``"seed"`` or ``"fold"``.
        n_all: how many pairs a whole verdict has.
    """

    phrase: Callable[[Saying, str, bool], str]
    name: Callable[[Verdict], str]
    by: bool
    joined: Callable[[Saying], str]
    noun: str
    n_all: int


def ranking_summary(verdicts: Sequence[Verdict], noun: str, n_all: int, where: str = "") -> str:
    """Return how one candidate stands against others, to follow its name: ``is better than b (...); to tell ...``.

    Args:
        verdicts: each with that candidate first; at least one.
        noun: what its fits differ in, ``"seed"`` or ``"fold"``.
        n_all: how many of these it has itself; a verdict on fewer pairs says so.
        where: what a difference is limited to, with a space before it.
    """
    words: dict[Saying, str] = {
        "worse": f"is worse{where} than",
        "behind": f"may be behind{where}",
        "better": f"is better{where} than",
        "ahead": f"may be ahead{where} of",
        "equivalent": f"ties within {margin_of(verdicts[0])} with",
        "same": "has the same weights and scores as",
        "inconclusive": "cannot be told apart from",
        "no spread": f"differs by as much in every {noun} from",
        "no interval": "is not judged against",
        "one seed": f"cannot be told apart by one {noun} from",
        "no pair": f"shares no {noun} with",
    }
    told = _Telling(
        phrase=lambda said, names, many: f"{words[said]} {names}",
        name=lambda verdict: verdict.second,
        by=True,
        joined=lambda said: "or" if said in ("inconclusive", "one seed", "no pair") else "and",
        noun=noun,
        n_all=n_all,
    )
    return _told(verdicts, told)


def changes(verdicts: Sequence[Verdict], n_all: int) -> str:
    """Return what the changes of an ablation do: ``plain (...) hurts; to tell ...``.

    Args:
        verdicts: each with the changed network first, the network as it is second; at least one.
        n_all: how many seeds the network as it is has; a verdict on fewer pairs says so.
    """
    no_change, unchanged = "cannot be told from no change", "changed nothing (same weights and scores)"
    beyond = f"difference beyond {margin_of(verdicts[0])}"
    words: dict[Saying, tuple[str, str]] = {
        "worse": ("hurts", "hurt"),
        "behind": ("may hurt", "may hurt"),
        "better": ("helps", "help"),
        "ahead": ("may help", "may help"),
        "equivalent": (f"makes no {beyond}", f"make no {beyond}"),
        "same": (unchanged, unchanged),
        "inconclusive": (no_change, no_change),
        "no spread": ("differs by as much in every seed", "differ by as much in every seed"),
        "no interval": ("is not judged", "are not judged"),
        "one seed": (f"{no_change} by one seed", f"{no_change} by one seed"),
        "no pair": ("has no test score", "have no test score"),
    }
    told = _Telling(
        phrase=lambda said, names, many: f"{names} {words[said][many]}",
        name=lambda verdict: verdict.first,
        by=False,
        joined=lambda said: "and",
        noun="seed",
        n_all=n_all,
    )
    return _told(verdicts, told)


def _told(verdicts: Sequence[Verdict], telling: _Telling) -> str:
    """Return the verdicts as one text: who, what is said with its figures in brackets, and what more would take."""
    one_by_one = len(verdicts) <= FEW
    groups: dict[Saying, list[Verdict]] = {}
    for verdict in verdicts:
        groups.setdefault(_said(verdict, one_by_one), []).append(verdict)
    parts: list[str] = []
    share = True
    for said in get_args(Saying):
        if said not in groups:
            continue
        found = groups[said]
        if one_by_one:
            names = []
            for verdict in found:
                names.append(f"{telling.name(verdict)}{_alone(verdict, telling, share)}")
                share = share and not shows_interval(verdict)
            text = listed(names, telling.joined(said))
        else:
            text = _names(found, telling, said, most=3 if len(groups) <= FEW else 2)
            if len(found) == 1 and len(groups) <= FEW:
                text += _alone(found[0], telling, share=True)
            else:
                text += _together(found, telling, len(groups) <= FEW)
        parts.append(telling.phrase(said, text, len(found) > 1))
    return f"{listed(parts)}{_more(verdicts, telling.noun)}"


def _said(verdict: Verdict, one_by_one: bool) -> Saying:
    """Return what a verdict says; among many, all that are unclear say the same."""
    said = verdict_label(verdict)
    return "inconclusive" if not one_by_one and said in ("ahead", "behind", "no spread") else said


def _alone(verdict: Verdict, telling: _Telling, share: bool) -> str:
    """Return one verdict's figures in brackets."""
    if verdict.difference.mean is None or verdict.same_models:
        return ""
    fewer = _fewer([verdict], telling)
    return f" ({figures(verdict, telling.by, share)}{', ' if fewer else ''}{fewer})"


def _together(found: Sequence[Verdict], telling: _Telling, with_figures: bool) -> str:
    """Return several verdicts' figures in brackets."""
    known = [v for v in found if v.difference.mean is not None and not v.same_models]
    told = [spread(known, telling.by)] if known and with_figures else []
    told += [_fewer(known, telling)] if known else []
    text = ", ".join(each for each in told if each)
    return f" ({text})" if text else ""


def _fewer(found: Sequence[Verdict], telling: _Telling) -> str:
    """Return on how many pairs verdicts stand, where these are fewer than the leader's own seeds or folds."""
    least, most = min(v.difference.n for v in found), max(v.difference.n for v in found)
    if least == telling.n_all or most == 1:  # one seed is said to be one
        return ""
    if least == most:
        return f"{least} of {counted(telling.n_all, telling.noun)}"
    return f"{least} to {counted(most, telling.noun)}"


def _names(found: Sequence[Verdict], telling: _Telling, said: Saying, most: int) -> str:
    """Return who is meant: every name, or the first ones and how many more where a list would be long."""
    names = [telling.name(verdict) for verdict in found]
    if len(names) > 1 and any("," in name for name in names):
        return counted(len(names), "other")
    if len(names) > most:
        names = [*names[: most - 1], counted(len(names) - most + 1, "other")]
    return listed(names, telling.joined(said))


def _more(verdicts: Sequence[Verdict], noun: str) -> str:
    """Return what it would take to say more, or why a single difference is not clear; empty where all is said."""
    sayings = [verdict_label(verdict) for verdict in verdicts]
    if "no interval" in sayings:
        return f"; there is no interval for this metric ({metric_of(verdicts[0]).title})"
    if "one seed" in sayings:
        return f"; to say more you would need two {noun}s or more"
    open_ones = [
        v for v, said in zip(verdicts, sayings, strict=True) if said in ("inconclusive", "no spread")
    ]
    text = takes(open_ones) or (reason(verdicts[0]) if len(verdicts) == 1 else "")
    return f"; {text}" if text else ""
