"""The random numbers of one batch."""

from __future__ import annotations

import torch

from convstudy.studyfile.augment import Setting
from convstudy.studyfile.transforms import TRANSFORMS


class Draws:
    """Draws random numbers for each image of a batch, on its device.

    Args:
        n: the number of images.
        device: the device of the images.
        generator: a generator on this device; torch's default if ``None``.
    """

    def __init__(self, n: int, device: torch.device, generator: torch.Generator | None) -> None:
        self.n, self.device, self._generator = n, device, generator

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        """Return uniform float32 numbers ``(n, *shape)`` in [low, high)."""
        drawn = torch.rand(self.n, *shape, generator=self._generator, device=self.device)
        return drawn if (low, high) == (0.0, 1.0) else drawn.mul_(high - low).add_(low)

    def normal(self, *shape: int) -> torch.Tensor:
        """Return float32 numbers ``(n, *shape)`` of the standard normal distribution."""
        return torch.randn(self.n, *shape, generator=self._generator, device=self.device)

    def strengths(self, setting: Setting, *shape: int) -> torch.Tensor:
        """Return a strength of a transform for each image, ``(n, *shape)``; neutral where the transform is not used."""
        drawn = self.uniform(*shape, low=setting.low, high=setting.high)
        if setting.probability == 1.0:
            return drawn
        unused = ~self.chosen(setting).reshape(self.n, *(1 for _ in shape))
        # masked_fill, because torch.where copies a number from the CPU to the GPU, which no CUDA graph can capture.
        return drawn.masked_fill(unused, TRANSFORMS[setting.key].neutral)

    def chosen(self, setting: Setting) -> torch.Tensor:
        """Return bool ``(n,)``: whether each image is changed, with the probability of the setting."""
        return self.uniform() < setting.probability

    def symmetric_beta(self, alpha: float) -> torch.Tensor:
        """Return numbers ``(n,)`` of Beta(alpha, alpha), each from two uniform numbers.

        A draw of Student's t distribution (Bailey 1994) gives one of the symmetric beta distribution (Devroye 1996,
        "Random variate generation in one line of code"). Samplers that reject draws would need loops of random length,
        which a CUDA graph cannot contain.
        """
        # 1 - u is in (0, 1], so that the power of 0 cannot occur.
        power = (1.0 - self.uniform()).pow_(1.0 / alpha)
        cosine = torch.cos(self.uniform(high=2.0 * torch.pi))
        spread = (1.0 - power).clamp_(min=0.0) * cosine.square()
        return 0.5 + 0.5 * cosine.sign() * torch.sqrt(spread / (power + spread).clamp_(min=1e-30))
