"""What is known not to go together.

In comes what is loaded and installed; out goes a row for each clash that is there, or one that says that there is none.
Each is here because somebody ran into it; the text says what happens.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from hailuo_nb.session.checkup.examine import BROKEN, LOOK, OK, Check

__all__ = ["clashes"]

Version = Callable[[str], str]
Modules = Mapping[str, Any]


def clashes(found: Version = version, modules: Modules | None = None) -> list[Check]:
    """Look for every clash.

    Parameters
    ----------
    found : callable
        Gives the version of a package, or raises PackageNotFoundError.
    modules : Mapping, optional
        What is loaded.
    """
    loaded = sys.modules if modules is None else modules
    rows = [*_nesting(found), *_kernel(found), *_documents(found), *_frames(loaded)]
    return rows or [Check("known clashes", OK, "none of those that are known")]


def _installed(name: str, found: Version) -> str:
    try:
        return found(name)
    except PackageNotFoundError:
        return ""


def _nesting(found: Version, run: Callable[..., Any] | None = None) -> list[Check]:
    """nest-asyncio 1.6 on ipykernel 7 silently drops queued cells and clicks (measured)."""
    patched_by = getattr(asyncio.run if run is None else run, "__module__", "")
    if patched_by != "nest_asyncio":
        return []
    is_seven = not _installed("ipykernel", found).startswith(("5.", "6."))
    do = "Use nest_asyncio2 in its place, which takes the same calls, and restart the kernel."
    said = "it is applied, and on ipykernel 7 cells that wait in Run all are dropped without a word"
    return [Check("nest_asyncio", BROKEN if is_seven else LOOK, said if is_seven else "it is applied", do)]


def _kernel(found: Version) -> list[Check]:
    """Ipykernel 7.0 to 7.3, which are mended by 7.4.

    7.0 sends what threads print to the wrong cell (ipykernel pull requests 1451 and 1462, in 7.1); each of them may
    lose a message that arrives while it sends a reply (1529, in 7.4).
    """
    kernel = _installed("ipykernel", found)
    if not kernel.startswith(("7.0.", "7.1.", "7.2.", "7.3.")):
        return []
    said = f"{kernel} now and then does not hear a cell until the page is reloaded"
    if kernel.startswith("7.0."):
        said += ", and sends what the background shows to the wrong cell"
    return [Check("ipykernel", LOOK, said, "%pip install -U ipykernel, then restart the kernel.")]


def _documents(found: Version) -> list[Check]:
    """Documents that live on the server lose widgets (jupyter-server-documents issue 297)."""
    there = [
        name for name in ("jupyter-server-documents", "jupyter-collaboration") if _installed(name, found)
    ]
    if not there:
        return []
    do = "If a card stays empty, open the notebook without it; %hailuo show draws every card again."
    return [Check(there[0], LOOK, "notebooks that live on the server may lose live cards", do)]


def _frames(modules: Modules) -> list[Check]:
    """Say who else draws DataFrames; ours are drawn by type and stay as they are, plain ones are theirs."""
    pandas = modules.get("pandas")
    by = getattr(getattr(getattr(pandas, "DataFrame", None), "_repr_html_", None), "__module__", "") or ""
    if pandas is None or by.startswith("pandas"):
        return []
    do = "Tables of clips are drawn by hailuo_nb all the same; hn.table(x) draws any."
    return [Check("tables", LOOK, f"plain DataFrames are drawn by {by.partition('.')[0][:40]}", do)]
