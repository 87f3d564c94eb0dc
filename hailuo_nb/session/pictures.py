"""Pictures from anywhere a notebook has them.

In comes what `--image` or ``image=`` was given: a path, an address, a clip, a job, a frame; out goes an `ImageRef` that
the request knows it by. What the service would refuse is refused here, before there is a row.
"""

from __future__ import annotations

import os
from pathlib import Path

from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.errors import InvalidRequest
from hailuo_nb.jobs.job import Job
from hailuo_nb.media import image
from hailuo_nb.session.batch import Batch

VIDEO_ENDINGS = frozenset({".mp4", ".mov", ".m4v", ".webm", ".mkv"})


def picture(value: object, folder: Path, fit: str | None = None) -> ImageRef | None:
    """Make a picture of whatever was given.

    Parameters
    ----------
    value : object
        None, an `ImageRef`, a job or a batch of one (its last frame), a path, ``clip.mp4``, ``clip.mp4@2.5``, or a
        web address.
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
        return value
    if isinstance(value, Batch) and len(value) == 1:
        value = value[0]
    if isinstance(value, Job):
        return frame_of(value, None)
    if isinstance(value, str) and value.strip().lower().startswith(("http://", "https://", "data:")):
        return image.from_url(value.strip())
    if isinstance(value, str | os.PathLike):
        return _from_file(os.fspath(value), folder, fit)
    raise InvalidRequest(
        f"An image is a path, a web address, a clip or a job, not a {type(value).__name__}; save it as a PNG first."
    )


def frame_of(job: Job, at: float | None) -> ImageRef:
    """Give one frame of a job's clip, waiting for it where it is still on its way.

    Parameters
    ----------
    job : Job
        One that is completed or on its way.
    at : float, optional
        Seconds from the start; the very last frame when not given.
    """
    path = job.result()
    return image.from_clip(path, at)


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
        return image.from_clip(path, at)
    return image.from_path(path, fit)
