"""Fetching a file: the last step that needs the network.

In comes the address of a finished clip; out goes ``<path>.part``, whole by its length and durable. The key
never takes part: files lie on other hosts. A broken download is gone on with where the server can say that it
is still the same file, else begun again. Memory stays flat whatever the size. Next: `hailuo_nb.jobs` checks
that the file is a playable clip and gives it its name.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from hailuo_nb.errors import DownloadFailed, HailuoError
from hailuo_nb.wavespeed.addresses import is_file_url, without_query
from hailuo_nb.wavespeed.answers import plain_line, retry_after_s
from hailuo_nb.wavespeed.connections import open_client
from hailuo_nb.wavespeed.key import NoAuth
from hailuo_nb.wavespeed.logguard import our_request, quieten
from hailuo_nb.wavespeed.partfile import Mark, PartFile, Writer, is_validator

OnBytes = Callable[[int, int | None], object]

MOST_BYTES = 2_000_000_000
MOST_REDIRECTS = 5
WRITE_BYTES = 1_000_000
READ_BYTES = 262_144
# Less than this in a window is a line that has died without saying so.
SLOW_WINDOW_S = 60.0
SLOW_BYTES = 16_384
LONGEST_PAUSE_S = 60.0
_TIMEOUT = httpx.Timeout(connect=15.0, pool=60.0, read=30.0, write=30.0)
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15}|\*)")
_NO_FILE = re.compile(r"text/html|application/(json|xml|xhtml)|text/xml", re.IGNORECASE)
_NO_VIDEO = re.compile(rb"\s*<(!doctype|html|\?xml|head|body|error)", re.IGNORECASE)


class FileRefused(DownloadFailed):
    """The host answered with something other than the file.

    Parameters
    ----------
    status_code : int
        The HTTP status: 403, 404 and 410 mean that this address is of no use any more.
    retry_after : float, optional
        Seconds the host asks to wait.
    """

    def __init__(self, message: str, *, status_code: int, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.retry_after = retry_after


class _Broken(Exception):
    """One try came to nothing, the next may not."""


@dataclass(frozen=True)
class _Plan:
    """What an answer brings: from which byte on, of how many, and which version."""

    start: int
    total: int | None
    mark: Mark | None


@dataclass
class _Order:
    """What is to be fetched, and the limits."""

    http: httpx.AsyncClient
    url: str
    source: str
    max_bytes: int
    on_bytes: OnBytes | None
    now: Callable[[], float]
    utc_now: Callable[[], datetime]


def utc_now() -> datetime:
    """Give the time, zone-aware."""
    return datetime.now(UTC)


async def download(
    url: str,
    path: Path,
    *,
    client: httpx.AsyncClient | None = None,
    on_bytes: OnBytes | None = None,
    max_bytes: int = MOST_BYTES,
    tries: int = 4,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    now: Callable[[], float] = time.monotonic,
    utc_now: Callable[[], datetime] = utc_now,
) -> int:
    """Fetch a file to ``<path>.part``; `path` itself is never touched.

    Parameters
    ----------
    url : str
        http or https; redirects are followed to such addresses only.
    path : Path
        What the file will be called. Its folder must be there.
    client : httpx.AsyncClient, optional
        Used without any Authorization; one is opened and closed again where none is given.
    on_bytes : callable, optional
        Told how many bytes are here, and how many there are (None if unknown), with every piece.
    max_bytes : int
        The most that is taken.
    tries : int
        How often to try, each going on where the last one broke if the server allows it.
    sleep, now, utc_now : callable
        Pausing in seconds, a clock in seconds, the time; tests bring their own.

    Returns
    -------
    int
        The size of the file in bytes. It is durable, and as long as the server said.

    Raises
    ------
    FileRefused
        The host answered with an HTTP error (`status_code`) that did not pass.
    DownloadFailed
        Everything else, the disk's refusals included. What is here stays, and the next call goes on with it.
    """
    if not is_file_url(url):
        raise DownloadFailed(
            "The clip's address is no http or https address; %hailuo resume asks for a new one."
        )
    quieten()
    http = client or open_client()
    source = hashlib.sha256(without_query(url).encode()).hexdigest()
    order = _Order(http, url, source, max_bytes, on_bytes, now, utc_now)
    part = PartFile(path)
    try:
        with our_request():
            return await _tries(order, part, tries, sleep)
    finally:
        part.close()
        if client is None:
            await http.aclose()


async def _tries(
    order: _Order, part: PartFile, tries: int, sleep: Callable[[float], Awaitable[object]]
) -> int:
    """Try until the file is whole; pauses grow unless the host names one."""
    outcome: HailuoError = DownloadFailed("The download was not tried.")
    for attempt in range(1, tries + 1):
        wait_s = min(0.5 * 2.0 ** (attempt - 1), LONGEST_PAUSE_S)
        try:
            return await _fetch(order, part)
        except _Broken as broken:
            outcome = DownloadFailed(f"{broken} What is here is kept; the download goes on later.")
        except FileRefused as refused:
            outcome = refused
            asked_s = refused.retry_after or 0.0
            if refused.status_code not in _TRANSIENT or asked_s > LONGEST_PAUSE_S:
                break
            wait_s = max(wait_s, asked_s)
        if attempt < tries:
            await sleep(wait_s)
    raise outcome


async def _fetch(order: _Order, part: PartFile) -> int:
    """Make one try."""
    have, mark = await asyncio.to_thread(part.beginning, order.source)
    if mark is None or have != mark.total:
        trouble = ""
        try:
            response = await _opened(order, have, mark)
            try:
                plan = await asyncio.to_thread(_plan, order, part, response, have, mark)
                await _stream(order, part, response, plan)
            finally:
                part.close()
                await response.aclose()
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            trouble = type(error).__name__
        if trouble:
            raise _Broken(f"The connection to the clip's host broke ({trouble}).")
    return await asyncio.to_thread(part.finish)


async def _opened(order: _Order, have: int, mark: Mark | None) -> httpx.Response:
    """Ask for the file, or its rest, following redirects to http and https only."""
    headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "hailuo_nb"}
    if mark is not None and have:
        headers |= {"Range": f"bytes={have}-", "If-Range": mark.validator}
    url = order.url
    for _ in range(MOST_REDIRECTS + 1):
        request = httpx.Request("GET", url, headers=headers, extensions={"timeout": _TIMEOUT.as_dict()})
        response = await order.http.send(request, auth=NoAuth(), stream=True, follow_redirects=False)
        if response.status_code not in _REDIRECTS:
            return response
        await response.aclose()
        try:
            url = str(request.url.join(response.headers.get("location", "")))
        except httpx.InvalidURL:
            url = ""
        if not is_file_url(url):
            raise DownloadFailed(
                "The clip's host redirects to what is no http or https address; nothing was fetched."
            )
    raise DownloadFailed(f"The clip's host redirects more than {MOST_REDIRECTS} times; nothing was fetched.")


def _plan(order: _Order, part: PartFile, response: httpx.Response, have: int, mark: Mark | None) -> _Plan:
    """Read what an answer brings, open the file for it, and refuse what is no file."""
    status = response.status_code
    if status == 416 or (status == 206 and not _is_rest(response, have, mark)):
        part.discard()
        raise _Broken("The clip's host could not go on where the download broke.")
    if status not in {200, 206}:
        raise _refused(response, order)
    kind = response.headers.get("content-type", "")
    if (
        _NO_FILE.match(kind.strip())
        or response.headers.get("content-encoding", "identity").lower() != "identity"
    ):
        raise DownloadFailed(
            f"The clip's host sent no file but {plain_line(kind, 40) or 'something packed'}."
        )
    start = have if status == 206 else 0
    length = response.headers.get("content-length", "")
    total = start + int(length) if re.fullmatch(r"[0-9]{1,15}", length) else None
    if status == 206 and mark is not None:
        total = _range_of(response)[2] or total
    if total == 0:
        raise DownloadFailed("The clip's host sent an empty file; the download is tried again later.")
    if total is not None and total > order.max_bytes:
        raise _too_large(order)
    if start:
        part.go_on()
        return _Plan(start, total, mark)
    validator = _validator(response)
    fresh = Mark(order.source, validator, total) if validator else None
    part.start(fresh)
    return _Plan(0, total, fresh)


async def _stream(order: _Order, part: PartFile, response: httpx.Response, plan: _Plan) -> None:
    """Write the answer's bytes as they come; what came before a break is written too."""
    _take_more_at_once(response)
    size, waiting = plan.start, bytearray()
    window_began, window_size = order.now(), size
    writer = Writer(part)
    try:
        async for piece in _pieces(response):
            if size == 0 and _NO_VIDEO.match(piece):
                part.discard()
                raise DownloadFailed("The clip's host sent a page of text and no file.")
            size += len(piece)
            if size > order.max_bytes:
                writer.end()
                part.discard()
                raise _too_large(order)
            waiting += piece
            if order.on_bytes is not None:
                order.on_bytes(size, plan.total)
            if len(waiting) >= WRITE_BYTES:
                batch, waiting = waiting, bytearray()
                await writer.write(batch)
            if order.now() - window_began > SLOW_WINDOW_S:
                if size - window_size < SLOW_BYTES:
                    raise _Broken("The clip's host sends almost nothing.")
                window_began, window_size = order.now(), size
        await writer.all_written()
    finally:
        writer.end()
        if waiting and part.is_open:
            part.write(waiting)
    if plan.total is not None and size != plan.total:
        raise _Broken(f"The clip's host sent {size} of {plan.total} bytes.")
    if size == 0:
        raise DownloadFailed("The clip's host sent an empty file; the download is tried again later.")


def _take_more_at_once(response: httpx.Response) -> None:
    """Let this connection hand over all that has come: httpcore asks for 64 kB a time, which takes twice the CPU."""
    line: Any = response.extensions.get("network_stream")
    known = getattr(line, "__dict__", None)
    if known is None or "read" in known or not hasattr(line, "read"):
        return
    read = line.read

    async def read_more(max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        piece: bytes = await read(max(max_bytes, READ_BYTES), timeout)
        return piece

    line.read = read_more


async def _pieces(response: httpx.Response) -> AsyncIterator[bytes]:
    """Give the body piece by piece; a test's ready-made response has it already."""
    if response.is_stream_consumed:
        yield response.content
        return
    async for piece in response.aiter_raw():
        yield piece


def _is_rest(response: httpx.Response, have: int, mark: Mark | None) -> bool:
    """Whether a 206 is the rest of the very file whose beginning is here."""
    start, end, total = _range_of(response)
    if mark is None or not have or start != have or end is None:
        return False
    if total is not None and (end != total - 1 or (mark.total is not None and total != mark.total)):
        return False
    etag = response.headers.get("etag")
    return etag is None or not mark.validator.startswith('"') or etag == mark.validator


def _range_of(response: httpx.Response) -> tuple[int | None, int | None, int | None]:
    """Read ``Content-Range``: first byte, last byte, size of the whole."""
    found = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", "").strip())
    if found is None:
        return None, None, None
    return int(found[1]), int(found[2]), None if found[3] == "*" else int(found[3])


def _validator(response: httpx.Response) -> str:
    """Give what tells this version of the file from others, where the host takes ranges at all."""
    if response.headers.get("accept-ranges", "").strip().lower() == "none":
        return ""
    offered = (response.headers.get("etag", ""), response.headers.get("last-modified", ""))
    return next((text for text in offered if is_validator(text)), "")


def _refused(response: httpx.Response, order: _Order) -> FileRefused:
    """Say what an HTTP error of the host means."""
    status = response.status_code
    wait_s = retry_after_s({name.lower(): value for name, value in response.headers.items()}, order.utc_now())
    if status in {403, 404, 410}:
        meaning = "the address has run out or the file is gone; outputs are kept for 7 days"
    elif status in _TRANSIENT:
        meaning = "it is tried again"
    else:
        meaning = "%hailuo resume asks for a new address"
    return FileRefused(
        f"The clip's host did not give the file (HTTP {status}): {meaning}.",
        status_code=status,
        retry_after=wait_s,
    )


def _too_large(order: _Order) -> DownloadFailed:
    """Say that a file is over the limit."""
    return DownloadFailed(
        f"The file is larger than {order.max_bytes / 1e6:g} MB and was not kept; raise max_bytes."
    )
