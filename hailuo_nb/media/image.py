"""Pictures: checked as the service checks them, and made part of a request.

In comes a file, an address, bytes or a clip; out goes an `ImageRef` with the bytes to upload, or an
`InvalidRequest` that names everything the service would refuse. Next: `hailuo_nb.catalog.request.build`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path

from hailuo_nb.catalog.imageref import ImageRef, frame_identity
from hailuo_nb.errors import InvalidRequest
from hailuo_nb.media import clip, recipe
from hailuo_nb.media.opening import decoded, refused
from hailuo_nb.media.sending import Ready, as_jpeg, ready

__all__ = [
    "FITS",
    "ImageFacts",
    "check",
    "checked",
    "fitted",
    "frame",
    "from_bytes",
    "from_clip",
    "from_path",
    "from_url",
]

FITS = ("pad", "crop")
_MOST_BYTES = 20 * 1024 * 1024
_LARGEST_PNG = 15 * 1024 * 1024
_SHORT_SIDE = 300
_CLIP_IDENTITY = re.compile(r"[a-z]+:[0-9a-f]{64}:t[0-9]{1,6}:a[0-9]{1,6}")
_CONTENT_TYPES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png"}
_VIDEO_ADDRESS = re.compile(r"\.(mp4|mov|m4v|webm|mkv)$", re.IGNORECASE)


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
    """Decode a picture and hold it against the service's limits, as it would be sent.

    Raises
    ------
    InvalidRequest
        With every fault: not JPEG or PNG, broken, too long or too small a shape, too large a file.
    """
    faults = _size_faults(len(data)) if data else []
    picture, complaint = decoded(data)
    if picture is None:
        raise refused([*faults, complaint])
    kind = picture.format or "?"
    if complaint:
        faults.append(complaint)
    if kind not in _CONTENT_TYPES:
        faults.append(f"it is {kind}; save it as JPEG or PNG")
    faults += _shape_faults(*picture.size)
    if faults:
        raise refused(faults)
    return ImageFacts(
        format="PNG" if kind == "PNG" else "JPEG",
        width=picture.width,
        height=picture.height,
        bytes=len(data),
        content_type=_CONTENT_TYPES[kind],
    )


def checked(sent: Ready) -> Ready:
    """Hold what is ready to be sent against the service's limits, and give it back."""
    check(sent.data)
    return sent


def from_path(path: Path, fit: str | None = None) -> ImageRef:
    """Read a picture file.

    Parameters
    ----------
    path : Path
        JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF; HEIC where pillow-heif is installed.
    fit : str, optional
        ``pad`` or ``crop`` brings any shape to 16:9. The picture is still known by its own bytes and this
        word.

    Raises
    ------
    InvalidRequest
        It cannot be read, or the service would refuse it.
    """
    path = Path(path).expanduser()
    _check_fit(fit)
    data = _bytes_of(path, limit=_MOST_BYTES if fit is None else 8 * _MOST_BYTES)
    return replace(from_bytes(data, fit, label=clip.named(path)), path=path)


def from_bytes(data: bytes, fit: str | None = None, label: str = "") -> ImageRef:
    """Take the bytes of a picture file; see `from_path`.

    Parameters
    ----------
    data : bytes
        The file's content.
    fit : str, optional
        ``pad`` or ``crop``.
    label : str
        What to call it.
    """
    _check_fit(fit)
    label = label or f"picture of {len(data):,} bytes"
    identity = (("sha256", hashlib.sha256(data).hexdigest()), ("fit", fit))
    try:
        if faults := _size_faults(len(data), _MOST_BYTES if fit is None else 8 * _MOST_BYTES):
            raise refused(faults)
        sent = checked(ready(data, fit))
    except InvalidRequest as error:
        raise InvalidRequest(f"{label}: {error}", faults=error.faults) from error
    return ImageRef("file", identity, label, data=sent.data, content_type=sent.content_type, note=sent.note)


def from_url(url: str, fit: str | None = None) -> ImageRef:
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
        return from_bytes(found.data, fit, label=found.label)
    if fit is not None:
        raise InvalidRequest(
            "--fit changes a picture, and one on the web goes to the service as it is: download it and give the file."
        )
    if _VIDEO_ADDRESS.search(found.label):
        raise InvalidRequest(
            f"{found.label[:200]} is a video on the web; download it and give the file, for its last frame."
        )
    return found


def from_clip(
    path: Path, at: float | None = None, fit: str | None = None, known: str | None = None
) -> ImageRef:
    """Take one frame of a clip, its very last one when no time is given.

    It is known by the clip and the time, not by its pixels: those may change with the decoder, and a clip
    that exists must not be paid again for that.

    Parameters
    ----------
    path : Path
        The clip.
    at : float, optional
        Seconds from the start.
    fit : str, optional
        ``pad`` or ``crop``.
    known : str, optional
        The clip's identity, where the caller knows it; else its recipe says, or the digest of its bytes.

    Raises
    ------
    InvalidRequest
        The clip is shorter than that, or its frame would be refused.
    ClipInvalid
        The file is not a playable video.
    """
    path = Path(path).expanduser()
    _check_fit(fit)
    sent = frame(path, at, fit)
    known = known or (recipe.read(path) or {}).get("clip")
    if not isinstance(known, str) or not _CLIP_IDENTITY.fullmatch(known):
        known = f"sha256:{clip.sha256_of(path)}"
    label = frame_label(clip.named(path), at)
    identity = frame_identity(known, at, fit)
    return ImageRef("frame", identity, label, path=path, data=sent.data, content_type=sent.content_type)


def frame(path: Path, at: float | None = None, fit: str | None = None) -> Ready:
    """Give one frame of a clip as it is sent."""
    data = clip.frame_png(path, at)
    sent = Ready(data, "image/png")
    try:
        if fit is not None:
            sent = ready(data, fit)
        elif len(data) > _LARGEST_PNG:
            picture, _ = decoded(data)
            assert picture is not None
            sent = Ready(as_jpeg(picture), "image/jpeg")
        return checked(sent)
    except InvalidRequest as error:
        raise InvalidRequest(f"{frame_label(clip.named(path), at)}: {error}", faults=error.faults) from error


def frame_label(name: str, at: float | None) -> str:
    """Say which frame of which clip."""
    return f"{name}, last frame" if at is None else f"{name} at {at:g} s"


def fitted(picture: ImageRef, fit: str) -> ImageRef:
    """Fit a picture that was read already; it is another one then.

    Raises
    ------
    InvalidRequest
        Its bytes are not here.
    """
    _check_fit(fit)
    if dict(picture.identity).get("fit") == fit:
        return picture
    identity = (*(pair for pair in picture.identity if pair[0] != "fit"), ("fit", fit))
    if picture.is_to_come:
        return replace(picture, identity=identity)
    if picture.data is None:
        raise InvalidRequest(
            f"--fit changes a picture, and {picture.label} is not here; give the file itself."
        )
    sent = checked(ready(picture.data, fit))
    return replace(picture, identity=identity, data=sent.data, content_type=sent.content_type, note=sent.note)


def _check_fit(fit: object) -> None:
    if fit is not None and fit not in FITS:
        raise InvalidRequest(f'Unknown --fit "{str(fit)[:40]}"; it is pad or crop.')


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
        more = "; --fit pad or crop makes it smaller" if limit == _MOST_BYTES else ""
        return [f"it is {size / 1024 / 1024:.1f} MB; at most {limit // 1024 // 1024} MB can be sent{more}"]
    return []


def _shape_faults(width: int, height: int) -> list[str]:
    """Name what is wrong with a shape: the ratio strictly between 2:5 and 5:2, the short side over 300 px."""
    faults = []
    if not (2 * height < 5 * width and 2 * width < 5 * height):
        faults.append(f"it is {width} x {height}, too long (2:5 to 5:2 goes); --fit pad or crop helps")
    if min(width, height) <= _SHORT_SIDE:
        faults.append(f"its short side is {min(width, height)} px; it must be over {_SHORT_SIDE} px")
    return faults
