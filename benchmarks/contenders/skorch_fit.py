# mypy: disable-error-code="import-not-found, import-untyped, misc, no-any-unimported"
"""skorch's NeuralNetClassifier, float32, without a validation split."""

from __future__ import annotations

from typing import Any

import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch_networks import built, tensors
from turns import BATCH_SIZE, Turns, part

MANY = 100_000


class Taking(Callback):
    """Takes turns."""

    def __init__(self) -> None:
        self.turns = Turns()

    def on_epoch_begin(self, net: Any, **_: Any) -> None:
        """Wait for the word."""
        self.turns.begin()

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        """Say how long it took."""
        self.turns.end()


def main() -> None:
    """Train an epoch a turn."""
    asked = part()
    torch.set_num_threads(asked.threads)
    net = NeuralNetClassifier(
        built(asked.network),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        max_epochs=MANY,
        batch_size=BATCH_SIZE,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks=[Taking()],
        verbose=0,
    )
    net.fit(*tensors(asked.n_images))


if __name__ == "__main__":
    main()
