"""One request, one outcome.

In comes a request and the httpx client to send it with; out goes a whole `Answer`, or the error that says how
far it got, as a value. It is never raised here: an error raised while httpx's own is handled would carry that
one, with the request and its key, in its chain. Next: `answers`, which tells what an answer means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import httpx

from hailuo_nb import errors
from hailuo_nb.errors import ServiceError
from hailuo_nb.wavespeed.answers import Answer, decoded, plain_line, retry_after_s
from hailuo_nb.wavespeed.key import Key
from hailuo_nb.wavespeed.logguard import our_request

# These three, and no others, are raised before the first byte of a request is sent.
NEVER_OPENED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True)
class Patience:
    """How long and how often the client tries, and how much it takes.

    Attributes
    ----------
    connect_s, pool_s, read_s : float
        Limits for opening a connection, for waiting for a free one, and between two pieces of an answer.
    total_s, submit_s : float
        Limits for a whole exchange, and for that of a submit: no trickle of bytes lasts longer.
    upload_bytes_per_s : int
        The slowest line an upload is given time for.
    answer_bytes, list_bytes : int
        The most that is read of an answer, and of the list of models.
    tries : int
        How often a call that is safe to repeat is tried.
    wait_first_s, wait_most_s, patience_s : float
        The first pause between tries, the longest, and the time after which no further try begins. A longer
        ``Retry-After`` is not waited for here: the error carries it.
    """

    connect_s: float = 10.0
    pool_s: float = 30.0
    read_s: float = 30.0
    total_s: float = 60.0
    submit_s: float = 120.0
    upload_bytes_per_s: int = 20_000
    answer_bytes: int = 10_000_000
    list_bytes: int = 50_000_000
    tries: int = 4
    wait_first_s: float = 0.5
    wait_most_s: float = 60.0
    patience_s: float = 180.0

    def timeout(self, total_s: float) -> dict[str, float | None]:
        """Give httpx's limits; a body is written in one piece, so only the whole limits it."""
        return httpx.Timeout(
            connect=self.connect_s, pool=self.pool_s, read=min(self.read_s, total_s), write=total_s
        ).as_dict()


class _Unusable(Exception):
    """An answer that is not read on: over its limit, or packed in a way that cannot be undone."""


async def exchange(
    http: httpx.AsyncClient,
    request: httpx.Request,
    *,
    auth: httpx.Auth,
    key: Key,
    total_s: float,
    most_bytes: int,
    utc_now: Callable[[], datetime],
) -> Answer | ServiceError:
    """Send one request once and read its whole answer.

    Parameters
    ----------
    http : httpx.AsyncClient
        Sends it; follows no redirects and repeats nothing.
    request : httpx.Request
        With its httpx timeouts as an extension.
    auth : httpx.Auth
        `KeyAuth` for the service, `NoAuth` for anybody else.
    key : Key
        Masked in what is told.
    total_s : float
        The limit for everything.
    most_bytes : int
        The limit for the answer, unpacked.
    utc_now : callable
        The time, for a ``Retry-After`` that is a date.

    Returns
    -------
    Answer or ServiceError
        NotConnected only if the connection never opened; ConnectionLost if nobody knows how much arrived;
        AnswerUnreadable if it was too large or packed in an unknown way.
    """
    try:
        with our_request():
            async with asyncio.timeout(total_s):
                return await _answer(http, request, auth, most_bytes, utc_now)
    except NEVER_OPENED as error:
        why = key.masked(plain_line(str(error), 120)) or type(error).__name__
        return errors.NotConnected(f"The service could not be reached ({why}); check the network.")
    except (TimeoutError, httpx.TimeoutException):
        return errors.ConnectionLost("The service did not give a whole answer in time.")
    except _Unusable:
        return errors.AnswerUnreadable(
            f"The service's answer is over {most_bytes / 1e6:g} MB, or packed in a way that cannot be undone."
        )
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
        # Their texts may quote headers; the class says enough.
        return errors.ConnectionLost(f"The connection broke ({type(error).__name__}).")


async def _answer(
    http: httpx.AsyncClient,
    request: httpx.Request,
    auth: httpx.Auth,
    most_bytes: int,
    utc_now: Callable[[], datetime],
) -> Answer:
    """Send, and read the answer up to the limit."""
    response = await http.send(request, auth=auth, stream=True, follow_redirects=False)
    try:
        body = await _body(response, most_bytes)
    finally:
        await response.aclose()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, body, retry_after_s(headers, utc_now()))


async def _body(response: httpx.Response, most_bytes: int) -> bytes:
    """Read the body as it comes, then unpack it: httpx would unpack each piece without a limit."""
    if response.is_stream_consumed:
        # A test's ready-made response has its body already.
        if len(response.content) > most_bytes:
            raise _Unusable
        return response.content
    pieces: list[bytes] = []
    size = 0
    async for piece in response.aiter_raw():
        size += len(piece)
        if size > most_bytes:
            raise _Unusable
        pieces.append(piece)
    body = decoded(b"".join(pieces), response.headers.get("content-encoding", "").strip().lower(), most_bytes)
    if body is None:
        raise _Unusable
    return body
