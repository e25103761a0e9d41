"""The chart library that the page carries inside itself: Vega, Vega-Lite and Vega-Embed as one script.

vl-convert holds it and takes some seconds to put it together, so it is kept in the cache folder afterwards.
"""

from __future__ import annotations

import contextlib
import hashlib
from importlib.metadata import version
from pathlib import Path

from convstudy.data.files import cache_folder
from convstudy.report.files import write_file

_MARK = "window.vegaEmbed="


def chart_library() -> str:
    """Return the script, which sets ``window.vegaEmbed``; from the cache if it is there and whole."""
    import vl_convert

    vega_lite = max(vl_convert.get_vegalite_versions(), key=lambda name: tuple(map(int, name.split("."))))
    place = cache_folder() / f"charts-{version('vl-convert-python')}-{vega_lite}.js"
    kept = _kept(place)
    if kept:
        return kept
    script: str = vl_convert.javascript_bundle(vl_version=vega_lite)  # type: ignore[call-arg]
    # A folder that cannot be written costs some seconds the next time, nothing else.
    with contextlib.suppress(OSError):
        write_file(place, f"// {_digest(script)}\n{script}")
    return script


def _kept(place: Path) -> str:
    """Return the script of the cache, or nothing where it is missing or damaged."""
    try:
        head, _, script = place.read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        return ""
    return script if head == f"// {_digest(script)}" and _MARK in script else ""


def _digest(script: str) -> str:
    return hashlib.sha256(script.encode()).hexdigest()
