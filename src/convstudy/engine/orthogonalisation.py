"""Orthogonalization of a matrix by Newton-Schulz steps, the update of Muon.

Each step maps every singular value x of a matrix X to ``3.4445·x - 4.7750·x³ + 2.0315·x⁵``. Small values grow fast. As
intended, all values end between about 0.7 and 1.2, not at 1 (Jordan et al. 2024, kellerjordan.github.io/posts/muon).

A step multiplies X from the left by ``Q = 3.4445·I - 4.7750·G + 2.0315·G²`` with ``G = X·Xᵀ``. The next G is ``Q·G·Q``,
so several steps need X twice only: for the first G, and for the product of all Q with X. The kernel of a convolution is
a wide matrix, ``m`` filters of ``n`` weights with ``n`` several times ``m``. There, products of ``m × m`` matrices are
much cheaper than products with X. The idea, and the restart below, are those of Gram Newton-Schulz (Zhang, Amsel, Chen
and Dao 2026, dao-lab.ai/blog/2026/gram-newton-schulz), which orthogonalizes large matrices on GPUs.
"""

from __future__ import annotations

import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
# The ratio n / m from which the steps use G. Both ways cost about the same at 1.5.
WIDE = 2
# After this many steps, G is computed from X again. Rounding gives zero eigenvalues of G about ±1e-7, and every step
# multiplies them by up to 12. As eigenvalues of X·Xᵀ they cannot be negative, so negative values must stay small.
STEPS_PER_GRAM = 5
EPSILON = 1e-7


def orthogonalised(matrix: torch.Tensor, n_steps: int) -> torch.Tensor:
    """Return an approximation of ``U·Vᵀ``, the nearest matrix with orthonormal rows or columns to ``matrix = U·S·Vᵀ``.

    Args:
        matrix: float32 ``(m, n)``, or several of them ``(k, m, n)``, as is the result.
        n_steps: the number of Newton-Schulz steps.
    """
    m, n = matrix.shape[-2:]
    wide = matrix if m <= n else matrix.mT
    norm = torch.linalg.vector_norm(wide, dim=(-2, -1), keepdim=True)
    x = wide / norm.clamp_(min=EPSILON)
    x = _by_gram_matrices(x, n_steps) if max(m, n) >= WIDE * min(m, n) else iterated(x, n_steps)
    return x if m <= n else x.mT


def iterated(x: torch.Tensor, n_steps: int) -> torch.Tensor:
    """Return ``x`` (m, n) after Newton-Schulz steps, each computed from X: the reference implementation."""
    a, b, c = COEFFICIENTS
    for _ in range(n_steps):
        gram = x @ x.mT
        x = _sum(x, a, _sum(gram, b, gram, gram, c), x)
    return x


def _by_gram_matrices(x: torch.Tensor, n_steps: int) -> torch.Tensor:
    """Return the same as :func:`iterated`, equal to rounding, from products of ``m × m`` matrices."""
    a, b, c = COEFFICIENTS
    for first in range(0, n_steps, STEPS_PER_GRAM):
        n_here = min(STEPS_PER_GRAM, n_steps - first)
        gram, product = x @ x.mT, None
        for step in range(n_here):
            q = _sum(gram, b, gram, gram, c)
            q.diagonal(dim1=-2, dim2=-1).add_(a)
            product = q if product is None else q @ product
            if step + 1 < n_here:
                gram = q @ gram @ q
        if product is not None:
            x = product @ x
    return x


def _sum(
    term: torch.Tensor, beta: float, left: torch.Tensor, right: torch.Tensor, alpha: float = 1.0
) -> torch.Tensor:
    """Return ``beta · term + alpha · left · right``, of one matrix or of several."""
    add = torch.addmm if term.ndim == 2 else torch.baddbmm
    total: torch.Tensor = add(term, left, right, beta=beta, alpha=alpha)
    return total
