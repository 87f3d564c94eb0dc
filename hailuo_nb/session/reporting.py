"""Writes a report of clips, as the session knows them.

In come whatever names clips and the path of a file; out goes that file, written by `hailuo_nb.travel.report`. The
session adds what only it has: the ledger, the worker that draws posters, and the key, to keep it out.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.ledger.rows import ClipRow
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.cleaning import known_keys
from hailuo_nb.session.judging import clips_of
from hailuo_nb.travel import report

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session

__all__ = ["read_size", "write_report", "write_rows"]

_SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*(B|kB|MB|GB|)", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000}


def write_report(
    session: Session,
    what: object,
    path: str | Path,
    *,
    title: str = "",
    embed: str | int | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a report of clips; gives the file's path.

    Parameters
    ----------
    session : Session
        Whose clips.
    what : object
        A batch, a job, a DataFrame with a column ``id``, the id or name of clips, or several of these; all clips of the
        ledger when None.
    path : str or Path
        The file, relative to the notebook's folder.
    title : str
        What stands above; the clips' name, or the batch's, when empty.
    embed : str or int, optional
        How much the clips inside may add to the report, as ``"20 MB"`` or a number of bytes; 0 for none.
    overwrite : bool
        Whether any file may be written over; a report of ours always is.
    """
    rows = clips_of(session, what.jobs if isinstance(what, Batch) else what)
    target = session.folder / Path(path).expanduser()
    return write_rows(session, rows, target, title=title, embed=embed, overwrite=overwrite)


def write_rows(
    session: Session,
    rows: Sequence[ClipRow],
    target: Path,
    *,
    title: str = "",
    embed: str | int | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a report of clips that are found already; see `write_report`."""

    def poster(clip: Path) -> bytes:
        return base64.b64decode(session.work("poster", path=str(clip))["poster"])

    return report.write(
        target,
        session.ledger,
        rows,
        session.folder,
        title=title,
        embed_bytes=report.EMBED_BYTES if embed is None else read_size(embed),
        poster=poster,
        known=known_keys(session.keys),
        overwrite=overwrite,
    )


def read_size(said: str | int) -> int:
    """Read a size as people write it: ``20 MB``, ``500kB``, ``0``."""
    if isinstance(said, int) and not isinstance(said, bool) and said >= 0:
        return said
    match = _SIZE.fullmatch(said.strip()) if isinstance(said, str) else None
    if match is None:
        raise InvalidRequest(f"A size is written as 20 MB, 500 kB or 0, not {str(said)[:40]!r}.")
    return int(float(match[1]) * _UNITS[match[2].lower()])
