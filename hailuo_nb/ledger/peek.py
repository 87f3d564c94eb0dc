"""Count what is still out, with nothing but the standard library.

In comes the path of a ledger, out go counts by status. Loading the extension asks here and goes no further,
so this imports neither SQLAlchemy nor anything of this package, makes no file and waits for no lock.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

OUT = ("submitting", "unconfirmed", "submitted", "processing", "downloading")


def count_out(path: Path) -> dict[str, int]:
    """Count the rows a submit has left for, or is about to, and whose clips are not here.

    Parameters
    ----------
    path : pathlib.Path
        The ledger's file.

    Returns
    -------
    dict
        A count for each of submitting, unconfirmed, submitted, processing and downloading; all 0 where there
        is no ledger, or none that can be read now.

    Examples
    --------
    >>> count_out(Path("hailuo/ledger.db"))["submitted"]
    0
    """
    counts = dict.fromkeys(OUT, 0)
    try:
        if not path.is_file():
            return counts
        with closing(_opened(path)) as ledger:
            marks = ", ".join("?" * len(OUT))
            query = f"SELECT status, count(*) FROM clips WHERE status IN ({marks}) GROUP BY status"  # noqa: S608
            counts.update(ledger.execute(query, OUT))
    except (sqlite3.Error, OSError, ValueError):
        return dict.fromkeys(OUT, 0)
    return counts


def count_clips(path: Path) -> int | None:
    """Count every clip of a ledger; None where it cannot be read now."""
    try:
        with closing(_opened(path)) as ledger:
            return int(ledger.execute("SELECT count(*) FROM clips").fetchone()[0])
    except (sqlite3.Error, OSError, ValueError):
        return None


def _opened(path: Path) -> sqlite3.Connection:
    """Open a ledger to look at it."""
    wal = path.with_name(path.name + "-wal")
    # Without anything in the write-ahead log nobody has to make its helper files: then read the bare file.
    is_at_rest = not (wal.exists() and wal.stat().st_size)
    address = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if is_at_rest else ''}"
    return sqlite3.connect(address, uri=True, timeout=0.1)
