"""A report: clips as one file that opens anywhere, without a server, a kernel or a network.

In come a ledger, some of its clips and the folder they lie in; out goes an HTML file with a table, the clips by their
axes, votes, costs and how they were made. As many clips as fit are inside it; of the others there is a picture, and a
link to the file where that leads nowhere but beside the report. Next: whoever opens it.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from hailuo_nb.analysis.words import file_src
from hailuo_nb.errors import ClipInvalid, DownloadFailed, InvalidRequest
from hailuo_nb.ledger.rows import ClipRow
from hailuo_nb.media import clip as media_clip
from hailuo_nb.media.contact import thumbnail
from hailuo_nb.travel.replacing import replacing
from hailuo_nb.travel.report_facts import ClipFacts, Media, story_of
from hailuo_nb.travel.report_page import GENERATOR, pages

if TYPE_CHECKING:
    from hailuo_nb.ledger.store import Ledger

__all__ = ["EMBED_BYTES", "MOST_CLIPS", "write"]

EMBED_BYTES = 20_000_000
"""So much of clips a report takes in when nobody says otherwise: what most mail lets through."""

MOST_CLIPS = 500
"""Each has a picture of about 12 kB in the report."""

_PLAYED = (".mp4", ".m4v", ".webm")
_THUMB_WIDTH = 224
_PIECE = 3 * 256 * 1024  # a multiple of three, so that pieces of base64 can be joined

Poster = Callable[[Path], bytes]


def write(
    target: Path,
    ledger: Ledger,
    rows: Sequence[ClipRow],
    folder: Path,
    *,
    title: str = "",
    embed_bytes: int = EMBED_BYTES,
    poster: Poster = media_clip.poster,
    known: Sequence[str] = (),
    made: datetime | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a report.

    Parameters
    ----------
    target : Path
        The file; a report of ours that is there already is written over.
    ledger : Ledger
        Where the clips' votes are.
    rows : sequence of ClipRow
        The clips, in their order.
    folder : Path
        The notebook's folder, to which their paths are relative.
    title : str
        What stands above; the clips' name when empty.
    embed_bytes : int
        How much the clips inside may add to the report; those that fit go in, one after the other.
    poster : callable
        Makes the JPEG of a clip.
    known : sequence of str
        Keys to take out of every text.
    made : datetime, optional
        When the report was made; without it, the same clips always give the same report.
    overwrite : bool
        Whether any file may be written over.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InvalidRequest
        There is something else at that place, it cannot be written, or there are no clips or too many.
    """
    _check(target, rows, overwrite=overwrite)
    story = story_of(ledger, rows, title=title, known=known)
    clips: list[ClipFacts] = []
    paths: dict[str, Path] = {}
    left = embed_bytes
    for facts, row in zip(story.clips, rows, strict=True):
        path = _path_of(row, folder)
        media = _media(path, target.parent, folder, poster) if path is not None else Media()
        size = -(-path.stat().st_size // 3) * 4 if path is not None and media.poster else 0
        if path is not None and 0 < size <= left and path.suffix.lower() in _PLAYED:
            left -= size
            media = replace(media, is_embedded=True)
            paths[facts.key] = path
        clips.append(replace(facts, media=media))
    story = replace(story, clips=tuple(clips))
    with replacing(target) as stream:
        for piece in pages(
            story, lambda each: _base64(paths[each.key]), version=version("hailuo_nb"), made=made
        ):
            stream.write(piece.encode("utf-8"))
    return target


def _check(target: Path, rows: Sequence[ClipRow], *, overwrite: bool) -> None:
    """Refuse what cannot become a report, before anything is read."""
    name = target.name[:80]
    if not rows:
        raise InvalidRequest("There are no clips to report on; run a %%hailuo cell first.")
    if len(rows) > MOST_CLIPS:
        raise InvalidRequest(
            f"{len(rows):,} clips are too many for one report; take {MOST_CLIPS} at the most, as df.head({MOST_CLIPS})."
        )
    if target.suffix.lower() not in (".html", ".htm"):
        raise InvalidRequest(f"A report is HTML: name it {target.with_suffix('.html').name[:80]}.")
    if target.is_dir():
        raise InvalidRequest(f"{name} is a folder; name a file in it, as {name}/report.html.")
    if os.path.lexists(target) and not overwrite and not _is_ours(target):
        raise InvalidRequest(
            f"{name} is there already and is no report of ours, so it stays; choose another name, or allow it with "
            "overwrite=True."
        )


def _is_ours(target: Path) -> bool:
    """Tell whether a file is a report; a link is not, whatever it leads to."""
    try:
        if target.is_symlink():
            return False
        with target.open("rb") as file:
            return f'name="generator" content="{GENERATOR}"'.encode() in file.read(400)
    except OSError:
        return False


def _path_of(row: ClipRow, folder: Path) -> Path | None:
    """Find a clip's file; what a ledger says may lead out of the notebook's folder, and then it is no clip of ours."""
    if row.status != "completed" or not row.path:
        return None
    path = (folder / row.path).resolve()
    return path if path.is_relative_to(folder.resolve()) and path.is_file() else None


def _media(path: Path, beside: Path, folder: Path, poster: Poster) -> Media:
    """Give what there is to see of a file."""
    try:
        picture = poster(path)
    except (ClipInvalid, DownloadFailed):
        return Media(is_here=True)
    return Media(picture, thumbnail(picture, _THUMB_WIDTH), _way(path, beside, folder), is_here=True)


def _way(path: Path, beside: Path, folder: Path) -> str:
    """Give the way from the report to a file; from outside the notebook's folder it would tell this machine's names."""
    place = beside.resolve()
    if not place.is_relative_to(folder.resolve()):
        return ""
    return file_src(Path(os.path.relpath(path, place)).as_posix())


def _base64(path: Path) -> Iterator[bytes]:
    """Read a file as base64, piece by piece."""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield b64encode(piece)
