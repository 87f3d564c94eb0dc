"""Which words of a prompt changed from one version to the next.

In come two texts, out come both in pieces, each marked where the other has something else, and how many words that is.
Nothing is lost: the pieces of a text put together are the text. Next: the card that shows two versions side by side.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

# Comparing takes the product of both lengths; a text of thousands of words is no prompt that anybody reads for changes.
MOST_PIECES = 3000
_PIECE = re.compile(r"\s+|\w+(?:['’-]\w+)*|[^\w\s]")
_WORD = re.compile(r"\w")


@dataclass(frozen=True)
class Piece:
    """A part of a text.

    Attributes
    ----------
    text : str
        As it stands there, spaces included.
    is_changed : bool
        Whether the other text has something else in its place.
    """

    text: str
    is_changed: bool = False


@dataclass(frozen=True)
class Changes:
    """Two texts, compared.

    Attributes
    ----------
    was, now : tuple of Piece
        Each text, whole.
    words : int
        How many words differ; a word put for another counts once. 0 where only signs or spaces do.
    """

    was: tuple[Piece, ...]
    now: tuple[Piece, ...]
    words: int

    @property
    def text(self) -> str:
        """Say it in words: ``2 words changed``."""
        if self.words:
            return "1 word changed" if self.words == 1 else f"{self.words:,} words changed"
        return "only signs or spaces changed"


def changes(was: str, now: str) -> Changes:
    """Compare two versions of a prompt word by word.

    Examples
    --------
    >>> found = changes("A fox at dawn.", "A fox at dusk.")
    >>> found.text, [piece.text for piece in found.now if piece.is_changed]
    ('1 word changed', ['dusk'])
    """
    old, new = _PIECE.findall(was), _PIECE.findall(now)
    if len(old) > MOST_PIECES or len(new) > MOST_PIECES:
        return Changes((Piece(was, True),), (Piece(now, True),), max(_words(old), _words(new)))
    before: list[Piece] = []
    after: list[Piece] = []
    words = 0
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        is_changed = kind != "equal"
        words += max(_words(old[a:b]), _words(new[c:d])) if is_changed else 0
        before += _pieces("".join(old[a:b]), is_changed)
        after += _pieces("".join(new[c:d]), is_changed)
    return Changes(tuple(before), tuple(after), words)


def _pieces(text: str, is_changed: bool) -> list[Piece]:
    """Give a stretch of text; spaces at the ends of a changed one are not marked, unless there is nothing else."""
    inner = text.strip()
    if not is_changed or not inner:
        return [Piece(text, is_changed)] if text else []
    start = text.index(inner)
    ends = [Piece(text[:start]), Piece(inner, True), Piece(text[start + len(inner) :])]
    return [piece for piece in ends if piece.text]


def _words(pieces: Sequence[str]) -> int:
    return sum(_WORD.search(piece) is not None for piece in pieces)
