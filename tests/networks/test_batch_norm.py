"""Batch normalisation against numbers computed by hand; ``tests/engine/test_keras_parity`` compares it with Keras."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from convstudy.networks import read_layer
from convstudy.networks.modules.batch_norm import KerasBatchNorm, moments


def flat_batch() -> torch.Tensor:
    """Return four rows of two channels with means 2.5 and 10 and biased variances 1.25 and 25."""
    return torch.tensor([[1.0, 5.0], [2.0, 5.0], [3.0, 15.0], [4.0, 15.0]])


def test_flat_batch_equals_values_computed_by_hand() -> None:
    norm = KerasBatchNorm(2, 0.1, 0.75)
    output = norm(flat_batch())
    # 1.25 + 0.75 = 2, 25 + 0.75 = 25.75
    expected = (flat_batch() - torch.tensor([2.5, 10.0])) / torch.tensor([2.0, 25.75]).sqrt()
    assert torch.allclose(output, expected, atol=1e-6)
    assert norm.running_mean.tolist() == pytest.approx([0.25, 1.0])
    # 0.9 · 1 + 0.1 · biased variance
    assert norm.running_variance.tolist() == pytest.approx([1.025, 3.4])


def test_each_batch_updates_the_moving_averages() -> None:
    norm = KerasBatchNorm(2, 0.01, 0.001)
    norm(flat_batch())
    norm(2 * flat_batch())
    assert norm.running_mean.tolist() == pytest.approx([0.99 * 0.025 + 0.05, 0.99 * 0.1 + 0.2])
    first = (0.99 + 0.0125, 0.99 + 0.25)
    assert norm.running_variance.tolist() == pytest.approx([0.99 * first[0] + 0.05, 0.99 * first[1] + 1.0])


def test_images_are_normalised_over_batch_height_and_width() -> None:
    norm = KerasBatchNorm(2, 0.1, 0.75)
    images = flat_batch().reshape(1, 2, 2, 2).permute(0, 3, 1, 2)
    output = norm(images)
    assert torch.allclose(
        output.permute(0, 2, 3, 1).reshape(4, 2), KerasBatchNorm(2, 0.1, 0.75)(flat_batch())
    )
    assert norm.running_variance.tolist() == pytest.approx([1.025, 3.4])
    assert output.is_contiguous(memory_format=torch.channels_last)


def test_evaluation_uses_the_moving_averages_and_does_not_change_them() -> None:
    norm = KerasBatchNorm(2, 0.1, 0.75)
    norm(flat_batch())
    norm.eval()
    kept = norm.running_mean.clone(), norm.running_variance.clone()
    output = norm(flat_batch()[:1])
    expected = (flat_batch()[:1] - kept[0]) / (kept[1] + 0.75).sqrt()
    assert torch.allclose(output, expected, atol=1e-6)
    assert torch.equal(norm.running_mean, kept[0])
    assert torch.equal(norm.running_variance, kept[1])


@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 1, 1)])
def test_one_value_per_channel_gives_the_shift(shape: tuple[int, ...]) -> None:
    norm = KerasBatchNorm(3, 0.1, 0.001)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([2.0, 3.0, 4.0]))
        norm.bias.copy_(torch.tensor([0.5, -1.0, 0.0]))
    values = torch.tensor([1.0, -2.0, 30.0]).reshape(shape).requires_grad_()
    output = norm(values)
    assert output.flatten().tolist() == pytest.approx([0.5, -1.0, 0.0], abs=1e-4)
    assert output.shape == shape
    assert norm.running_mean.tolist() == pytest.approx([0.1, -0.2, 3.0])
    assert norm.running_variance.tolist() == pytest.approx([0.9, 0.9, 0.9])
    output.sum().backward()
    assert values.grad is not None
    assert norm.weight.grad is not None
    assert norm.bias.grad is not None
    assert values.grad.flatten().tolist() == pytest.approx([0.0, 0.0, 0.0], abs=1e-4)
    assert norm.weight.grad.tolist() == pytest.approx([0.0, 0.0, 0.0], abs=1e-4)
    assert norm.bias.grad.tolist() == [1.0, 1.0, 1.0]


def test_two_equal_values_per_channel_give_the_shift() -> None:
    norm = KerasBatchNorm(1, 0.1, 0.001)
    assert norm(torch.full((2, 1), 7.0)).flatten().tolist() == pytest.approx([0.0, 0.0], abs=1e-4)
    assert norm.running_variance.tolist() == pytest.approx([0.9])


def test_output_and_gradients_equal_torch_and_averages_are_biased() -> None:
    ours, theirs = KerasBatchNorm(3, 0.01, 0.001), nn.BatchNorm2d(3, eps=0.001, momentum=0.01)
    values = torch.randn(4, 3, 5, 6, generator=torch.Generator().manual_seed(1))
    mine, their = values.clone().requires_grad_(), values.clone().requires_grad_()
    output, expected = ours(mine), theirs(their)
    assert torch.allclose(output, expected, atol=1e-5)
    (output**3).sum().backward()
    (expected**3).sum().backward()
    assert mine.grad is not None
    assert their.grad is not None
    assert torch.allclose(mine.grad, their.grad, atol=1e-4)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        assert torch.allclose(one.grad, other.grad, rtol=1e-4)
    assert theirs.running_mean is not None
    assert torch.allclose(ours.running_mean, theirs.running_mean, atol=1e-7)
    biased = values.transpose(0, 1).flatten(1).var(1, unbiased=False)
    assert torch.allclose(ours.running_variance, 0.99 + 0.01 * biased, rtol=1e-6)
    assert theirs.running_var is not None
    assert not torch.allclose(ours.running_variance, theirs.running_var, rtol=1e-6)


def test_bfloat16_kernel_agrees_with_exact_sums() -> None:
    images = torch.randn(20, 8, 13, 13, generator=torch.Generator().manual_seed(3)).mul_(2.0).add_(1.0)
    rounded = images.to(memory_format=torch.channels_last).bfloat16()
    fast, slow = KerasBatchNorm(8, 0.1, 0.001), KerasBatchNorm(8, 0.1, 0.001)
    by_torch, by_blocks = rounded.clone().requires_grad_(), rounded.float().requires_grad_()
    output, expected = fast(by_torch), slow(by_blocks)
    assert output.dtype == torch.bfloat16
    assert torch.allclose(output.float(), expected, rtol=2**-8, atol=2**-8)
    assert torch.allclose(fast.running_mean, slow.running_mean, rtol=1e-4)
    # The unbiased variance would differ by 0.1 / 3,380; the error of torch's sums is far smaller here.
    assert torch.allclose(fast.running_variance, slow.running_variance, rtol=1e-5)
    weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(4))
    (output.float() * weights).sum().backward()
    (expected * weights).sum().backward()
    assert by_torch.grad is not None
    assert by_blocks.grad is not None
    assert torch.allclose(by_torch.grad.float(), by_blocks.grad, rtol=2**-6, atol=2**-6)


def test_bfloat16_images_keep_float32_averages() -> None:
    norm = KerasBatchNorm(3, 0.5, 0.001)
    values = torch.randn(4, 3, 5, 6, generator=torch.Generator().manual_seed(1)).bfloat16()
    assert norm(values).dtype == torch.bfloat16
    exact = values.double().transpose(0, 1).flatten(1)
    assert norm.running_mean.dtype == norm.running_variance.dtype == torch.float32
    assert torch.allclose(norm.running_mean.double(), 0.5 * exact.mean(1), atol=1e-5)
    assert torch.allclose(norm.running_variance.double(), 0.5 + 0.5 * exact.var(1, unbiased=False), rtol=1e-4)
    assert norm(values[:1, :, :1, :1]).dtype == torch.bfloat16


@pytest.mark.parametrize("shape", [(5, 3), (2, 3, 4, 3)])
def test_gradients_equal_finite_differences(shape: tuple[int, ...]) -> None:
    norm = KerasBatchNorm(3, 0.1, 0.001).double()
    generator = torch.Generator().manual_seed(2)
    values = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)

    def normalise(values: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = torch.func.functional_call(norm, {"weight": weight, "bias": bias}, values)
        return output

    weight = torch.tensor([0.5, 1.5, -1.0], dtype=torch.float64, requires_grad=True)
    bias = torch.tensor([0.1, 0.0, -0.3], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(normalise, (values, weight, bias))


def test_moments_of_many_images_are_accurate() -> None:
    images = torch.randn(100, 16, 26, 26, generator=torch.Generator().manual_seed(3)).relu()
    images = images.to(memory_format=torch.channels_last)
    rows = images.double().permute(0, 2, 3, 1).flatten(0, 2)
    mean, variance = moments(images)
    assert torch.allclose(mean.double(), rows.mean(0), rtol=1e-6)
    assert torch.allclose(variance.double(), rows.var(0, unbiased=False), rtol=2e-6)


def test_moments_are_accurate_for_a_mean_far_from_zero() -> None:
    images = 1000 + torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(4))
    exact = images.double().transpose(0, 1).flatten(1).var(1, unbiased=False)
    assert torch.allclose(moments(images)[1].double(), exact, rtol=1e-4)


def test_evaluation_equals_training_if_the_averages_are_those_of_the_batch() -> None:
    norm = KerasBatchNorm(3, 1.0, 0.001)
    images = torch.randn(4, 3, 5, 6, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(norm(images), norm.eval()(images), atol=1e-6)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5, 6)])
def test_batch_norm_torch_equals_torch(shape: tuple[int, ...], precision: torch.dtype) -> None:
    ours = read_layer("batch-norm torch").module((*shape[2:], shape[1]), torch.Generator())
    theirs = nn.BatchNorm1d(3) if len(shape) == 2 else nn.BatchNorm2d(3)
    generator = torch.Generator().manual_seed(1)
    tolerance = 1e-5 if precision == torch.float32 else 2e-2
    for _ in range(3):
        values = torch.randn(shape, generator=generator).mul_(2).add_(1).to(precision)
        output, expected = ours(values), theirs(values)
        torch.testing.assert_close(output, expected, rtol=tolerance, atol=tolerance)
    assert isinstance(ours, KerasBatchNorm)
    assert theirs.running_mean is not None
    assert theirs.running_var is not None
    torch.testing.assert_close(ours.running_mean, theirs.running_mean, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(ours.running_variance, theirs.running_var, rtol=1e-5, atol=1e-6)
    values = torch.randn(shape, generator=generator)
    torch.testing.assert_close(ours.eval()(values), theirs.eval()(values), rtol=1e-5, atol=1e-5)


def test_unbiased_variance_of_one_value_per_channel_is_zero() -> None:
    norm = KerasBatchNorm(3, 0.1, 1e-5, unbiased=True)
    norm(torch.tensor([[1.0, -2.0, 30.0]]))
    assert norm.running_variance.tolist() == pytest.approx([0.9, 0.9, 0.9])
