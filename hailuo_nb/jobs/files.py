"""The files of a clip: what they are called, and how they get their names.

In come a clip's words and hash; out come a safe file name and a file that is whole, durable and never written over.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from hailuo_nb.ledger.rows import ClipRow, NewClip
from hailuo_nb.media import recipe

LONGEST_SLUG = 40
# Names that Windows gives to devices, with any ending.
DEVICE_NAMES = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)$")
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def slug(text: str, words: int = 4) -> str:
    """Make a file-name part of a text: its first words in plain lower-case letters, digits and hyphens.

    Parameters
    ----------
    text : str
        Any text; a prompt or the name somebody gave.
    words : int
        How many words to keep.

    Returns
    -------
    str
        1 to 40 characters of ``a-z``, ``0-9`` and ``-``, beginning with a letter or digit.
    """
    # The first words of a text of any length are within its first few hundred characters.
    plain = unicodedata.normalize("NFKD", text[:400]).encode("ascii", "ignore").decode("ascii").lower()
    found = re.findall(r"[a-z0-9]+", plain)[:words]
    name = "-".join(found)[:LONGEST_SLUG].strip("-")
    if not name or DEVICE_NAMES.match(name):
        return f"clip-{name}".rstrip("-")
    return name


def clip_file(row: ClipRow | NewClip, letters: int = 8) -> str:
    """Give the file name of a clip: ``<name>-<hash8>-t<take>.mp4``.

    Parameters
    ----------
    row : ClipRow or NewClip
        The name is the user's, else the first words of the prompt, else the variant.
    letters : int
        How much of the hash over service and request to show; more where two would have the same name.
    """
    whole = hashlib.sha256(f"{row.service}\n{row.request_hash}".encode()).hexdigest()
    return f"{slug(row.name or row.prompt or row.variant)}-{whole[:letters]}-t{row.take}.mp4"


def names_for(row: ClipRow) -> Iterator[str]:
    """Give the names a clip's file may have, the first choice first; there is always one more."""
    for letters in (8, 12, 16, 64):
        yield clip_file(row, letters)
    stem = clip_file(row, 64).removesuffix(".mp4")
    number = 2
    while True:
        yield f"{stem}-{number}.mp4"
        number += 1


def inside(path: str | None) -> str | None:
    """Give a stored path if it stays below the notebook's folder; a stranger's ledger may say anything."""
    if not path or "\\" in path or "\0" in path or PureWindowsPath(path).drive:
        return None
    parts = PurePosixPath(path)
    return None if parts.is_absolute() or ".." in parts.parts else path


def is_free(path: Path, prediction_id: str | None) -> bool:
    """Tell whether a clip may have this name: nothing is there, nor the recipe of another clip."""
    return not os.path.lexists(path) and _told_id(path.with_suffix(".json")) in {None, prediction_id}


def is_of(path: Path, prediction_id: str | None) -> bool:
    """Tell whether a file is the clip of a prediction: its kernel died before it wrote that down."""
    if prediction_id is None or path.is_symlink() or not path.is_file():
        return False
    if (recipe.read(path) or {}).get("prediction_id") == prediction_id:
        return True
    # Some files take no recipe; the one beside it was written first, and knows the size.
    beside = _read_json(path.with_suffix(".json"))
    facts = beside.get("facts")
    size = facts.get("bytes") if isinstance(facts, dict) else None
    return beside.get("prediction_id") == prediction_id and size == path.stat().st_size


def put_in_place(part: Path, final: Path) -> None:
    """Give a finished file its name, durably and without ever writing over another.

    Raises
    ------
    FileExistsError
        When there is a file of that name already; `part` stays.
    """
    _sync(part)
    try:
        os.link(part, final)
    except FileExistsError:
        raise
    except OSError:
        # No hard links here (some network and FAT volumes): reserve the name, then take it.
        os.close(os.open(final, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        try:
            part.replace(final)
        except OSError:
            with suppress(OSError):
                final.unlink()
            raise
    else:
        part.unlink()
    sync_folder(final.parent)


def take_back(final: Path, part: Path) -> None:
    """Take a name away from a finished file again, and its recipe with it."""
    final.replace(part)
    with suppress(OSError):
        final.with_suffix(".json").unlink()


def write_text(path: Path, text: str) -> None:
    """Write a small text file so that it is either whole or not there; never through a link."""
    part = path.with_name(path.name + ".part")
    with suppress(FileNotFoundError):
        part.unlink()
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINKS, 0o666)
    with os.fdopen(file, "wb") as stream:
        stream.write(text.encode("utf-8", "replace"))
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a change of names durable; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _told_id(path: Path) -> str | None:
    """Give the prediction that a recipe file is about; None where there is no such file."""
    if not os.path.lexists(path):
        return None
    return str(_read_json(path).get("prediction_id", "nobody's"))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes()[:1_000_000])
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
