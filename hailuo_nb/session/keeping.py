"""Pictures that came as bytes, kept as files beside the notebook; and where the picture of an earlier clip is now.

In come the bytes of a picture that was dropped or pasted, out goes the path under which a cell, a call or a sample can
name the same picture. In comes a row of the ledger, out goes what one would write after ``--image`` to mean its
picture.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.ledger.rows import ClipRow
from hailuo_nb.media import image

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session

FOLDER = "pictures"
_ENDINGS = {"image/jpeg": ".jpg", "image/png": ".png"}


def keep_picture(session: Session, data: bytes, name: str = "picture") -> str:
    """Write a picture beside the notebook, under its content, and give its path from there.

    Parameters
    ----------
    session : Session
        Whose folder.
    data : bytes
        A JPEG or PNG that the service takes.
    name : str
        What it was called; only its letters and digits are used.

    Raises
    ------
    InvalidRequest
        The service would refuse it, or it cannot be written there.
    """
    facts = image.check(data)
    slug = re.sub(r"[^a-z0-9]+", "-", Path(name).stem.lower()).strip("-")[:40] or "picture"
    ending = _ENDINGS[facts.content_type]
    file = f"{slug}-{hashlib.sha256(data).hexdigest()[:8]}{ending}"
    folder = session.folder / session.home() / FOLDER
    path = folder / file
    if not path.resolve().is_relative_to(session.folder):
        raise InvalidRequest(
            f"{session.home()}/{FOLDER} leads out of the notebook's folder; take that link away."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != data:
            part = folder / f".{uuid.uuid4().hex}.part"
            part.write_bytes(data)
            part.replace(path)
    except OSError as error:
        raise InvalidRequest(f"The picture cannot be kept beside the notebook: {error.strerror}.") from None
    return f"{session.home()}/{FOLDER}/{file}"


def picture_of(session: Session, row: ClipRow) -> str | None:
    """Give what one would write after ``--image`` to start from the same picture as an earlier clip.

    Parameters
    ----------
    session : Session
        Whose ledger and folder.
    row : ClipRow
        The earlier clip.

    Returns
    -------
    str or None
        A path, an address, or an empty text for a clip without a picture; None where the picture is not known here
        any more.
    """
    stored = row.inputs.get("image")
    if stored is None:
        return ""
    if isinstance(stored, str):
        return stored
    if "url" in stored:
        return str(stored["url"]) if "url_sha256" not in stored else None
    if "clip" in stored:
        return _frame(session, stored)
    return _file(session, str(stored.get("image", "")), str(stored.get("sha256", "")))


def _frame(session: Session, stored: Mapping[str, Any]) -> str | None:
    """Name a frame of a clip that is here."""
    path = session.clip_path(str(stored["clip"]))
    if path is None:
        return None
    at = stored.get("at", "last")
    return _inside(session, path) + ("" if at == "last" else f"@{float(at):g}")


def _file(session: Session, name: str, sha256: str) -> str | None:
    """Find a picture file by its name and content, where pictures usually lie."""
    for folder in (session.folder, session.folder / session.home() / FOLDER):
        path = folder / Path(name).name
        try:
            if name and path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
                return _inside(session, path)
        except OSError:
            continue
    return None


def _inside(session: Session, path: Path) -> str:
    """Give a path from the notebook's folder, with forward slashes."""
    return path.relative_to(session.folder).as_posix()
