"""The files of a clip: what they are called, and how they get their names.

In come a clip's words and hash; out come a safe file name and a file that is whole, durable and never written over.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from pathlib import Path

from hailuo_nb.ledger.rows import ClipRow

LONGEST_SLUG = 40
# Names that Windows gives to devices, with any ending.
DEVICE_NAMES = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)$")


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
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    found = re.findall(r"[a-z0-9]+", plain)[:words]
    name = "-".join(found)[:LONGEST_SLUG].strip("-")
    if not name or DEVICE_NAMES.match(name):
        return f"clip-{name}".rstrip("-")
    return name


def clip_file(row: ClipRow, letters: int = 8) -> str:
    """Give the file name of a clip: ``<name>-<hash8>-t<take>.mp4``.

    Parameters
    ----------
    row : ClipRow
        The name is the user's, else the first words of the prompt, else the variant.
    letters : int
        How much of the hash over service and request to show; more where two would have the same name.
    """
    whole = hashlib.sha256(f"{row.service}\n{row.request_hash}".encode()).hexdigest()
    return f"{slug(row.name or row.prompt or row.variant)}-{whole[:letters]}-t{row.take}.mp4"


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
        # No hard links here (some network and FAT volumes): check, then rename.
        if final.exists():
            raise FileExistsError(final) from None
        part.rename(final)
    else:
        part.unlink()
    sync_folder(final.parent)


def write_text(path: Path, text: str) -> None:
    """Write a small text file so that it is either whole or not there."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, "utf-8")
    _sync(part)
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


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
