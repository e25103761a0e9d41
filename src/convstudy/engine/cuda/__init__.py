"""Code for GPUs only. On a CPU the engine trains with the eager loop.

============  ======================================================================
``graph``     CUDA graphs, and a reference implementation without graphs
``loop``      the training loop that captures several steps once and replays them
``streams``   one CUDA stream per thread
``memory``    out-of-memory errors and free memory
``settings``  deterministic results of CUDA's libraries
============  ======================================================================

``engine/device_lock.py`` is not in this package because code for CPUs calls the lock too.
"""
