"""An allocation that failed, on the processor or on a device, as one error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from convstudy.errors import OutOfMemory, Problem

# What torch's allocator says on a processor (Linux and macOS, Windows), and what CUDA and its libraries say, which have
# memory of their own beside torch's. That a capture was broken off is no word of memory: what broke it off is, or not.
NO_MEMORY = ("allocate memory", "not enough memory", "out of memory", "_STATUS_ALLOC_FAILED")


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turn an allocation that failed into :class:`OutOfMemory`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(words in str(error) for words in NO_MEMORY):
            raise
        what, mend = "there was not enough memory for this fit", "a smaller batch_size, or fewer workers"
        raise OutOfMemory(
            Problem(what, got=str(error).splitlines()[0] if str(error) else "", mend=mend)
        ) from None
