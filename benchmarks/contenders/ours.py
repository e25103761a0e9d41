"""convstudy's own training of a fit: the engine's loop with its history and checkpoints. The variant is a precision.

Evaluation after each epoch is taken out of a turn, since the peers do none here. A checkpoint in each is dearer than in
a study, where an epoch has hundreds of steps and a turn some dozens.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from turns import BATCH_SIZE, Turns, images, layers, part

from convstudy.data import BUILT_IN_DATASETS, Holdout, Images
from convstudy.engine.fit import run_fit
from convstudy.networks import Network
from convstudy.plan import Fit
from convstudy.record import Epoch
from convstudy.studyfile import Recipe

MANY = 100_000
VALIDATION = 0.1


def main() -> None:
    """Train one epoch per turn; its seconds exclude those of evaluation."""
    asked = part()
    n_images = round(asked.n_images / (1 - VALIDATION))
    pixels, labels = images(n_images)
    recipe = Recipe(batch_size=BATCH_SIZE, epochs=MANY, precision=asked.variant or "float32")  # type: ignore[arg-type]
    network = Network.read([" ".join(words) for words in layers(asked.network)])
    fit = Fit(BUILT_IN_DATASETS["mnist"], network, recipe, Holdout(VALIDATION, 0), 0, asked.threads)
    turns = Turns()

    def on_epoch(epoch: Epoch) -> None:
        turns.say(time.perf_counter() - turns.started - epoch.evaluation_seconds)
        turns.begin()

    turns.begin()
    with tempfile.TemporaryDirectory() as folder:
        run_fit(fit, Images(pixels, labels), Path(folder) / "checkpoint.safetensors", on_epoch)


if __name__ == "__main__":
    main()
