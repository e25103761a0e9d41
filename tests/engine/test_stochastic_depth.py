"""A fit with stochastic depth draws from its own RNG stream."""

from __future__ import annotations

import torch

from tests.engine.small import small_fit, trained

STEM = ("conv 4 3 stride=4 padding=same",)


def weights(rate: str, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return the weights of a small fit whose residual has this drop rate."""
    body = ("conv 4 3 padding=same", f"stochastic-depth {rate}")
    layers = (*STEM, ("residual", *body), "flatten")
    made = trained(small_fit(layers=layers, seed=seed, epochs=1))
    return made.weights


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Return whether two models have bit-identical weights."""
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


def test_stochastic_depth_fit_repeats_and_depends_on_rate() -> None:
    torch.manual_seed(1)
    first = weights("0.5")
    torch.manual_seed(2)
    assert same(first, weights("0.5"))
    assert not same(first, weights("0"))
    assert same(weights("0.2"), weights("0.2 linear"))  # with one such layer, "linear" gives it the full rate
