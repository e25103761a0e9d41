# mypy: disable-error-code="import-not-found, import-untyped, misc, no-any-unimported"
"""Lightning's Trainer, float32, without logger, checkpoints and progress bar."""

from __future__ import annotations

import logging
from typing import Any

import lightning
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch_networks import built, tensors
from turns import BATCH_SIZE, Turns, part

MANY = 100_000


class Classifier(lightning.LightningModule):
    """The network with its loss and optimizer."""

    def __init__(self, network: str) -> None:
        super().__init__()
        self.network = built(network)
        self.loss_of = nn.CrossEntropyLoss()
        self.turns = Turns()

    def training_step(self, batch: list[torch.Tensor], batch_index: int) -> torch.Tensor:
        """Return the loss of a batch."""
        images, labels = batch
        loss: torch.Tensor = self.loss_of(self.network(images), labels)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters())

    def on_train_epoch_start(self) -> None:
        """Wait for the word."""
        self.turns.begin()

    def on_train_epoch_end(self) -> None:
        """Say how long it took."""
        self.turns.end()


def main() -> None:
    """Train an epoch a turn."""
    asked = part()
    torch.set_num_threads(asked.threads)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    loader: Any = DataLoader(TensorDataset(*tensors(asked.n_images)), batch_size=BATCH_SIZE, shuffle=True)
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=MANY,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Classifier(asked.network), loader)


if __name__ == "__main__":
    main()
