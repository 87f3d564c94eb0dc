"""Where the cursor is.

In comes the text of a cell and a position in it; out goes the `Place`, or nothing where the text is none of ours. On a
line, `typed` gives its words and the one that is being written, and `Fragment` the piece of it that is to be completed,
with the quote it stands in. Next: the lines and the prompt, each for its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hailuo_nb.notebook.option_words import Word, cut

__all__ = ["Fragment", "Place", "Typed", "find_place", "fragment", "typed", "written"]

_CELL = re.compile(r"\s*%%hailuo(?=\s|\Z)")
_LINE = re.compile(r"[ \t]*(?:[^%#\n]*[^%#=<>!\n]=[ \t]*)?%hailuo(?=[ \t])")
_OTHER_CELL = re.compile(r"\s*%%(?!(?:time|timeit|capture|prun)\b)")
_NEEDS_QUOTES = re.compile(r"[\s|]|^['\"-]")


@dataclass(frozen=True)
class Place:
    """Where the cursor is.

    Attributes
    ----------
    kind : str
        ``cell`` in the line of a cell, ``body`` in its prompt, ``line`` on the line of a command.
    start : int
        Where `before` begins in the whole text.
    before, after : str
        What stands in that part before and behind the cursor.
    line, body : str
        The whole line of the cell, and what stands below it.
    """

    kind: str
    start: int
    before: str
    after: str
    line: str = ""
    body: str = ""


@dataclass(frozen=True)
class Typed:
    """A line up to the cursor: its whole words, and the word that is being written as it stands there."""

    words: tuple[Word, ...]
    start: int
    raw: str


@dataclass(frozen=True)
class Fragment:
    """The piece of a word that is to be completed.

    Attributes
    ----------
    start : int
        Where it begins in the line.
    text : str
        What is there, without quotes.
    quote : str
        The quote that is open.
    is_inside : bool
        The quote began before `start`.
    """

    start: int
    text: str
    quote: str = ""
    is_inside: bool = False


def find_place(text: str, cursor: int) -> Place | None:
    """Find the place of a cursor; None outside ``%%hailuo`` cells and ``%hailuo`` lines."""
    cell = _CELL.match(text)
    if cell:
        start, end = cell.end(), _line_end(text, cell.end())
        line, body = text[start:end], text[end + 1 :]
        if cursor > end:
            return Place("body", end + 1, text[end + 1 : cursor], text[cursor:], line, body)
        return (
            Place("cell", start, text[start:cursor], text[cursor:end], line, body) if cursor > start else None
        )
    begin = text.rfind("\n", 0, cursor) + 1
    line_magic = _LINE.match(text, begin, cursor)
    if line_magic is None or _OTHER_CELL.match(text):
        return None
    start = line_magic.end()
    return Place("line", start, text[start:cursor], text[cursor : _line_end(text, cursor)])


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def typed(before: str) -> Typed:
    """Cut a line up to the cursor into words."""
    faults: list[str] = []
    words = cut(before, faults)
    if words and (faults or not before[-1:].isspace()):
        last = words.pop()
        return Typed(tuple(words), last.start, before[last.start :])
    return Typed(tuple(words), len(before), "")


def fragment(raw: str, start: int, separators: str = "", skip: int = 0) -> Fragment:
    """Give the piece of a word that is to be completed.

    Parameters
    ----------
    raw : str
        The word as it stands there, up to the cursor.
    start : int
        Where it begins in the line.
    separators : str
        The signs that part pieces of it.
    skip : int
        How much of it comes before: ``--image=``.
    """
    quote, at = _open_quote(raw)
    piece = max([skip, *(raw.rfind(sign) + 1 for sign in separators)])
    if quote and at >= piece:
        return Fragment(start + at, raw[at + 1 :], quote)
    while raw[piece : piece + 1].isspace():
        piece += 1
    text = raw[piece:]
    if not quote:
        text = text.strip("'\"") if text[:1] in {"'", '"'} else text
    return Fragment(start + piece, text, quote, is_inside=bool(quote))


def _open_quote(raw: str) -> tuple[str, int]:
    """Find the quote of a word that is not closed, as `cut` reads quotes."""
    position = 0
    while position < len(raw):
        sign = raw[position]
        if sign in "'\"" and (position == 0 or raw[position - 1] in "=| \t"):
            end = raw.find(sign, position + 1)
            if end < 0:
                return sign, position
            position = end
        position += 1
    return "", -1


def written(text: str, part: Fragment, after: str = "", *, is_whole: bool = True) -> str | None:
    """Write a value in place of a fragment, in quotes where it needs them; None where it cannot be written there.

    Parameters
    ----------
    text : str
        The value.
    part : Fragment
        What it replaces.
    after : str
        What stands behind the cursor.
    is_whole : bool
        False for a folder, behind which more is to be typed: its quote stays open.
    """
    if part.is_inside:
        return None if part.quote in text else text
    quote = part.quote
    if not quote:
        if not _NEEDS_QUOTES.search(text):
            return text
        quote = "'" if '"' in text else '"'
    if quote in text:
        return None
    closing = "" if not is_whole or after.startswith(quote) else quote
    return f"{quote}{text}{closing}"
