"""The training loop of the PyTorch tutorials: a DataLoader over tensors, Adam, float32."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch_networks import built, tensors
from turns import BATCH_SIZE, Turns, read_arguments


def main() -> None:
    arguments = read_arguments()
    torch.set_num_threads(arguments.threads)
    model = built(arguments.network)
    loader = DataLoader(TensorDataset(*tensors(arguments.n_images)), batch_size=BATCH_SIZE, shuffle=True)
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
