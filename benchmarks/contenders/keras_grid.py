# mypy: disable-error-code="import-not-found, import-untyped, misc, no-any-unimported"
"""scikit-learn's ``GridSearchCV`` with Keras' ``SKLearnClassifier``: the notebook's search, with stratified folds.

``python keras_grid.py IMAGES.npz KERNELS FOLDS EPOCHS JOBS`` with kernels such as ``2,3,5``. The last line on stdout is
JSON: the best kernel and the mean score of each kernel. JOBS fits run at once and divide the cores among them. The
winner is trained again on all cores.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from typing import Any

import numpy as np
from turns import BATCH_SIZE, layers


def two_conv(X: Any, y: Any, kernel: int, threads: int) -> Any:  # noqa: N803 (the wrapper calls it so)
    """Return the compiled network. Each worker process calls this. The network takes images as rows of 784 pixels."""
    import keras
    import tensorflow as tf
    from keras_fit import built

    if multiprocessing.current_process().name == "MainProcess":
        threads = os.cpu_count() or 1  # the search is over
    if not tf.config.threading.get_intra_op_parallelism_threads():
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    network = built(layers(f"two-conv-{kernel}"))
    model = keras.Sequential([keras.Input((784,)), keras.layers.Reshape((28, 28, 1)), *network.layers])
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def main() -> None:
    path, kernels, folds, epochs, jobs = sys.argv[1:6]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from keras.wrappers import SKLearnClassifier
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    threads = max(1, (os.cpu_count() or 1) // int(jobs))
    with np.load(path) as found:
        pixels, labels = found["pixels"].reshape(-1, 784).astype(np.float32) / 255, found["labels"]
    search = GridSearchCV(
        SKLearnClassifier(two_conv),
        {"model_kwargs": [{"kernel": int(kernel), "threads": threads} for kernel in kernels.split(",")]},
        cv=StratifiedKFold(int(folds), shuffle=True, random_state=0),
        n_jobs=int(jobs),
        error_score="raise",
    )
    # Passed to fit(): fit_kwargs of the classifier get lost when the search clones it (Keras 3.15.1).
    search.fit(pixels, labels, epochs=int(epochs), batch_size=BATCH_SIZE, verbose=0)
    scores = {
        tried["kernel"]: score
        for tried, score in zip(
            search.cv_results_["param_model_kwargs"], search.cv_results_["mean_test_score"], strict=True
        )
    }
    print(json.dumps({"best": search.best_params_["model_kwargs"]["kernel"], "scores": scores}))


if __name__ == "__main__":
    main()
