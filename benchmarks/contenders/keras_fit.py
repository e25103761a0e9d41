# mypy: disable-error-code="import-not-found, import-untyped, misc, no-any-unimported"
"""``keras.Model.fit`` on TensorFlow, as in the notebook. The variant ``mixed_bfloat16`` is a policy of Keras."""

from __future__ import annotations

import os
from typing import Any

from turns import BATCH_SIZE, N_CLASSES, Turns, images, layers, read_arguments

MANY = 100_000


def built(texts: list[list[str]]) -> Any:
    """Return the Keras model of these layers, without ``compile``."""
    import keras

    model = keras.Sequential([keras.Input((28, 28, 1))])
    for word, *rest in texts:
        match word:
            case "conv":
                layer = keras.layers.Conv2D(
                    int(rest[0]), int(rest[1]), activation=rest[2], kernel_initializer="he_normal"
                )
            case "dense":
                layer = keras.layers.Dense(int(rest[0]), activation=rest[1], kernel_initializer="he_normal")
            case "max-pool":
                layer = keras.layers.MaxPooling2D(int(rest[0]))
            case "batch-norm":
                layer = keras.layers.BatchNormalization()
            case "dropout":
                layer = keras.layers.Dropout(float(rest[0]))
            case "flatten":
                layer = keras.layers.Flatten()
            case _:
                raise LookupError(word)
        model.add(layer)
    model.add(keras.layers.Dense(N_CLASSES, activation="softmax", dtype="float32"))
    return model


def main() -> None:
    arguments = read_arguments()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    if arguments.variant:
        keras.mixed_precision.set_global_policy(arguments.variant)
    pixels, labels = images(arguments.n_images)
    model = built(layers(arguments.network))
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    turns = Turns()

    class TakeTurns(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            turns.begin()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            turns.end()

    one_hot = keras.utils.to_categorical(labels, N_CLASSES)
    model.fit(
        pixels.astype("float32") / 255,
        one_hot,
        batch_size=BATCH_SIZE,
        epochs=MANY,
        verbose=0,
        callbacks=[TakeTurns()],
    )


if __name__ == "__main__":
    main()
