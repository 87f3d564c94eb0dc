"""Look into a ledger with nothing but the standard library: what is still out, and what the newest clips are called.

In comes the path of a ledger, out go counts by status, or a few words on each of the newest clips. Loading the
extension and completion ask here and go no further, so this imports neither SQLAlchemy nor anything of this package,
makes no file and waits for no lock.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

OUT = ("submitting", "unconfirmed", "submitted", "processing", "downloading")


class Seen(NamedTuple):
    """A few words on one clip."""

    id: str
    batch: str
    name: str
    status: str
    variant: str
    tags: tuple[str, ...]
    axes: Mapping[str, str]


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
    marks = ", ".join("?" * len(OUT))
    query = f"SELECT status, count(*) FROM clips WHERE status IN ({marks}) GROUP BY status"  # noqa: S608
    try:
        with _opened(path) as ledger:
            counts.update(ledger.execute(query, OUT) if ledger else ())
    except (sqlite3.Error, OSError, ValueError):
        return dict.fromkeys(OUT, 0)
    return counts


def count_clips(path: Path) -> int | None:
    """Count every clip of a ledger; None where it cannot be read now."""
    try:
        with _opened(path) as ledger:
            return int(ledger.execute("SELECT count(*) FROM clips").fetchone()[0]) if ledger else None
    except (sqlite3.Error, OSError, ValueError):
        return None


def newest(path: Path, most: int = 300) -> list[Seen]:
    """Give a few words on the newest clips, the newest first.

    Parameters
    ----------
    path : pathlib.Path
        The ledger's file.
    most : int
        How many clips are looked at, so that a large ledger takes no longer than a small one.

    Returns
    -------
    list of Seen
        Empty where there is no ledger, or none that can be read now.
    """
    query = "SELECT id, batch_id, name, status, variant, tags, axes FROM clips ORDER BY seq DESC LIMIT ?"
    try:
        with _opened(path) as ledger:
            return [_seen(*row) for row in ledger.execute(query, (most,))] if ledger else []
    except (sqlite3.Error, OSError, ValueError, TypeError):
        return []


def _seen(clip: str, batch: str, name: str | None, status: str, variant: str, tags: str, axes: str) -> Seen:
    """Read one row."""
    return Seen(clip, batch, name or "", status, variant, tuple(json.loads(tags)), dict(json.loads(axes)))


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection | None]:
    """Open a ledger to read; None where there is none."""
    if not path.is_file():
        yield None
        return
    wal = path.with_name(path.name + "-wal")
    # Without anything in the write-ahead log nobody has to make its helper files: then read the bare file.
    is_at_rest = not (wal.exists() and wal.stat().st_size)
    address = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if is_at_rest else ''}"
    with closing(sqlite3.connect(address, uri=True, timeout=0.1)) as ledger:
        yield ledger
