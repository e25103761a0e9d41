"""The peak rate of the machine: products of 1,024 × 1,024 matrices. The variant is the dtype."""

from __future__ import annotations

import torch
from turns import Turns, read_arguments

SIZE = 1024


def main() -> None:
    """Multiply STEPS pairs of matrices per turn."""
    arguments = read_arguments()
    torch.set_num_threads(arguments.threads)
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[arguments.variant]
    left, right = torch.randn(SIZE, SIZE).to(dtype), torch.randn(SIZE, SIZE).to(dtype)
    product = torch.empty(SIZE, SIZE, dtype=dtype)
    turns = Turns()
    while True:
        turns.begin()
        for _ in range(arguments.n_steps):
            torch.mm(left, right, out=product)
        turns.end()


if __name__ == "__main__":
    main()
