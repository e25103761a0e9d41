"""The style of charts: one configuration for paper and page, which differ only in the colour of text and lines.

On a page this colour is ``currentColor``, so that charts follow its light and dark mode, also in print. The palette of
Okabe and Ito (2008) is safe for colour-blind readers; pale colours come last.
"""

from __future__ import annotations

from typing import Any

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY = "#E69F00", "#56B4E9"
GREY = "#8a8f98"
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GREY)
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [12, 4], [4, 2, 1, 2], [1, 3])
SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "stroke")

PAGE_INK = "currentColor"
PAPER_INK = "#1c2128"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
PAPER_FONT = "Liberation Sans, Arial, Helvetica, sans-serif"


def config(ink: str, font: str) -> dict[str, Any]:
    """Return the Vega-Lite configuration.

    Args:
        ink: the CSS colour of text and lines.
        font: a CSS font list.
    """
    text = {"labelColor": ink, "titleColor": ink, "labelFont": font, "titleFont": font}
    return {
        "background": None,
        "font": font,
        "view": {"stroke": None},
        "axis": {
            **text,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "titleOpacity": 0.75,
            "labelOpacity": 0.85,
            "titlePadding": 10,
            "labelPadding": 6,
            "gridColor": ink,
            "gridOpacity": 0.1,
            "labelFlush": False,
            "domain": False,
            "ticks": False,
        },
        "legend": {
            **text,
            "orient": "top",
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "symbolSize": 90,
            "symbolOpacity": 1,
            "columnPadding": 18,
            "labelLimit": 220,
            "offset": 12,
        },
        "title": {
            "color": ink,
            "font": font,
            "fontSize": 13,
            "fontWeight": 600,
            "anchor": "start",
            "offset": 12,
        },
        "text": {"color": ink, "font": font, "fontSize": 12},
        "range": {"category": list(PALETTE)},
        "line": {"strokeWidth": 2.2},
    }


def for_page() -> dict[str, Any]:
    """Return the configuration for charts on the HTML page."""
    return config(PAGE_INK, FONT)


def for_paper() -> dict[str, Any]:
    """Return the configuration for charts in files: dark on white."""
    return {**config(PAPER_INK, PAPER_FONT), "background": "white", "padding": 12}
