"""Try MiniMax Hailuo video prompts in a notebook.

A cell's text becomes requests, a quote says what they cost, the ledger writes them down, a job takes each
through submit, poll and download, a card in the cell shows it, and the history tells it all as a DataFrame.

``%load_ext hailuo_nb`` registers ``%%hailuo`` and ``%hailuo``; the names below do the same from Python. Nothing is
imported or done before one of them is used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hailuo_nb import errors
    from hailuo_nb.notebook.api import (
        ballot,
        chain,
        clean,
        compare,
        export,
        form,
        generate,
        history,
        import_pack,
        jobs,
        join,
        pivot,
        plot_outcomes,
        plot_rank,
        plot_spend,
        plot_times,
        quote,
        rank,
        rate,
        read_recipe,
        rerun,
        resume,
        session,
        sheet,
        table,
        vote,
    )

__version__ = "0.1.0"
__all__ = [
    "ballot",
    "chain",
    "clean",
    "compare",
    "errors",
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
    if name == "errors":
        return import_module("hailuo_nb.errors")
    if name in __all__:
        return getattr(import_module("hailuo_nb.notebook.api"), name)
    raise AttributeError(f"module 'hailuo_nb' has no attribute {name!r}")


class _Room(ModuleType):
    """A room of the package that is called as a function is: ``hn.jobs()`` beside ``hailuo_nb.jobs.job``."""

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        name = self.__name__.rpartition(".")[2]
        return getattr(import_module("hailuo_nb.notebook.api"), name)(*arguments, **named)


class _Package(ModuleType):
    """The package itself: Python sets each room on it when the room is first imported."""

    def __setattr__(self, name: str, value: object) -> None:
        # The contract names two functions as the walk names two rooms; without this the room would hide the function.
        if name in {"jobs", "session"} and type(value) is ModuleType:
            value.__class__ = _Room
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def load_ipython_extension(shell: Any) -> None:
    """Register the magics; what ``%load_ext hailuo_nb`` calls."""
    import_module("hailuo_nb.notebook.extension").load_extension(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take the magics away again; what ``%unload_ext hailuo_nb`` calls."""
    import_module("hailuo_nb.notebook.extension").unload_extension(shell)
