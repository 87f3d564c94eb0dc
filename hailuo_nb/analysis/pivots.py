"""The table that a person would draw: one axis down, another one across.

In come a frame of clips and the names of axes, out goes a `PivotFrame`: a DataFrame whose cells are clips (their ids)
or numbers, which remembers of which clips it was made. It knows nothing of how it is shown. Next:
`hailuo_nb.notebook.pivot_table`.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from hailuo_nb.errors import InvalidRequest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["axis_column", "pivot", "short_name", "varying"]

WAYS = ("sum", "mean", "median", "min", "max", "count")
_SUMMED = frozenset({"bytes", "reuses", "wins", "losses", "ties"})
_BESIDE_AXES = ("variant", "duration_s", "take")

Names = str | Sequence[str] | None


def __getattr__(name: str) -> Any:
    # By this name pickle finds the class again, and the notebook knows the type before pandas is loaded.
    if name == "PivotFrame":
        return _pivot_frame()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def pivot(
    frame: pd.DataFrame,
    rows: Names = None,
    columns: Names = None,
    values: str = "clip",
    how: str | None = None,
) -> pd.DataFrame:
    """Arrange clips by their axes.

    Parameters
    ----------
    frame : pandas.DataFrame
        Clips, as the history gives them.
    rows, columns : str or sequence of str, optional
        What goes down and what across: axes, with or without ``params.``, or any other column, or several. What varies
        between the clips when not given.
    values : str
        ``"clip"``, ``"count"``, or a column: ``"cost_usd"``, ``"run_s"``, ``"rating"``...
    how : str, optional
        How numbers of one cell are put together: one of `WAYS`. Money is summed, all else averaged, when not given.

    Returns
    -------
    pandas.DataFrame
        A cell of clips is a tuple of their ids; a cell of numbers is NA where there are none.

    Raises
    ------
    InvalidRequest
        There is no such column, nothing varies, or real and simulated dollars would be added up.
    """
    import pandas as pd

    if frame.empty:
        raise InvalidRequest("There are no clips to arrange; run a cell, or loosen the filters.")
    down, across = _chosen(frame, rows, columns)
    wanted = (
        frame if "cached" in frame.columns else frame.iloc[::-1]
    )  # in the order in which they were asked for
    wanted = wanted.dropna(subset=[*down, *across]).reset_index(drop=True)
    if wanted.empty:
        raise InvalidRequest(f"None of these clips has {' and '.join(map(short_name, [*down, *across]))}.")
    source = None if values in ("clip", "count") else axis_column(frame, values)
    if source is not None:
        _check_money(wanted, source, [*down, *across])
    cells: dict[tuple[Any, Any], list[int]] = {}
    heads = [_keys(wanted, names) for names in (down, across)]
    for place, key in enumerate(zip(*heads, strict=True)):
        cells.setdefault(key, []).append(place)
    index, header = (_labels(found, names) for found, names in zip(heads, (down, across), strict=True))
    data = [
        [
            _value(wanted, cells.get((row, column), []), values, source, how)
            for column in dict.fromkeys(heads[1])
        ]
        for row in _ordered(heads[0])
    ]
    plain = pd.DataFrame(data, index=index, columns=header)
    made: Any = _pivot_frame()(plain if values == "clip" else plain.convert_dtypes())
    made.clips, made.values_name = wanted, source or values
    return made  # type: ignore[no-any-return]


def varying(frame: pd.DataFrame) -> list[str]:
    """Give the columns that a person would arrange clips by: the axes that vary, then variant, length and take."""
    axes = [name for name in frame.columns if str(name).startswith("params.")]
    # An axis may be called variant too; it then says the same.
    beside = [name for name in _BESIDE_AXES if name in frame.columns and f"params.{name}" not in axes]
    return [name for name in [*axes, *beside] if frame[name].nunique() > 1]


def axis_column(frame: pd.DataFrame, name: str) -> str:
    """Find the column of an axis by its name, with or without ``params.``.

    Raises
    ------
    InvalidRequest
        There is none; it names the nearest.
    """
    for found in (f"params.{name}", name):
        if found in frame.columns:
            return found
    names = [short_name(str(column)) for column in frame.columns]
    near = get_close_matches(str(name), names, 1)
    axes = [short_name(str(column)) for column in frame.columns if str(column).startswith("params.")]
    hint = f"did you mean {near[0]}?" if near else f"its axes are {', '.join(axes) or 'none'}."
    raise InvalidRequest(f"These clips have no {str(name)[:40]!r}: {hint}")


def short_name(column: str) -> str:
    """Give an axis by its own name."""
    return column.removeprefix("params.")


def _chosen(frame: pd.DataFrame, rows: Names, columns: Names) -> tuple[list[str], list[str]]:
    """Find what goes down and what across."""
    down, across = (
        [axis_column(frame, name) for name in ([names] if isinstance(names, str) else names or ())]
        for names in (rows, columns)
    )
    free = [name for name in varying(frame) if name not in (*down, *across)]
    if not down and not across and not free:
        raise InvalidRequest("Nothing varies between these clips: name what goes down, as rows='variant'.")
    if not down and free:
        down = [free.pop(0)]
    if not across and columns is None and rows is None and free:
        across = [free.pop(0)]
    if twice := set(down) & set(across):
        raise InvalidRequest(f"{short_name(twice.pop())} is down and across: name two different ones.")
    return down, across


def _check_money(frame: pd.DataFrame, column: str, used: Sequence[str]) -> None:
    """Refuse to add simulated dollars to real ones."""
    if column.endswith("_usd") and "service" not in used and frame["service"].nunique() > 1:
        raise InvalidRequest(
            "Some of these clips are real and some simulated, and their dollars are not added up: filter by service, "
            "or let rows or columns be 'service'."
        )


def _keys(frame: pd.DataFrame, names: Sequence[str]) -> list[Any]:
    """Give each clip's place along one side."""
    if not names:
        return [()] * len(frame)
    return list(zip(*(frame[name].astype(object) for name in names), strict=True))


def _ordered(keys: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Give each place once, by the order in which the values of each axis first appear."""
    ranks = [
        {value: n for n, value in enumerate(dict.fromkeys(values))} for values in zip(*keys, strict=True)
    ]
    return sorted(
        dict.fromkeys(keys), key=lambda key: [rank[value] for rank, value in zip(ranks, key, strict=True)]
    )


def _labels(keys: Sequence[tuple[Any, ...]], names: Sequence[str]) -> pd.Index:
    """Make one side's labels."""
    import pandas as pd

    distinct = _ordered(keys)
    if len(names) > 1:
        several: pd.Index = pd.MultiIndex.from_tuples(distinct, names=[short_name(name) for name in names])
        return several
    if not names:
        return pd.Index(["all"])
    one: pd.Index = pd.Index([key[0] for key in distinct], name=short_name(names[0]), dtype=object)
    return one


def _is_number(frame: pd.DataFrame, column: str) -> bool:
    import pandas as pd

    return bool(pd.api.types.is_numeric_dtype(frame[column]))


def _value(
    frame: pd.DataFrame, places: Sequence[int], values: str, column: str | None, how: str | None
) -> Any:
    """Make one cell."""
    import pandas as pd

    if column is None:
        return len(places) if values == "count" else tuple(frame["id"].iloc[list(places)])
    if how is not None and how not in WAYS:
        raise InvalidRequest(f"how is one of {', '.join(WAYS)}, not {str(how)[:40]!r}.")
    found = frame[column].iloc[list(places)].dropna()
    if found.empty:
        return pd.NA
    if not _is_number(frame, column):
        return ", ".join(dict.fromkeys(str(value) for value in found))
    if column.endswith("_usd") and how in (None, "sum"):
        return int(found.astype(float).mul(1e6).round().sum()) / 1e6  # exact, as the ledger adds up
    return getattr(found, how or ("sum" if column in _SUMMED else "mean"))()


@cache
def _pivot_frame() -> Any:
    """Make the class."""
    import pandas as pd

    class PivotFrame(pd.DataFrame):
        """Clips or numbers by two axes; what is worked out of it is a plain DataFrame.

        Attributes
        ----------
        clips : pandas.DataFrame
            The clips that were arranged.
        values_name : str
            ``clip``, ``count``, or the column that the numbers are of.
        """

        _metadata = ("clips", "values_name")
        clips: pd.DataFrame
        values_name: str

        @property
        def _constructor(self) -> Any:
            return pd.DataFrame

    PivotFrame.__module__, PivotFrame.__qualname__ = __name__, "PivotFrame"
    return PivotFrame
