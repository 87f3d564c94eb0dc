"""The recipe of a clip: how it was made, kept inside the MP4 itself.

In comes a finished file and the recipe (a mapping that JSON can hold); out goes the same video, packet for
packet, with the recipe as its ``comment``. Next: whoever drops the file into a notebook again, through
`read`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hailuo_nb.errors import ClipInvalid
from hailuo_nb.media.clip import opened

__all__ = ["beside", "read", "write"]

_log = logging.getLogger(__name__)
_MOST_CHARACTERS = 4_000_000
_COPIED = ("video", "audio", "subtitle")


def write(path: Path, recipe: Mapping[str, Any]) -> bool:
    """Put a recipe into an MP4 without encoding anything anew.

    The new file is written beside the old one, compared with it packet by packet, made durable and only
    then put in its place. Whatever goes wrong, the clip stays as it is: it was paid for.

    Parameters
    ----------
    path : Path
        The clip.
    recipe : Mapping
        What to keep; JSON must be able to hold it.

    Returns
    -------
    bool
        Whether the recipe is in the file now.
    """
    path = Path(path)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        text = _text_of(recipe)
        _check_copy(fresh, _remux(path, fresh, text), text)
        shutil.copymode(path, fresh)
        _make_durable(fresh)
        fresh.replace(path)
        _make_durable(path.parent)
    except (ClipInvalid, OSError, ValueError, TypeError, RecursionError) as error:
        _log.info("no recipe inside %s: %s", path.name, type(error).__name__)
        fresh.unlink(missing_ok=True)
        return False
    return True


def read(path: Path) -> dict[str, Any] | None:
    """Give the recipe inside a clip; None where there is none that can be read."""
    try:
        with opened(Path(path)) as (container, _):
            text = container.metadata.get("comment", "")
        found = json.loads(text) if len(text) <= _MOST_CHARACTERS else None
    except (ClipInvalid, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def beside(path: Path) -> dict[str, Any] | None:
    """Give the recipe in the ``.json`` beside a clip, or in that file itself; None where there is none to be read."""
    try:
        with Path(path).with_suffix(".json").open("rb") as file:
            data = file.read(_MOST_CHARACTERS + 1)
        found = json.loads(data) if len(data) <= _MOST_CHARACTERS else None
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _text_of(recipe: Mapping[str, Any]) -> str:
    """Write a recipe as compact JSON, readable in any player that shows comments."""
    plain = json.dumps(dict(recipe), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        plain.encode("utf-8")
    except UnicodeEncodeError:  # half a character somewhere: escaped, it survives
        return json.dumps(dict(recipe), separators=(",", ":"), allow_nan=False)
    return plain


def _remux(path: Path, fresh: Path, text: str) -> list[bytes]:
    """Copy picture and sound into a new MP4 with the comment; give a digest of each stream's packets."""
    import av

    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with (
        opened(path) as (source, _),
        fresh.open("w+b") as file,
        av.open(file, "w", format="mp4", options=options) as target,
    ):
        pairs = [(s, target.add_stream_from_template(s)) for s in source.streams if s.type in _COPIED]
        target.metadata.update({k: v for k, v in source.metadata.items() if k in ("title", "artist", "date")})
        target.metadata["comment"] = text
        outputs = {stream.index: (hashlib.sha256(), copy) for stream, copy in pairs}
        for packet in source.demux([stream for stream, _ in pairs]):
            if packet.dts is None:  # the empty packet that ends a stream
                continue
            digest, copy = outputs[packet.stream.index]
            digest.update(bytes(packet))
            packet.stream = copy
            target.mux(packet)
    return [digest.digest() for digest, _ in outputs.values()]


def _check_copy(fresh: Path, digests: list[bytes], text: str) -> None:
    """Refuse a copy that is not the same video with the recipe in it."""
    if _packets(fresh) != digests or read(fresh) != json.loads(text):
        raise ValueError("the copy differs")


def _packets(path: Path) -> list[bytes]:
    """Give a digest of each stream's packets."""
    with opened(path) as (container, _):
        digests = {stream.index: hashlib.sha256() for stream in container.streams if stream.type in _COPIED}
        for packet in container.demux([s for s in container.streams if s.index in digests]):
            if packet.dts is not None:
                digests[packet.stream.index].update(bytes(packet))
    return [digest.digest() for digest in digests.values()]


def _make_durable(path: Path) -> None:
    """Ask the system to bring a file, or the names in a folder, to the disk."""
    if path.is_dir() and os.name == "nt":  # Windows opens no folders
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
