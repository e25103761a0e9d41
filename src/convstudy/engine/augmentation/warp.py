"""The moves of a batch as one map from output to input positions, applied with one bilinear interpolation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch.nn.functional import grid_sample

_PADDING = {"zero": "zeros", "edge": "border", "reflect": "reflection"}


@dataclass(frozen=True, eq=False)
class Warp:
    """For each image of a batch, the input position of each output pixel: ``matrix @ position + offset + field``.

    Positions are (x, y) in pixels, relative to the center of the image; y points down. Each method adds a step to the
    way from the output to the input. The content of an image takes the steps in reverse order: a warp with a shift and
    then a rotation rotates the content around the center and shifts the result.

    Attributes:
        height, width: the size of the images.
        matrix: float32 ``(n, 2, 2)``.
        offset: float32 ``(n, 2)``.
        field: float32 ``(n, 2, height, width)``, added last; None: zeros.
    """

    height: int
    width: int
    matrix: torch.Tensor
    offset: torch.Tensor
    field: torch.Tensor | None = None

    @classmethod
    def identity(cls, n: int, height: int, width: int, device: torch.device) -> Warp:
        """Return the warp that moves nothing."""
        matrix = torch.eye(2, device=device).expand(n, 2, 2)
        return cls(height, width, matrix, torch.zeros(n, 2, device=device))

    def shifted(self, right: torch.Tensor, down: torch.Tensor) -> Warp:
        """Return this warp and a shift of the content by these numbers of pixels, each ``(n,)``."""
        moved = torch.stack([right, down], dim=1)
        return replace(self, offset=self.offset - moved)

    def followed_by(self, xx: torch.Tensor, xy: torch.Tensor, yx: torch.Tensor, yy: torch.Tensor) -> Warp:
        """Return this warp with input positions multiplied by the matrix ``[[xx, xy], [yx, yy]]``, each ``(n,)``.

        Raises:
            ValueError: if the warp has a field, which must be added last.
        """
        if self.field is not None:
            raise ValueError("a field of displacements must be the last step of a warp")
        matrix = torch.stack([torch.stack([xx, xy], dim=1), torch.stack([yx, yy], dim=1)], dim=1)
        # Sums of products instead of a matrix product: exact in float32 with any setting of torch.
        product = (matrix[:, :, :, None] * self.matrix[:, None, :, :]).sum(dim=2)
        return replace(self, matrix=product, offset=(matrix * self.offset[:, None, :]).sum(dim=2))

    def displaced(self, field: torch.Tensor) -> Warp:
        """Return this warp with input positions displaced by a field ``(n, 2, height, width)``, in pixels."""
        return replace(self, field=field if self.field is None else self.field + field)

    @property
    def positions(self) -> torch.Tensor:
        """The input positions ``(n, height, width, 2)`` in units of half a side: the corners of an image are ±1."""
        device, height, width = self.matrix.device, self.height, self.width
        x = torch.arange(width, device=device) - (width - 1) / 2
        y = (torch.arange(height, device=device) - (height - 1) / 2)[:, None]
        (xx, xy), (yx, yy) = (row.unbind(1) for row in self.matrix[:, :, :, None, None].unbind(1))
        found = torch.empty(len(self.matrix), height, width, 2, device=device)
        for axis, (of_x, of_y, side) in enumerate(((xx, xy, width), (yx, yy, height))):
            values = of_x * x + (of_y * y + self.offset[:, axis, None, None])
            if self.field is not None:
                values = values + self.field[:, axis]
            torch.mul(values, 2.0 / side, out=found[..., axis])
        return found


def warped(images: torch.Tensor, warp: Warp, border: str) -> torch.Tensor:
    """Return float32 images ``(n, c, h, w)`` after a warp. ``border`` is shown outside the image."""
    return grid_sample(
        images.contiguous(),
        warp.positions,
        mode="bilinear",
        padding_mode=_PADDING[border],
        align_corners=False,
    )
