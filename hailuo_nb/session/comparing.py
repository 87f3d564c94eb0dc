"""Finds the clips that are to be looked at side by side.

In comes anything that holds clips: a batch, jobs, a frame of the history, paths, ids; out go places of a batch and
files of the notebook's folder. Next: `hailuo_nb.notebook.compare` shows them, and `judging` writes down what is thought
of them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hailuo_nb.errors import ClipInvalid, InvalidRequest
from hailuo_nb.jobs.job import Job
from hailuo_nb.media import recipe
from hailuo_nb.media.clip import named
from hailuo_nb.session.batch import Batch, Place

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session

__all__ = ["FileClip", "found"]

MOST_CLIPS = 200
_ENDINGS = (".mp4", ".mov", ".m4v", ".webm", ".mkv")


@dataclass(frozen=True)
class FileClip:
    """A video of the notebook's folder that is in no ledger.

    Attributes
    ----------
    file : str
        Its path relative to the notebook's folder, with forward slashes.
    axes : Mapping[str, str]
        What tells it from the others.
    poster : bytes
        A small JPEG.
    width, height, fps, duration_s
        As measured.
    prompt, variant : str
        As the recipe inside the file says, where there is one.
    is_simulated : bool
        Whether that recipe says so.
    """

    file: str
    axes: Mapping[str, str] = field(default_factory=dict)
    poster: bytes = b""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    duration_s: float = 0.0
    prompt: str = ""
    variant: str = ""
    is_simulated: bool = False


Found = Place | FileClip


def found(session: Session, what: object) -> tuple[Found, ...]:
    """Find every clip that something names, in its order.

    Parameters
    ----------
    session : Session
        Whose ledger and folder they are in.
    what : Batch, Job, DataFrame, path, id, or a sequence of jobs, paths and ids
        A frame names clips by its column ``id``, or files by ``path`` alone; then its other columns are the axes.

    Raises
    ------
    InvalidRequest
        There is nothing in it, too much, or a file that the notebook cannot play.
    """
    clips = tuple(_each(session, what))
    if not clips:
        raise InvalidRequest("There is no clip in it; give a batch, clips, a frame of the history, or paths.")
    if len(clips) > MOST_CLIPS:
        raise InvalidRequest(
            f"{len(clips)} clips are too many to look at; take {MOST_CLIPS} at the most, as df.head({MOST_CLIPS})."
        )
    return clips


def _each(session: Session, what: object) -> Iterable[Found]:
    """Go through whatever holds clips."""
    if isinstance(what, Batch):
        yield from what.places
    elif isinstance(what, Place | FileClip):
        yield what
    elif isinstance(what, Job):
        yield _place(what)
    elif isinstance(what, Path):
        yield _file(session, what)
    elif isinstance(what, str):
        yield from _named(session, what)
    elif hasattr(what, "columns") and hasattr(what, "to_dict"):
        yield from _of_frame(session, what)
    elif isinstance(what, Iterable):
        for each in what:
            yield from _each(session, each)
    else:
        raise InvalidRequest(
            f"A {type(what).__name__} holds no clips; give a batch, clips, a frame of the history, or paths."
        )


def _place(job: Job) -> Place:
    """Put a job that comes by itself into a place."""
    return Place(job, {name: str(value) for name, value in job.axes.items()}, is_new=False)


def _named(session: Session, word: str) -> Iterable[Found]:
    """Take a text for a path where it looks like one, else for a clip's name or id."""
    if word.lower().endswith(_ENDINGS):
        yield _file(session, Path(word))
        return
    if not session.has_ledger():
        raise InvalidRequest("There are no clips here yet; run a %%hailuo cell first, or give paths.")
    yield from map(_place, session.jobs_named(word) or [session.job(word)])


def _of_frame(session: Session, frame: Any) -> Iterable[Found]:
    """Find the clips of a DataFrame's rows."""
    names = [str(name) for name in frame.columns]
    rows = frame.head(MOST_CLIPS + 1).to_dict("records")
    if "id" in names and session.has_ledger():
        yield from (_place(session.job(str(row["id"]))) for row in rows)
    elif "path" in names:
        axes = [name for name in names if name not in {"path", "id", "prompt"}]
        for row in rows:
            said = {name.removeprefix("params."): str(row[name]) for name in axes}
            yield _file(session, Path(str(row["path"])), said)
    else:
        raise InvalidRequest(
            "This frame says nowhere which clips it is about; keep its column id, or add path."
        )


def _file(session: Session, given: Path, axes: Mapping[str, str] | None = None) -> FileClip:
    """Look at a video file; only what Jupyter plays and the decoder takes is shown.

    Raises
    ------
    InvalidRequest
        There is no such file, or it lies where Jupyter shows none.
    ClipInvalid
        It is not a video.
    """
    path = (session.folder / given.expanduser()).resolve()
    if not path.is_relative_to(session.folder):
        raise InvalidRequest(
            f"{named(path)} is outside the notebook's folder, where Jupyter plays no clip; copy it beside the notebook."
        )
    inner = path.relative_to(session.folder)
    if any(part.startswith(".") for part in inner.parts):
        raise InvalidRequest(
            f"{named(path)} is in a hidden folder, where Jupyter plays no clip; copy it elsewhere."
        )
    if not path.is_file():
        raise InvalidRequest(f"There is no file {inner.as_posix()[:200]} in the notebook's folder.")
    try:
        facts = session.work("probe", path=str(path))["facts"]
        poster = base64.b64decode(session.work("poster", path=str(path))["poster"])
    except ClipInvalid as error:
        # What the message advises, fetching it again, is for clips of the service.
        raise ClipInvalid(str(error).replace("; fetch it again", "")) from error
    told = recipe.read(path) or {}
    return FileClip(
        file=inner.as_posix(),
        axes=axes or {"file": inner.name},
        poster=poster,
        width=int(facts["width"]),
        height=int(facts["height"]),
        fps=float(facts["fps"]),
        duration_s=float(facts["duration_s"]),
        prompt=_text(told, "prompt"),
        variant=_text(told, "variant"),
        is_simulated=told.get("is_simulated") is True,
    )


def _text(told: Mapping[str, Any], name: str) -> str:
    """Give a text of a recipe; a stranger's may hold anything."""
    value = told.get(name)
    return value if isinstance(value, str) else ""
