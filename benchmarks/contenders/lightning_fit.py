# mypy: disable-error-code="import-not-found, import-untyped, misc, no-any-unimported"
"""Lightning's Trainer, float32, without logger, checkpoints or progress bar."""

from __future__ import annotations

import logging
from typing import Any

import lightning
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch_networks import built, tensors
from turns import BATCH_SIZE, Turns, read_arguments

MANY = 100_000


class Classifier(lightning.LightningModule):
    """The network with its loss and optimizer."""

    def __init__(self, network: str) -> None:
        super().__init__()
        self.network = built(network)
        self.loss_of = nn.CrossEntropyLoss()
        self.turns = Turns()

    def training_step(self, batch: list[torch.Tensor], batch_index: int) -> torch.Tensor:
        images, labels = batch
        loss: torch.Tensor = self.loss_of(self.network(images), labels)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters())

    def on_train_epoch_start(self) -> None:
        self.turns.begin()

    def on_train_epoch_end(self) -> None:
        self.turns.end()


def main() -> None:
    arguments = read_arguments()
    torch.set_num_threads(arguments.threads)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    loader: Any = DataLoader(TensorDataset(*tensors(arguments.n_images)), batch_size=BATCH_SIZE, shuffle=True)
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=MANY,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Classifier(arguments.network), loader)


if __name__ == "__main__":
    main()
