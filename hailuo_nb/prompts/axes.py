"""Axes, and every combination of them.

In come named alternatives and which of them move together; out goes a `Grid` that counts its combinations and
gives any of them by number without building the others. Next: `hailuo_nb.prompts.grammar` and the session,
which adds axes of options.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from hailuo_nb.errors import PromptInvalid
from hailuo_nb.prompts.places import invalid, one_line

__all__ = ["Axis", "Choice", "Grid", "sampled"]

Choice = tuple[tuple[str, str], ...]
"""One combination: (axis, value) pairs in the order of the axes."""


@dataclass(frozen=True)
class Axis:
    """A named set of alternatives; a column of the history later.

    Attributes
    ----------
    name : str
        What it is called: ``light``, or ``alt1`` for one without a name.
    values : tuple of str
        The alternatives, in order.
    is_named : bool
        Whether the user named it.
    """

    name: str
    values: tuple[str, ...]
    is_named: bool = True


@dataclass(frozen=True)
class Grid:
    """Every combination of some axes, the first axis moving slowest.

    Parameters
    ----------
    axes : tuple of Axis
        In the order of their columns.
    zips : tuple of tuple of str
        Groups of axes that move together instead of being multiplied, as ``(("light", "mood"),)``.

    Attributes
    ----------
    count : int
        How many combinations there are.

    Raises
    ------
    PromptInvalid
        A group names an axis that is not there, twice, or of another length.

    Examples
    --------
    >>> grid = Grid((Axis("a", ("x", "y")), Axis("b", ("1", "2", "3"))))
    >>> grid.count
    6
    >>> grid.at(1)
    (('a', 'x'), ('b', '2'))
    """

    axes: tuple[Axis, ...]
    zips: tuple[tuple[str, ...], ...] = ()
    count: int = field(init=False, compare=False)
    _groups: tuple[tuple[int, ...], ...] = field(init=False, repr=False, compare=False)
    # How many steps each group of axes has.
    _lengths: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        groups = _grouped(self.axes, self.zips)
        lengths = tuple(len(self.axes[group[0]].values) for group in groups)
        for name, value in {"_groups": groups, "_lengths": lengths, "count": math.prod(lengths)}.items():
            object.__setattr__(self, name, value)

    def at(self, index: int) -> Choice:
        """Give one combination by its number, from 0."""
        if not 0 <= index < self.count:
            raise IndexError(f"no combination {index}: there are {self.count}")
        if not self.axes:
            return ()
        steps = [0] * len(self.axes)
        for group, length in zip(reversed(self._groups), reversed(self._lengths), strict=True):
            index, step = divmod(index, length)
            for axis in group:
                steps[axis] = step
        return tuple((axis.name, axis.values[step]) for axis, step in zip(self.axes, steps, strict=True))

    def __iter__(self) -> Iterator[Choice]:
        return (self.at(index) for index in range(self.count))

    def sample(self, size: int, seed: int = 0) -> list[int]:
        """Choose some combinations by chance, the same ones for the same seed.

        Parameters
        ----------
        size : int
            How many; all of them when there are not more.
        seed : int, default 0
            Chooses which.

        Returns
        -------
        list of int
            Numbers for `at`, in order.
        """
        return sampled(self.count, size, seed)


def sampled(count: int, size: int, seed: int = 0) -> list[int]:
    """Choose `size` of the numbers below `count` by chance, in order, the same ones for the same seed."""
    if size >= count:
        return list(range(count))
    # Floyd's algorithm over random(), the one method whose sequence Python promises to keep for a seed: a
    # rerun under a newer Python must choose, and so pay for, the same clips.
    chance = random.Random(seed)  # noqa: S311 - chance, not secrecy
    chosen: set[int] = set()
    for last in range(count - size, count):
        number = min(int(chance.random() * (last + 1)), last)
        chosen.add(last if number in chosen else number)
    return sorted(chosen)


def _grouped(axes: Sequence[Axis], zips: Iterable[Sequence[str]]) -> tuple[tuple[int, ...], ...]:
    """Group the axes by number, in the order of each group's first axis."""
    number = {axis.name: index for index, axis in enumerate(axes)}
    group_of: dict[int, tuple[int, ...]] = {}
    for names in zips:
        shown = "--zip " + ",".join(names)
        members = [number[_known(name, number, shown, place)] for place, name in enumerate(names)]
        for place, member in enumerate(members):
            if member in group_of or member in members[:place]:
                raise _zip_fault(
                    f"The axis {names[place]} is zipped twice: name it once.", shown, names, place
                )
            lengths = len(axes[members[0]].values), len(axes[member].values)
            if lengths[0] != lengths[1]:
                raise _zip_fault(
                    f"{names[place]} has {lengths[1]} values and {names[0]} has {lengths[0]}: "
                    "axes that move together need equally many.",
                    shown,
                    names,
                    place,
                )
        group_of.update(dict.fromkeys(members, tuple(members)))
    groups = [group_of.get(index, (index,)) for index in range(len(axes))]
    return tuple(dict.fromkeys(groups))


def _known(name: str, number: dict[str, int], shown: str, place: int) -> str:
    """Give a name that is an axis, or raise the error that says which ones there are."""
    if name in number:
        return name
    near = get_close_matches(name, number, 1)
    if near:
        hint = f"did you mean {near[0]}?"
    elif number:
        hint = f"there are {', '.join(number)}."
    else:
        hint = "there are no axes here; write one as {light: dawn|dusk}."
    raise _zip_fault(f"--zip names {name}, which is no axis here: {hint}", shown, shown[6:].split(","), place)


def _zip_fault(message: str, shown: str, names: Sequence[str], place: int) -> PromptInvalid:
    """Make the error for one name of a ``--zip``."""
    return invalid(one_line(message), shown, len("--zip ") + len(",".join([*names[:place], ""])))
