"""Text about seeds that a stage adds until validation scores decide each pair of its candidates."""

from __future__ import annotations

from convstudy.analysis import Analysis
from convstudy.numbers import counted, listed
from convstudy.plan import Plan, Stage
from convstudy.plan.added_seeds import pairs_of
from convstudy.stats.sequential import Decided, LookResult

_RELATIONS: dict[Decided, str] = {
    "better": "better than",
    "worse": "worse than",
    "equivalent": "equivalent to",
}


def seeds_range(stages: tuple[Stage, ...]) -> str:
    """Format the numbers of seeds of the candidates of these stages: ``5``, ``5 to 10``."""
    counts = sorted({len(candidate.fits) for stage in stages for candidate in stage.candidates})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def growing_stages(plan: Plan) -> tuple[Stage, ...]:
    """Return the stages that add seeds."""
    return tuple(stage for stage in plan.stages if stage.max_seeds is not None)


def added_seeds_note(analysis: Analysis) -> str:
    """Return one sentence that names the rule; empty for a fixed number of seeds, and before the last look."""
    stages = growing_stages(analysis.results.plan)
    if not stages or any(stage.pending or stage.depends_on for stage in stages):
        return ""
    n_looks = sum(len(stage.looks) for stage in stages)
    most = max(stage.max_seeds or 0 for stage in stages)
    return (
        f"{seeds_range(stages)} per candidate, added by looks at validation scores only ({counted(n_looks, 'look')}, "
        f"at most {counted(most, 'seed')}): {_pairs_text(stages)}."
    )


def _pairs_text(stages: tuple[Stage, ...]) -> str:
    """Count the pairs by the reason why they need no more seeds: ``2 of 3 pairs decided, 1 out of reach``."""
    n_pairs = sum(len(pairs_of(stage)) for stage in stages)
    kinds = [each.kind for stage in stages for look in stage.looks for each in look.decisions]
    n_out = kinds.count("out of reach")
    n_most = sum(_n_at_maximum(stage) for stage in stages)
    n_dropped = n_pairs - len(kinds) - n_most
    parts = [f"{len(kinds) - n_out} of {counted(n_pairs, 'pair')} decided"]
    parts += [
        f"{n} {text}"
        for n, text in (
            (n_out, "out of reach"),
            (n_dropped, "of dropped candidates"),
            (n_most, "at the maximum"),
        )
        if n
    ]
    return ", ".join(parts)


def _n_at_maximum(stage: Stage) -> int:
    """Return the number of pairs that are still undecided after the last seed."""
    if not stage.looks or stage.looks[-1].n_seeds != stage.max_seeds:
        return 0
    decided = {(each.first, each.second) for look in stage.looks for each in look.decisions}
    left = set(stage.looks[-1].evaluated) - {name for look in stage.looks for name in look.dropped}
    return sum(pair not in decided and set(pair) <= left for pair in pairs_of(stage))


def decisions_text(look: LookResult, kinds: tuple[Decided, ...]) -> str:
    """List the decisions of a look of these kinds; pairs without a claim are only named."""
    return "; ".join(
        f"{each.first} {_RELATIONS[each.kind]} {each.second}"
        if each.kind in _RELATIONS
        else f"{each.first} and {each.second}"
        for each in look.decisions
        if each.kind in kinds
    )


def how_it_ended(stage: Stage) -> str:
    """Describe in one or two sentences why a stage gets no more seeds, or which seeds it waits for."""
    if stage.depends_on:
        return "The stage depends on a selection that has not been made."
    if stage.pending:
        n = max(len(candidate.fits) for candidate in stage.candidates)
        return f"The next look needs {counted(n, 'seed')}."
    counts = {candidate.name: len(candidate.fits) for candidate in stage.candidates}
    undecided = stage.looks and stage.looks[-1].n_seeds == stage.max_seeds
    if undecided:
        left = [name for name, n in counts.items() if n == stage.max_seeds]
        return f"{listed(left)} reached the maximum of {counted(stage.max_seeds or 0, 'seed')}."
    return "No candidate gets more seeds: each of the other pairs is decided, or out of reach."
