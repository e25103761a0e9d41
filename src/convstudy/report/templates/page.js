"use strict";
(async () => {
  const { config, specs } = JSON.parse(document.getElementById("charts").textContent);
  const options = {
    mode: "vega-lite",
    renderer: "svg",
    config,
    tooltip: { theme: "page" },
    actions: { export: { svg: true, png: false }, source: false, compiled: false, editor: false },
  };
  const draw = async (place) => {
    const spec = specs[place.dataset.chart];
    if (!spec || place.dataset.drawn) return;
    place.dataset.drawn = "yes";
    try {
      await window.vegaEmbed(place, spec, { ...options, downloadFileName: place.dataset.chart });
    } catch (error) {
      place.textContent = "Failed to draw this chart: " + error.message;
      console.error(error);
    }
  };
  // Drawing a chart above the linked section moves that section: scroll to it again, until the reader scrolls.
  let scrolled = false;
  for (const kind of ["wheel", "touchmove", "keydown", "pointerdown"]) {
    window.addEventListener(kind, () => (scrolled = true), { passive: true });
  }
  window.addEventListener("hashchange", () => (scrolled = false));
  const scrollToTarget = () => {
    const target = location.hash && !scrolled && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target) target.scrollIntoView({ behavior: "instant" });
  };
  // Top to bottom, one chart per task, so that the page stays responsive.
  for (const place of document.querySelectorAll("[data-chart]")) {
    await draw(place);
    scrollToTarget();
    await new Promise((resolve) => setTimeout(resolve));
  }
  document.documentElement.dataset.charts = "drawn";
})();

// Open all folded parts for printing, and fold them again afterwards.
(() => {
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    opened.forEach((details) => (details.open = true));
  });
  window.addEventListener("afterprint", () => opened.forEach((details) => (details.open = false)));
})();
