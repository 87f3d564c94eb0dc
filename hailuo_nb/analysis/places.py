"""Where each clip of a card stands: the table that a person would draw of a sweep.

In come the axis values of the clips, place by place; out goes a :class:`Layout`: one flow, groups of flows, or a grid
with heads on both sides, and for each clip what no head says. Goes into :mod:`hailuo_nb.notebook.view`, which the live
card and its static twin are both drawn from, and into a report.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Group", "Layout", "Row", "layout"]

TAKE = "take"
# Axes of which the value alone says nothing; a step decides all else, so a chain is one flow.
_NUMBERED = frozenset({TAKE, "step"})
MOST_COLUMNS = 6
"""More do not fit beside each other; grid.css has a width for each number up to this."""

# Their values say by themselves what they are; "alt1" is no name that anybody gave.
_SELF_EVIDENT = re.compile(r"variant|length|size|prompt|alt\d+")

Axes = Mapping[str, str]


@dataclass(frozen=True)
class Row:
    """One row of a grid.

    Parameters
    ----------
    head : str
        The value that its clips share: ``"light: dawn"``.
    cells : tuple of tuple of str
        The clips at each column, takes side by side; an empty one was not asked for.
    """

    head: str
    cells: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Group:
    """Clips below one head: in one flow, or as a grid.

    Parameters
    ----------
    head : str
        The shared value, ``"light: dawn"``; empty for one group of all.
    keys : tuple of str
        The clips of a flow, in order; empty for a grid.
    columns : tuple of str
        The heads of a grid's columns.
    rows : tuple of Row
        The rows of a grid.
    """

    head: str
    keys: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()

    @property
    def has_long_heads(self) -> bool:
        """Whether row heads need a line of their own instead of a column."""
        return any(len(row.head) > 22 for row in self.rows)


@dataclass(frozen=True)
class Layout:
    """The groups, and for each clip the values that no head says.

    Parameters
    ----------
    groups : tuple of Group
        Empty for one flow of all.
    said : mapping of str to str
        By clip key; empty where the heads say everything.
    labels : mapping of str to str
        By clip key, everything in which the clip differs from others, heads included.
    common : tuple of str
        The values that all clips share.
    """

    groups: tuple[Group, ...] = ()
    said: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    common: tuple[str, ...] = ()


def layout(clips: Sequence[tuple[str, Axes]], *, is_flat: bool = False) -> Layout:
    """Lay clips out by what differs between them.

    Axes that go together (a ``--zip``, a variant and its size) count as one. Of the others the last two are the rows
    and columns of a grid, and those before head groups of it. Takes stand side by side.

    Parameters
    ----------
    clips : sequence of (str, mapping of str to str)
        Key and axis values of each clip, in the order of the cell.
    is_flat : bool
        Whether there are so many that only captions tell them apart.

    Examples
    --------
    >>> clips = [(light + animal, {"light": light, "animal": animal}) for light in "ab" for animal in "xy"]
    >>> layout(clips).groups[0].rows[0]
    Row(head='light: a', cells=(('ax',), ('ay',)))
    """
    names = list(dict.fromkeys(name for _, axes in clips for name in axes))
    varying = [name for name in names if len({axes.get(name, "") for _, axes in clips}) > 1]
    common = tuple(clips[0][1][name] for name in names if name not in varying and clips[0][1].get(name))
    labels = {key: _caption(axes, varying) for key, axes in clips}
    if is_flat:
        return Layout((), labels, labels, common)
    sides = _sides([axes for _, axes in clips], [name for name in varying if name != TAKE])
    groups, unsaid = _groups(clips, sides)
    rest = [name for name in varying if name in unsaid or name == TAKE]
    return Layout(groups, {key: _caption(axes, rest) for key, axes in clips}, labels, common)


def _sides(clips: Sequence[Axes], names: Sequence[str]) -> list[tuple[str, ...]]:
    """Join each axis to one that decides it, or that it decides."""
    sides: list[tuple[str, ...]] = []
    for name in names:
        for at, side in enumerate(sides):
            if _decides(clips, side, (name,)) or _decides(clips, (name,), side):
                sides[at] = (*side, name)
                break
        else:
            sides.append((name,))
    return sides


def _decides(clips: Sequence[Axes], first: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether clips with the same value of one have the same value of the other."""
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    return all(
        found.setdefault(_value(axes, first), value) == value
        for axes in clips
        for value in [_value(axes, other)]
    )


def _groups(
    clips: Sequence[tuple[str, Axes]], sides: Sequence[tuple[str, ...]]
) -> tuple[tuple[Group, ...], list[str]]:
    """Give the groups, and the axes that no head of theirs says."""
    names = [name for side in sides for name in side]
    if len(sides) > 1:
        rows, columns = _turned(clips, sides[-2], sides[-1])
        if len(_values(clips, columns)) <= MOST_COLUMNS:
            above = [name for side in sides[:-2] for name in side]
            return tuple(
                _grid(value, part, _heads(clips, columns), rows, columns)
                for value, part in _parts(clips, above)
            ), []
    if sides:
        parts = _parts(clips, sides[0])
        if all(len(part) > 1 for _, part in parts):
            return tuple(Group(head, tuple(key for key, _ in part)) for head, part in parts), names[
                len(sides[0]) :
            ]
    return (), names


def _turned(
    clips: Sequence[tuple[str, Axes]], rows: tuple[str, ...], columns: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give rows and columns in the cell's order, or turned where that is much too wide."""
    across, down = len(_values(clips, columns)), len(_values(clips, rows))
    return (columns, rows) if across > 4 and down < across else (rows, columns)


def _grid(
    head: str,
    part: Sequence[tuple[str, Axes]],
    heads: Mapping[tuple[str, ...], str],
    rows: Sequence[str],
    columns: Sequence[str],
) -> Group:
    """Draw one table; its columns are those of the whole card, its rows the values that it has."""
    keys: dict[tuple[tuple[str, ...], tuple[str, ...]], list[tuple[str, Axes]]] = {}
    for key, axes in part:
        keys.setdefault((_value(axes, rows), _value(axes, columns)), []).append((key, axes))
    return Group(
        head,
        columns=tuple(heads.values()),
        rows=tuple(
            Row(said, tuple(_by_take(keys.get((row, column), [])) for column in heads))
            for row, said in _heads(part, rows).items()
        ),
    )


def _by_take(clips: Sequence[tuple[str, Axes]]) -> tuple[str, ...]:
    """Give the clips of one place by their takes."""
    return tuple(key for key, _ in sorted(clips, key=lambda clip: int(clip[1].get(TAKE) or 0)))


def _parts(
    clips: Sequence[tuple[str, Axes]], names: Sequence[str]
) -> list[tuple[str, list[tuple[str, Axes]]]]:
    """Part clips by their values of some axes, each part with its head."""
    parts: dict[tuple[str, ...], list[tuple[str, Axes]]] = {value: [] for value in _values(clips, names)}
    for clip in clips:
        parts[_value(clip[1], names)].append(clip)
    heads = _heads(clips, names)
    return [(heads[value], part) for value, part in parts.items()]


def _heads(clips: Sequence[tuple[str, Axes]], names: Sequence[str]) -> dict[tuple[str, ...], str]:
    """Give each value of some axes in words."""
    return {value: _words(dict(zip(names, value, strict=True))) for value in _values(clips, names)}


def _values(clips: Sequence[tuple[str, Axes]], names: Sequence[str]) -> list[tuple[str, ...]]:
    """List the values that occur, in the order of the cell."""
    return list(dict.fromkeys(_value(axes, names) for _, axes in clips))


def _value(axes: Axes, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(axes.get(name, "") for name in names)


def _words(axes: Axes) -> str:
    """Say values as a head: ``light: dawn``; empty ones are said too, since they are a choice."""
    said = [
        value if _SELF_EVIDENT.fullmatch(name) and value else f"{name}: {value or '(nothing)'}"
        for name, value in axes.items()
    ]
    return " · ".join(said)


def _caption(axes: Axes, names: Sequence[str]) -> str:
    """Say values under a clip: ``noon · take 2``."""
    values = [(name, axes.get(name, "")) for name in names]
    return " · ".join(f"{name} {value}" if name in _NUMBERED else value for name, value in values if value)
