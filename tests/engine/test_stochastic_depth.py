"""A fit with stochastic depth draws from its own stream: it repeats, and the rate counts."""

from __future__ import annotations

import torch

from tests.engine.small import small_fit, trained

STEM = ("conv 4 3 stride=4 padding=same",)


def weights(rate: str, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return the weights of a small fit whose residual is left out at a rate."""
    body = ("conv 4 3 padding=same", f"stochastic-depth {rate}")
    layers = (*STEM, ("residual", *body), "flatten")
    made = trained(small_fit(layers=layers, seed=seed, epochs=1))
    return made.weights


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Return whether two models have the same weights, to the last bit."""
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


def test_a_fit_repeats_and_the_rate_counts() -> None:
    torch.manual_seed(1)
    first = weights("0.5")
    torch.manual_seed(2)
    assert same(first, weights("0.5"))
    assert not same(first, weights("0"))
    assert same(weights("0.2"), weights("0.2 linear"))  # one such layer: the last has the whole rate
