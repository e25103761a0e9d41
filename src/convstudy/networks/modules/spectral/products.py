"""The products of spectra, one matrix product per frequency.

A circular cross-correlation, which networks call convolution, is ``Y = X · conj(W)`` for each frequency. Its gradients
are ``dX = dY · Wᵀ`` and ``dW = Xᵀ · conj(dY)``. Each is three real matrix products per complex frequency (Gauss).
Frequencies that are real are stored in pairs (:class:`~convstudy.networks.modules.spectral.transform.Period`) and need
two.

The blocks of a spectrum are multiplied one after the other, so that a block stays in the cache for its products.
"""

from __future__ import annotations

import torch

from convstudy.networks.modules.spectral.transform import Period


def output_spectrum(images: torch.Tensor, kernels: torch.Tensor, period: Period) -> torch.Tensor:
    """Return the spectrum of the output, planes ``(n, filters)``, of images ``(n, c)`` and kernels ``(c, filters)``."""
    return _product(images, kernels, 1, period)


def image_gradient_spectrum(outputs: torch.Tensor, kernels: torch.Tensor, period: Period) -> torch.Tensor:
    """Return the spectrum of the images' gradient, ``(n, c)``, from the output's gradient ``(n, filters)``."""
    return _product(outputs, kernels.mT, -1, period)


def kernel_gradient_spectrum(images: torch.Tensor, outputs: torch.Tensor, period: Period) -> torch.Tensor:
    """Return the spectrum of the kernels' gradient, ``(c, filters)``, from the output's gradient ``(n, filters)``."""
    return _product(images.mT, outputs, 1, period)


def _product(left: torch.Tensor, right: torch.Tensor, sign: int, period: Period) -> torch.Tensor:
    """Return the spectrum ``left · conj(right)`` (``sign`` 1) or ``left · right`` (-1)."""
    product = period.empty(left.shape[-2], right.shape[-1], left.dtype)
    for block in range(period.width):
        _multiply(left[block], right[block], product[block], sign, period.n_real(block))
    return product


def _multiply(left: torch.Tensor, right: torch.Tensor, product: torch.Tensor, sign: int, n_real: int) -> None:
    """Write ``left · conj(right)`` (``sign`` 1) or ``left · right`` (-1) of a block into ``product``.

    Each is ``(2, frequencies, rows, columns)``: real and imaginary parts, of matrices that fit each other. The last
    ``n_real`` frequencies are pairs of real ones.
    """
    if n_real:
        pairs = slice(-n_real, None)
        torch.bmm(left[0, pairs], right[0, pairs], out=product[0, pairs])
        torch.bmm(left[1, pairs], right[1, pairs], out=product[1, pairs])
    n_complex = left.shape[1] - n_real
    (a, b), (c, d), (real, imaginary) = (each[:, :n_complex] for each in (left, right, product))
    # (a + ib)(c - id) = ac + bd + i(bc - ad) with three products instead of four: (a + b)c - b(c - d) is the real part,
    # (a + b)c - a(c + d) the imaginary one.
    torch.bmm(a + b, c, out=real)
    imaginary.copy_(real)
    torch.baddbmm(real, b, torch.sub(c, d, alpha=sign), alpha=-1, out=real)
    torch.baddbmm(imaginary, a, torch.add(c, d, alpha=sign), alpha=-1, out=imaginary)
