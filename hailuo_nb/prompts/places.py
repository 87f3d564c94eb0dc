"""A place in a text, shown with a caret under it.

In comes a message, the text it is about and the position in it; out goes a `PromptInvalid` whose first line
says what to do and whose other two show where. Next: the notebook, which shows all three, or a list of
faults, which takes the first.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from itertools import accumulate

from hailuo_nb.errors import PromptInvalid

__all__ = ["caret", "invalid", "one_line"]

_WIDEST = 76
_BEFORE = 40


def invalid(message: str, text: str, position: int, where: str = "") -> PromptInvalid:
    r"""Make the error for one place of a text.

    Parameters
    ----------
    message : str
        One line: what is wrong and what to do.
    text : str
        The text, with ``\n`` between its lines.
    position : int
        Where the mistake begins.
    where : str
        Which text it is, where there are several: ``prompt 2``, ``row 7``.

    Returns
    -------
    PromptInvalid
        Its ``faults`` hold the message alone.
    """
    fault = one_line(message)
    line = f"line {text.count(chr(10), 0, position) + 1}" if "\n" in text else ""
    place = ", ".join(filter(None, (where, line)))
    if place:
        fault = f"{place[0].upper()}{place[1:]}: {fault}"
    return PromptInvalid(f"{fault}\n{caret(text, position)}", faults=(fault,))


def caret(text: str, position: int) -> str:
    """Give the line around a position, and under it a caret that stands below that character.

    Wide characters count two columns, combining ones none; what cannot be seen is shown as a dot.
    """
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    line = text[start : len(text) if end < 0 else end]
    at = position - start
    first, last = _window(line, at)
    lead = "…" if first else ""
    before = lead + "".join(_shown(character) for character in line[first:at])
    after = "".join(_shown(character) for character in line[at:last]) + ("…" if last < len(line) else "")
    return f"{before}{after}\n{' ' * _columns(before)}^"


def _window(line: str, at: int) -> tuple[int, int]:
    """Choose the part of a line around a position that fits a notebook's width; a wrapped line misplaces its caret."""
    # At most four times the width is looked at: what is not shown at all takes no column.
    before, after = line[max(0, at - 4 * _WIDEST) : at], line[at : at + 4 * _WIDEST]
    if len(before) + len(after) == len(line) and _columns("".join(map(_shown, line))) <= _WIDEST:
        return 0, len(line)
    taken = list(accumulate(_columns(_shown(character)) for character in reversed(before)))
    first = at - bisect_right(taken, _BEFORE)
    room = _WIDEST - (taken[at - first - 1] if at > first else 0)
    return first, at + bisect_right(
        list(accumulate(_columns(_shown(character)) for character in after)), room
    )


def one_line(text: str, most: int = 400) -> str:
    """Put a message of unknown shape on one line of bounded length."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * most]).split())
    return words if len(words) <= most else words[: most - 1] + "…"


def _shown(character: str) -> str:
    """Give what stands for a character in an excerpt: itself, unless it breaks line or columns."""
    if unicodedata.category(character) == "Cf":
        return ""
    if character.isspace():
        return " "
    return character if character.isprintable() else "·"


def _columns(text: str) -> int:
    """Count how many columns a monospaced line takes."""
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    """Count the columns of one character."""
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
