"""What a first cell needs, imported while the person is still typing it.

In comes the running shell; in the background half a second of imports is done, so that the first card is there as soon
as a later one. ``%load_ext`` itself stays light and is over before this begins. A headless run types nothing.
"""

from __future__ import annotations

import importlib
import threading
from contextlib import suppress
from typing import Any

from hailuo_nb.notebook.surroundings import look_around

__all__ = ["NEEDED", "warm_up_later"]

NEEDED = (
    *("sqlalchemy", "ipywidgets", "anywidget", "httpx"),
    *("hailuo_nb.notebook.cells", "hailuo_nb.notebook.api.kernel", "hailuo_nb.wavespeed.client"),
)
"""In an order in which no cycle of imports is entered from two sides: others' packages first, then ours."""

# The loading cell is over, and its reply on the way, before anything else takes the interpreter.
_AFTER_S = 0.1


def warm_up_later(shell: Any) -> None:
    """Import what a first cell needs, soon after the running cell is over.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The running shell.
    """

    def begin(*_: object) -> None:
        shell.events.unregister("post_run_cell", begin)
        timer = threading.Timer(_AFTER_S, _warm_up)
        timer.name, timer.daemon = "hailuo-warming", True
        timer.start()

    if not look_around(shell).is_headless:
        shell.events.register("post_run_cell", begin)


def _warm_up() -> None:
    for name in NEEDED:
        # What cannot be imported is told by the cell that needs it.
        with suppress(Exception):
            importlib.import_module(name)
