"""Clips put together as one film, in a file of the user's choosing.

In come jobs and files in their order; out goes a `Film`. The work is done by a media process of its own, so that a long
film keeps no clip waiting. A file that this did not make is never written over, and nothing is written outside the
notebook's folder unless that was asked for.
"""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.jobs.files import put_in_place
from hailuo_nb.jobs.job import Job
from hailuo_nb.media import recipe
from hailuo_nb.media.clip import sha256_of
from hailuo_nb.media.worker import MediaWorker
from hailuo_nb.session.batch import Batch

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session

LONGEST_JOIN_S = 3600.0
WIDEST_SHOWN = 640


@dataclass(frozen=True, repr=False)
class Film(os.PathLike[str]):
    """Several clips in one file; it can be given wherever a path can.

    Attributes
    ----------
    path : pathlib.Path
        The file, absolute.
    file : str
        The same relative to the notebook's folder, where it is inside, with forward slashes.
    duration_s : float
        Seconds.
    width, height, frames : int
        Of the picture.
    parts : int
        How many clips it is made of.
    note : str
        Why it had to be encoded anew; empty where the clips were put together as they are.
    """

    path: Path
    file: str
    duration_s: float
    width: int
    height: int
    frames: int
    parts: int
    note: str = ""
    poster: bytes = field(default=b"", repr=False)
    is_simulated: bool = False

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        # A saved notebook is passed on, and whose folder it lay in is nobody's business.
        return f"<Film {self}>"

    def __str__(self) -> str:
        clips = "1 clip" if self.parts == 1 else f"{self.parts} clips"
        said = f"{self.file} · {clips} · {self.duration_s:g} s · {self.width} x {self.height}"
        return f"simulated · {said}" if self.is_simulated else said

    def _repr_html_(self) -> str:
        """Show it as a player that needs no kernel."""
        src = html.escape(quote(self.file))
        poster = base64.b64encode(self.poster).decode("ascii")
        name = html.escape(self.file)
        lines = "".join(
            f"<div><bdi>{html.escape(line)}</bdi></div>" for line in (str(self), self.note) if line
        )
        style = f"display:block;width:{min(self.width, WIDEST_SHOWN)}px;max-width:100%;border-radius:4px"
        if Path(self.file).is_absolute():
            # Outside the notebook's folder it is not served to the page: then the picture has to do.
            shown = f'<img src="data:image/jpeg;base64,{poster}" alt="{name}" style="{style}">'
        else:
            shown = (
                f'<video src="{src}" poster="data:image/jpeg;base64,{poster}" width="{self.width}" '
                f'height="{self.height}" controls muted playsinline preload="none" aria-label="{name}" '
                f'style="{style};height:auto"><a href="{src}">{name}</a></video>'
            )
        return (
            f'<div class="hailuo-film" style="font-size:13px;line-height:20px;overflow-wrap:break-word">{shown}'
            f'<div style="margin:6px 0 0">{lines}</div></div>'
        )


def join(session: Session, clips: object, path: str | os.PathLike[str], *, outside: bool = False) -> Film:
    """Put clips together as one film; see `hailuo_nb.notebook.api.join`."""
    target = _target(session.folder, path, is_outside=outside)
    sources = [_file_of(session.folder, each) for each in _each(clips)]
    if not sources:
        raise InvalidRequest("There is nothing to join: give a batch, jobs or clip files.")
    digests = [sha256_of(source) for source in sources]
    with MediaWorker(longest_call_s=LONGEST_JOIN_S) as worker:
        known = _made_before(target)
        if known is not None and [part.get("sha256") for part in known] == digests:
            made = worker.call("probe", path=str(target)) | worker.call("poster", path=str(target))
        else:
            made = _make(worker, sources, target)
    return _film(session.folder, target, made)


def _make(worker: MediaWorker, sources: Sequence[Path], target: Path) -> dict[str, Any]:
    """Write the film beside its place, and give it its name when it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        made = worker.call("join", path=str(part), parts=[str(source) for source in sources])
        if _made_before(target) is not None:
            part.replace(target)
        else:
            put_in_place(part, target)
    except FileExistsError:
        raise _taken(target) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return made


def _film(folder: Path, target: Path, made: dict[str, Any]) -> Film:
    facts = made["facts"]
    inside = target.relative_to(folder).as_posix() if target.is_relative_to(folder) else str(target)
    told = recipe.read(target) or {}
    return Film(
        path=target,
        file=inside,
        duration_s=facts["duration_s"],
        width=facts["width"],
        height=facts["height"],
        frames=facts["frames"],
        parts=len(told.get("parts", ())),
        note=str(told.get("note", "")),
        poster=base64.b64decode(made["poster"]),
        is_simulated=bool(told.get("is_simulated")),
    )


def _target(folder: Path, path: str | os.PathLike[str], *, is_outside: bool) -> Path:
    """Check where the film is to go, before anything is waited for."""
    text = os.fspath(path)
    if not isinstance(text, str) or "\0" in text or Path(text).suffix.lower() != ".mp4":
        raise InvalidRequest(f"A film is an .mp4 file, as film.mp4; {str(text)[:60]!r} is none.")
    named = folder / Path(text).expanduser()
    target = named.parent.resolve() / named.name
    if not is_outside and not target.is_relative_to(folder):
        raise InvalidRequest(
            f"{target.name} would lie outside the notebook's folder, where Jupyter plays no clip; add --outside "
            "(outside=True) if that is meant."
        )
    if os.path.lexists(target) and _made_before(target) is None:
        raise _taken(target)
    return target


def _made_before(target: Path) -> list[dict[str, Any]] | None:
    """Give the parts of a film that stands there already; None where nothing does, or something else."""
    if target.is_symlink() or not target.is_file():
        return None
    told = recipe.read(target) or {}
    parts = told.get("parts")
    is_ours = told.get("made_by") == "hailuo_nb" and "film" in told and isinstance(parts, list)
    return [part for part in parts or () if isinstance(part, dict)] if is_ours else None


def _taken(target: Path) -> InvalidRequest:
    return InvalidRequest(
        f"{target.name} is there already and is no film that was joined here, so it stays; choose another name."
    )


def _each(clips: object) -> list[object]:
    """Give what is to be joined one by one, in its order."""
    if isinstance(clips, str | os.PathLike | Job):
        return [clips]
    if not isinstance(clips, Iterable):
        raise InvalidRequest(f"join takes a batch, jobs or clip files, not a {type(clips).__name__}.")
    return [one for each in clips for one in (each if isinstance(each, Batch) else [each])]


def _file_of(folder: Path, each: object) -> Path:
    """Give the file of a clip, waiting for one that is on its way."""
    if isinstance(each, Job):
        return each.result()
    if isinstance(each, str | os.PathLike):
        path = folder / Path(os.fspath(each)).expanduser()
        if not path.is_file():
            raise InvalidRequest(f"There is no clip {path.name}; the path counts from the notebook's folder.")
        return path
    raise InvalidRequest(f"join takes a batch, jobs or clip files, not a {type(each).__name__}.")
