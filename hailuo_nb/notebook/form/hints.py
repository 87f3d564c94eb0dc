"""Quiet advice on a prompt, and the tips.

In comes the text of a prompt; out go at most a few `Hint`s, each one sentence with an example. They look and never
touch: the prompt is sent as it was written. Next: the prompt box shows them, and ``%hailuo tips`` prints `tips_text`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

__all__ = ["CAMERA", "MOST_AT_ONCE", "Hint", "hints_for", "tips_text"]

CAMERA = (
    "Truck left", "Truck right", "Pan left", "Pan right", "Push in", "Pull out", "Pedestal up", "Pedestal down",
    "Tilt up", "Tilt down", "Zoom in", "Zoom out", "Shake", "Tracking shot", "Static shot",
)  # fmt: skip
"""The fifteen camera commands, as MiniMax documents them."""

MOST_AT_ONCE = 3
MOST_HINTS = 3
LONG = 900

_BY_LOWER = {command.lower(): command for command in CAMERA}
_BRACKET = re.compile(r"\[([^\[\]\n]{1,80})\]")
# "shake" and "zoom" alone are ordinary words; these are said of a camera only.
_BARE = re.compile(r"(?i)\b(" + "|".join(re.escape(each.lower()) for each in CAMERA if " " in each) + r")\b")
_MOVING = re.compile(
    r"(?i)\b(?:(?!(?:even|morn|dur|spr|k|r|str|w|th|noth|someth|anyth|everyth|cloth|build|ceil|paint|lightn)ings?\b)"
    r"\w+ings?\b|(?:run|walk|fall|roll|turn|rise|open|close|drift|float|fly|jump|swim|pour|melt|break|shatter|"
    r"bounce|spin|slide|cross|climb|drop|wave|blow|burn|flow|move|lift|push|pull|throw|catch|hit|splash|grow|glide|"
    r"tip|swing|look|smile|nod|dance|step|lean|reach|pick|place|hold|ripple|sway|crash|leap|dive|race|chase|swirl|"
    r"flicker|explode|unfold|bloom|descend|ascend|approach|enter|leave|come|go|head|ride|drive|sail)(?:e?s|ed|d)?|"
    r"flies|carries|goes|ran|fell|rose|flew|broke|threw|swam|leapt|came|went|hits|tries)\b"
)
_PHYSICAL = re.compile(
    r"(?i)\b(?:water|wave|waves|glass|smoke|fire|flames?|cloth|silk|ball|marble|rain|snow|sand|milk|coffee|ice|paper|"
    r"hair|feather|bubbles?|liquid|dominoe?s?|vase|wine|lava)\b"
)
_EXPLICIT = re.compile(
    r"(?i)\b(?:then|until|as it|onto|into|off|against|down|upward|slowly|quickly|gently|hard|along|across|apart|over|"
    r"under|before|while|and \w+s)\b"
)


@dataclass(frozen=True)
class Hint:
    """One piece of advice.

    Attributes
    ----------
    key : str
        What it is about.
    text : str
        One sentence or two.
    """

    key: str
    text: str


def hints_for(prompt: str) -> tuple[Hint, ...]:
    """Give the advice that fits a prompt, the surest first; an empty prompt gets none.

    Examples
    --------
    >>> [hint.text for hint in hints_for("A fox runs along the river at dusk, [pan left]")]
    ['[pan left] is not a camera command as it stands: write [Pan left].']
    """
    text = prompt.strip()
    if not text:
        return ()
    return tuple(_all(text))[:MOST_HINTS]


def _all(text: str) -> Iterator[Hint]:
    """Give every hint, the surest first."""
    yield from _camera(text)
    if len(text) > LONG:
        yield Hint(
            "long",
            f"{len(text):,} characters is much to film in a few seconds: the first two sentences count.",
        )
    if not _is_latin(text):
        return  # what follows counts English words
    plain = _BRACKET.sub(" ", text)
    has_motion = bool(_MOVING.search(plain))
    if not has_motion and not _BRACKET.search(text):
        yield Hint("still", 'Nothing moves yet: say what happens, as "the fox turns its head and blinks".')
    elif _PHYSICAL.search(plain) and not _EXPLICIT.search(plain):
        yield Hint(
            "physics",
            'Say the motion step by step where things pour, fall or break: "the glass tips, falls and shatters on the '
            'stone floor".',
        )
    if len(plain.split()) < 8:
        yield Hint(
            "short", "Room for more: who, doing what, where, how the camera moves, in what light or style."
        )


def _camera(text: str) -> Iterator[Hint]:
    """Look at the words for the camera."""
    said: set[str] = set()
    for match in _BRACKET.finditer(text):
        words = [word.strip() for word in match[1].split(",") if word.strip()]
        if not words or words[0].lower().startswith("simulate:"):
            continue
        if len(words) > MOST_AT_ONCE and all(word.lower() in _BY_LOWER for word in words):
            yield Hint(
                "many", f"[{match[1]}] has {len(words)} moves: at most three go together in one bracket."
            )
        for word in words:
            if word not in CAMERA and word.lower() not in said:
                said.add(word.lower())
                yield from _near(word, match[0])
    for match in _BARE.finditer(_BRACKET.sub(lambda found: " " * len(found[0]), text)):
        command = _BY_LOWER[match[1].lower()]
        if command not in said:
            said.add(command)
            yield Hint("bare", f'"{match[1]}" is only words; in brackets it is a command: [{command}].')


def _near(word: str, written: str) -> Iterator[Hint]:
    """Say which command was meant; brackets that are not for the camera get no remark."""
    exact = _BY_LOWER.get(" ".join(word.lower().split()))
    near = (
        [exact]
        if exact
        else [_BY_LOWER[each] for each in get_close_matches(word.lower(), _BY_LOWER, 1, 0.72)]
    )
    if near:
        shown = written if written == f"[{word}]" else f"{word} in {written}"
        yield Hint("near", f"{shown} is not a camera command as it stands: write [{near[0]}].")
    elif re.match(
        r"(?i)(?:camera|dolly|crane|orbit|pan|tilt|zoom|truck|pedestal|arc|handheld|static|track)\b", word
    ):
        yield Hint(
            "unknown",
            f"[{word}] is none of the fifteen camera commands; say it in words, or take one of those.",
        )


def _is_latin(text: str) -> bool:
    """Whether a text is written in Latin letters."""
    letters = [letter for letter in text if letter.isalpha()]
    return sum(letter.isascii() for letter in letters) > 0.6 * len(letters)


def tips_text() -> str:
    """Give the tips of ``%hailuo tips``."""
    commands = "\n".join("  " + "  ".join(f"[{each}]".ljust(17) for each in CAMERA[at : at + 5]).rstrip()
                         for at in range(0, 15, 5))  # fmt: skip
    return f"""\
How to write a prompt for Hailuo

Several clauses, in this order: who or what, doing what, where, how the camera moves, in what light or style.
  A fox                                                  says little: the rest is left to chance
  A red fox trots along a frozen river at dawn, its breath steaming, low winter light, [Tracking shot]

Motion in so many words, one step after the other, where things fall, pour, break or burn.
  A glass of water on a table, dramatic                  nothing happens
  A glass of water tips, slides off the table edge, falls and shatters on the stone floor, water spreading outward

One event fits six seconds, two fit ten. Leave out what cannot be seen: thoughts, sounds, what comes later.

Camera commands stand in brackets, spelt exactly so; up to three in one bracket happen together:
{commands}
  [pan left], (Pan left) or plain "pan left"             are only words
  [Truck left, Pan right, Zoom in]                       at once; [Push in] ... [Shake] one after the other

From a picture, do not describe the picture: say what changes in it.
  The marble comes to rest on the floor and mirrors the window, [Push in]

The service may rewrite a prompt (prompt expansion). To compare words fairly, switch it off: --no-expand.
There is no seed: another clip of the same words is another take, and what you like is only in the file.

Try one thing at a time, cheaply first, then make the chosen words again in a better variant:
  %%hailuo t2v-standard --no-expand
  A red fox trots along a frozen river, {{light: at dawn|at dusk|in fog}}, [Tracking shot]

None of this changes what you write: hints look at a prompt and never touch it."""
