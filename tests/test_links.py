"""Relative links of the documentation lead to files and headings that exist."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = tuple(
    page
    for pattern in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/*.md", "benchmarks/**/*.md")
    for page in sorted(ROOT.glob(pattern))
)
FENCED = re.compile(r"^( *)```.*?^\1```", re.DOTALL | re.M)
CODE = re.compile(r"`[^`\n]*`")
# The target of [text](target), of ![text](target "title") and of "[label]: target". A linked image has two targets.
TARGET = re.compile(r'\]\(<?([^\s)>]+)>?(?:\s+"[^"]*")?\)|^\[[^\]]+\]:\s+<?([^\s>]+)', re.M)


def links(markdown: str) -> list[str]:
    """Return the targets of all links and images outside of code, without those on other sites."""
    text = CODE.sub("", FENCED.sub("", markdown))
    targets = [first or second for first, second in TARGET.findall(text)]
    return [target for target in targets if not re.match(r"[a-z][a-z0-9+.-]*:", target)]


def anchors(markdown: str) -> set[str]:
    """Return the anchors that GitHub gives to the headings: the second "Notes" has ``notes-1``."""
    seen: Counter[str] = Counter()
    found = set()
    for title in re.findall(r"^#{1,6} +(.+?) *#*$", FENCED.sub("", markdown), re.M):
        visible = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        slug = re.sub(r"[^\w\- ]", "", visible.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def broken(page: Path, target: str) -> bool:
    """Return whether a relative link of a page leads to no file or to no heading."""
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.exists():
        return True
    return bool(anchor) and anchor not in anchors(file.read_text(encoding="utf-8"))


def test_links_and_anchors_are_read_as_github_reads_them() -> None:
    page = "[a](b.md#c) ![d](e.svg) [f](https://g.org) `[h](i)`\n[two\nlines](j.md)\n```\n[k](l)\n```\n[m]: n.md\n"
    assert links(page) == ["b.md#c", "e.svg", "j.md", "n.md"]
    assert anchors("# A `b`, c_d!\n## A [b](x.md)\n### A b\n```\n# no\n```\n") == {"a-b-c_d", "a-b", "a-b-1"}


def test_every_relative_link_leads_to_a_file_and_a_heading() -> None:
    found = [(page, target) for page in PAGES for target in links(page.read_text(encoding="utf-8"))]
    assert len(PAGES) >= 14
    assert len(found) >= 60
    assert sum("#" in target for _, target in found) >= 15
    faults = [f"{page.relative_to(ROOT)}: {target}" for page, target in found if broken(page, target)]
    assert faults == []
