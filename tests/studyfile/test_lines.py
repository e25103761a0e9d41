"""The line of every key of a TOML text is found."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from convstudy.studyfile.lines import key_lines, nearest_line

TEXT = '''\
# a comment with [brackets] and = signs
top = 1

[study] # [not.this]
name = "a # b = c"
"quoted key" = 'x'
"with \\"quote\\" and \\u00e9" = 1

[recipe]
a.b.c = 1
a.b.d = """
[no.table]
key = 1
"""
e = 1979-05-27 07:32:00

[network."a.b"]
layers = [
  "conv 8 3", # one
  "flatten", "dense 4",

  [1, [2,
   3]],
]

[ablate.x]
plain = { without = ["dropout"], epochs = 3, deep = { deeper = {} } }

[[many]]
x = 1
[[many]]
x = 2
[many.inside]
y = \'\'\'
]\'\'\'\'
z = 3
'''


def paths_in(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths_in(item, (*path, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from paths_in(item, (*path, place))


def test_lines_of_all_forms_of_keys_are_found() -> None:
    lines = key_lines(TEXT)
    expected = {
        ("top",): 2,
        ("study",): 4,
        ("study", "name"): 5,
        ("study", "quoted key"): 6,
        ("study", 'with "quote" and é'): 7,
        ("recipe", "a", "b", "c"): 10,
        ("recipe", "a", "b", "d"): 11,
        ("recipe", "e"): 15,
        ("network", "a.b"): 17,
        ("network", "a.b", "layers"): 18,
        ("network", "a.b", "layers", 0): 19,
        ("network", "a.b", "layers", 2): 20,
        ("network", "a.b", "layers", 3, 1): 22,
        ("network", "a.b", "layers", 3, 1, 1): 23,
        ("ablate", "x", "plain", "without", 0): 27,
        ("ablate", "x", "plain", "deep", "deeper"): 27,
        ("many", 0): 29,
        ("many", 0, "x"): 30,
        ("many", 1): 31,
        ("many", 1, "inside", "y"): 34,
        ("many", 1, "inside", "z"): 36,
    }
    assert {path: lines.get(path) for path in expected} == expected


def test_every_path_that_tomllib_reads_has_a_line() -> None:
    assert set(paths_in(tomllib.loads(TEXT))) == set(key_lines(TEXT))


def test_carriage_returns_do_not_count_as_lines() -> None:
    assert key_lines(TEXT.replace("\n", "\r\n")) == key_lines(TEXT)


def test_nearest_line_of_an_unknown_path_is_that_of_its_table() -> None:
    lines = key_lines(TEXT)
    assert nearest_line(lines, ("recipe", "missing", "more")) == 9
    assert nearest_line(lines, ("nowhere",)) is None


@given(st.text(alphabet="ab[]{}=\"'#.,\n\\ 1", max_size=60))
def test_any_text_is_scanned_without_an_exception(text: str) -> None:
    lines = key_lines(text)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(paths_in(document)) == set(lines)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())
