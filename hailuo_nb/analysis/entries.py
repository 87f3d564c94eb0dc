"""What competes in a vote: clips, variants, or the values of an axis, and which clips may fairly meet.

In come ledger rows and the word after ``--by``; out comes, for each clip, the entry it counts for and the pool within
which it is compared: clips of one pool differ in nothing but the entry. Next: `hailuo_nb.analysis.ballot` and
`hailuo_nb.analysis.ranking`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.ledger.rows import ClipRow

__all__ = ["Entry", "axes_of", "chosen_by", "entries"]

# Axes that stand for a field of the row.
_VARIANT, _LENGTH = "variant", "duration"


@dataclass(frozen=True)
class Entry:
    """One clip in a vote.

    Attributes
    ----------
    clip_id : str
        The clip.
    name : str
        What it competes for: its own id, its variant, or its value of the axis.
    pool : str
        Clips may fairly meet within one pool: same prompt and picture, and all else alike but for what is compared.
    """

    clip_id: str
    name: str
    pool: str


def entries(rows: Sequence[ClipRow], by: str) -> list[Entry]:
    """Say of each clip what it competes for, and among which.

    Parameters
    ----------
    rows : sequence of ClipRow
        The clips; those without the axis are left out.
    by : str
        ``clip``, ``variant`` or the name of an axis, as `chosen_by` gives it.
    """
    found = []
    for row in rows:
        name = _name(row, by)
        if name is not None:
            found.append(Entry(row.id, name, _pool(row, by)))
    return found


def chosen_by(rows: Sequence[ClipRow], by: str) -> str:
    """Check the word after ``--by``; ``axis`` is the one axis there is.

    Raises
    ------
    InvalidRequest
        There is no such axis, or more than one and none is named.
    """
    known = axes_of(rows)
    word = by.strip()
    if word in ("clip", _VARIANT) or word in known:
        return word
    if word == "axis" and len(known) == 1:
        return known[0]
    listed = ", ".join(["clip", _VARIANT, *known])
    if word == "axis":
        which = f"these clips have {len(known)} axes" if known else "these clips have no axis"
        raise InvalidRequest(f"Say which axis: {which}. --by is one of {listed}.")
    near = get_close_matches(word.lower(), ["clip", _VARIANT, *known], 1, 0.6)
    hint = f"did you mean {near[0]}?" if near else f"it is one of {listed}."
    raise InvalidRequest(f"These clips have no axis {word[:40]!r}; {hint}")


def axes_of(rows: Sequence[ClipRow]) -> list[str]:
    """List the axes in which these clips differ, the variant aside: those of their prompts, and ``duration``."""
    names = dict.fromkeys(name for row in rows for name in row.axes if name not in (_VARIANT, _LENGTH))
    found = [name for name in names if len({row.axes.get(name) for row in rows}) > 1]
    return found + ([_LENGTH] if len({_name(row, _LENGTH) for row in rows}) > 1 else [])


def _name(row: ClipRow, by: str) -> str | None:
    if by == "clip":
        return row.id
    if by == _VARIANT:
        return row.variant
    value = row.axes.get(by)
    if value is None and by == _LENGTH and row.asked_duration_s is not None:
        return f"{row.asked_duration_s:g} s"
    return None if value is None else str(value)


def _pool(row: ClipRow, by: str) -> str:
    """Write down all that must be alike."""
    axes = {name: str(value) for name, value in sorted(row.axes.items()) if name not in (by, _VARIANT)}
    picture = [row.inputs[name] for name in sorted(row.inputs) if isinstance(row.inputs[name], dict)]
    alike: list[object] = [picture]
    if by in ("clip", _VARIANT):
        # Two variants may make clips of other lengths; the words must be the same.
        alike += [row.prompt] if by == "clip" else [row.prompt, axes]
    else:
        alike += [row.prompt_template or "", axes, row.variant]
        alike += [] if by == _LENGTH else [row.asked_duration_s]
    return json.dumps(alike, sort_keys=True, default=str)
