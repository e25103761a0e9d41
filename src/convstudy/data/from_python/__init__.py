"""Datasets from the objects of a Python program.

==================  =========================================================================
:mod:`.memory`      datasets from arrays in memory
:mod:`.objects`     arrays of other libraries, floats and text labels, where no doubt is left
:mod:`.set_aside`   a test part of arrays in memory
==================  =========================================================================
"""
