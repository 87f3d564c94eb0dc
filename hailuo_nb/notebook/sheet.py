"""Posters on one sheet, and large pictures small enough for a notebook.

In come the posters of a batch as JPEG bytes, out goes one JPEG for where neither HTML nor video is shown
(PDF, LaTeX, a README), and small ones for where video is stripped. Goes into the bundle of
:mod:`hailuo_nb.notebook.twin`. A contact sheet, too, is shown as a JPEG; the whole PNG is what ``save`` writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from math import ceil

from PIL import Image

from hailuo_nb.media.contact import thumbnail

__all__ = ["page_jpeg", "sheet_jpeg", "thumbnail"]

_MAX_WIDTH = 1200


def page_jpeg(png: bytes) -> bytes:
    """Make of a contact sheet what a notebook keeps: a tenth of its bytes, at most 1200 pixels wide, still readable."""
    with Image.open(BytesIO(png)) as image:
        page = image.convert("RGB")
    page.thumbnail((_MAX_WIDTH, page.height))
    out = BytesIO()
    page.save(out, "JPEG", quality=75, optimize=True)
    return out.getvalue()


def sheet_jpeg(posters: Sequence[bytes]) -> bytes:
    """Put posters on one contact sheet.

    Parameters
    ----------
    posters : sequence of bytes
        JPEGs, in the order of the card.

    Returns
    -------
    bytes
        One JPEG: the poster itself if there is one, else a grid of at most 1200 pixels in width. Empty
        without any poster.
    """
    if len(posters) < 2:
        return posters[0] if posters else b""
    columns = min(4, len(posters)) if len(posters) <= 12 else 6
    gap = 4
    cell = min(320, (_MAX_WIDTH - gap * (columns + 1)) // columns)
    height = cell * 9 // 16
    rows = ceil(len(posters) / columns)
    sheet = Image.new("RGB", (columns * (cell + gap) + gap, rows * (height + gap) + gap), "white")
    for place, poster in enumerate(posters):
        try:
            with Image.open(BytesIO(poster)) as image:
                image.draft("RGB", (cell, height))
                picture = image.convert("RGB")
        except (OSError, ValueError):
            continue  # a broken poster leaves its place empty
        picture.thumbnail((cell, height))
        left = gap + place % columns * (cell + gap) + (cell - picture.width) // 2
        top = gap + place // columns * (height + gap) + (height - picture.height) // 2
        sheet.paste(picture, (left, top))
    out = BytesIO()
    sheet.save(out, "JPEG", quality=70, optimize=True)
    return out.getvalue()
