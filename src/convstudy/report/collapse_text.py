"""Text about collapsed seeds: how many, the verdicts among seeds that trained, and who wins over pairs of seeds."""

from __future__ import annotations

from convstudy.analysis import CandidateCollapse, PairCollapse, StageCollapse, StageResult
from convstudy.metrics import Metric
from convstudy.numbers import bare_percent, counted, listed, percent, shortest_percent
from convstudy.plan.stages import UNCHANGED
from convstudy.report.ranking_summary import changes, ranking_summary
from convstudy.report.verdict_notes import verdict_note
from convstudy.stats import Interval, Verdict

RULE = (
    "A fit has collapsed if its validation score is close to that of a constant prediction, or far below the best "
    "seeds of its candidate; fits whose loss diverged count too. The rule uses no test image."
)
AMONG_TRAINED = "Among seeds that trained"
MOST_NAMES = 3


def collapse_clause(stage_result: StageResult) -> str:
    """Report collapsed seeds in a clause after a semicolon: ``; 1 of 5 seeds of wide collapsed``; empty without any."""
    found = _collapsed(stage_result)
    if not found:
        return ""
    if len(found) > MOST_NAMES:
        n, n_seeds = sum(len(each.seeds) for each in found), sum(each.n_seeds for each in found)
        return f"; {n} of {counted(n_seeds, 'seed')} of {len(found)} candidates collapsed"
    return f"; {listed([_rate(each) for each in found])} collapsed"


def collapse_sentences(stage_result: StageResult) -> str:
    """Report collapsed seeds and the verdicts among the others, each sentence after a space; empty without any."""
    found = _collapsed(stage_result)
    collapse = stage_result.collapse
    if not found or collapse is None:
        return ""
    text = f" {listed([_rate(each) for each in found])} collapsed on validation images."
    trained = trained_on_best(stage_result)
    if not trained:
        affected = any(
            pair.trained is None and collapse.n_collapsed(pair.first, pair.second) for pair in collapse.pairs
        )
        return f"{text} Too few seeds trained for a verdict among them." if affected else text
    n_seeds = max(len(row.fits) for row in stage_result.rows)
    if stage_result.question == "ablate":
        among = changes(trained, n_seeds)
    else:
        sentence = ranking_summary(trained, "seed", n_seeds)
        among = f"{sentence[:1].lower()}{sentence[1:]}"
    return f"{text} {AMONG_TRAINED}: {among}."


def trained_on_best(stage_result: StageResult) -> tuple[Verdict, ...]:
    """Return the conditional verdicts on pairs with the best candidate, or on all pairs of an ablation."""
    pairs = stage_result.collapse.pairs if stage_result.collapse else ()
    best = stage_result.best.name if stage_result.best else ""
    return tuple(
        pair.trained for pair in pairs if pair.trained is not None and best in (pair.first, pair.second)
    )


def collapse_notes(stage_result: StageResult) -> tuple[str, ...]:
    """Give the rates with intervals, and for each pair the conditional verdict and the probability to win."""
    found = _affected(stage_result)
    if not found or stage_result.collapse is None:
        return ()
    rates = tuple(
        f"{_rate(each)} {_verb(each)}{_in_brackets(each.rate)}{_near_chance(each)}." for each in found
    )
    pairs = tuple(
        text for pair in stage_result.collapse.pairs for text in _pair_notes(pair, stage_result.metric)
    )
    return (*rates, *pairs)


def comparison_text(pair: PairCollapse, metric: Metric) -> str:
    """Report in a sentence how often a seed of the first candidate wins; empty if it is not known."""
    if pair.wins is None:
        return ""
    better = "higher" if metric.higher_is_better else "lower"
    return (
        f"On these test images, a random seed of {pair.first} has a {better} {metric.title} than a random seed of "
        f"{pair.second} in {percent(pair.wins.estimate, 0)} of pairs ({_ci(pair.wins)}; a tie counts half)."
    )


def _pair_notes(pair: PairCollapse, metric: Metric) -> tuple[str, ...]:
    trained = f"{AMONG_TRAINED}: {verdict_note(pair.trained)}" if pair.trained is not None else ""
    return tuple(filter(None, (trained, comparison_text(pair, metric))))


def _affected(stage_result: StageResult) -> tuple[CandidateCollapse, ...]:
    collapse: StageCollapse | None = stage_result.collapse
    return collapse.affected if collapse is not None else ()


def _collapsed(stage_result: StageResult) -> tuple[CandidateCollapse, ...]:
    """Leave out candidates whose failed trainings all diverged: the answer reports these as failed fits."""
    return tuple(each for each in _affected(stage_result) if each.collapsed_parts)


def _verb(found: CandidateCollapse) -> str:
    return "collapsed" if found.collapsed_parts else "diverged"


def _rate(found: CandidateCollapse) -> str:
    """Format ``1 of 5 seeds of wide``, with the number of diverged fits."""
    n_diverged = len(found.seeds) - len(found.collapsed_parts)
    diverged = f" ({n_diverged} diverged)" if n_diverged and found.collapsed_parts else ""
    name = f"the {UNCHANGED}" if found.candidate == UNCHANGED else found.candidate
    return f"{len(found.seeds)} of {counted(found.n_seeds, 'seed')} of {name}{diverged}"


def _in_brackets(rate: Interval | None) -> str:
    return f" (rate {percent(rate.estimate, 0)}, {_ci(rate)})" if rate is not None else ""


def _near_chance(found: CandidateCollapse) -> str:
    """Say in a clause that a candidate can be weak instead of collapsed."""
    if not found.may_be_weak:
        return ""
    return "; its best seeds are not clearly above chance on validation images: it may learn too little"


def _ci(found: Interval) -> str:
    return f"{shortest_percent(found.confidence)} CI {bare_percent(found.low, 0)} to {percent(found.high, 0)}"
