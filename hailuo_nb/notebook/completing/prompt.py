"""Inside a prompt.

In come what stands before the cursor and the line of the cell; out go variables of the notebook behind ``{{``, columns
and axes behind ``{``, camera commands behind ``[``. Everywhere else a prompt is the user's own words, and there is
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hailuo_nb.notebook.completing.known import Answer, Candidate, Known
from hailuo_nb.notebook.form.hints import CAMERA, MOST_AT_ONCE

__all__ = ["axes_bare", "axes_named", "expression", "in_prompt"]

_AXIS = re.compile(r"(?<![\\{])\{([^\W\d]\w*): ")
_BARE = re.compile(r"(?<![\\{])\{([^\W\d]\w*)\}(?!\})")
_OPEN_BRACKET = re.compile(r"\[([^\[\]\n]*)\Z")
_OPEN_BRACE = re.compile(r"(?<![\\{])\{((?:[^\W\d]\w*)?)\Z")
_NAME_AT_END = re.compile(r"(?:^|[\s(\[,+*/%~<>=:-])((?:[^\W\d]\w*)?)\Z")
_BY_LOWER = frozenset(command.lower() for command in CAMERA)


def axes_named(body: str) -> list[str]:
    """Name the axes that a prompt defines: ``{light: dawn|dusk}``."""
    return list(dict.fromkeys(_AXIS.findall(body)))


def axes_bare(body: str) -> list[str]:
    """Name what stands alone in braces, which may be an axis of ``--vary`` or a column."""
    return list(dict.fromkeys(_BARE.findall(body)))


def in_prompt(
    before: str, after: str, known: Known, *, columns: str = "", axes: Sequence[str] = (), raw: bool = False
) -> Answer | None:
    """Complete inside a prompt.

    Parameters
    ----------
    before, after : str
        What stands before and behind the cursor.
    known : Known
        What the notebook knows.
    columns : str
        The variable of ``--from``.
    axes : sequence of str
        The axes of ``--vary``.
    raw : bool
        Braces mean nothing.

    Returns
    -------
    Answer or None
        Empty in ordinary text; None where Python's own completion knows better.
    """
    line = before[before.rfind("\n") + 1 :]
    if not raw:
        if _in_expression(line):
            return expression(line, len(before) - len(line), known)
        brace = _OPEN_BRACE.search(line)
        if brace:
            names = [*_of(known.columns(columns) if columns else (), "column"), *_of(axes, "axis")]
            closing = "" if after.startswith("}") else "}"
            found = [
                Candidate(each.text + closing, each.kind) for each in names if each.text.startswith(brace[1])
            ]
            return Answer(len(before) - len(brace[1]), tuple(found))
    bracket = _OPEN_BRACKET.search(line)
    return _camera(bracket[1], len(before)) if bracket else Answer(len(before))


def _in_expression(line: str) -> bool:
    """Whether a line ends inside ``{{``."""
    start = line.rfind("{{")
    return start >= 0 and "}}" not in line[start:] and line[start - 1 : start] != "\\"


def expression(line: str, offset: int, known: Known) -> Answer | None:
    """Complete a name in an open ``{{``; what follows a dot or a quote is not ours."""
    tail = line[line.rfind("{{") + 2 :]
    if tail.count("'") % 2 or tail.count('"') % 2:
        return Answer(offset + len(line))
    name = _NAME_AT_END.search(tail)
    if name is None:
        return None if re.search(r"\.\w*\Z", tail) else Answer(offset + len(line))
    found = _of((each for each in known.variables() if each.startswith(name[1])), "variable")
    return Answer(offset + len(line) - len(name[1]), tuple(found))


def _camera(said: str, cursor: int) -> Answer:
    """Complete a camera command; up to three stand in one bracket."""
    *others, last = said.split(",")
    prior = {each.strip().lower() for each in others}
    part = last.lstrip()
    if len(others) >= MOST_AT_ONCE or not prior <= _BY_LOWER:
        return Answer(cursor)
    found = (each for each in CAMERA if each.lower().startswith(part.lower()) and each.lower() not in prior)
    return Answer(cursor - len(part), tuple(_of(found, "camera")))


def _of(texts: Iterable[str], kind: str) -> list[Candidate]:
    return [Candidate(text, kind) for text in texts]
