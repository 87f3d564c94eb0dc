"""What can go wrong with a ledger, told apart and put into one line.

In come SQLite's own errors and refused writes; out go `LedgerError` and the few kinds of it that a job treats
differently.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from hailuo_nb.errors import LedgerError


class FenceLost(LedgerError):
    """Another kernel owns the row now: stop working on it, nothing was written."""


class TransitionRefused(LedgerError):
    """A row cannot go from its status to that one; nothing was written."""


class PredictionTaken(LedgerError):
    """Another row of this ledger has that prediction; nothing was written."""


class PathTaken(LedgerError):
    """Another row of this ledger has that file; nothing was written."""


_ADVICE = {
    "SQLITE_BUSY": "is locked by another program. Close what holds it, or try again",
    "SQLITE_LOCKED": "is locked by another program. Close what holds it, or try again",
    "SQLITE_READONLY": "cannot be written. Give this user the right to write there, or set another dir",
    "SQLITE_CANTOPEN": "cannot be opened. Look whether its folder exists and can be written",
    "SQLITE_PERM": "may not be opened by this user. Give this user the right to, or set another dir",
    "SQLITE_FULL": "cannot grow: the disk is full. Make room, then run the cell again",
    "SQLITE_IOERR": "cannot be read or written: the drive fails. Look there, then try again",
    "SQLITE_CORRUPT": "is damaged. Put it aside and bring back a copy; the clips hold their recipes",
    "SQLITE_NOTADB": "is not a ledger. Move that file away, or set another dir",
}


def one_line(path: Path, error: BaseException | None) -> LedgerError:
    """Say in one line what SQLite or the file system means and what to do."""
    if isinstance(error, sqlite3.Error):
        # Extended names begin with the plain one: SQLITE_IOERR_WRITE, SQLITE_READONLY_DBMOVED.
        name = "_".join((getattr(error, "sqlite_errorname", None) or "").split("_")[:2])
        advice = _ADVICE.get(name, f"cannot be used: {error}")
    elif isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError):
        advice = (
            "cannot be there: a file stands where a folder is needed, or the other way round. Set another dir"
        )
    elif isinstance(error, OSError):
        reason = error.strerror or type(error).__name__
        advice = f"cannot be written: {reason}. Give this user the right to write there, or set another dir"
    else:
        advice = f"cannot be used: {error}"
    return LedgerError(f"The ledger {path.parent.name}/{path.name} {advice}.")
