"""Pictures that a notebook holds in memory: Pillow's, arrays of pixels, figures.

In comes the object; out goes an `ImageRef`, known by its pixels, so that the same drawing is the same picture in every
kernel. Nothing is imported that the notebook has not imported itself: what is no picture of a known kind gives None.
"""

from __future__ import annotations

import hashlib
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.errors import InvalidRequest
from hailuo_nb.media.image import checked
from hailuo_nb.media.opening import MOST_PIXELS, refused, whole
from hailuo_nb.media.sending import orientation, ready_picture

if TYPE_CHECKING:
    import PIL.Image

__all__ = ["from_drawn"]

# 0.1 + 0.2 and its like: a value may be a rounding error past its end.
_ROUNDING = 1e-4
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def from_drawn(value: object, fit: str | None = None) -> ImageRef | None:
    """Take a Pillow image, an array or a figure; None where it is none of these.

    Parameters
    ----------
    value : object
        A `PIL.Image.Image`; an array of shape (height, width), (height, width, 3) or (height, width, 4), of uint8 or
        of floats from 0 to 1; a matplotlib figure or axes.
    fit : str, optional
        ``pad`` or ``crop``.

    Raises
    ------
    InvalidRequest
        It holds no picture, or the service would refuse it.
    """
    if "PIL.Image" in sys.modules and isinstance(value, sys.modules["PIL.Image"].Image):
        return _known(_loaded(value), _file_name(value) or "picture", fit)
    if _is_of(value, "matplotlib"):
        return _known(_printed(value), "figure", fit)
    if hasattr(value, "__array__") or hasattr(value, "__array_interface__"):
        return _known(_of_array(value), "array", fit)
    return None


def _known(picture: PIL.Image.Image, what: str, fit: str | None) -> ImageRef:
    """Give a picture its identity, and make it ready to be sent."""
    label = f"{what} {picture.width} x {picture.height}" if "." not in what else what
    identity = (("pixels", pixel_hash(picture)), ("fit", fit))
    try:
        sent = checked(ready_picture(picture, fit))
    except InvalidRequest as error:
        raise InvalidRequest(f"{label}: {error}", faults=error.faults) from error
    return ImageRef("drawn", identity, label, data=sent.data, content_type=sent.content_type, note=sent.note)


def pixel_hash(picture: PIL.Image.Image) -> str:
    """Give the SHA-256 of what a picture shows: its size, kind, pixels and colours; the same in every process."""
    profile = picture.info.get("icc_profile") or b""
    if picture.mode in {"1", "P", "PA"}:
        # Looked up, not computed: the same for ever. The number of a colour in its palette means nothing.
        picture = picture.convert("L" if picture.mode == "1" else "RGBA")
    head = f"{picture.mode} {picture.width} x {picture.height} turned {orientation(picture)}\n"
    return hashlib.sha256(head.encode() + profile + picture.tobytes()).hexdigest()


def _loaded(picture: Any) -> PIL.Image.Image:
    """Read a Pillow image to its end; of a moving one the frame it stands at."""
    if picture.width * picture.height > MOST_PIXELS:
        raise refused(["it has more pixels than can be opened safely; make it smaller"])
    if not picture.width or not picture.height:
        raise refused(["it is empty"])
    try:
        picture.load()
    except Exception as error:
        raise refused(["it is broken or cut off; open it again"]) from error
    found: PIL.Image.Image = picture
    return found


def _file_name(picture: Any) -> str:
    """Give the name of the file a Pillow image was opened from, never its folder."""
    name = getattr(picture, "filename", "")
    return Path(name).name if isinstance(name, str) and name else ""


def _is_of(value: object, library: str) -> bool:
    """Tell whether an object's class, or one it is made from, is a library's."""
    return any(each.__module__.partition(".")[0] == library for each in type(value).__mro__)


def _printed(value: Any) -> PIL.Image.Image:
    """Draw a figure, or the one that axes belong to, as its own ``savefig`` does."""
    figure: Any = value if hasattr(value, "savefig") else getattr(value, "figure", None)
    if not hasattr(figure, "savefig"):
        raise InvalidRequest(
            f"A {type(value).__name__} of matplotlib is no picture; give the figure it is in, as ax.figure."
        )
    buffer = io.BytesIO()
    try:
        figure.savefig(buffer, format="png", metadata={"Software": None})
    except Exception as error:  # the figure is the user's, and so is what it raises
        raise InvalidRequest(f"The figure cannot be drawn ({type(error).__name__}: {error}).") from error
    return whole(buffer.getvalue())


def _of_array(value: Any) -> PIL.Image.Image:
    """Turn an array into a picture, or say what is wrong with it."""
    import numpy as np
    import PIL.Image

    try:
        array = np.asarray(value)
    except Exception as error:
        raise InvalidRequest(
            f"This {type(value).__name__} is no array of pixels ({type(error).__name__})."
        ) from error
    depth = 1 if array.ndim == 2 else array.shape[2] if array.ndim == 3 else 0
    if depth not in _MODES:
        first = " Put the colours last, as array.transpose(1, 2, 0)." if _has_colours_first(array) else ""
        raise refused(
            [
                f"an array is height x width, or height x width x 3 or 4, not {_shape(array)}.{first}".rstrip(
                    "."
                )
            ]
        )
    if not array.size:
        raise refused([f"the array is empty ({_shape(array)})"])
    if array.shape[0] * array.shape[1] > MOST_PIXELS:
        raise refused(["it has more pixels than can be opened safely; make it smaller"])
    pixels = _bytes_of(array)
    return PIL.Image.fromarray(
        np.ascontiguousarray(pixels[..., 0] if pixels.ndim == 3 and depth == 1 else pixels)
    )


def _bytes_of(array: Any) -> Any:
    """Give values as whole numbers from 0 to 255, always rounded the same way."""
    import numpy as np

    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        raise refused(
            [
                f"an array of {array.dtype} says nothing of its range; give uint8 from 0 to 255, or floats from 0 to 1"
            ]
        )
    low, high = float(array.min()), float(array.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise refused(["the array has values that are no numbers; replace them, as with numpy.nan_to_num"])
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise refused(
            [
                f"the array's floats go from {low:g} to {high:g}; scale them to 0 to 1, or give uint8 from 0 to 255"
            ]
        )
    return np.floor(np.clip(array, 0, 1).astype(np.float64) * 255 + 0.5).astype(np.uint8)


def _has_colours_first(array: Any) -> bool:
    return bool(array.ndim == 3 and array.shape[0] in (3, 4))


def _shape(array: Any) -> str:
    return " x ".join(map(str, array.shape)) or "a single value"
