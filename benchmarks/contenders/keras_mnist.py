# mypy: disable-error-code="import-not-found, import-untyped, misc, no-any-unimported"
"""The notebook's fit of two-conv on Keras and TensorFlow: all training images, the test images as validation data.

``python keras_mnist.py IMAGES.npz EPOCHS SEED POLICY`` with a policy such as ``float32``. The number of threads is
TensorFlow's default. After each epoch, it prints one line of JSON. ``seconds`` starts with ``fit``, so the first epoch
includes building the graph.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np
from turns import BATCH_SIZE, N_CLASSES, layers

NETWORK = "two-conv-7"


def main() -> None:
    path, epochs, seed, policy = sys.argv[1:5]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    from keras_fit import built

    keras.utils.set_random_seed(int(seed))
    keras.mixed_precision.set_global_policy(policy)
    with np.load(path) as found:
        parts = [
            (
                found[f"{part}_pixels"].astype("float32") / 255,
                keras.utils.to_categorical(found[f"{part}_labels"], N_CLASSES),
            )
            for part in ("train", "test")
        ]
    model = built(layers(NETWORK))
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])

    class PrintEpochs(keras.callbacks.Callback):
        """Prints the accuracies and the time of each epoch."""

        def on_train_begin(self, logs: Any = None) -> None:
            self.started = time.perf_counter()
            self.validation_seconds = 0.0

        def on_test_begin(self, logs: Any = None) -> None:
            self.validating = time.perf_counter()

        def on_test_end(self, logs: Any = None) -> None:
            self.validation_seconds = time.perf_counter() - self.validating

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            line = {
                "number": epoch + 1,
                "seconds": time.perf_counter() - self.started,
                "validation_seconds": self.validation_seconds,
                "train_accuracy": float(logs["accuracy"]),
                "test_accuracy": float(logs["val_accuracy"]),
            }
            print(json.dumps(line), flush=True)

    model.fit(
        *parts[0],
        batch_size=BATCH_SIZE,
        epochs=int(epochs),
        validation_data=parts[1],
        verbose=0,
        callbacks=[PrintEpochs()],
    )


if __name__ == "__main__":
    main()
