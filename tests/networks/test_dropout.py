"""Dropout from raw bits against the binomial distribution, and against torch's dropout as the reference."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats
from torch import nn

from convstudy.networks import read_layer
from convstudy.networks.modules.dropout import BitsDropout, seed_dropout

N = 1 << 18
RATES = [0.1, 0.3, 0.4, 0.5, 0.9]
# The source of the bits: torch's generator is the reference of the faster one that fits use on a CPU.
SOURCES = ["torch", "sfc64"]


def dropout(rate: float, source: str, seed: int) -> BitsDropout:
    """Return a seeded module."""
    module = BitsDropout(rate)
    torch.manual_seed(seed)
    if source == "sfc64":
        seed_dropout(module, seed)
    return module


def masks(rate: float, n_steps: int, n_values: int, source: str, seed: int = 7) -> torch.Tensor:
    """Return 1 for kept values and 0 for the others, shape ``(n_steps, n_values)``."""
    module = dropout(rate, source, seed)
    return torch.stack([(module(torch.ones(n_values)) != 0).double() for _ in range(n_steps)])


def correlation(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return the correlation of two tensors of the same size."""
    return float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("rate", RATES)
def test_number_of_dropped_values_is_binomial(rate: float, source: str) -> None:
    n_dropped = int((dropout(rate, source, 11)(torch.ones(N)) == 0).sum())
    assert stats.binomtest(n_dropped, N, rate).pvalue > 1e-5


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("rate", RATES)
def test_bfloat16_rate_matches_its_rounded_scale(rate: float, source: str) -> None:
    module = dropout(rate, source, 11)
    output = module(torch.ones(N, dtype=torch.bfloat16))
    scale = float(output.max())
    assert set(output.unique().tolist()) == {0.0, scale}
    assert scale == float(torch.tensor(1 / (1 - rate)).bfloat16())
    assert abs((1 - 1 / scale) - rate) < 2e-3
    assert stats.binomtest(int((output == 0).sum()), N, 1 - 1 / scale).pvalue > 1e-5


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("lane", range(4))
def test_each_of_the_four_words_of_a_draw_has_the_rate(lane: int, source: str) -> None:
    kept = masks(0.3, 1, 4 * N, source)[0, lane::4]
    assert stats.binomtest(int(kept.sum()), N, 0.7).pvalue > 1e-5


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("rate", [0.3, 0.5])
def test_values_and_steps_are_independent(rate: float, source: str) -> None:
    kept = masks(rate, 2, N, source)
    # Five standard errors: the correlation of n independent pairs has a standard error of 1 / √n.
    expected = 5 / math.sqrt(N)
    for distance in (1, 2, 3, 4, 5, 8, 16, 28, 64):
        assert abs(correlation(kept[0, distance:], kept[0, :-distance])) < expected, distance
    assert abs(correlation(kept[0], kept[1])) < expected


@pytest.mark.parametrize("source", SOURCES)
def test_number_of_kept_words_per_draw_is_binomial(source: str) -> None:
    rate, n_draws = 0.5, N // 4
    kept = masks(rate, 1, N, source)[0].reshape(n_draws, 4).sum(1)
    seen = [int((kept == count).sum()) for count in range(5)]
    expected = [n_draws * stats.binom(4, 1 - rate).pmf(count) for count in range(5)]
    assert stats.chisquare(seen, expected).pvalue > 1e-5


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_each_bit_of_a_word_is_an_independent_value_at_rate_half(source: str, dtype: torch.dtype) -> None:
    output = dropout(0.5, source, 5)(torch.ones(16, N // 16 - 3, dtype=dtype))
    kept = (output != 0).double()
    assert set(output.unique().tolist()) == {0.0, 2.0}
    # Word by word, the 16 values of a word are N / 16 - 3 values apart.
    for of_bit in kept:
        assert stats.binomtest(int(of_bit.sum()), len(of_bit), 0.5).pvalue > 1e-5
    correlations = torch.corrcoef(kept) - torch.eye(16, dtype=torch.float64)
    assert float(correlations.abs().max()) < 5 / math.sqrt(kept.shape[1])
    per_word = [int((kept.sum(0) == count).sum()) for count in range(17)]
    expected = [kept.shape[1] * stats.binom(16, 0.5).pmf(count) for count in range(17)]
    tails = [(sum(each[:4]), *each[4:13], sum(each[13:])) for each in (per_word, expected)]
    assert stats.chisquare(*tails).pvalue > 1e-5


@pytest.mark.parametrize("n_values", [0, 1, 15, 16, 17, 65, 1001])
def test_any_number_of_values_has_a_mask_at_rate_half(n_values: int) -> None:
    kept = sum((dropout(0.5, "sfc64", seed)(torch.ones(n_values)) != 0).double() for seed in range(200))
    assert isinstance(kept, torch.Tensor)
    assert kept.shape == (n_values,)
    assert all(abs(number - 100) < 6 * math.sqrt(50) for number in kept.tolist())


@pytest.mark.parametrize("rate", [0.25, 0.3, 0.5, 0.9, 0.99999, 1e-6])
def test_scale_is_exact_for_the_rounded_rate(rate: float) -> None:
    module = BitsDropout(rate)
    dropped = module.n_dropped_levels / 65536
    assert abs(dropped - rate) <= 1 / 65536
    assert (1 - dropped) * module.scale == pytest.approx(1.0, abs=1e-15)
    torch.manual_seed(1)
    output = module(torch.ones(N, dtype=torch.float64))
    assert set(output.tolist()) <= {0.0, module.scale}


@pytest.mark.parametrize("rate", RATES)
def test_mean_is_preserved(rate: float) -> None:
    torch.manual_seed(13)
    output = BitsDropout(rate)(torch.ones(N, dtype=torch.float64))
    assert abs(float(output.mean()) - 1) < 5 * math.sqrt(rate / (1 - rate) / N)


@pytest.mark.parametrize("rate", RATES)
def test_number_of_dropped_values_agrees_with_torch_dropout(rate: float) -> None:
    torch.manual_seed(17)
    ours, theirs = BitsDropout(rate)(torch.ones(N)), nn.Dropout(rate)(torch.ones(N))
    counts = [[int((output == 0).sum()), int((output != 0).sum())] for output in (ours, theirs)]
    assert stats.chi2_contingency(counts).pvalue > 1e-5
    assert float(ours.max()) == pytest.approx(float(theirs.max()), rel=1e-4)


@pytest.mark.parametrize("source", SOURCES)
def test_equal_seeds_give_equal_masks_and_others_do_not(source: str) -> None:
    assert torch.equal(masks(0.5, 3, 1000, source, seed=1), masks(0.5, 3, 1000, source, seed=1))
    assert not torch.equal(masks(0.5, 1, 1000, source, seed=1), masks(0.5, 1, 1000, source, seed=2))


def test_modules_of_one_model_have_independent_masks() -> None:
    model = nn.Sequential(nn.Sequential(BitsDropout(0.5)), BitsDropout(0.5))
    seed_dropout(model, 3)
    first, second = ((module(torch.ones(N)) != 0).double() for module in model)
    assert abs(correlation(first, second)) < 5 / math.sqrt(N)


def test_evaluation_returns_its_input() -> None:
    values = torch.randn(5, 7)
    assert BitsDropout(0.5).eval()(values) is values


@pytest.mark.parametrize("n_values", [0, 1, 2, 3, 4, 5, 63])
def test_number_of_values_need_not_be_a_multiple_of_four(n_values: int) -> None:
    output = BitsDropout(0.25)(torch.full((n_values,), 3.0))
    assert output.shape == (n_values,)
    assert set(output.tolist()) <= {0.0, 4.0}


def test_gradients_have_the_mask_of_the_output() -> None:
    values = torch.arange(1.0, 1001.0).requires_grad_()
    output = BitsDropout(0.3)(values)
    scale = BitsDropout(0.3).scale
    kept = output != 0
    assert torch.allclose(output[kept], values[kept] * scale)
    output.sum().backward()
    assert values.grad is not None
    assert torch.allclose(values.grad, kept * scale)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_channels_last_images_keep_their_layout_and_lose_single_values(precision: torch.dtype) -> None:
    torch.manual_seed(19)
    images = torch.ones(8, 32, 16, 16, dtype=precision).to(memory_format=torch.channels_last)
    output = BitsDropout(0.5)(images)
    assert output.dtype == precision
    assert output.is_contiguous(memory_format=torch.channels_last)
    n_values = images.numel()
    kept = (output != 0).double()
    assert stats.binomtest(int(kept.sum()), n_values, 0.5).pvalue > 1e-5
    expected = 5 / math.sqrt(n_values / 2)
    assert abs(correlation(kept[:, 1:], kept[:, :-1])) < expected
    assert abs(correlation(kept[:, :, 1:], kept[:, :, :-1])) < expected
    assert abs(correlation(kept[..., 1:], kept[..., :-1])) < expected
    assert abs(correlation(kept[1:], kept[:-1])) < expected


def test_bfloat16_values_are_scaled_with_one_rounding() -> None:
    torch.manual_seed(23)
    values = torch.randn(4096, dtype=torch.float32).bfloat16()
    scale = float(torch.tensor(1 / 0.7).bfloat16())
    output = BitsDropout(0.3)(values)
    kept = output != 0
    exact = (values.double() * scale).bfloat16()
    assert 2000 < int(kept.sum()) < 3500
    assert torch.equal(output[kept], exact[kept])


@pytest.mark.parametrize("kind", ["slice", "expanded", "transposed"])
def test_slices_and_expanded_inputs_have_one_random_word_per_value(kind: str) -> None:
    torch.manual_seed(29)
    values = {
        "slice": torch.ones(128, 64)[:, ::2],
        "expanded": torch.ones(1, 32).expand(128, 32),
        "transposed": torch.ones(32, 128).T,
    }[kind]
    kept = (BitsDropout(0.5)(values) != 0).double()
    assert kept.shape == (128, 32)
    assert stats.binomtest(int(kept.sum()), 128 * 32, 0.5).pvalue > 1e-5
    assert abs(correlation(kept[1:], kept[:-1])) < 5 / math.sqrt(127 * 32)
    assert abs(correlation(kept[:, 1:], kept[:, :-1])) < 5 / math.sqrt(128 * 31)


def test_layer_builds_bits_dropout_or_identity_for_rate_0() -> None:
    module = read_layer("dropout 0.3").module((4,), torch.Generator())
    assert isinstance(module, BitsDropout)
    assert module.n_dropped_levels == round(0.3 * 65536)
    assert "0.3" in repr(module)
    assert isinstance(read_layer("dropout 0").module((4,), torch.Generator()), nn.Identity)


def test_rate_of_a_half_draws_one_bit_per_value(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    original = BitsDropout._drawn

    def counted(module: BitsDropout, n_words: int, values: torch.Tensor) -> torch.Tensor:
        drawn.append(n_words)
        return original(module, n_words, values)

    monkeypatch.setattr(BitsDropout, "_drawn", counted)
    for rate in (0.5, 0.4):
        BitsDropout(rate)(torch.ones(100))
    assert drawn == [7, 100]  # words of 16 bits
