"""``crop`` removes the border, and its gradient is zero there."""

from __future__ import annotations

import pytest
import torch

from convstudy.errors import NetworkError
from convstudy.networks import Network, read_layer
from convstudy.networks.build import build_network


def test_crop_removes_border_and_gives_it_no_gradient() -> None:
    images = torch.randn(2, 3, 7, 8).contiguous(memory_format=torch.channels_last).requires_grad_()
    cropped = read_layer("crop 2").module((7, 8, 3), torch.Generator())(images)
    assert torch.equal(cropped, images[:, :, 2:-2, 2:-2])
    assert cropped.is_contiguous(memory_format=torch.channels_last)
    cropped.sum().backward()
    expected = torch.zeros_like(images)
    expected[:, :, 2:-2, 2:-2] = 1.0
    assert torch.equal(images.grad, expected)


def test_network_ignores_the_cropped_border() -> None:
    network = Network.read(["crop 2", "conv 4 3 relu", "flatten"])
    model = build_network(network, (9, 9, 1), 3, torch.Generator().manual_seed(1))
    images = torch.rand(5, 1, 9, 9)
    inside = images.clone()
    inside[:, :, :2], inside[:, :, -2:], inside[..., :2], inside[..., -2:] = (
        torch.rand(()) for _ in range(4)
    )
    assert not torch.equal(inside, images)
    assert torch.equal(model(inside), model(images))


@pytest.mark.parametrize(
    ("shape", "hint"), [((6, 9, 1), "use a size of at most 2"), ((2, 2, 1), "remove the layer")]
)
def test_crop_of_all_pixels_is_refused(shape: tuple[int, int, int], hint: str) -> None:
    height, width, _ = shape
    with pytest.raises(
        NetworkError, match=rf"crop 3 leaves no pixel of an input of {height} × {width}"
    ) as error:
        read_layer("crop 3").output_shape(shape)
    assert hint in str(error.value)
