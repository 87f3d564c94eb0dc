"""A ledger that came from somewhere else: cloned with its notebook, copied, or lying where nobody may write.

In come the clips a cell wants; out goes which service they were made by, where that is not the one the next clip would
go to, and lines that name what is missing, with its price. Nothing is sent for such a ledger by itself. Next:
`hailuo_nb.session.making`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hailuo_nb.catalog.quotes import sum_usd, usd_text
from hailuo_nb.jobs.job import Job
from hailuo_nb.ledger.rows import NewClip
from hailuo_nb.session.batch import Place
from hailuo_nb.session.limits import clips_text
from hailuo_nb.session.plan import Wanted
from hailuo_nb.settings import Settings

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session

MOST_NAMED = 3
LFS = b"version https://git-lfs"
IGNORED = """# Made by hailuo_nb. ledger.db and clips/ may be committed: a clone shows the same clips for nothing.
# What stands here belongs to this machine. ledger.db is whole a second after the last change.
ledger.db-*
locks/
simulator/
clips/.import-*
*.part
"""


def made_elsewhere(
    session: Session, clips: Sequence[Wanted], now: Settings, service: str, *, is_offline: bool
) -> str:
    """Give the service that a cell's clips were made by, where it is not the one that the next clip would go to.

    Without a key a cell means what it meant where there was one: its clips are shown as they are, and none of them is
    made anew by the simulator. With a key a simulated clip does not stand for the real one, but for ``--offline``.

    Parameters
    ----------
    session : Session
        Whose ledger.
    clips : sequence of Wanted
        What the cell wants.
    now : Settings
        A service that was chosen is the one.
    service : str
        Where the next clip would go.
    is_offline : bool
        Whether only what is on disk counts.

    Returns
    -------
    str
        Empty where that is `service`.
    """
    other = "simulator" if service == "wavespeed" else "wavespeed"
    if now.service != "auto" or not (is_offline or other == "wavespeed") or not session.has_ledger():
        return ""
    if not session.ledger.has_completed(other):
        return ""
    found = session.ledger.find(
        [(each, clip.request.hash, clip.take) for each in (other, service) for clip in clips]
    )
    here = [row is not None and row.status == "completed" for row in found]
    there, usual = here[: len(clips)], here[len(clips) :]
    return other if sum(there) > sum(usual) else ""


def without_key(paid: Sequence[NewClip]) -> str:
    """Name what is not on disk where nobody can make it."""
    first = paid[0]
    is_one = len(paid) == 1
    return (
        f"{clips_text(len(paid))} of this cell {'is' if is_one else 'are'} not on disk, and there is no key to make "
        f"{'it' if is_one else 'them'} for {usd_text(sum_usd(clip.quote_usd for clip in paid))}: {first.variant} "
        f"{first.prompt[:60]!r}. Nothing was sent. Set WAVESPEED_API_KEY, or HAILUO_SERVICE=simulator to simulate them."
    )


def files_gone(places: Sequence[Place]) -> tuple[str, ...]:
    """Name the clips that the ledger has and whose files are not here, in one line with what new ones would cost."""
    done = [job for job in dict.fromkeys(place.job for place in places) if job.status == "completed"]
    gone = [job for job in done if not job.planned_path.is_file()]
    pointers = [job for job in done if _is_pointer(job.planned_path)]
    said = []
    if gone:
        takes = "a new take of it" if len(gone) == 1 else "new takes of them"
        price = usd_text(sum_usd(job.quote_usd for job in gone))
        said.append(f"{_without_file(gone)}. Nothing was sent; {takes} would cost {price}.")
    if pointers:
        said.append(
            f"{_without_file(pointers)}, only what Git LFS puts in its place: git lfs pull brings it."
        )
    return tuple(said)


def _without_file(jobs: Sequence[Job]) -> str:
    """Begin the sentence about clips that are not here."""
    more = f" and {len(jobs) - MOST_NAMED} more" if len(jobs) > MOST_NAMED else ""
    named = ", ".join(job.planned_path.name for job in jobs[:MOST_NAMED])
    return f"{clips_text(len(jobs))} {'has' if len(jobs) == 1 else 'have'} no file here: {named}{more}"


def _is_pointer(path: Path) -> bool:
    """Tell whether a file is what a clone without Git LFS has in the place of a large one."""
    try:
        with path.open("rb") as file:
            return file.read(len(LFS)) == LFS
    except OSError:
        return False


def can_write(path: Path) -> bool:
    """Tell whether a ledger that is there can be written: the file, and what SQLite and the locks put beside it."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def copy_of(path: Path) -> Path:
    """Copy a ledger that cannot be written to where it can be worked with; gives the copy, in a folder of its own."""
    copy = Path(tempfile.mkdtemp(prefix="hailuo-shown-")) / path.name
    shutil.copyfile(path, copy)
    wal = path.with_name(f"{path.name}-wal")
    if wal.is_file():
        shutil.copyfile(wal, copy.with_name(wal.name))
    return copy


def keep_out_of_git(folder: Path) -> None:
    """Lay a ``.gitignore`` beside a new ledger, unless somebody did."""
    with suppress(OSError), (folder / ".gitignore").open("x", encoding="utf-8") as file:
        file.write(IGNORED)
