"""A fit of convstudy: the engine's training loop with history and checkpoints. The variant is the precision.

The time of a turn excludes the evaluation after the epoch, because the peers do not evaluate. It includes a checkpoint,
which weighs more here than in a study: an epoch of a study has hundreds of steps, a turn has dozens.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from turns import BATCH_SIZE, Turns, images, layers, read_arguments

from convstudy.data import BUILT_IN_DATASETS, Holdout, Images
from convstudy.engine.fit import run_fit
from convstudy.networks import Network
from convstudy.plan import Fit
from convstudy.record import Epoch
from convstudy.studyfile import Recipe

MANY = 100_000
VALIDATION = 0.1
EVALUATED = 100


def main() -> None:
    arguments = read_arguments()
    n_images = round(arguments.n_images / (1 - VALIDATION))
    pixels, labels = images(n_images)
    # The evaluation is not measured, so it is kept short.
    recipe = Recipe(
        batch_size=BATCH_SIZE,
        epochs=MANY,
        precision=arguments.variant or "float32",
        train_eval_samples=EVALUATED,
    )
    network = Network.read([" ".join(parts) for parts in layers(arguments.network)])
    fit = Fit(BUILT_IN_DATASETS["mnist"], network, recipe, Holdout(VALIDATION, 0), 0, arguments.threads)
    turns = Turns()

    def on_epoch(epoch: Epoch) -> None:
        turns.report(time.perf_counter() - turns.started - epoch.evaluation_seconds)
        turns.begin()

    turns.begin()
    with tempfile.TemporaryDirectory() as folder:
        run_fit(fit, Images(pixels, labels), Path(folder) / "checkpoint.safetensors", on_epoch)


if __name__ == "__main__":
    main()
