"""The picture that stands in the form.

In comes a text and a fit, or bytes that were dropped, piece by piece; out go the picture as the session reads it, its
facts and a thumbnail. Reading a picture takes a moment and is asked for at every look, so the last one is remembered.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from pathlib import Path

from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.errors import HailuoError, InvalidRequest
from hailuo_nb.notebook.sheet import thumbnail

__all__ = ["Pieces", "Source", "facts_of"]

MOST_BYTES = 20 * 1024 * 1024
MOST_PIECES = 64
THUMBNAIL_WIDTH = 384

Reader = Callable[[str, str | None], ImageRef | None]
_Seen = tuple[str, str | None, tuple[int, int] | None]


class Source:
    """Reads pictures and remembers the last one.

    Parameters
    ----------
    reader : callable
        Reads a text and a fit as a cell would.
    folder : Path
        What relative paths start from.
    """

    def __init__(self, reader: Reader, folder: Path) -> None:
        self._reader = reader
        self._folder = folder
        self._lock = threading.Lock()
        self._last: tuple[_Seen, ImageRef | HailuoError | None] | None = None

    def read(self, text: str, fit: str | None) -> ImageRef | None:
        """Give the picture of a text.

        Raises
        ------
        HailuoError
            Why it cannot be used.
        """
        seen = (text, fit, self._mark(text))
        with self._lock:
            if self._last is None or self._last[0] != seen:
                try:
                    self._last = (seen, self._reader(text, fit))
                except HailuoError as error:
                    self._last = (seen, error)
            found = self._last[1]
        if isinstance(found, HailuoError):
            raise found
        return found

    def _mark(self, text: str) -> tuple[int, int] | None:
        """Tell one content of a file from the next, without reading it."""
        try:
            found = (self._folder / Path(text.partition("@")[0]).expanduser()).stat()
        except (OSError, ValueError, RuntimeError):
            return None
        return found.st_mtime_ns, found.st_size


class Pieces:
    """Puts a picture together that came in several messages."""

    def __init__(self) -> None:
        self._name = ""
        self._parts: list[bytes] = []

    def take(self, name: object, at: object, of: object, part: bytes) -> tuple[str, bytes] | None:
        """Take one piece; gives name and bytes with the last one.

        Raises
        ------
        InvalidRequest
            A piece is missing, or there are too many.
        """
        if at == 0:
            self._name, self._parts = str(name)[:200], []
        whole = isinstance(of, int) and 0 < of <= MOST_PIECES and at == len(self._parts)
        if not whole or sum(map(len, self._parts)) + len(part) > MOST_BYTES:
            self._parts = []
            raise InvalidRequest("The picture did not come whole, or is over 20 MB; drop it once more.")
        self._parts.append(part)
        if len(self._parts) < int(str(of)):
            return None
        data, self._parts = b"".join(self._parts), []
        return self._name, data


def facts_of(image: ImageRef | None) -> tuple[str, bytes]:
    """Say what a picture is, and give it small; an address is not fetched."""
    if image is None:
        return "", b""
    if image.data is None:
        return f"{image.label}: the service fetches it itself", b""
    from PIL import Image

    with Image.open(io.BytesIO(image.data)) as opened:
        size = f"{opened.width} x {opened.height}"
    return f"{image.label} · {size} · {_bytes(len(image.data))}", thumbnail(image.data, THUMBNAIL_WIDTH)


def _bytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3))} kB"
