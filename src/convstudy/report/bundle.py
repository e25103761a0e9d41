"""The chart library inside the page: Vega, Vega-Lite and Vega-Embed as one script.

vl-convert needs some seconds to bundle them, so the script is cached.
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
    """Return the script, which defines ``window.vegaEmbed``; from the cache if it has an intact copy."""
    import vl_convert

    vega_lite = max(vl_convert.get_vegalite_versions(), key=lambda name: tuple(map(int, name.split("."))))
    path = cache_folder() / f"charts-{version('vl-convert-python')}-{vega_lite}.js"
    cached = _cached(path)
    if cached:
        return cached
    script: str = vl_convert.javascript_bundle(vl_version=vega_lite)  # type: ignore[call-arg]
    # Without a writable cache, the next report takes some seconds longer.
    with contextlib.suppress(OSError):
        write_file(path, f"// {_digest(script)}\n{script}")
    return script


def _cached(path: Path) -> str:
    """Return the cached script; empty if it is missing or damaged."""
    try:
        head, _, script = path.read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        return ""
    return script if head == f"// {_digest(script)}" and _MARK in script else ""


def _digest(script: str) -> str:
    return hashlib.sha256(script.encode()).hexdigest()
