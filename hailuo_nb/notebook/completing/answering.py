"""The answer to one Tab.

In come the text of a cell, the cursor in it and what the notebook knows; out goes an `Answer`, or nothing where
completion is not ours.
"""

from __future__ import annotations

from dataclasses import replace

from hailuo_nb.notebook.completing.cursor import find_place
from hailuo_nb.notebook.completing.known import Answer, Known
from hailuo_nb.notebook.completing.lines import in_cell_line, on_command_line, read_cell_line
from hailuo_nb.notebook.completing.prompt import in_prompt

__all__ = ["answer"]


def answer(text: str, cursor: int, known: Known) -> Answer | None:
    """Give what may stand at the cursor.

    Parameters
    ----------
    text : str
        The whole cell.
    cursor : int
        Where the cursor is in it.
    known : Known
        What the notebook knows.

    Returns
    -------
    Answer or None
        Its start is a place in `text`. None where the text is none of ours, or Python's completion knows better;
        an empty answer where it is ours and nothing fits.

    Examples
    --------
    >>> answer("%%hailuo t2v-pro --fit p", 24, Known({})).candidates
    (Candidate(text='pad', kind='value'),)
    """
    place = find_place(text, cursor)
    if place is None:
        return None
    if place.kind == "line":
        found: Answer | None = on_command_line(place, known)
    elif place.kind == "cell":
        found = in_cell_line(place, known)
    else:
        line = read_cell_line(place.line)
        found = in_prompt(
            place.before,
            place.after,
            known,
            columns=next(iter(line.said("--from")), "").removeprefix("$"),
            axes=[each.partition("=")[0] for each in line.said("--vary")],
            raw=bool(line.said("--raw")),
        )
    return replace(found, start=found.start + place.start) if found else None
