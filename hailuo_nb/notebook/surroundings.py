"""What is known of the front end that runs the cell.

In comes the running IPython shell, out go plain facts: which cell and notebook this is, whether somebody can answer,
whether a widget could be shown. Where none can be, widgets can be made that nobody hears of.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Surroundings:
    """Facts about the running cell.

    Attributes
    ----------
    cell_id : str or None
        The front end's id of the cell; stays the same when the cell is edited.
    notebook : str or None
        The notebook's file name.
    is_headless : bool
        Nobody can answer: nbclient, nbconvert, papermill, nbval.
    has_widgets : bool
        There is a kernel, so a front end may show widgets.
    """

    cell_id: str | None = None
    notebook: str | None = None
    is_headless: bool = False
    has_widgets: bool = False


def look_around(shell: Any) -> Surroundings:
    """Read what the running request says about its front end.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The running shell, with a kernel or without.
    """
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return Surroundings()
    parent = kernel.get_parent("shell") or {}
    content = parent.get("content") or {}
    metadata = parent.get("metadata") or {}
    cell_id = metadata.get("cellId") or metadata.get("cell_id")
    return Surroundings(
        cell_id=cell_id if isinstance(cell_id, str) and len(cell_id) < 200 else None,
        notebook=_notebook_name(shell),
        # A click has no such field and counts as interactive; measured in all four headless runners.
        is_headless=content.get("allow_stdin") is False,
        has_widgets=True,
    )


def recognised(shell: Any, around: Surroundings, environ: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Name the front end and the sign by which it is known."""
    environ = os.environ if environ is None else environ
    if not around.has_widgets:
        return "IPython in a terminal", "there is no kernel"
    if around.is_headless:
        return "headless", "the request takes no input"
    signs = (
        (
            "VS Code",
            "its variables are set",
            "__vsc_ipynb_file__" in shell.user_ns or "VSCODE_PID" in environ,
        ),
        ("Colab", "its module is loaded", "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in environ),
        ("Kaggle", "its variable is set", "KAGGLE_KERNEL_RUN_TYPE" in environ),
        ("JupyterLite", "Python runs in the browser", sys.platform == "emscripten"),
        ("Jupyter server", "it names the notebook", "JPY_SESSION_NAME" in environ),
    )
    found = ((name, how) for name, how, is_it in signs if is_it)
    return next(found, ("a kernel", "nothing says which front end"))


@contextmanager
def unheard() -> Iterator[None]:
    """Tell no front end of the widgets that are made in here: a run without one would store the state of each."""
    import comm

    create = comm.create_comm
    comm.create_comm = comm.DummyComm
    try:
        yield
    finally:
        comm.create_comm = create


def _notebook_name(shell: Any) -> str | None:
    """Give the notebook's file name, where the front end says it."""
    told = os.environ.get("JPY_SESSION_NAME") or shell.user_ns.get("__vsc_ipynb_file__")
    return Path(str(told)).name if told else None
