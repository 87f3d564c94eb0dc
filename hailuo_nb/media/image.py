"""Pictures: checked as the service checks them, and made part of a request.

In comes a file, an address or a clip; out goes an `ImageRef` with the bytes to upload, or an
`InvalidRequest` that names everything the service would refuse. Next: `hailuo_nb.catalog.request.build`.
"""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.errors import InvalidRequest
from hailuo_nb.media import clip, recipe

if TYPE_CHECKING:
    import PIL.Image

__all__ = ["FITS", "ImageFacts", "check", "from_clip", "from_path", "from_url"]

FITS = ("pad", "crop")
_MOST_BYTES = 20 * 1024 * 1024
_LARGEST_PNG = 15 * 1024 * 1024
_SHORT_SIDE = 300
_FIT_RATIO = 16 / 9
_CLIP_IDENTITY = re.compile(r"[a-z]+:[0-9a-f]{64}:t[0-9]{1,6}:a[0-9]{1,6}")
# An MPO is a JPEG with further pictures behind it, as many telephones write them.
_CONTENT_TYPES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png"}


@dataclass(frozen=True)
class ImageFacts:
    """What was measured.

    Parameters
    ----------
    format : str
        ``JPEG`` or ``PNG``.
    width, height : int
        Pixels.
    bytes : int
        Size of the file.
    content_type : str
        Its media type.
    """

    format: str
    width: int
    height: int
    bytes: int
    content_type: str


def check(data: bytes) -> ImageFacts:
    """Decode a picture and hold it against the service's limits.

    Raises
    ------
    InvalidRequest
        With every fault: not JPEG or PNG, broken, too long or too small a shape, too large a file.
    """
    faults = _size_faults(len(data))
    picture, complaint = _decoded(data)
    if picture is None:
        raise _refused([*faults, complaint])
    kind = picture.format or "?"
    if complaint:
        faults.append(complaint)
    if kind not in _CONTENT_TYPES:
        faults.append(f"it is {kind}; save it as JPEG or PNG")
    faults += _shape_faults(*picture.size)
    if faults:
        raise _refused(faults)
    return ImageFacts(
        format="PNG" if kind == "PNG" else "JPEG",
        width=picture.width,
        height=picture.height,
        bytes=len(data),
        content_type=_CONTENT_TYPES[kind],
    )


def from_path(path: Path, fit: str | None = None) -> ImageRef:
    """Read a picture file.

    Parameters
    ----------
    path : Path
        A JPEG or PNG; with `fit` anything that Pillow reads.
    fit : str, optional
        ``pad`` or ``crop`` brings any shape to 16:9. The picture is still known by its own bytes and this
        word.

    Raises
    ------
    InvalidRequest
        It cannot be read, or the service would refuse it.
    """
    path = Path(path).expanduser()
    if fit is not None and fit not in FITS:
        raise InvalidRequest(f'Unknown --fit "{str(fit)[:40]}"; it is pad or crop.')
    data = _bytes_of(path, limit=_MOST_BYTES if fit is None else 8 * _MOST_BYTES)
    identity = (("sha256", hashlib.sha256(data).hexdigest()), ("fit", fit))
    try:
        ready = data if fit is None else _fitted(data, fit)
        facts = check(ready)
    except InvalidRequest as error:
        raise InvalidRequest(f"{clip.named(path)}: {error}", faults=error.faults) from error
    return ImageRef(
        "file", identity, clip.named(path), path=path, data=ready, content_type=facts.content_type
    )


def from_url(url: str) -> ImageRef:
    """Take a public web address, which is handed to the service as it is, or a ``data:`` one, which is a file.

    Raises
    ------
    InvalidRequest
        It is neither, or the picture inside it would be refused.
    """
    try:
        found = ImageRef.of_address(url)
    except ValueError as error:
        raise InvalidRequest(f"This image address cannot be used: {error}.") from error
    if found.data is not None:
        check(found.data)
    return found


def from_clip(path: Path, at: float | None = None) -> ImageRef:
    """Take one frame of a clip, its very last one when no time is given.

    It is known by the clip and the time, not by its pixels: those may change with the decoder, and a clip
    that exists must not be paid again for that.

    Raises
    ------
    InvalidRequest
        The clip is shorter than that, or its frame would be refused.
    ClipInvalid
        The file is not a playable video.
    """
    path = Path(path).expanduser()
    data, content_type = clip.frame_png(path, at), "image/png"
    if len(data) > _LARGEST_PNG:
        data, content_type = _as_jpeg(_whole(data), quality=95), "image/jpeg"
    check(data)
    known = (recipe.read(path) or {}).get("clip")
    if not isinstance(known, str) or not _CLIP_IDENTITY.fullmatch(known):
        known = f"sha256:{clip.sha256_of(path)}"
    when = "last" if at is None else at
    label = f"{clip.named(path)}, last frame" if at is None else f"{clip.named(path)} at {at:g} s"
    identity = (("clip", known), ("at", when))
    return ImageRef("frame", identity, label, path=path, data=data, content_type=content_type)


def _bytes_of(path: Path, limit: int) -> bytes:
    """Read a file that is not larger than anything the service takes."""
    try:
        size = path.stat().st_size
        if size > limit:
            raise InvalidRequest(f"{clip.named(path)}: {_size_faults(size, limit)[0]}.")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InvalidRequest(
            f"There is no picture {clip.named(path)}; the path counts from the notebook's folder."
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise InvalidRequest(f"{clip.named(path)} cannot be read: {reason}.") from error


def _size_faults(size: int, limit: int = _MOST_BYTES) -> list[str]:
    """Name the fault of a file that is empty or too large."""
    if not size:
        return ["it is empty"]
    if size > limit:
        return [f"it is {size / 1024 / 1024:.1f} MB; at most {limit // 1024 // 1024} MB can be sent"]
    return []


def _shape_faults(width: int, height: int) -> list[str]:
    """Name what is wrong with a shape: the ratio strictly between 2:5 and 5:2, the short side over 300 px."""
    faults = []
    if not (2 * height < 5 * width and 2 * width < 5 * height):
        faults.append(f"it is {width} x {height}, too long (2:5 to 5:2 goes); --fit pad or crop helps")
    if min(width, height) <= _SHORT_SIDE:
        faults.append(f"its short side is {min(width, height)} px; it must be over {_SHORT_SIDE} px")
    return faults


def _decoded(data: bytes) -> tuple[PIL.Image.Image | None, str]:
    """Decode a picture as far as it goes; the text says what was wrong."""
    import PIL.Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
            picture = PIL.Image.open(io.BytesIO(data))
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning):
        return None, "it has more pixels than can be opened safely; make it smaller"
    except (OSError, ValueError, SyntaxError, TypeError):
        return None, "it is not a picture that can be read; save it as JPEG or PNG"
    try:
        picture.load()
    except Exception:  # noqa: BLE001 (Pillow's readers raise what they like on broken data)
        return picture, "it is broken or cut off; save it again"
    return picture, ""


def _whole(data: bytes) -> PIL.Image.Image:
    """Decode a picture that has to be whole."""
    picture, complaint = _decoded(data)
    if picture is None or complaint:
        raise _refused([complaint])
    return picture


def _refused(faults: list[str]) -> InvalidRequest:
    """Join the faults of a picture into one line."""
    named = tuple(fault for fault in faults if fault)
    return InvalidRequest(f"This picture cannot be sent: {'; '.join(named)}.", faults=named)


def _fitted(data: bytes, fit: str) -> bytes:
    """Bring a picture to 16:9, upright, by black borders or by cutting evenly."""
    import PIL.ImageOps

    picture = PIL.ImageOps.exif_transpose(_whole(data)).convert("RGB")
    wide = picture.width / picture.height > _FIT_RATIO
    if wide is (fit == "pad"):
        size = (picture.width, max(round(picture.width / _FIT_RATIO), 1))
    else:
        size = (max(round(picture.height * _FIT_RATIO), 1), picture.height)
    return _as_jpeg((PIL.ImageOps.pad if fit == "pad" else PIL.ImageOps.fit)(picture, size), quality=95)


def _as_jpeg(picture: PIL.Image.Image, quality: int) -> bytes:
    """Encode as JPEG without halving the colours."""
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()
