"""The strings of a JSON text with their places, so that one can be changed and all the rest stays byte for byte.

In comes JSON as text; out goes each string with where it stands in the document and in the file. Writing JSON anew
would change what nobody asked for: indentation, escapes, the order of keys. Next: `hailuo_nb.travel.clean`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["JsonString", "strings_of"]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]', re.DOTALL)
_LETTER = re.compile(r"\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL)

Step = str | int


@dataclass(frozen=True)
class JsonString:
    """One string of a JSON text.

    Attributes
    ----------
    path : tuple of str or int
        The keys and numbers that lead to it; of a key, those that lead to its object, and the key.
    raw : str
        As it is written, without its quotes.
    start : int
        Where that begins in the file's text.
    is_key : bool
        Whether it is the name of a value.
    """

    path: tuple[Step, ...]
    raw: str
    start: int
    is_key: bool

    @property
    def text(self) -> str:
        """What it says."""
        said: str = json.loads(f'"{self.raw}"', strict=False) if "\\" in self.raw else self.raw
        return said

    def places(self) -> list[int]:
        """Give where each letter of `text` begins in `raw`, and where the last one ends."""
        places: list[int] = []
        is_high = False
        for letter in _LETTER.finditer(self.raw):
            unit = int(letter[0][2:], 16) if letter[0].startswith("\\u") else 0
            # Two escapes that make one letter.
            if not (is_high and 0xDC00 <= unit <= 0xDFFF):
                places.append(letter.start())
                is_high = 0xD800 <= unit <= 0xDBFF
            else:
                is_high = False
        return [*places, len(self.raw)]


def strings_of(text: str) -> Iterator[JsonString]:
    """Go through every string of a JSON text, keys among them, in the order of the file.

    Parameters
    ----------
    text : str
        JSON that `json.loads` takes.
    """
    path: list[Step] = []
    kinds: list[str] = []
    is_key = False
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in "{[":
            kinds.append(sign)
            path.append("" if sign == "{" else 0)
            is_key = sign == "{"
        elif sign in "}]":
            kinds.pop()
            path.pop()
            is_key = False
        elif sign == ",":
            is_key = kinds[-1] == "{"
            if not is_key:
                path[-1] = int(path[-1]) + 1
        elif sign == ":":
            is_key = False
        else:
            found = JsonString(tuple(path), sign[1:-1], token.start() + 1, is_key)
            if is_key:
                path[-1] = found.text
                found = JsonString(tuple(path), found.raw, found.start, is_key)
            yield found
