"""Find the line of each key in a TOML text.

tomllib returns values without their lines. This scanner reads a text that tomllib has parsed and records the lines.
"""

from __future__ import annotations

import bisect
import re
import tomllib
from contextlib import suppress

from convstudy.errors import KeyPath

_KEY_PART = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|[A-Za-z0-9_-]+')
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'',
    re.DOTALL,
)
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_PLAIN = re.compile(r"[^,\]}\n#]*")


def key_lines(text: str) -> dict[KeyPath, int]:
    r"""Return the line, counted from 1, of every key and list item in a TOML text that tomllib can read.

    A table with several headers has the line of the first.

    >>> key_lines('[recipe]\nepochs = 3')[("recipe", "epochs")]
    2
    """
    scanner = _Scanner(text)
    with suppress(ValueError):  # not TOML: the lines before the error are known
        scanner.scan()
    return scanner.lines


def nearest_line(lines: dict[KeyPath, int], path: KeyPath) -> int | None:
    """Return the line of a path, or of the nearest table or list around it that has one."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


class _Scanner:
    """A position in the text, and the lines found so far."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self._ends = [place for place, letter in enumerate(text) if letter == "\n"]
        self._lists: dict[KeyPath, int] = {}  # [[name]] -> index of the last one

    def scan(self) -> None:
        """Scan the whole text; raise ``ValueError`` if it is not TOML."""
        table: KeyPath = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _header(self) -> KeyPath:
        """Read ``[a.b]`` or ``[[a.b]]`` and return the path of the table that it opens."""
        start = self.at
        brackets = 2 if self.text.startswith("[[", self.at) else 1
        self.at += brackets
        path: KeyPath = ()
        parts = self._key()
        for number, part in enumerate(parts, start=1):
            path = (*path, part)
            self._note(path, start)
            # [[a]] starts the next table of the list a; [a.b] after it belongs to the last one.
            is_new = brackets == 2 and number == len(parts)
            if is_new or path in self._lists:
                self._lists[path] = self._lists.get(path, -1) + is_new
                path = (*path, self._lists[path])
                self._note(path, start)
        self._expect("]" * brackets)
        return path

    def _pair(self, table: KeyPath) -> None:
        """Read ``key = value``."""
        start = self.at
        path = table
        for part in self._key():
            path = (*path, part)
            self._note(path, start)
        self._expect("=")
        self._skip(_BLANK)
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        """Read a value; record the lines of its items."""
        letter = self.text[self.at : self.at + 1]
        if letter in ("[", "{"):
            self.at += 1
            end = "]" if letter == "[" else "}"
            n_items = 0
            self._skip(_BLANK)
            while not self.text.startswith(end, self.at):
                if letter == "{":
                    self._pair(path)
                else:
                    self._note((*path, n_items), self.at)
                    self._value((*path, n_items))
                n_items += 1
                self._skip(_BLANK)
                if not self.text.startswith(end, self.at):
                    self._expect(",")
                    self._skip(_BLANK)
            self.at += 1
        elif string := _STRING.match(self.text, self.at):
            self.at = string.end()
        else:
            self._skip(_PLAIN)

    def _key(self) -> list[str]:
        """Read ``a."b".c`` and return its parts."""
        parts: list[str] = []
        while True:
            self._skip(_BLANK)
            match = _KEY_PART.match(self.text, self.at)
            if match is None:
                raise ValueError("expected a key")
            self.at = match.end()
            part = match[0]
            parts.append(tomllib.loads(f"key = {part}")["key"] if part[0] in "\"'" else part)
            self._skip(_BLANK)
            if not self.text.startswith(".", self.at):
                return parts
            self.at += 1

    def _expect(self, mark: str) -> None:
        self._skip(_BLANK)
        if not self.text.startswith(mark, self.at):
            raise ValueError(f"expected {mark}")
        self.at += len(mark)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        if match is not None:
            self.at = match.end()

    def _note(self, path: KeyPath, place: int) -> None:
        self.lines.setdefault(path, bisect.bisect_left(self._ends, place) + 1)
