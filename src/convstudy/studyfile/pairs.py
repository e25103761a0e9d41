"""The pairs of variants of an ablation, which are trained together to measure interactions.

Two variants that change the same key or layer type cannot be combined: a recipe has one optimizer, and a layer can be
removed once. Such pairs are left out without an error, because an ablation often has several values of one key.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from convstudy.studyfile.ablate import Ablate, Variant


@dataclass(frozen=True)
class Pair:
    """Two variants of one ablation, with their names."""

    first: str
    second: str
    variants: tuple[Variant, Variant]

    @property
    def name(self) -> str:
        """The name of the pair. No variant can have it, because names have no spaces."""
        return f"{self.first} + {self.second}"

    @property
    def shared(self) -> tuple[str, ...]:
        """The changes that both variants make, such as ``("optimizer",)``. If not empty, they cannot be combined."""
        one, other = (_changed(variant) for variant in self.variants)
        return tuple(key for key in one if key in other)

    @property
    def changes_network(self) -> bool:
        """Whether both variants change the network, so that the network of the pair differs from those of both."""
        return all(variant.changes_network for variant in self.variants)

    @property
    def together(self) -> Variant:
        """One variant with the changes of both; :attr:`shared` must be empty."""
        one, other = self.variants
        return Variant(
            without=(*one.without, *other.without),
            activation=one.activation or other.activation,
            init=one.init or other.init,
            recipe={**one.recipe, **other.recipe},
        )


def pairs_of(ablate: Ablate) -> tuple[Pair, ...]:
    """Return the pairs that an ablation trains; none without ``interactions``."""
    return tuple(pair for pair in _every_pair(ablate) if not pair.shared)


def conflicting_pairs(ablate: Ablate) -> tuple[Pair, ...]:
    """Return the pairs that an ablation with ``interactions`` omits, because both variants make the same change."""
    return tuple(pair for pair in _every_pair(ablate) if pair.shared)


def _every_pair(ablate: Ablate) -> list[Pair]:
    if not ablate.interactions:
        return []
    return [
        Pair(first, second, (one, other))
        for (first, one), (second, other) in combinations(ablate.variants.items(), 2)
    ]


def _changed(variant: Variant) -> tuple[str, ...]:
    """Return the changes of a variant; each removed layer type is one."""
    own = [key for key in ("activation", "init") if getattr(variant, key) is not None]
    return (*(f"without {word}" for word in variant.without), *own, *variant.recipe)
