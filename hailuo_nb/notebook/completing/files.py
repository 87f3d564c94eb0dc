"""Files and folders that a path may go on with.

In come a folder, what is typed of a path and the endings that fit; out go paths as they would be typed, folders first.
What is hidden is never shown, and of a huge folder only a part is looked at.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from itertools import islice
from pathlib import Path

__all__ = ["CLIPS", "PICTURES", "paths"]

PICTURES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif"}
)
CLIPS = frozenset({".mp4", ".mov", ".m4v", ".webm", ".mkv"})
MOST_LOOKED_AT = 3_000


def paths(folder: Path, said: str, endings: Collection[str]) -> list[str]:
    """Give what a path may go on with.

    Parameters
    ----------
    folder : pathlib.Path
        Where it starts.
    said : str
        What is typed, as ``pictures/fo``.
    endings : collection of str
        In lower case, as ``.png``.

    Returns
    -------
    list of str
        Folders with a slash behind them, then files, each with what was typed of the way to it.
    """
    if "\0" in said or "://" in said:
        return []
    way, slash, name = said.rpartition("/")
    folders, files = [], []
    with suppress(OSError, RuntimeError), os.scandir(folder / Path(way + slash).expanduser()) as entries:
        for entry in islice(entries, MOST_LOOKED_AT):
            if entry.name.startswith((".", "__")) or not entry.name.casefold().startswith(name.casefold()):
                continue
            if entry.is_dir():
                folders.append(f"{way}{slash}{entry.name}/")
            elif os.path.splitext(entry.name)[1].lower() in endings:  # noqa: PTH122 - 3,000 Paths would take 20 ms
                files.append(f"{way}{slash}{entry.name}")
    return [*sorted(folders), *sorted(files)]
