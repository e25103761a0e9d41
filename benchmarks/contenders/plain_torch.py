"""The training loop of PyTorch's tutorials: a DataLoader over tensors, Adam, float32."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch_networks import built, tensors
from turns import BATCH_SIZE, Turns, part


def main() -> None:
    """Train an epoch a turn."""
    asked = part()
    torch.set_num_threads(asked.threads)
    model = built(asked.network)
    loader = DataLoader(TensorDataset(*tensors(asked.n_images)), batch_size=BATCH_SIZE, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters())
    loss_of = nn.CrossEntropyLoss()
    turns = Turns()
    while True:
        turns.begin()
        for images, labels in loader:
            optimizer.zero_grad()
            loss = loss_of(model(images), labels)
            loss.backward()
            optimizer.step()
        turns.end()


if __name__ == "__main__":
    main()
