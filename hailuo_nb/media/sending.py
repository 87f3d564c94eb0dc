"""From a picture of any kind to the JPEG or PNG that is sent: upright, in sRGB, without a word about who and where.

In come the bytes of a picture and how it is to be fitted; out goes a `Ready` one. A JPEG or PNG that is fine as it is
keeps its very pixels: only what is written beside them (place, camera, author) is cut out. Next:
`hailuo_nb.media.image` holds it against the service's limits.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hailuo_nb.media.opening import decoded, refused, whole

if TYPE_CHECKING:
    import PIL.Image

__all__ = ["Ready", "as_jpeg", "orientation", "ready", "ready_picture"]

# An MPO is a JPEG with further pictures behind it, as many telephones write them.
_JPEG = frozenset({"JPEG", "MPO"})
_LOSSY = frozenset({"JPEG", "MPO", "WEBP", "AVIF", "HEIF"})
_LARGEST_PNG = 15 * 1024 * 1024
_QUALITY = 95
_FIT_RATIO = 16 / 9
_WIDEST_FIT = 3840
_ORIENTATION = 0x0112
# What decides the pixels of a PNG and how they are to be seen; every other chunk is somebody's note.
_PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT"})
# Of a JPEG's application segments only JFIF (APP0) and Adobe's colour transform (APP14) decide what is seen.
_JPEG_DROPPED = frozenset({0xFE, *range(0xE1, 0xEE), 0xEF})


@dataclass(frozen=True)
class Ready:
    """A picture as it is sent.

    Attributes
    ----------
    data : bytes
        JPEG or PNG.
    content_type : str
        Its media type.
    note : str
        How it is sent, in words that follow "is sent"; empty where nothing visible was changed.
    """

    data: bytes
    content_type: str
    note: str = ""


def ready(data: bytes, fit: str | None = None) -> Ready:
    """Make of a picture what can be sent.

    Parameters
    ----------
    data : bytes
        Anything that `hailuo_nb.media.opening.whole` reads.
    fit : str, optional
        ``pad`` adds black borders, ``crop`` cuts evenly, to 16:9.

    Raises
    ------
    InvalidRequest
        It is no picture, or has values that no screen shows.
    """
    picture = whole(data)
    kind = picture.format or "?"
    if fit is None and _is_plain(picture, data):
        bare = _bare(data, kind)
        if bare is not None and _same_pixels(bare, picture):
            return Ready(bare, "image/jpeg" if kind in _JPEG else "image/png")
    name = "" if kind in _JPEG | {"PNG"} else kind
    return ready_picture(picture, fit, name=name, is_lossy=kind in _LOSSY)


def ready_picture(
    picture: PIL.Image.Image, fit: str | None = None, *, name: str = "", is_lossy: bool = False
) -> Ready:
    """Encode a picture that is in memory; `name` is the format it had, where that has to be said."""
    plain, changes = _plain(picture)
    if fit is not None:
        return Ready(as_jpeg(_fitted(plain, fit)), "image/jpeg", ", ".join(changes))
    data = b"" if is_lossy else _as_png(plain)
    kind = "PNG" if data and len(data) <= _LARGEST_PNG else "JPEG"
    said = ", ".join([f"as {kind}", *changes] if name else changes)
    return Ready(data if kind == "PNG" else as_jpeg(plain), f"image/{kind.lower()}", said)


def as_jpeg(picture: PIL.Image.Image) -> bytes:
    """Encode as JPEG without halving the colours."""
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return buffer.getvalue()


def _as_png(picture: PIL.Image.Image) -> bytes:
    """Encode without any loss."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


# -- what has to change


def _is_plain(picture: PIL.Image.Image, data: bytes) -> bool:
    """Tell whether a picture can go with the pixels it has."""
    is_deep = picture.format == "PNG" and data[24:25] == b"\x10"
    return (
        picture.format in _JPEG | {"PNG"}
        and picture.mode in {"RGB", "L"}
        and "transparency" not in picture.info
        and not is_deep
        and orientation(picture) == 1
        and (not picture.info.get("icc_profile") or _is_srgb(picture.info["icc_profile"]))
    )


def _plain(picture: PIL.Image.Image) -> tuple[PIL.Image.Image, list[str]]:
    """Give a picture as it looks: upright, 8 bits, sRGB, nothing transparent; and what was changed for that."""
    import PIL.Image
    import PIL.ImageOps

    changes = []
    profile = picture.info.get("icc_profile")
    if orientation(picture) != 1:
        picture = PIL.ImageOps.exif_transpose(picture)
        changes.append("turned upright")
    alpha = _alpha(picture)
    picture = _eight_bits(picture)
    if picture.mode in {"P", "PA", "RGBa", "La"}:
        picture = picture.convert("RGBA")
    if picture.mode in {"1", "LA", "RGBA", "RGBX"}:
        picture = picture.convert("L" if picture.mode in {"1", "LA"} else "RGB")
    if profile and not _is_srgb(profile):
        picture = _to_srgb(picture, profile)
    if picture.mode not in {"RGB", "L"}:
        picture = picture.convert("RGB")
    if alpha is not None:
        ground = PIL.Image.new(picture.mode, picture.size, "white")
        picture = PIL.Image.composite(picture, ground, alpha)
        changes.append("with white where it is transparent")
    # Pillow writes down again what it read beside the pixels: profile, comment, place.
    picture = picture.copy()
    picture.info = {}
    return picture, changes


def orientation(picture: PIL.Image.Image) -> int:
    """Give how a camera was held, 1 for upright; what is written wrongly counts as upright."""
    try:
        found = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 (Pillow's readers raise what they like on broken data)
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _alpha(picture: PIL.Image.Image) -> PIL.Image.Image | None:
    """Give how opaque each pixel is; None where all are."""
    if "transparency" not in picture.info and picture.mode not in {"RGBA", "RGBa", "LA", "La", "PA"}:
        return None
    alpha = picture.convert("RGBA").getchannel("A")
    return None if alpha.getextrema() == (255, 255) else alpha


def _eight_bits(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Bring deeper greys to 8 bits."""
    import numpy as np
    import PIL.Image

    if not picture.mode.startswith(("I", "F")):
        return picture
    values = np.asarray(picture)
    if picture.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise refused(
            ["its values are measurements, not shades; scale them to 0 to 255 and save it as a PNG"]
        )
    return PIL.Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))


def _is_srgb(profile: bytes) -> bool:
    """Tell whether a colour profile is that of every screen."""
    try:
        from PIL import ImageCms

        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return "srgb" in ImageCms.getProfileDescription(opened).lower()
    except Exception:  # noqa: BLE001 (a broken profile, or a Pillow without littlecms: the colours stay as they are)
        return True


def _to_srgb(picture: PIL.Image.Image, profile: bytes) -> PIL.Image.Image:
    """Bring the colours of another profile to those of a screen; a profile that does not fit changes nothing."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        changed = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture
    return changed if changed is not None else picture


def _fitted(picture: PIL.Image.Image, fit: str) -> PIL.Image.Image:
    """Bring a picture to 16:9, by black borders or by cutting evenly, and no wider than any clip needs."""
    import PIL.Image
    import PIL.ImageOps

    is_wide = picture.width / picture.height > _FIT_RATIO
    fills = is_wide is (fit == "pad")
    width = min(picture.width if fills else max(round(picture.height * _FIT_RATIO), 1), _WIDEST_FIT)
    size = (width, max(round(width / _FIT_RATIO), 1))
    fitted = (PIL.ImageOps.pad if fit == "pad" else PIL.ImageOps.fit)(picture.convert("RGB"), size)
    return fitted if isinstance(fitted, PIL.Image.Image) else picture


# -- what is written beside the pixels


def _bare(data: bytes, kind: str) -> bytes | None:
    """Cut everything that is not the picture out of a JPEG or PNG; None where its parts cannot be told."""
    try:
        pieces = _png_pieces(data) if kind == "PNG" else _jpeg_pieces(data)
        return b"".join(pieces)
    except (IndexError, ValueError):
        return None


def _png_pieces(data: bytes) -> Iterator[bytes]:
    """Give the chunks of a PNG that are the picture."""
    yield data[:8]
    position = 8
    while True:
        length, name = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        end = position + length + 12
        if end > len(data) or len(name) < 4:
            raise ValueError("cut off")
        if name in _PNG_KEPT:
            yield data[position:end]
        if name == b"IEND":
            return
        position = end


def _jpeg_pieces(data: bytes) -> Iterator[bytes]:
    """Give the segments of a JPEG that are the picture, up to its end; what lies behind is another picture."""
    yield data[:2]
    position = 2
    while True:
        if data[position] != 0xFF:
            raise ValueError("no marker")
        marker = data[position + 1]
        if marker == 0xFF:  # a marker may be padded
            position += 1
            continue
        if marker == 0xD9:
            yield data[position : position + 2]
            return
        end = position + 2
        if not (marker == 0x01 or 0xD0 <= marker <= 0xD8):
            end += int.from_bytes(data[end : end + 2], "big")
        if marker == 0xDA:
            end = _scan_end(data, end)
        if end > len(data):
            raise ValueError("cut off")
        if marker not in _JPEG_DROPPED:
            yield data[position:end]
        position = end


def _scan_end(data: bytes, position: int) -> int:
    """Find where the coded pixels end: at the first marker that is no part of them."""
    while True:
        position = data.index(b"\xff", position)
        if data[position + 1] == 0 or 0xD0 <= data[position + 1] <= 0xD7:
            position += 2
        else:
            return position


def _same_pixels(data: bytes, picture: PIL.Image.Image) -> bool:
    """Tell whether bytes still are the picture they were cut out of."""
    bare, complaint = decoded(data)
    return (
        bare is not None
        and not complaint
        and bare.mode == picture.mode
        and bare.tobytes() == picture.tobytes()
    )
