"""Cuts a line of ``%%hailuo`` into words, and takes keys away from it.

In comes one line; out go its words without their quotes, and faults that show nothing of what looks like a key.
Next: `hailuo_nb.notebook.options`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from hailuo_nb.notebook.option_table import CELL_OPTIONS

__all__ = [
    "KEY_OPTIONS",
    "KEY_WORD",
    "NO_KEYS_HERE",
    "REFERENCE",
    "Word",
    "cut",
    "looks_like_key",
    "shown",
    "without_keys",
]

REFERENCE = re.compile(r"\$([^\W\d]\w*)")
_NUMBER = re.compile(r"-\.?\d")
_OPENS_QUOTE = re.compile(r"(?:^|[\s=|])$")
KEY_OPTIONS = re.compile(
    r"(?i)[-–—]+(?:[a-z]+[-_])*(?:api|key|token|secret|password|bearer|auth|authorization)(?:[-_]?key)?s?"
)
KEY_WORD = re.compile(
    r"(?i)(?:(?:\w*_)?(?:api_?key|token|secret|password|authorization)[=:].*|bearer|authorization)"
)
_KEY_PREFIX = re.compile(r"(?i)(?:sk|pk|ws|wsk|hf|ghp|key|api)[-_](?=[\w-]*\d)[\w-]{16,}")
_PREDICTION = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NO_KEYS_HERE = (
    "A key does not belong on this line, because it would be saved in the notebook: take it away, then run "
    "%hailuo key or set WAVESPEED_API_KEY in the environment."
)


@dataclass(frozen=True)
class Word:
    """One word of a line, without its quotes; `start` is where it begins there, with them."""

    text: str
    is_quoted: bool = False
    start: int = field(default=0, compare=False)

    @property
    def is_option(self) -> bool:
        """Whether it is meant as an option."""
        return not self.is_quoted and self.text[:1] in {"-", "–", "—"} and not _NUMBER.match(self.text)


def looks_like_key(text: str) -> bool:
    """Say whether a word looks like an API key: long, and not like what a person would write here."""
    if _KEY_PREFIX.fullmatch(text) or _PREDICTION.fullmatch(text):
        return True
    if any(len(run) >= 40 or _changes(run) >= 3 for run in re.findall(r"[A-Za-z0-9]{24,}", text)):
        return True
    return any(_changes(run) >= 6 for run in re.findall(r"[\w+=-]{32,}", text, re.ASCII))


def _changes(run: str) -> int:
    """Count how often a run of characters goes from letters to digits or back."""
    return len(re.findall(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])", run))


def cut(line: str, faults: list[str]) -> list[Word]:
    """Cut a line into words; quotes and ``{{ }}`` hold one together, and a backslash is only a backslash."""
    words: list[Word] = []
    text, is_quoted, is_open, position, start = "", False, False, 0, 0
    while position < len(line):
        sign = line[position]
        if sign.isspace():
            if is_open:
                words.append(Word(text, is_quoted, start))
            text, is_quoted, is_open = "", False, False
            position += 1
            continue
        start = start if is_open else position
        if line.startswith("{{", position) and (end := line.find("}}", position)) > 0:
            text, position = text + line[position : end + 2], end + 2
        elif sign in "'\"" and _OPENS_QUOTE.search(line[max(0, position - 1) : position]):
            is_quoted = is_quoted or not is_open
            inside, position = _quoted(line, position)
            if position < 0:
                faults.append(f"The quote {sign} is not closed: close it, or take it away.")
                return [*words, Word(text + inside, is_quoted=True, start=start)]
            text += inside
        else:
            text, position = text + sign, position + 1
        is_open = True
    return [*words, Word(text, is_quoted, start)] if is_open else words


def _quoted(line: str, start: int) -> tuple[str, int]:
    """Read a quoted text from its opening quote on; the position after it, or -1."""
    quote, inside, position = line[start], "", start + 1
    while position < len(line):
        sign = line[position]
        # A backslash escapes a quote only if another one can still close: "C:\clips\" stays a folder.
        if sign == "\\" and line[position + 1 : position + 2] == quote and quote in line[position + 2 :]:
            inside, position = inside + quote, position + 2
        elif sign == quote:
            return inside, position + 1
        else:
            inside, position = inside + sign, position + 1
    return inside, -1


def without_keys(words: Sequence[Word], faults: list[str], *, may_hold_ids: bool = False) -> list[Word]:
    """Take away what looks like a key, with one fault that shows nothing of it."""
    kept: list[Word] = []
    found = swallow = False
    for word in words:
        name, _, value = word.text.partition("=")
        if word.is_option and KEY_OPTIONS.fullmatch(name):
            found, swallow = True, not value
        elif swallow and not word.is_option:
            swallow = False
        elif KEY_WORD.fullmatch(word.text):
            found, swallow = True, word.text[-1:] not in "=:" or "=" not in word.text
        elif _holds_key(word, kept[-1].text if kept else "", may_hold_ids=may_hold_ids):
            found = True
            if kept and kept[-1].is_option and "=" not in kept[-1].text and _wants_value(kept[-1].text):
                kept.pop()
        else:
            kept.append(word)
            swallow = False
    if found and NO_KEYS_HERE not in faults:
        faults.append(NO_KEYS_HERE)
    return kept


def _wants_value(spelling: str) -> bool:
    """Whether an option of this spelling takes a value."""
    return any(option.takes_value and spelling in option.spellings for option in CELL_OPTIONS)


def _holds_key(word: Word, before: str, *, may_hold_ids: bool) -> bool:
    """Whether a word has a key in it; files and addresses may have long names."""
    name, _, value = word.text.partition("=")
    text = value if word.is_option and value else word.text
    is_file = {name if word.is_option else "", before} & {"--image", "--file"}
    if REFERENCE.fullmatch(text) or "://" in text or "{{" in text:
        return False
    if is_file and re.search(r"[/\\]|\.\w{1,5}$", text):
        return False
    return looks_like_key(text) and not (may_hold_ids and _PREDICTION.fullmatch(text))


def shown(text: str) -> str:
    """Show a word in a message: on one line, short, in quotes, and nothing of a key."""
    if any(looks_like_key(word) for word in text.split()):
        return "that"
    clean = "".join(letter if letter.isprintable() else "·" for letter in text[:41])
    return f'"{clean}"' if len(clean) <= 40 else f'"{clean[:39]}…"'
