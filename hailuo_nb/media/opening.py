"""Pictures as they are opened: of a kind that is a picture, whole, one only, and of a size the memory can hold.

In come bytes that somebody says are a picture; out goes a decoded one, or an `InvalidRequest` that says what they are
instead. Next: `hailuo_nb.media.sending`, which makes of it what the service takes.
"""

from __future__ import annotations

import importlib.util
import io
import warnings
from typing import TYPE_CHECKING

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.media.boxes import container_of

if TYPE_CHECKING:
    import PIL.Image

__all__ = ["MOST_PIXELS", "decoded", "refused", "what_instead", "whole"]

MOST_PIXELS = 89_478_485
"""More than any camera's picture has; a forged header must not ask for gigabytes."""

# Never any of Pillow's others: some start programs (EPS runs Ghostscript), some follow what the file says.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM", "HEIF")
_HEIF = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc", b"hevx"})
_TOO_MANY = "it has more pixels than can be opened safely; make it smaller"


def whole(data: bytes) -> PIL.Image.Image:
    """Decode a picture that has to be whole, and the only one in its file.

    Raises
    ------
    InvalidRequest
        It is none; says what it is instead.
    """
    picture, complaint = decoded(data)
    if picture is None or complaint:
        raise refused([complaint])
    # The second picture of an MPO is the same one for another purpose: a depth map, a preview.
    count = 1 if picture.format == "MPO" else int(getattr(picture, "n_frames", 1))
    if count > 1:
        raise refused(
            [f"it holds {count} pictures and a clip starts from one; save the one you want as a PNG"]
        )
    return picture


def decoded(data: bytes) -> tuple[PIL.Image.Image | None, str]:
    """Decode a picture as far as it goes; the text says what was wrong."""
    import PIL.Image

    if not data:
        return None, "it is empty"
    _learn_heif(data)
    PIL.Image.init()
    known = [name for name in _FORMATS if name in PIL.Image.OPEN]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
            picture = PIL.Image.open(io.BytesIO(data), formats=known)
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning):
        return None, _TOO_MANY
    except Exception:  # noqa: BLE001 (Pillow's readers raise what they like on broken data)
        return None, what_instead(data)
    if picture.width * picture.height > MOST_PIXELS:  # whatever limit the notebook gave Pillow
        return None, _TOO_MANY
    try:
        picture.load()
    except Exception:  # noqa: BLE001
        return picture, "it is broken or cut off; save it again"
    return picture, ""


def refused(faults: list[str]) -> InvalidRequest:
    """Join the faults of a picture into one line."""
    named = tuple(fault for fault in faults if fault)
    return InvalidRequest(f"This picture cannot be sent: {'; '.join(named)}.", faults=named)


def what_instead(data: bytes) -> str:
    """Say what bytes are that are no picture, and what to do about it."""
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    found = {
        "HEIC, which is not read here; pip install pillow-heif, or save it as JPEG": _is_heif(data),
        "a video; name it .mp4 to start from its last frame, or .mp4@2.5 from the one at 2.5 s": (
            container_of(data) is not None
        ),
        "a PDF; save the page as PNG": head.startswith(b"%pdf"),
        "an SVG drawing; save it as PNG": b"<svg" in head,
        "a web page; download the picture itself": head.startswith((b"<!doctype", b"<html", b"<?xml")),
        "text, not a picture, whatever its name says": _is_text(data[:1024]),
    }
    what = next((words for words, is_it in found.items() if is_it), None)
    return f"it is {what}" if what else "it is not a picture that can be read; save it as JPEG or PNG"


def _is_heif(data: bytes) -> bool:
    return data[4:8] == b"ftyp" and data[8:12] in _HEIF


def _is_text(data: bytes) -> bool:
    """Tell whether bytes read as text; the last character may be cut in two."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(data) - 3:
            return False
        text = data[: error.start].decode("utf-8")
    return bool(text) and all(letter.isprintable() or letter in "\t\r\n" for letter in text)


def _learn_heif(data: bytes) -> None:
    """Let Pillow read the pictures of telephones, where the user has what it takes."""
    if _is_heif(data) and importlib.util.find_spec("pillow_heif"):
        importlib.import_module("pillow_heif").register_heif_opener()
