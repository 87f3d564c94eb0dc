"""Whether an MP4 is whole, read from its outermost boxes.

In comes a file; out goes a complaint or nothing. A download that stopped half-way often still opens and
plays its first seconds, because the index stands in front: only the lengths of the boxes tell. Next:
`hailuo_nb.media.clip.probe`.
"""

from __future__ import annotations

import os
from typing import BinaryIO

__all__ = ["container_of", "mp4_fault"]

_MOST_BOXES = 10_000


def container_of(head: bytes) -> str | None:
    """Name the container by its first bytes: ``mov`` (MP4 too), ``matroska`` (WebM too), or None."""
    if head[4:8] == b"ftyp":
        return "mov"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    return None


def mp4_fault(file: BinaryIO) -> str | None:
    """Say what is missing from an MP4; None when all its boxes are there and the file ends where they do."""
    size = file.seek(0, os.SEEK_END)
    position, names = 0, set()
    for _ in range(_MOST_BOXES):
        if position == size:
            break
        file.seek(position)
        head = file.read(16)
        if len(head) < 8:
            return f"ends inside a box after {size} bytes"
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1 and len(head) == 16:
            length = int.from_bytes(head[8:], "big")
        elif length == 0:  # "up to the end of the file"
            length = size - position
        if length < 8:
            return "has a broken box"
        position += length
        names.add(name)
        if position > size:
            return f"is cut off: {position - size} of {position} bytes or more are missing"
    else:
        return "has too many boxes"
    if b"moov" not in names:
        return "has no index"
    return None if b"mdat" in names or b"moof" in names else "holds no pictures"
