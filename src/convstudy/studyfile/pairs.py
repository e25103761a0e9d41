"""The variants of an ablation two at a time, for its interactions: who can be trained together, and as what.

Two variants that change the same thing have no "both": a recipe has one optimizer, and a layer that both leave out
would count as a difference of each and as one of the two together. Such pairs are left out, not refused, because
alternatives of one key often stand beside other variants.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from convstudy.studyfile.study import Ablate, Variant


@dataclass(frozen=True)
class Pair:
    """Two variants of one ablation, by their names."""

    first: str
    second: str
    variants: tuple[Variant, Variant]

    @property
    def name(self) -> str:
        """What both together are called; no variant alone can be, because names have no spaces."""
        return f"{self.first} + {self.second}"

    @property
    def shared(self) -> tuple[str, ...]:
        """What both change, so that they cannot be trained together: ``("optimizer",)``, mostly nothing."""
        one, other = (_changed(variant) for variant in self.variants)
        return tuple(key for key in one if key in other)

    @property
    def changes_network(self) -> bool:
        """Whether both together make a network that neither makes alone."""
        return all(variant.changes_network for variant in self.variants)

    @property
    def together(self) -> Variant:
        """Both differences in one, of a pair that shares none."""
        one, other = self.variants
        return Variant(
            without=(*one.without, *other.without),
            activation=one.activation or other.activation,
            init=one.init or other.init,
            recipe={**one.recipe, **other.recipe},
        )


def pairs_of(ablate: Ablate) -> tuple[Pair, ...]:
    """Return the pairs that an ablation trains together: none unless it asks for interactions."""
    return tuple(pair for pair in _every_pair(ablate) if not pair.shared)


def undersized_pairs(ablate: Ablate) -> tuple[Pair, ...]:
    """Return the pairs that an ablation with interactions leaves out, because both change the same."""
    return tuple(pair for pair in _every_pair(ablate) if pair.shared)


def _every_pair(ablate: Ablate) -> list[Pair]:
    if not ablate.interactions:
        return []
    return [
        Pair(first, second, (one, other))
        for (first, one), (second, other) in combinations(ablate.variants.items(), 2)
    ]


def _changed(variant: Variant) -> tuple[str, ...]:
    """Return what a variant changes; each layer that it leaves out is a change of its own."""
    own = [key for key in ("activation", "init") if getattr(variant, key) is not None]
    return (*(f"without {word}" for word in variant.without), *own, *variant.recipe)
