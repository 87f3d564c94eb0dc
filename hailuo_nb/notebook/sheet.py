"""Posters on one sheet, and large pictures small enough for a notebook.

In come the posters of a batch as JPEG bytes and what is said of each, out goes one JPEG for where neither HTML nor
video is shown (PDF, LaTeX, a README), and small ones for where video is stripped. Goes into the bundle of
:mod:`hailuo_nb.notebook.twin`. A contact sheet, too, is shown as a JPEG; the whole PNG is what ``save`` writes.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image

from hailuo_nb.media.contact import paint, thumbnail

__all__ = ["Tile", "page_jpeg", "sheet_jpeg", "thumbnail"]

_MAX_WIDTH = 1200
MOST_TILES = 120
"""More make a picture that nobody reads, of a thousand clips 1,100 by 23,000 pixels."""


def page_jpeg(png: bytes) -> bytes:
    """Make of a contact sheet what a notebook keeps: a tenth of its bytes, at most 1200 pixels wide, still readable."""
    with Image.open(BytesIO(png)) as image:
        page = image.convert("RGB")
    page.thumbnail((_MAX_WIDTH, page.height))
    out = BytesIO()
    page.save(out, "JPEG", quality=75, optimize=True)
    return out.getvalue()


@dataclass(frozen=True)
class Tile:
    """One clip on a sheet.

    Parameters
    ----------
    poster : bytes
        A JPEG; empty where there is none.
    caption : str
        What stands below: what the clip is, and what it cost.
    words : str
        What stands in the place of a poster that is not there.
    """

    poster: bytes
    caption: str
    words: str = ""


def sheet_jpeg(tiles: Sequence[Tile], title: str = "") -> bytes:
    """Put posters on one sheet, each with its caption: a PDF shows nothing else of a cell.

    Parameters
    ----------
    tiles : sequence of Tile
        In the order of the card.
    title : str
        What all of them are.

    Returns
    -------
    bytes
        One JPEG of at most 1200 pixels in width, of at most 120 posters; empty without any poster.
    """
    if not any(tile.poster for tile in tiles):
        return b""
    if len(tiles) > MOST_TILES:
        title = " · ".join(filter(None, (title, f"the first {MOST_TILES} of {len(tiles):,} clips")))
        tiles = tiles[:MOST_TILES]
    columns = min(4, len(tiles)) if len(tiles) <= 12 else 6
    wide = 320 if columns == 1 else 240 if columns <= 4 else 180
    page = paint(
        {
            "title": title,
            "foot": "",
            "strip": (wide, wide * 9 // 16),
            "bands": [
                {
                    "columns": (),
                    "rows": [_row(tiles[at : at + columns]) for at in range(0, len(tiles), columns)],
                }
            ],
        }
    )
    out = BytesIO()
    page.save(out, "JPEG", quality=50, optimize=True)
    return out.getvalue()


def _row(tiles: Sequence[Tile]) -> dict[str, Any]:
    """Give a row of the page."""
    cells = [
        {
            "strips": [b64encode(tile.poster).decode("ascii") if tile.poster else None],
            "captions": [tile.caption],
            "words": [tile.words],
        }
        for tile in tiles
    ]
    return {"head": "", "cells": cells}
