"""The picture a clip starts from: checked as the service checks it, and made to fill the frame.

In comes a file, out goes an RGB picture with mirrored margins for the camera to move into. Next:
:mod:`~hailuo_nb.simulator.film`.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from hailuo_nb.simulator.pictures import MAX_BYTES

__all__ = ["PictureUnfit", "open_fitted"]

_SHORT_SIDE_OVER = 300
_RATIOS = (2 / 5, 5 / 2)


class PictureUnfit(Exception):
    """Not a JPEG or PNG within the service's limits; the text says why."""


def open_fitted(path: Path, width: int, height: int, margin_x: int, margin_y: int) -> Image.Image:
    """Open a picture, fill the frame with it, and mirror it outwards.

    Raises
    ------
    PictureUnfit
        The service would refuse it.
    """
    if path.stat().st_size > MAX_BYTES:
        raise PictureUnfit("larger than 20 MB")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=("JPEG", "PNG")) as opened:
                _check_shape(*opened.size)
                picture = ImageOps.exif_transpose(opened).convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning):
        raise PictureUnfit("not a readable JPEG or PNG") from None
    fitted = ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
    sides = ((margin_y, margin_y), (margin_x, margin_x), (0, 0))
    return Image.fromarray(np.pad(np.asarray(fitted), sides, mode="symmetric"))


def _check_shape(width: int, height: int) -> None:
    """Hold a picture to the service's limits."""
    if min(width, height) <= _SHORT_SIDE_OVER:
        raise PictureUnfit(f"its short side is {min(width, height)} px and must be over {_SHORT_SIDE_OVER}")
    if not _RATIOS[0] < width / height < _RATIOS[1]:
        raise PictureUnfit("its aspect ratio must lie between 2:5 and 5:2")
