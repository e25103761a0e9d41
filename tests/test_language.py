"""The language of the project: some words are refused, two have a budget, and docstrings add to the name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SUFFIXES = (".py", ".md", ".toml", ".html", ".js", ".css")

REFUSED = {
    "anew": r"anew",
    "so many / as many (as a noun)": r"(?:so|as) many(?! [\w-]+ as\b)",
    "whoever": r"whoever",
    "nobody / somebody": r"nobody|somebody",
    "comes to (as 'results in')": r"(?:comes|came|come) to(?! (?:a|an|the|its) (?:end|stop)\b)",
    "what it stands on": r"stands? on",
    "hangs on": r"hangs? on",
    "goes on": r"(?:goes|go|went|gone|going) on",
    "lies / lay (for files)": r"lies|lay",
    "is had / to be had": r"(?:is|are|was|were|be) had",
    "mended / mend": r"mend(?:s|ed|ing)?",
    "by itself": r"by itself",
    "for lack of": r"for lack of",
    "of which no": r"of which no",
    "in hand": r"in hand",
    "has a name of its own": r"names? of (?:its|their) own",
}
"""Refused word -> its pattern, in which a space also matches ``_`` and the end of a line."""

BUDGETS = {"told / tell": (r"told|tells?|telling", 15), "beside": (r"beside", 5)}
"""Word -> its pattern, and the largest number of uses per 100,000 words."""

EXCEPTIONS: dict[tuple[str, str], str] = {
    ("tests/test_language.py", "*"): "lists the refused words",
}
"""(file, word) -> the reason why this file needs the word."""


def _texts() -> dict[str, str]:
    """Return path -> text of each file of the package, the documentation and the tests."""
    paths = [ROOT / "README.md"]
    for folder in ("src", "docs", "tests"):
        paths += (path for path in sorted((ROOT / folder).rglob("*")) if path.suffix in SUFFIXES)
    texts = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in paths
        if ".egg-info" not in str(path)
    }
    assert len(texts) > 500
    return texts


TEXTS = _texts()


def _pattern(words: str) -> re.Pattern[str]:
    """Return a pattern of whole words, also inside identifiers."""
    spaced = words.replace(" ", r"(?:\s+(?:#\s+)?|_)")
    return re.compile(rf"(?<![A-Za-z])(?:{spaced})(?![A-Za-z])", re.IGNORECASE)


def _places(words: str, word: str = "") -> Iterator[str]:
    pattern = _pattern(words)
    for file, text in TEXTS.items():
        if (file, word) in EXCEPTIONS or (file, "*") in EXCEPTIONS:
            continue
        for found in pattern.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield f"{file}:{line}: {found.group()}"


@pytest.mark.parametrize("word", REFUSED)
def test_refused_words_are_not_used(word: str) -> None:
    assert list(_places(REFUSED[word], word)) == []


@pytest.mark.parametrize("word", BUDGETS)
def test_words_with_a_budget_stay_within_it(word: str) -> None:
    pattern, budget = BUDGETS[word]
    n_words = sum(len(re.findall(r"[A-Za-z]+", text)) for text in TEXTS.values())
    places = list(_places(pattern, word))
    assert len(places) * 100_000 <= budget * n_words, "\n".join(places)


def test_every_exception_is_needed() -> None:
    for file, word in EXCEPTIONS:
        pattern = "|".join(REFUSED.values()) if word == "*" else REFUSED[word]
        assert _pattern(pattern).search(TEXTS[file]), f"{file} does not contain {word}"


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("anew", "def start_anew():"),
        ("so many / as many (as a noun)", "after so\n    # many epochs"),
        ("goes on", "test_a_run_goes_on_after_it"),
        ("mended / mend", "Mend: take it out"),
    ],
)
def test_a_refused_word_is_found_in_names_and_over_lines(word: str, text: str) -> None:
    assert _pattern(REFUSED[word]).search(text)


@pytest.mark.parametrize("text", ["as many images as labels", "recommend", "dismay", "amendment", "relay"])
def test_other_words_are_not_refused(text: str) -> None:
    assert not any(_pattern(words).search(text) for words in REFUSED.values())


SMALL_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a all an and are as at be by each every for from given has have if in is it its no of on one or return "
        "returns that the their them these they this those to whether which with",
    )
)


def _documented() -> Iterator[tuple[str, ast.AST, str]]:
    """Yield the place, node and name of each module, class, function and method of the package."""
    for file, text in TEXTS.items():
        if file.startswith("src/") and file.endswith(".py"):
            tree = ast.parse(text)
            yield file, tree, Path(file).stem
            inside = [node for each in tree.body if isinstance(each, ast.ClassDef) for node in each.body]
            for node in (*tree.body, *inside):
                if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{file}:{node.lineno}", node, node.name


def _needs_docstring(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Module):
        return True
    if name.startswith("_"):
        return False
    if isinstance(node, ast.ClassDef):
        return True
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
    return len([each for each in arguments if each.arg not in ("self", "cls")]) >= 2


def _restates(name: str, docstring: str) -> bool:
    """Return whether all words of a docstring are in the name, apart from small words."""
    stems = {word[:4] for word in re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())}
    words = [word for word in re.findall(r"[a-z]+", docstring.lower()) if word not in SMALL_WORDS]
    return all(word[:4] in stems for word in words)


def test_modules_classes_and_functions_of_two_parameters_have_docstrings() -> None:
    found = list(_documented())
    assert len(found) > 2000
    missing = [
        f"{place}: {name}"
        for place, node, name in found
        if _needs_docstring(node, name) and not ast.get_docstring(node)  # type: ignore[arg-type]
    ]
    assert missing == []


def test_no_docstring_restates_its_name() -> None:
    found = [
        f"{place}: {name}: {docstring}"
        for place, node, name in _documented()
        if (docstring := ast.get_docstring(node)) is not None and _restates(name, docstring)  # type: ignore[arg-type]
    ]
    assert found == []


@pytest.mark.parametrize(
    ("name", "docstring", "restates"),
    [
        ("weights_digest", "Return the digest of the weights.", True),
        ("LockedTest", "A locked test.", True),
        ("weights_digest", "Return the SHA-256 over names, shapes and values.", False),
    ],
)
def test_a_docstring_of_its_names_words_is_found(name: str, docstring: str, restates: bool) -> None:
    assert _restates(name, docstring) == restates
