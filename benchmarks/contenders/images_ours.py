"""Decode a folder of images with convstudy into an empty cache: ``python images_ours.py FOLDER SIZE full|reduced``.

It prints JSON: the seconds of listing, decoding, hashing and writing the cache; the seconds of writing the arrays of
both parts; and the processor time of all processes. With ``--cache DIR`` the cache is kept, so that the second call
measures a second start.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from usage import processor_seconds


def main() -> None:
    """Decode once, and print the measurements."""
    started = time.perf_counter()
    import numpy as np

    from convstudy.data.decoded import PartRows, decode_images, write_parts
    from convstudy.data.decoded.worker_process import end_processes
    from convstudy.data.decoding import DecodeOptions
    from convstudy.data.listing import SourceOptions
    from convstudy.data.sources import LISTED_SOURCES

    folder, size, how = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    with tempfile.TemporaryDirectory() as temporary:
        cache = Path(sys.argv[5]) if sys.argv[4:5] == ["--cache"] else Path(temporary)
        imported = time.perf_counter()
        listing = LISTED_SOURCES["folder"].listing(folder, SourceOptions())
        options = DecodeOptions(
            size=(size, size), channels=3, decode="reduced" if how == "reduced" else "full"
        )
        with decode_images(listing, "folder", folder, options, cache=cache) as decoded:
            done = time.perf_counter()
            classes = {name: number for number, name in enumerate(sorted(set(map(str, listing.labels))))}
            labels = np.array([classes[str(name)] for name in listing.labels])
            rows = np.arange(len(listing))
            parts = {"train": rows[rows % 5 > 0], "test": rows[rows % 5 == 0]}
            write_parts(
                decoded,
                {part: PartRows(some, {"labels": labels[some]}) for part, some in parts.items()},  # type: ignore[misc]
                cache,
            )
        written = time.perf_counter()
        end_processes()  # only ended processes count in the processor time
        values = {
            "images": len(listing),
            "decoded": decoded.n_decoded,
            "seconds": done - imported,
            "parts": written - done,
            "imports": imported - started,
            "processor": processor_seconds(),
        }
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    main()
