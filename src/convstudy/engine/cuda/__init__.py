"""What only a CUDA device needs. A CPU trains with the eager loop and never captures.

============  =============================================================================
``graph``     work captured in a CUDA graph, and the reference that calls it
``loop``      the training loop: several steps are captured once and replayed
``streams``   a stream for each thread
``memory``    which errors say that the device is full, and whether it has room
``settings``  what CUDA's libraries need so that sums are the same each time
============  =============================================================================

``engine/device_lock.py`` (many threads at once, or one alone) stays outside: code for both kinds of device passes it.
"""
