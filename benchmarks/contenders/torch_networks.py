"""The notebook's networks and images in idiomatic PyTorch: standard modules, float32, channels first."""

from __future__ import annotations

import torch
from torch import nn
from turns import N_CLASSES, images, layers


def built(network: str) -> nn.Sequential:
    """Return a network of the study ``mnist``, with initialised weights."""
    parts: list[nn.Module] = []
    flat = False
    for word, *rest in layers(network):
        match word:
            case "conv":
                parts += [nn.LazyConv2d(int(rest[0]), int(rest[1])), nn.ReLU()]
            case "dense":
                parts += [nn.LazyLinear(int(rest[0])), nn.ReLU()]
            case "max-pool":
                parts.append(nn.MaxPool2d(int(rest[0])))
            case "batch-norm":
                parts.append(nn.LazyBatchNorm1d() if flat else nn.LazyBatchNorm2d())
            case "dropout":
                parts.append(nn.Dropout(float(rest[0])))
            case "flatten":
                parts.append(nn.Flatten())
                flat = True
            case _:
                raise LookupError(word)
    model = nn.Sequential(*parts, nn.LazyLinear(N_CLASSES))
    model.eval()(torch.zeros(2, 1, 28, 28))
    return model.train()


def tensors(n_images: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images as float32 ``(n, 1, 28, 28)`` in [0, 1] and labels."""
    pixels, labels = images(n_images)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous().float() / 255, torch.from_numpy(labels)
