"""Adaptive average pooling against torch's, which is not deterministic on a GPU."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from convstudy.errors import NetworkError
from convstudy.networks import read_layer
from convstudy.networks.modules.window_means import WindowMeans


@pytest.mark.parametrize("shape", [(12, 12), (9, 11), (5, 8), (32, 7), (4, 4)])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_values_and_gradients_equal_those_of_torch(shape: tuple[int, int], size: int) -> None:
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(2, 3, *shape, generator=generator, dtype=torch.float64)
    images = images.contiguous(memory_format=torch.channels_last).requires_grad_()
    ours = read_layer(f"adaptive-average-pool {size}").module((*shape, 3), generator)(images)
    theirs = nn.functional.adaptive_avg_pool2d(images, size)
    weights = torch.randn(ours.shape, generator=generator, dtype=torch.float64)
    grads = [torch.autograd.grad((output * weights).sum(), images)[0] for output in (ours, theirs)]
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(*grads, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ((12, 8, 3), nn.AvgPool2d),
        ((9, 8, 3), WindowMeans),
        ((4, 4, 3), nn.Identity),
        ((4, 8, 3), nn.AvgPool2d),
    ],
)
def test_module_class_depends_on_the_input_size(shape: tuple[int, int, int], kind: type[nn.Module]) -> None:
    assert type(read_layer("adaptive-average-pool 4").module(shape, torch.Generator())) is kind


def test_equal_size_is_a_no_op_and_larger_size_raises() -> None:
    layer = read_layer("adaptive-average-pool 4")
    assert layer.no_op_reason((4, 4, 3)) == "its input is 4 × 4 already"
    assert layer.no_op_reason((4, 5, 3)) == ""
    with pytest.raises(NetworkError, match="size 4 does not fit an input of 8 × 3") as caught:
        layer.output_shape((8, 3, 2))
    assert caught.value.problems[0].hint == "use a size of at most 3"
    with pytest.raises(NetworkError, match="needs an image"):
        layer.output_shape((16,))
