# mypy: disable-error-code="import-not-found, import-untyped, misc, no-any-unimported"
"""skorch's NeuralNetClassifier, float32, without a validation split."""

from __future__ import annotations

from typing import Any

import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch_networks import built, tensors
from turns import BATCH_SIZE, Turns, read_arguments

MANY = 100_000


class TakeTurns(Callback):
    def __init__(self) -> None:
        self.turns = Turns()

    def on_epoch_begin(self, net: Any, **_: Any) -> None:
        self.turns.begin()

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        self.turns.end()


def main() -> None:
    arguments = read_arguments()
    torch.set_num_threads(arguments.threads)
    net = NeuralNetClassifier(
        built(arguments.network),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        max_epochs=MANY,
        batch_size=BATCH_SIZE,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks=[TakeTurns()],
        verbose=0,
    )
    net.fit(*tensors(arguments.n_images))


if __name__ == "__main__":
    main()
