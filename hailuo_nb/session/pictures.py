"""Pictures from anywhere a notebook has them.

In comes what `--image` or ``image=`` was given: a path, an address, bytes, a drawing, a clip, a job, a frame; out goes
an `ImageRef` that the request knows it by. What the service would refuse is refused here, before there is a row.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.errors import InvalidRequest
from hailuo_nb.jobs.job import Job
from hailuo_nb.jobs.recipes import identity_of
from hailuo_nb.media import image
from hailuo_nb.media.drawn import from_drawn
from hailuo_nb.session.batch import Batch

VIDEO_ENDINGS = frozenset({".mp4", ".mov", ".m4v", ".webm", ".mkv"})
_ADDRESS = re.compile(r"data:|[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def picture(value: object, folder: Path, fit: str | None = None) -> ImageRef | None:
    """Make a picture of whatever was given.

    Parameters
    ----------
    value : object
        None, an `ImageRef`, a job or a batch of one (its last frame), a path, ``clip.mp4``, ``clip.mp4@2.5``, a web or
        ``data:`` address, the bytes of a picture file, a Pillow image, an array of pixels, or a matplotlib figure.
    folder : Path
        What relative paths start from: the notebook's folder.
    fit : str, optional
        ``pad`` or ``crop``.

    Raises
    ------
    InvalidRequest
        It is none of these, cannot be read, or the service would refuse it.
    """
    if value is None:
        return None
    if isinstance(value, ImageRef):
        return image.fitted(value, fit) if fit else value
    if isinstance(value, Job | Batch):
        return frame_of(_one(value), None, fit)
    if isinstance(value, str | os.PathLike):
        return _from_text(os.fspath(value), folder, fit)
    if isinstance(value, bytes | bytearray | memoryview):
        return image.from_bytes(bytes(value), fit)
    drawn = from_drawn(value, fit)
    if drawn is None:
        raise InvalidRequest(
            "An image is a path, an address, bytes, a Pillow image, an array, a figure, a clip or a job, not a "
            f"{type(value).__name__}; save it as a PNG first."
        )
    return drawn


def frame_of(job: Job, at: float | None, fit: str | None = None) -> ImageRef:
    """Give one frame of a job's clip; the last one of a clip that is still on its way is waited for in the background.

    Parameters
    ----------
    job : Job
        One that is completed or on its way.
    at : float, optional
        Seconds from the start; the very last frame when not given.
    fit : str, optional
        ``pad`` or ``crop``.

    Raises
    ------
    HailuoError
        Why there is no clip to start from.
    """
    known = identity_of(job.row)
    if at is None and not job.done():
        return ImageRef.of_clip(known, None, image.frame_label(Path(job.file).name, None), fit)
    return image.from_clip(job.result(), at, fit, known)


def _one(value: Job | Batch) -> Job:
    """Give the one job that is meant."""
    if isinstance(value, Job):
        return value
    if len(value.jobs) != 1:
        raise InvalidRequest(
            f"A clip starts from one picture, and {value.name or 'this batch'} has {len(value)} clips; choose one, "
            "as batch[0]."
        )
    return value[0]


def _from_text(text: str, folder: Path, fit: str | None) -> ImageRef:
    """Take an address as it is, and read anything else as a file."""
    is_address = _ADDRESS.match(text.strip())
    return image.from_url(text.strip(), fit) if is_address else _from_file(text, folder, fit)


def _from_file(text: str, folder: Path, fit: str | None) -> ImageRef:
    """Read a picture file, or a frame of a clip with an optional time behind an @."""
    name, at = text, None
    head, sign, tail = text.rpartition("@")
    if sign and Path(head).suffix.lower() in VIDEO_ENDINGS:
        try:
            name, at = head, float(tail)
        except ValueError:
            raise InvalidRequest(
                f"{text!r}: behind the @ stands a time in seconds, as clip.mp4@2.5."
            ) from None
    path = folder / Path(name).expanduser()
    if path.suffix.lower() in VIDEO_ENDINGS:
        return image.from_clip(path, at, fit)
    return image.from_path(path, fit)
