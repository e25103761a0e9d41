"""Decodes the images of a source once, in processes, and keeps them in a cache.

=========================  =====================================================================
:mod:`.decoded_images`     decoded images, their headers, hashes and failures; the functions
:mod:`.decode`             what the cache has is used, the rest is decoded
:mod:`.run`                tasks and their results
:mod:`.processes`          decode processes; one that ends costs one image
:mod:`.worker_process`     one process: start, pipes, end; processes that wait
:mod:`.worker`             the main program of a decode process
:mod:`.tasks`              the messages between them
:mod:`.state`              what is known about the images of a listing
:mod:`.index`              the file of what is known
:mod:`.rows`               files of pixels and perceptual hashes
:mod:`.known`              content that was decoded before, for this path or another one
:mod:`.job`                the images of one path with one set of options
:mod:`.folders`            the folders of the cache and their locks
:mod:`.limit`              the size of the cache, its list, removal
:mod:`.parts`              the arrays of the training and test part
:mod:`.verify`             compares files, digests and pixels
=========================  =====================================================================

The cache is described in ``docs/decoding.md``. Importing this package loads neither NumPy nor Pillow; using it does.
"""

from __future__ import annotations

from convstudy.data.decoded.decoded_images import DecodedImages, ProbedImages, decode_images, probe_images
from convstudy.data.decoded.folders import cache_root
from convstudy.data.decoded.limit import CacheEntry, clear_cache, limit_bytes, list_cache
from convstudy.data.decoded.parts import PartRows, WrittenParts, hold, write_parts
from convstudy.data.decoded.verify import Difference, Verified, verify_images

__all__ = [
    "CacheEntry",
    "DecodedImages",
    "Difference",
    "PartRows",
    "ProbedImages",
    "Verified",
    "WrittenParts",
    "cache_root",
    "clear_cache",
    "decode_images",
    "hold",
    "limit_bytes",
    "list_cache",
    "probe_images",
    "verify_images",
    "write_parts",
]
