"""The location and the statement of a problem, as texts for comparisons."""

from __future__ import annotations

from dataclasses import replace

from convstudy.errors import NOWHERE, Location, Problem


def place(problem: Problem) -> str:
    """Return file, line and key: ``study.toml:12: network.plain.layers``."""
    return str(replace(problem.where, layer=(), layer_text="", block=""))


def statement(problem: Problem) -> str:
    """Return the statement of a problem, after its layer: ``layer 2: kernel 15 does not fit``, ``must be > 0``."""
    layer = Location(layer=problem.where.layer, block=problem.where.block)
    what = problem.what or f"must be {problem.expected}"
    return what if layer == NOWHERE else f"{layer}: {what}"
