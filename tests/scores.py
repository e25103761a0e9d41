"""Build epochs and scores from a loss and an accuracy."""

from __future__ import annotations

from dataclasses import replace

from convstudy.record import Epoch, Scores


def scores(loss: float, accuracy: float) -> Scores:
    return Scores({"log-loss": loss, "accuracy": accuracy})


def epoch_of(
    number: int,
    learning_rate: float,
    train: tuple[float, float],
    validation: tuple[float, float],
    train_seconds: float = 1.0,
    evaluation_seconds: float = 1.0,
) -> Epoch:
    """Return an epoch. ``train`` and ``validation`` are pairs of loss and accuracy."""
    return Epoch(
        number, learning_rate, scores(*train), scores(*validation), train_seconds, evaluation_seconds
    )


def rescored(
    epoch: Epoch, *, loss: float | None = None, accuracy: float | None = None, train_loss: float | None = None
) -> Epoch:
    """Return a copy of an epoch with another validation loss, validation accuracy or training loss."""
    validation = {
        "log-loss": epoch.validation["log-loss"] if loss is None else loss,
        "accuracy": epoch.validation["accuracy"] if accuracy is None else accuracy,
    }
    train = {**epoch.train, "log-loss": epoch.train["log-loss"] if train_loss is None else train_loss}
    return replace(epoch, train=Scores(train), validation=Scores(validation))
