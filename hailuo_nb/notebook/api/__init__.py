"""The same work from Python: ``import hailuo_nb as hn``.

In come plain Python values; the one session of this kernel does the work; out go batches, jobs and DataFrames. The
magics use the same session, so a cell and a call see the same clips.

Each name comes with its module when it is first used: a cell that makes clips needs no plots, votes or comparisons, and
its first card is there a fifth of a second sooner.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hailuo_nb.notebook.api.judging import ballot, compare, plot_rank, rank, rate, vote
    from hailuo_nb.notebook.api.kernel import close, session
    from hailuo_nb.notebook.api.looking import (
        history,
        jobs,
        pivot,
        plot_outcomes,
        plot_spend,
        plot_times,
        resume,
        sheet,
        table,
    )
    from hailuo_nb.notebook.api.making import chain, form, generate, join, quote, raise_if_failed
    from hailuo_nb.notebook.api.sharing import clean, export, import_pack, read_recipe, rerun

ROOMS = {
    "judging": ("ballot", "compare", "plot_rank", "rank", "rate", "vote"),
    "kernel": ("close", "session"),
    "looking": (
        "history",
        "jobs",
        "pivot",
        "plot_outcomes",
        "plot_spend",
        "plot_times",
        "resume",
        "sheet",
        "table",
    ),
    "making": ("chain", "form", "generate", "join", "quote", "raise_if_failed"),
    "sharing": ("clean", "export", "import_pack", "read_recipe", "rerun"),
}
__all__ = [
    "ballot",
    "chain",
    "clean",
    "close",
    "compare",
    "export",
    "form",
    "generate",
    "history",
    "import_pack",
    "jobs",
    "join",
    "pivot",
    "plot_outcomes",
    "plot_rank",
    "plot_spend",
    "plot_times",
    "quote",
    "raise_if_failed",
    "rank",
    "rate",
    "read_recipe",
    "rerun",
    "resume",
    "session",
    "sheet",
    "table",
    "vote",
]


def __getattr__(name: str) -> Any:
    for room, names in ROOMS.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{room}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
