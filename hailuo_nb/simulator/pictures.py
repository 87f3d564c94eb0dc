"""Pictures that a request names: which one it is, and its bytes.

In comes the text of an ``image`` input (a ``data:`` URI, one of our own uploads, or an address on this
machine), out go bytes for the :mod:`~hailuo_nb.simulator.studio`. Nothing here opens a connection that leaves
the machine.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import urllib.request
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

__all__ = ["MAX_BYTES", "Unfetchable", "fetch", "uploaded_id", "which"]

MAX_BYTES = 20 * 1024 * 1024
_OUR_UPLOAD = re.compile(r"/files/uploads/(?P<id>[0-9a-f]{32})(/|$)")
_TIMEOUT_S = 10.0


class Unfetchable(Exception):
    """The service would say 1402; the text says why."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect could lead off this machine."""

    def redirect_request(self, *args: object) -> None:
        """Follow none."""


def uploaded_id(image: str) -> str | None:
    """Give the id of our own upload that this address names, whatever port the server had then."""
    parts = urlsplit(image)
    match = _OUR_UPLOAD.match(parts.path) if parts.scheme in ("http", "https") else None
    return match["id"] if match and _is_loopback(parts.hostname) else None


def which(image: str) -> str:
    """Tell equal pictures by their bytes where these are at hand, else by the address."""
    if image.startswith("data:"):
        return hashlib.sha256(image.encode()).hexdigest()
    return image


def fetch(image: str, uploads: Path) -> bytes:
    """Get the bytes of a picture; blocks, so call it in a thread.

    Parameters
    ----------
    image : str
        The input as sent.
    uploads : Path
        Where our own uploads lie, by id.

    Raises
    ------
    Unfetchable
        There is nothing to get, or it lies on another machine.
    """
    if image.startswith("data:"):
        return _of_data_uri(image)
    upload = uploaded_id(image)
    if upload is not None:
        try:
            return (uploads / upload).read_bytes()
        except OSError:
            raise Unfetchable("this upload does not exist") from None
    parts = urlsplit(image)
    if parts.scheme not in ("http", "https") or not _is_loopback(parts.hostname):
        raise Unfetchable("the simulator fetches pictures from this machine only; upload the file instead")
    return _of_address(image)


def _is_loopback(host: str | None) -> bool:
    """Whether a host is this machine, without asking any name server."""
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def _of_data_uri(image: str) -> bytes:
    """Give the bytes inside a ``data:`` URI."""
    head, comma, payload = image.partition(",")
    if not comma:
        raise Unfetchable("the data URI has no data")
    try:
        if head.endswith(";base64"):
            return base64.b64decode("".join(payload.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Unfetchable("the data URI is not base64") from None
    return unquote_to_bytes(payload)


def _of_address(image: str) -> bytes:
    """Give the bytes an address on this machine answers with."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
    try:
        with opener.open(image, timeout=_TIMEOUT_S) as answer:
            data: bytes = answer.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise Unfetchable(f"{urlsplit(image).netloc} did not give it: {error}") from None
    return data
