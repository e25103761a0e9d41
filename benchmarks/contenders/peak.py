"""What the machine can do at most: products of big matrices. The variant is the number format."""

from __future__ import annotations

import torch
from turns import Turns, part

SIZE = 1024
OPERATIONS = 2 * SIZE**3


def main() -> None:
    """Multiply STEPS pairs of matrices a turn."""
    asked = part()
    torch.set_num_threads(asked.threads)
    kind = {"float32": torch.float32, "bfloat16": torch.bfloat16}[asked.variant]
    left, right = torch.randn(SIZE, SIZE).to(kind), torch.randn(SIZE, SIZE).to(kind)
    product = torch.empty(SIZE, SIZE, dtype=kind)
    turns = Turns()
    while True:
        turns.begin()
        for _ in range(asked.n_steps):
            torch.mm(left, right, out=product)
        turns.end()


if __name__ == "__main__":
    main()
