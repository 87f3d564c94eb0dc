"""Clips side by side, as plain frozen data: which stands in which row and column, and what is said there.

In come :class:`~hailuo_nb.notebook.view.ClipView` with the values of their axes; out goes one :class:`Comparison`, for
the widget in :mod:`hailuo_nb.notebook.compare` and for the static HTML of :mod:`hailuo_nb.notebook.comparison_twin`.
What all share is said once, a row or column says its value, and a clip says only what those do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.notebook.view import ClipView, brief, counts_text, cut, icon_for

__all__ = ["Compared", "Comparison", "lay_out"]

# A row of more than these is too wide to look at; alone they flow.
MOST_COLUMNS = 6
# Axes whose values say by themselves what they are.
_BARE = frozenset({"variant", "length", "size", "file"})


@dataclass(frozen=True)
class Compared:
    """One clip, and what a person said about it.

    Parameters
    ----------
    view : ClipView
        What a card would say.
    rating : int or None
        1 to 5 stars, 0 for a reject.
    remark : str
        The person's note.
    can_rate : bool
        Whether a ledger has the clip.
    fps, seconds : float
        Of the file, 0 while not known.
    """

    view: ClipView
    rating: int | None = None
    remark: str = ""
    can_rate: bool = False
    fps: float = 0.0
    seconds: float = 0.0

    @property
    def is_here(self) -> bool:
        """Whether it can be played."""
        return self.view.word == "done"


@dataclass(frozen=True)
class Comparison:
    """Everything that stands side by side.

    Parameters
    ----------
    id : str
        The widget finds its static twin by it.
    clips : tuple of Compared
        In the order given.
    x, y : str
        The axes of the columns and the rows; empty for none.
    columns, rows : tuple of str
        Their values.
    tabs : tuple of (str, tuple of str)
        The other axes with their values, one shown at a time.
    shared, prompt : str
        What all have.
    is_simulated, is_headless : bool
        As on a card.
    """

    id: str
    clips: tuple[Compared, ...]
    x: str = ""
    y: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    tabs: tuple[tuple[str, tuple[str, ...]], ...] = ()
    shared: str = ""
    prompt: str = ""
    is_simulated: bool = False
    is_headless: bool = False

    @property
    def has_grid(self) -> bool:
        """Whether the clips have places, rather than flow one after the other."""
        return bool(self.x or self.y)

    def at(self, column: str, row: str, tab: Sequence[str] = ()) -> list[Compared]:
        """Give the clips of one place of the grid."""
        wanted = [(self.x, column), (self.y, row), *zip((name for name, _ in self.tabs), tab, strict=True)]
        return [
            each
            for each in self.clips
            if all(not name or each.view.axes.get(name, "") == value for name, value in wanted)
        ]

    def caption(self, clip: Compared, *, is_whole: bool = False) -> str:
        """Say what its row, column and tab do not; all of what differs where it stands alone.

        Parameters
        ----------
        clip : Compared
            One of them.
        is_whole : bool
            Whether nothing around it says anything.
        """
        varying = _varying([each.view for each in self.clips])
        told = set() if is_whole else {self.x, self.y, *(name for name, _ in self.tabs)}
        said = [
            head_text(name, clip.view.axes.get(name, ""))
            for name in varying
            if name not in told and clip.view.axes.get(name)
        ]
        return " · ".join(said) or (clip.view.name if is_whole or not self.has_grid else "")

    def to_dict(self) -> dict[str, Any]:
        """Give all as JSON-able data: the widget's one trait."""
        views = [each.view for each in self.clips]
        return {
            "id": self.id,
            "x": self.x,
            "y": self.y,
            "columns": [head_text(self.x, value) for value in self.columns],
            "rows": [head_text(self.y, value) for value in self.rows],
            "tabs": [{"name": name, "values": list(values)} for name, values in self.tabs],
            "shared": self.shared,
            "prompt": cut(self.prompt),
            "brief": brief(self.prompt, 160),
            "is_simulated": self.is_simulated,
            "counts": "" if all(each.is_here for each in self.clips) else counts_text(views),
            "clips": [self._clip_dict(each) for each in self.clips],
        }

    def _clip_dict(self, clip: Compared) -> dict[str, Any]:
        """Give one clip as JSON-able data."""
        view = clip.view
        axes = view.axes
        return {
            "key": view.key,
            "column": _place(self.columns, axes.get(self.x, "")),
            "row": _place(self.rows, axes.get(self.y, "")),
            "tab": [_place(values, axes.get(name, "")) for name, values in self.tabs],
            "caption": self.caption(clip),
            "label": self.caption(clip, is_whole=True),
            "prompt": cut(view.prompt),
            "word": view.word,
            "icon": icon_for(view.word),
            "why": view.why,
            "file": view.file,
            "width": view.width,
            "height": view.height,
            "fps": clip.fps,
            "seconds": clip.seconds,
            "rating": clip.rating,
            "remark": clip.remark,
            "can_rate": clip.can_rate,
        }


def lay_out(
    clips: Iterable[Compared],
    *,
    id_: str = "",
    x: str | None = None,
    y: str | None = None,
    is_headless: bool = False,
) -> Comparison:
    """Give each clip its row, column and tab.

    Parameters
    ----------
    clips : iterable of Compared
        At least one; their ``view.axes`` hold all that may differ.
    id_ : str
        As in :class:`Comparison`.
    x, y : str, optional
        The axes of columns and rows. When neither is given, rows are the first axis that differs and columns the
        second; a single one is a row.
    is_headless : bool
        As in :class:`Comparison`.

    Raises
    ------
    InvalidRequest
        There is no such axis, or both are the same.

    Examples
    --------
    >>> a, b = (Compared(ClipView(str(n), axes={"light": light})) for n, light in enumerate(("dawn", "noon")))
    >>> lay_out([a, b]).columns
    ('dawn', 'noon')
    """
    clips = tuple(clips)
    views = [each.view for each in clips]
    varying = _varying(views)
    known = list(dict.fromkeys(name for view in views for name in view.axes))
    for option, name in (("--x", x), ("--y", y)):
        if name is not None and name not in known:
            raise InvalidRequest(
                f"{option} {name[:40]}: there is no such axis; there are {', '.join(known)}."
            )
    if x is not None and x == y:
        raise InvalidRequest(f"--x and --y are both {x[:40]}; name two axes, or one of them alone.")
    if x is None and y is None:
        x, y = _axes_for(views, _free(views, varying))
    placed = [name for name in (x, y) if name]
    rest = _free(views, varying, placed)[len(placed) :]
    common = [
        head_text(name, views[0].axes[name])
        for name in known
        if name not in {*varying, x, y} and views[0].axes.get(name)
    ]
    prompts = {view.prompt for view in views}
    return Comparison(
        id=id_,
        clips=clips,
        x=x or "",
        y=y or "",
        columns=_values(views, x),
        rows=_values(views, y),
        tabs=tuple((name, _values(views, name)) for name in rest) if x or y else (),
        shared=" · ".join(common),
        prompt=prompts.pop() if len(prompts) == 1 else "",
        is_simulated=any(view.is_simulated for view in views),
        is_headless=is_headless,
    )


def head_text(axis: str, value: str) -> str:
    """Say the value of an axis where nothing beside it says of which: a bare number says nothing."""
    return value if axis in _BARE or not value.replace(".", "").isdecimal() else f"{axis} {value}"


def _varying(views: Sequence[ClipView]) -> list[str]:
    """List the axes that differ between clips, in the order to say them."""
    names = dict.fromkeys(name for view in views for name in view.axes)
    return [name for name in names if len({view.axes.get(name, "") for view in views}) > 1]


def _free(views: Sequence[ClipView], varying: Sequence[str], placed: Sequence[str] = ()) -> list[str]:
    """List the axes of which each needs a place of its own: none that follows from another, as size from variant.

    Those that have a place come first, whatever they follow from.
    """
    kept = list(placed)
    for name in varying:
        if name not in kept and not any(_follows(views, name, other) for other in kept):
            kept.append(name)
    return kept


def _follows(views: Sequence[ClipView], name: str, other: str) -> bool:
    """Tell whether clips that are alike in one axis are always alike in another."""
    both = {(view.axes.get(other, ""), view.axes.get(name, "")) for view in views}
    return len(both) == len({value for value, _ in both})


def _axes_for(views: Sequence[ClipView], varying: Sequence[str]) -> tuple[str | None, str | None]:
    """Choose columns and rows as a person would draw the table: no wider than it can be looked at."""
    sizes = {name: len(_values(views, name)) for name in varying}
    if len(varying) > 1:
        y, x = varying[:2]
        return (y, x) if sizes[y] < sizes[x] and sizes[x] > MOST_COLUMNS else (x, y)
    return (varying[0], None) if varying and sizes[varying[0]] <= MOST_COLUMNS else (None, None)


def _values(views: Sequence[ClipView], axis: str | None) -> tuple[str, ...]:
    """List the values of an axis in the order they come."""
    return tuple(dict.fromkeys(view.axes.get(axis, "") for view in views)) if axis else ()


def _place(values: Sequence[str], value: str) -> int:
    """Give the place of a value, 0 where there is no axis."""
    return values.index(value) if value in values else 0
