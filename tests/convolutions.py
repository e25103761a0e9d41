"""Record the kernel sizes and strides of all convolutions that torch computes, forward and backward."""

from __future__ import annotations

from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

# Operation -> positions of its weight, stride and dilation arguments. The first one is used in inference mode.
ARGUMENTS = {
    "aten::conv2d": (1, 3, 5),
    "aten::convolution": (1, 3, 5),
    "aten::convolution_backward": (2, 4, 6),
}


class ConvolutionCalls(TorchDispatchMode):
    """A context that records convolutions.

    Attributes:
        forward: kernel size and stride of each forward call.
        backward: kernel size and stride of each backward call.
        dilations: dilation and dtype of the weights of each call, forward and backward.
    """

    def __init__(self) -> None:
        super().__init__()
        self.forward: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
        self.backward: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
        self.dilations: list[tuple[tuple[int, ...], Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name
        if "conv" in name:
            weight, stride, dilation = ARGUMENTS[name]  # KeyError: torch has a new name for a convolution
            calls = self.backward if name.endswith("backward") else self.forward
            calls.append(
                (tuple(args[weight].shape[2:]), tuple(args[stride]) if len(args) > stride else (1, 1))
            )
            dilated = tuple(args[dilation]) if len(args) > dilation else (1, 1)
            self.dilations.append((dilated, args[weight].dtype))
        return func(*args, **(kwargs or {}))

    @property
    def skipping(self) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """The calls whose stride is larger than their kernel, for which torch 2.13 has faults."""
        return [
            call for call in self.forward + self.backward if any(s > k for k, s in zip(*call, strict=True))
        ]
