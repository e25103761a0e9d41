"""Steps of each optimizer compared with hand calculations."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from convstudy.engine import optimizers
from convstudy.engine.optimizers import build_optimizer, make_step
from convstudy.engine.orthogonalisation import STEPS_PER_GRAM, WIDE, iterated, orthogonalised
from convstudy.studyfile import Recipe
from tests.engine.small import scores_by_epoch, small_fit, trained

GRADIENTS = ([2.0, -1.0], [1.0, 3.0])


def _stepped(gradients: tuple[list[float], ...] = GRADIENTS, lr: float = 0.1, **recipe: Any) -> list[float]:
    """Return the matrix (1, 1) after one step per gradient."""
    matrix = nn.Parameter(torch.ones(1, 2))
    optimizer = build_optimizer(Recipe(**recipe), [matrix])
    for gradient in gradients:
        matrix.grad = torch.tensor([gradient])
        make_step(optimizer, lr)
    return matrix.detach()[0].tolist()


def test_sgd_subtracts_scaled_gradient() -> None:
    assert _stepped(optimizer="sgd", momentum=0.0) == pytest.approx([1 - 0.2 - 0.1, 1 + 0.1 - 0.3])


def test_momentum_accumulates_velocity() -> None:
    # Velocities: 2, then 0.5 · 2 + 1 = 2; -1, then 0.5 · -1 + 3 = 2.5
    assert _stepped(optimizer="sgd", momentum=0.5) == pytest.approx([1 - 0.2 - 0.2, 1 + 0.1 - 0.25])


def test_nesterov_adds_momentum_to_gradient() -> None:
    # Steps: g + 0.5 v, with v = 2, 2 and -1, 2.5
    got = _stepped(optimizer="sgd", momentum=0.5, nesterov=True)
    assert got == pytest.approx([1 - 0.3 - 0.2, 1 + 0.15 - 0.425])


def test_rmsprop_adds_epsilon_inside_root() -> None:
    after = 1 - 0.1 * 2 / math.sqrt(0.1 * 4 + 1e-7) - 0.1 * 1 / math.sqrt(0.9 * 0.1 * 4 + 0.1 + 1e-7)
    assert _stepped(optimizer="rmsprop")[0] == pytest.approx(after, rel=1e-5)
    # A tiny gradient shows the position of epsilon: 1e-4 / √(1e-9 + 1e-7), not 1e-4 / (√1e-9 + 1e-7).
    got = _stepped(([1e-4, 0.0],), optimizer="rmsprop")
    assert 1 - got[0] == pytest.approx(0.1 * 1e-4 / math.sqrt(1e-9 + 1e-7), rel=1e-3)
    assert got[1] == 1.0


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam_adds_epsilon_to_uncorrected_root(name: str) -> None:
    m1, v1 = 0.1 * 2, 0.001 * 4
    m2, v2 = 0.9 * m1 + 0.1 * 1, 0.999 * v1 + 0.001 * 1
    after = 1.0
    for t, (m, v) in enumerate(((m1, v1), (m2, v2)), start=1):
        after -= 0.1 * math.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (math.sqrt(v) + 1e-7)
    assert _stepped(optimizer=name)[0] == pytest.approx(after, rel=1e-5)
    # The position of epsilon matters for a gradient as small as epsilon: here √v = 1e-7 · √0.001.
    tiny = 0.1 * math.sqrt(0.001) / 0.1 * 1e-8 / (1e-7 * math.sqrt(0.001) + 1e-7)
    assert 1 - _stepped(([1e-7, 0.0],), optimizer=name)[0] == pytest.approx(tiny, rel=1e-3)


@pytest.mark.parametrize("name", ["adam", "adamw", "muon", "rmsprop", "sgd"])
def test_weight_decay_is_decoupled_and_skips_biases_and_scales(name: str) -> None:
    matrix, bias = nn.Parameter(torch.tensor([[2.0, -4.0]])), nn.Parameter(torch.tensor([2.0]))
    optimizer = build_optimizer(Recipe(optimizer=name, weight_decay=0.5), [bias, matrix])
    matrix.grad, bias.grad = torch.zeros_like(matrix), torch.zeros_like(bias)
    make_step(optimizer, 0.1)
    assert matrix.detach()[0].tolist() == pytest.approx([2 * 0.95, -4 * 0.95])
    assert bias.item() == 2.0


def test_weight_decay_does_not_enter_moments() -> None:
    plain, decayed = _stepped(optimizer="adam"), _stepped(optimizer="adam", weight_decay=0.5)
    first = _stepped(GRADIENTS[:1], optimizer="adam")
    for before, without, with_ in zip(first, plain, decayed, strict=True):
        step_1, step_2 = 1 - before, before - without
        assert with_ == pytest.approx((0.95 - step_1) * 0.95 - step_2, rel=1e-5)


def test_clip_norm_label_smoothing_and_decay_change_training() -> None:
    plain = scores_by_epoch(trained(small_fit(epochs=1, optimizer="sgd")))
    for change in ({"clip_norm": 0.01}, {"label_smoothing": 0.3}, {"weight_decay": 1.0}):
        assert scores_by_epoch(trained(small_fit(epochs=1, optimizer="sgd", **change))) != plain, change
    # A bound above every norm changes only rounding, because gradients are multiplied by about 1.
    loose = scores_by_epoch(trained(small_fit(epochs=1, optimizer="sgd", clip_norm=1e6)))
    assert [round(value, 5) for value in loose[0]] == [round(value, 5) for value in plain[0]]


SHAPES = [(4, 4), (3, 20), (20, 3), (16, 25), (64, 144), (1, 5), (5, 1)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n_steps", [1, 3, 5])
def test_newton_schulz_applies_polynomial_to_singular_values(shape: tuple[int, int], n_steps: int) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(4))
    left, values, right = torch.linalg.svd(matrix.double(), full_matrices=False)
    values /= values.norm()  # the Frobenius norm of the matrix
    for _ in range(n_steps):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    expected = left @ torch.diag(values) @ right
    got = orthogonalised(matrix, n_steps)
    assert got.shape == shape
    assert torch.allclose(got.double(), expected, atol=2e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_newton_schulz_approximates_polar_factor(shape: tuple[int, int]) -> None:
    """Singular values that are not almost 0 end between about 0.7 and 1.2, as its authors state."""
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(4)).double()
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    values /= values.norm()
    found = torch.diagonal(left.T @ orthogonalised(matrix, 5) @ right.T)
    large = values > 0.02
    assert int(large.sum()) >= min(shape) - 1
    assert float(found[large].min()) > 0.65
    assert float(found.max()) < 1.25


def test_newton_schulz_keeps_zero_matrix() -> None:
    for shape in ((3, 5), (3, 6)):
        assert torch.equal(orthogonalised(torch.zeros(shape), 5), torch.zeros(shape))


@pytest.mark.parametrize("shape", [(16, 32), (32, 16), (64, 576), (128, 576), (7, 100)])
@pytest.mark.parametrize("n_steps", [1, 4, STEPS_PER_GRAM])
@pytest.mark.parametrize("smallest", [1.0, 1e-2, 1e-4])
def test_newton_schulz_by_gram_matrices_equals_steps_on_the_matrix(
    shape: tuple[int, int], n_steps: int, smallest: float
) -> None:
    """Reference: steps in float64, for equal singular values up to some that differ by a factor of 10,000."""
    assert max(shape) >= WIDE * min(shape)
    generator = torch.Generator().manual_seed(6)
    left, values, right = torch.linalg.svd(
        torch.randn(shape, generator=generator).double(), full_matrices=False
    )
    values = torch.logspace(0, math.log10(smallest), len(values), dtype=torch.float64)
    matrix = left @ torch.diag(values) @ right
    wide = matrix if shape[0] < shape[1] else matrix.T
    expected = iterated(wide / wide.norm(), n_steps)
    got = orthogonalised(matrix.float(), n_steps).double()
    error = (got if shape[0] < shape[1] else got.T) - expected
    assert float(error.norm() / expected.norm()) < 5e-4


@pytest.mark.parametrize("n_steps", [4, 5, 6, 13, 20])
def test_newton_schulz_by_gram_matrices_is_stable_without_full_rank(n_steps: int) -> None:
    """Rounding gives some zero eigenvalues a negative sign, which would grow without bounds in one long series."""
    generator = torch.Generator().manual_seed(7)
    matrix = torch.randn(64, 6, generator=generator) @ torch.randn(6, 576, generator=generator)
    matrix[40:] = 0.0
    found = torch.linalg.svdvals(orthogonalised(matrix, n_steps))
    assert float(found[5]) > 0.65
    assert float(found[0]) < 1.25
    # Rounding grows too, in the reference as well: after 13 steps by 3.4445¹³ = 1e7.
    assert float(found[6:].max()) < (0.05 if n_steps <= 6 else 1.25)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("n_steps", [3, 5])
def test_muon_orthogonalizes_kernels_and_uses_adam_elsewhere(nesterov: bool, n_steps: int) -> None:
    generator = torch.Generator().manual_seed(2)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    values = [random(6, 2, 3, 3), random(6), random(8, 5), random(8), random(4, 8), random(4)]
    gradients = [[random(*value.shape) for value in values] for _ in range(3)]
    recipe = Recipe(
        optimizer="muon",
        learning_rate=0.2,
        adam_lr=0.05,
        momentum=0.8,
        nesterov=nesterov,
        newton_schulz_steps=n_steps,
    )
    layouts = (torch.channels_last,) + (torch.contiguous_format,) * 5
    parameters = [
        nn.Parameter(value.clone(memory_format=layout)) for value, layout in zip(values, layouts, strict=True)
    ]
    optimizer = build_optimizer(recipe, parameters)
    # Kernel and hidden matrix are computed here; biases and the output matrix use Adam with its own rate.
    muons = [values[0].clone(), values[2].clone()]
    velocities = [torch.zeros_like(value) for value in muons]
    others = [nn.Parameter(values[place].clone()) for place in (4, 1, 3, 5)]
    adam = build_optimizer(Recipe(optimizer="adam"), others)
    for lr, each in zip((0.2, 0.1, 0.05), gradients, strict=True):
        for parameter, gradient in zip(parameters, each, strict=True):
            parameter.grad = gradient.clone(memory_format=torch.preserve_format)
        make_step(optimizer, lr)
        for value, velocity, gradient in zip(muons, velocities, (each[0], each[2]), strict=True):
            velocity.mul_(0.8).add_(gradient)
            momentum = gradient + 0.8 * velocity if nesterov else velocity
            update = orthogonalised(momentum.flatten(1), n_steps).view(value.shape)
            value -= lr * math.sqrt(len(value)) * update / update.norm()
        for other, place in zip(others, (4, 1, 3, 5), strict=True):
            other.grad = each[place].clone()
        make_step(adam, lr / 4)
    expected = [muons[0], others[1], muons[1], others[2], others[0], others[3]]
    for parameter, value in zip(parameters, expected, strict=True):
        assert torch.allclose(parameter, value, atol=1e-5)
    assert parameters[0].is_contiguous(memory_format=torch.channels_last)


def test_muon_updates_kernels_of_one_shape_like_single_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wide and tall matrices, in batches and above the largest size of a batch; one kernel has no gradient."""
    shapes = [(16, 8, 3, 3)] * 3 + [(32, 1, 5, 5)] * 2 + [(70, 8, 3, 3)] * 2 + [(16, 8, 3, 3), (6, 6), (6, 6)]
    after: dict[int, list[torch.Tensor]] = {}
    batches = []
    original = optimizers.orthogonalised

    def recorded(matrix: torch.Tensor, n_steps: int) -> torch.Tensor:
        batches.append(len(matrix) if matrix.ndim == 3 else 1)
        return original(matrix, n_steps)

    monkeypatch.setattr(optimizers, "orthogonalised", recorded)
    for largest in (0, optimizers.MAX_BATCHED):
        monkeypatch.setattr(optimizers, "MAX_BATCHED", largest)
        generator = torch.Generator().manual_seed(9)
        kernels = [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]
        optimizer = build_optimizer(Recipe(optimizer="muon"), [*kernels, nn.Parameter(torch.ones(2, 6))])
        for _ in range(2):
            for kernel in kernels[:1] + kernels[2:]:
                kernel.grad = torch.randn(kernel.shape, generator=generator)
            make_step(optimizer, 0.1)
        after[largest] = kernels
    assert batches == [1] * 18 + [3, 2, 1, 1, 2] * 2
    for single, batched in zip(*after.values(), strict=True):
        torch.testing.assert_close(batched, single, rtol=1e-5, atol=1e-6)


def test_muon_decays_hidden_and_output_kernels_at_their_own_rates() -> None:
    hidden, output = nn.Parameter(torch.ones(3, 2)), nn.Parameter(torch.ones(2, 3))
    recipe = Recipe(optimizer="muon", learning_rate=0.1, adam_lr=0.01, weight_decay=0.5)
    optimizer = build_optimizer(recipe, [hidden, output])
    hidden.grad, output.grad = torch.zeros_like(hidden), torch.zeros_like(output)
    make_step(optimizer, 0.1)
    assert torch.allclose(hidden, torch.full((3, 2), 0.95))
    assert torch.allclose(output, torch.full((2, 3), 0.995))
