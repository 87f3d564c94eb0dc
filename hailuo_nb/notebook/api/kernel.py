"""The one session of this kernel, made on first use: what every other call here starts from."""

from __future__ import annotations

import atexit
import getpass
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hailuo_nb.notebook.front import Front
from hailuo_nb.notebook.surroundings import look_around
from hailuo_nb.session.session import Cell, Session

_lock = threading.Lock()
_current: list[Session] = []


def session(folder: Path | None = None, configured: Callable[[], Mapping[str, object]] = dict) -> Session:
    """Give this kernel's session, made on first use.

    Parameters
    ----------
    folder : pathlib.Path, optional
        Beside which notebook clips and ledger go; the current folder when not given. Only the first call counts.
    configured : callable, optional
        Gives what ``%config`` has set; whoever says it last is asked.
    """
    with _lock:
        if not _current:
            made = Session(folder or Path.cwd())
            shell = running_shell()
            if shell is not None:
                front = Front(made, shell)
                front.attach()
                made.front = front
                made.is_headless = lambda: look_around(shell).is_headless
                made.where = lambda: _cell(shell)
                made.ask_key = _ask_key
            else:
                # A plain script: nobody sees a card, and nobody can click it.
                made.is_headless = lambda: True
            _at_exit(close)
            _current.append(made)
        if configured is not dict:
            _current[0].configured = configured
        return _current[0]


def close() -> None:
    """End this kernel's session; what is out goes on at the service and is taken up next time."""
    with _lock:
        ended = list(_current)
        _current.clear()
    for each in ended:
        each.close()


def _cell(shell: Any) -> Cell:
    """Give the cell that calls us."""
    around = look_around(shell)
    return Cell(around.notebook, around.cell_id)


def _ask_key() -> str:
    """Ask for the key, without an echo."""
    return getpass.getpass("WaveSpeed key (kept in this kernel's memory only): ")


def _at_exit(function: Callable[[], None]) -> None:
    """Call a function at the end, before Python shuts its executors: ours would refuse what is still on its way."""
    getattr(threading, "_register_atexit", atexit.register)(function)


def running_shell() -> Any:
    """Give the running IPython shell, without importing IPython where there is none."""
    import sys

    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None
