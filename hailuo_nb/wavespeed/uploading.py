"""An upload's two requests.

In comes the service's answer to "I want to upload"; out goes the PUT to the signed address, or the multipart
body of the older call. The signed address is another host: it gets exactly the headers the service lists, and
no key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from hailuo_nb import errors
from hailuo_nb.settings import LOOPBACK_HOSTS
from hailuo_nb.wavespeed.addresses import is_file_url, without_query

MOST_BYTES = 200_000_000
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,4000}[\x21-\x7e])?|")
_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_CONTENT_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,60}/[A-Za-z0-9!#$&^_.+-]{1,60}")


@dataclass(frozen=True)
class Ticket:
    """Where to put the bytes, and where they can be read afterwards."""

    put_url: str
    headers: Mapping[str, str]
    download_url: str

    def __repr__(self) -> str:
        return f"Ticket({without_query(self.put_url)!r})"


def read_ticket(data: object) -> Ticket:
    """Read the answer of the upload call, or say that it cannot be followed."""
    upload = data.get("upload") if isinstance(data, dict) else None
    if not isinstance(upload, dict) or str(upload.get("method") or "PUT").upper() != "PUT":
        raise errors.AnswerUnreadable("The service did not say where to upload to; try again.")
    url, headers = upload.get("url"), upload.get("headers") or {}
    if not isinstance(url, str) or not _is_private(url) or not isinstance(headers, dict):
        raise errors.AnswerUnreadable("The service named no address that can be uploaded to; try again.")
    for name, value in headers.items():
        if (
            not _HEADER_NAME.fullmatch(name)
            or not isinstance(value, str)
            or not _HEADER_VALUE.fullmatch(value)
        ):
            raise errors.AnswerUnreadable(
                "The service named headers for the upload that cannot be sent; try again."
            )
    return Ticket(url, dict(headers), read_download_url(data))


def read_download_url(data: object) -> str:
    """Read where an uploaded file can be read."""
    url = data.get("download_url") if isinstance(data, dict) else None
    if not isinstance(url, str) or not is_file_url(url):
        raise errors.AnswerUnreadable("The service did not say where the uploaded file is; try again.")
    return url


def file_name(name: str) -> str:
    """Give the last part of a file name in plain letters; no folder of this machine leaves it."""
    last = re.split(r"[\\/]", name)[-1]
    return _FILE_NAME.sub("-", last).strip("-.")[-80:] or "picture"


def check_file(data: bytes, content_type: str) -> None:
    """Refuse what the service would not take, before anything is sent."""
    if not 0 < len(data) <= MOST_BYTES:
        raise errors.InvalidRequest(
            f"The file has {len(data) / 1e6:.1f} MB; "
            f"an upload takes more than 0 and at most {MOST_BYTES // 10**6} MB."
        )
    if not _CONTENT_TYPE.fullmatch(content_type):
        raise errors.InvalidRequest(f"{content_type[:80]!r} is no content type; use image/png or image/jpeg.")


def put_request(ticket: Ticket, data: bytes, timeout: Mapping[str, float | None]) -> httpx.Request:
    """Make the PUT; a bare httpx.Request adds Host and Content-Length and nothing else."""
    return httpx.Request(
        "PUT", ticket.put_url, headers=ticket.headers, content=data, extensions={"timeout": dict(timeout)}
    )


def put_trouble(status_code: int) -> errors.ServiceError | None:
    """Say what an answer of the storage host means; its 403 is about the address, not the key."""
    if 200 <= status_code < 300:
        return None
    line = f"The storage host did not take the upload (HTTP {status_code}); try again."
    if status_code in {408, 429} or status_code >= 500:
        return errors.ServiceUnavailable(line, status_code=status_code)
    if 300 <= status_code < 400:
        return errors.AnswerUnreadable(line, status_code=status_code)
    return errors.RequestRefused(line, status_code=status_code)


def _is_private(url: str) -> bool:
    """Whether an upload to this address is read by nobody else: https, or this machine."""
    if not is_file_url(url):
        return False
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in LOOPBACK_HOSTS
