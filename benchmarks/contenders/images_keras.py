"""Read a folder with ``keras.utils.image_dataset_from_directory``: ``python images_keras.py FOLDER SIZE crop``.

Keras' defaults: bilinear without antialiasing, fast DCT. Without ``crop`` the image is squashed, Keras' default. One
epoch in batches of 64.
"""

from __future__ import annotations

import json
import os
import sys
import time

from usage import processor_seconds

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"


def main() -> None:
    """Read the folder once, and print the measurements as JSON."""
    import keras

    size = int(sys.argv[2])
    before, started = processor_seconds(), time.perf_counter()
    images = keras.utils.image_dataset_from_directory(
        sys.argv[1], image_size=(size, size), batch_size=64, shuffle=False, verbose=False,
        crop_to_aspect_ratio=sys.argv[3:4] == ["crop"],
    )  # fmt: skip
    n_images = sum(int(pixels.shape[0]) for pixels, _ in images)
    seconds = time.perf_counter() - started
    print(
        json.dumps({"images": n_images, "seconds": seconds, "processor": processor_seconds() - before}),
        flush=True,
    )


if __name__ == "__main__":
    main()
