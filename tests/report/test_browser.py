"""The page in Chromium: no errors, no requests, no overflow."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convstudy.data import Dataset
from convstudy.data.audit.fit_examples import FitExample
from convstudy.data.audit.survey import survey
from convstudy.report import write_report
from convstudy.report.data_page import data_page
from tests.report.synthetic import analysed, synthetic_results

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
N_CHARTS = 37
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(*analysed(synthetic_results(fails=["plain"])), tmp_path_factory.mktemp("report"))[0]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (360, "light")])
def test_page_in_browser_draws_charts_without_errors_requests_or_overflow(
    browser: Any, report: Path, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    messages: list[str] = []
    requests: list[str] = []
    try:
        page = context.new_page()
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(report.as_uri(), timeout=120_000)
        page.wait_for_function("document.documentElement.dataset.charts === 'drawn'", timeout=120_000)
        statistics = page.evaluate(
            """() => {
                const charts = [...document.querySelectorAll('.vega svg.marks')];
                return {
                    charts: charts.length,
                    empty: charts.filter(chart => chart.querySelectorAll('path').length < 10).length,
                    widest: Math.max(...charts.map(chart => chart.getBoundingClientRect().right)),
                    scrolls: document.documentElement.scrollWidth > window.innerWidth,
                    background: getComputedStyle(document.body).backgroundColor,
                    chartText: getComputedStyle(charts[0].querySelector('text')).fill,
                    text: getComputedStyle(document.body).color,
                };
            }"""
        )
    finally:
        context.close()
    assert messages == []
    assert [url for url in requests if not url.startswith(("data:", "file:"))] == []
    assert [url for url in requests if url.startswith("file:")] == [report.as_uri()]
    assert statistics["charts"] == N_CHARTS
    assert statistics["empty"] == 0
    assert statistics["widest"] <= width
    assert not statistics["scrolls"]
    assert statistics["chartText"] == statistics["text"]
    brightness = sum(int(part) for part in statistics["background"].strip("rgb()").split(",")) / 3
    assert brightness > 240 if scheme == "light" else brightness < 40


def test_linked_section_stays_in_view_while_charts_are_drawn(browser: Any, report: Path) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    try:
        page = context.new_page()
        page.goto(f"{report.as_uri()}#layers", timeout=120_000)
        page.wait_for_function("document.documentElement.dataset.charts === 'drawn'", timeout=120_000)
        top = page.evaluate("document.getElementById('layers').getBoundingClientRect().top")
    finally:
        context.close()
    assert 0 <= top < 100


@pytest.mark.parametrize("width", [1280, 360])
def test_page_of_a_dataset_loads_nothing_and_does_not_overflow(
    browser: Any, tmp_path: Path, width: int
) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (90, 12, 12, 3), "uint8"), np.arange(90) % 3
    names = ("a" * 300, "short", "two words")
    dataset = Dataset.from_arrays(images[:60], labels[:60], images[60:], labels[60:], names)
    loaded = dataset.load()
    found = survey(dataset, loaded.train, loaded.test.open(lambda: None))
    fits = [
        FitExample("a" * 200, tuple((name, images[0]) for name in ("original", "crop", "pad", "stretch")))
    ]
    augmented = np.repeat(images[:8, None], 9, axis=1)
    path = tmp_path / "page.html"
    path.write_text(data_page(found, loaded.train, fits, augmented, "light"), encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 800})
    messages: list[str] = []
    requests: list[str] = []
    try:
        page = context.new_page()
        page.on("console", lambda message: messages.append(message.text))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri(), timeout=120_000)
        scrolls = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        n_images = page.evaluate("[...document.images].filter(image => image.naturalWidth > 0).length")
    finally:
        context.close()
    assert messages == [] and not scrolls
    assert [url for url in requests if not url.startswith("data:")] == [path.as_uri()]
    assert n_images == 3 * 12 + 4 + 8 * 10
