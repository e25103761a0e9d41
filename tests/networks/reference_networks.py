"""Compares a network with a reference in plain torch: the rows of the layer table, values and gradients."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from convstudy.networks import Network, Shape, layer_table
from convstudy.networks.build import build_network

N_CLASSES = 10


@dataclass(frozen=True)
class Row:
    """The numbers of one row of a layer table."""

    shape: Shape
    n_trainable: int
    n_buffers: int
    macs: int


class SameConv(nn.Conv2d):
    """A convolution without bias, padded as TensorFlow's "same": the extra zero is at the end."""

    def __init__(self, n_in: int, n_out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(n_in, n_out, kernel, stride, bias=False, groups=groups)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        sides = []
        for size in reversed(images.shape[2:]):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            sides += [total // 2, total - total // 2]
        return super().forward(nn.functional.pad(images, sides))


class Block(nn.Module):
    """A part of a reference with a row before the rows of its layers."""


class OneRow(nn.Module):
    """A part of a reference with one row for all its layers."""


def norm(n_channels: int) -> nn.BatchNorm2d:
    """Return batch normalisation with Keras' settings."""
    return nn.BatchNorm2d(n_channels, eps=0.001, momentum=0.01)


def rows(network: Network, image: Shape) -> list[Row]:
    """Return the rows of a network's layer table."""
    table = layer_table(network, image, N_CLASSES)
    return [Row(each.output_shape, each.n_trainable, each.n_not_trainable, each.macs) for each in table.rows]


def reference_rows(reference: nn.Module, image: Shape) -> list[Row]:
    """Return a row for each layer of a reference, measured on an image, in the order of definition.

    A flatten has no row, because it is part of global-average-pool.
    """
    found: dict[nn.Module, Row] = {}

    def measure(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        own = list(module.parameters(recurse=isinstance(module, OneRow)))
        kept = [each for each in module.buffers(recurse=False) if each.ndim]
        is_pooled = isinstance(module, nn.AdaptiveAvgPool2d)
        shape = tuple((output.flatten(1) if is_pooled else output.movedim(1, -1)).shape[1:])
        work = 0
        if isinstance(module, nn.Conv2d):
            work = output[0].numel() * module.weight[0].numel()
        elif isinstance(module, nn.Linear):
            work = output.numel() // output.shape[-1] * module.weight.numel()
        elif isinstance(module, OneRow):
            work = sum(each.weight.numel() for each in module.modules() if isinstance(each, nn.Linear))
        found[module] = Row(shape, sum(map(torch.numel, own)), sum(map(torch.numel, kept)), work)

    inside = {
        each for whole in reference.modules() if isinstance(whole, OneRow) for each in [*whole.modules()][1:]
    }
    layers = [
        each
        for each in reference.modules()
        if each not in inside
        and (
            isinstance(each, Block | OneRow) or not (list(each.children()) or isinstance(each, nn.Sequential))
        )
    ]
    hooks = [layer.register_forward_hook(measure) for layer in layers]
    reference.eval()(torch.zeros(1, image[2], *image[:2]))
    for hook in hooks:
        hook.remove()
    return [found[layer] for layer in layers if not isinstance(layer, nn.Flatten)]


def check_values(network: Network, reference: nn.Module, image: Shape) -> None:
    """Check that outputs and gradients equal those of a reference with the same weights, in float64 and training."""
    model = build_network(network, image, N_CLASSES, torch.Generator().manual_seed(1)).double().train()
    reference = reference.double().train()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for own, other in zip(model.parameters(), reference.parameters(), strict=True):
            if own.ndim == 1:  # biases and scales, which would be all 0 or 1
                own.add_(torch.randn(own.shape, generator=generator, dtype=own.dtype), alpha=0.1)
            other.copy_(own.view_as(other))
    images = torch.randn(3, image[2], *image[:2], generator=generator, dtype=torch.float64)
    ours = images.contiguous(memory_format=torch.channels_last).requires_grad_()
    theirs = images.clone().requires_grad_()
    output_weights = torch.randn(3, N_CLASSES, generator=generator, dtype=torch.float64)
    output, expected = model(ours), reference(theirs)
    torch.testing.assert_close(output, expected, rtol=1e-9, atol=1e-9)
    (output * output_weights).sum().backward()
    (expected * output_weights).sum().backward()
    assert theirs.grad is not None
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-7, atol=1e-9 * float(theirs.grad.abs().max()))
    largest = max(
        float(weight.grad.abs().max()) for weight in reference.parameters() if weight.grad is not None
    )
    for (name, own), other in zip(model.named_parameters(), reference.parameters(), strict=True):
        assert own.grad is not None
        assert other.grad is not None
        assert torch.allclose(own.grad, other.grad.view_as(own), rtol=1e-7, atol=1e-9 * largest), name
    # Evaluation checks the moving averages.
    model.eval()
    reference.eval()
    torch.testing.assert_close(model(images), reference(images), rtol=0.05, atol=0.05)
