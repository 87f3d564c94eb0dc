"""The type of the history's DataFrames, by which a notebook knows a table of clips when it shows one.

In comes nothing, out goes `ClipFrame`: a DataFrame like any other, made when it is first asked for, because pandas
takes 225 ms to load. It knows nothing of how it is shown. Next: `hailuo_nb.notebook.table` registers that for the type.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    ClipFrame = pd.DataFrame

__all__ = ["ClipFrame", "is_clips"]

NEEDED = frozenset({"id", "service", "variant", "status", "prompt", "path"})
"""The columns without which a table is one of clips no more, but somebody's own."""


def __getattr__(name: str) -> Any:
    # By this name pickle finds the class again, too.
    if name == "ClipFrame":
        return _clip_frame()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def is_clips(frame: pd.DataFrame) -> bool:
    """Tell whether a frame still has what a table of clips needs; ``df.isna()`` has the columns, but no clips."""
    if frame.columns.nlevels > 1 or not frame.columns.is_unique or not set(frame.columns) >= NEEDED:
        return False
    return str(frame["id"].dtype) in {"string", "str", "object"}


@cache
def _clip_frame() -> type[pd.DataFrame]:
    """Make the class."""
    import pandas as pd

    class ClipFrame(pd.DataFrame):
        """Clips as a DataFrame, a row each; a notebook shows it with their pictures.

        Rows may be chosen, sorted and joined: as long as the columns that make it a table of clips are there, it stays
        one. Anything else, as ``df[["variant", "cost_usd"]]`` or ``df.groupby(...).sum()``, is a plain DataFrame, which
        is also what ``pandas.DataFrame(df)`` gives.
        """

        @property
        def _constructor(self) -> Any:
            return _same_kind

    def _same_kind(*args: Any, **named: Any) -> pd.DataFrame:
        """Make what an operation gives: a table of clips if it still is one."""
        made = pd.DataFrame(*args, **named)
        return ClipFrame(made, copy=False) if is_clips(made) else made

    # What pandas asks of a constructor inside; a plain frame is always right there.
    _same_kind._from_mgr = pd.DataFrame._from_mgr  # type: ignore[attr-defined]
    ClipFrame.__module__, ClipFrame.__qualname__ = __name__, "ClipFrame"
    return ClipFrame
