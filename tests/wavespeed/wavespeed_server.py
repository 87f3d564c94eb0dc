"""A service on loopback that misbehaves to the byte, and what the tests of this room share."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

import httpx

from hailuo_nb.wavespeed.client import Client
from hailuo_nb.wavespeed.exchange import Patience

CANARY = "wsk-canary-4f1e9d0c7b2a"
MODEL = "minimax/hailuo-2.3/t2v-pro"
MODEL_CALL = f"/api/v3/{MODEL}"
INPUTS = {"prompt": "a fox", "enable_prompt_expansion": True}
NOW = datetime(2026, 9, 29, 23, 10, 0, tzinfo=UTC)
# For answers that come, and for those that never do.
PATIENT = Patience(answer_bytes=20_000, tries=3)
QUICK = Patience(read_s=0.25, total_s=0.5, submit_s=0.5, answer_bytes=20_000, tries=3)


def prediction(prediction_id: str = "abc123", **other: Any) -> dict[str, Any]:
    """Give a prediction as the service writes it."""
    return {
        "id": prediction_id,
        "model": MODEL,
        "status": "created",
        "outputs": [],
        "created_at": "2026-09-29T23:09:43.027Z",
        "error": "",
        "executionTime": 0,
    } | other


def envelope(data: Any = None, code: int | None = 200, message: str = "success") -> bytes:
    """Give an answer's body."""
    return json.dumps({"code": code, "message": message, "data": data}).encode()


def http(status: int, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """Give a whole HTTP answer, with a Content-Length that may be a lie."""
    lines = [
        f"HTTP/1.1 {status} Text",
        f"Content-Length: {len(body) if length is None else length}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Seen:
    """A request as it came over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Line:
    """The connection a request came on, to answer or to break."""

    writer: asyncio.StreamWriter
    over: asyncio.Event

    async def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Break the connection with a TCP reset."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self) -> None:
        """Close the connection in an orderly way."""
        self.writer.close()


Act = Callable[[Seen, Line], Awaitable[None]]


def say(data: bytes) -> Act:
    """Answer with these bytes and keep the connection."""

    async def act(_seen: Seen, line: Line) -> None:
        await line.send(data)

    return act


def say_and_close(data: bytes) -> Act:
    """Answer with these bytes and close the connection."""

    async def act(_seen: Seen, line: Line) -> None:
        await line.send(data)
        await line.close()

    return act


def say_and_reset(data: bytes) -> Act:
    """Answer with these bytes and reset the connection."""

    async def act(_seen: Seen, line: Line) -> None:
        await line.send(data)
        line.reset()

    return act


def say_and_stall(data: bytes) -> Act:
    """Answer with these bytes and then nothing until the server ends."""

    async def act(_seen: Seen, line: Line) -> None:
        await line.send(data)
        await line.over.wait()

    return act


def drip(data: bytes, gap_s: float = 0.02) -> Act:
    """Answer byte by byte, without end in any test's time."""

    async def act(_seen: Seen, line: Line) -> None:
        for byte in data:
            if line.over.is_set():
                return
            await line.send(bytes([byte]))
            await asyncio.sleep(gap_s)

    return act


@dataclass
class RawServer:
    """Plays one act per request, the last one again and again; counts what came."""

    acts: list[Act]
    reset_after: int | None = None
    seen: list[Seen] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    connections: int = 0

    async def __aenter__(self) -> Self:
        self._over = asyncio.Event()
        self.arrived = asyncio.Event()
        self._server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        self._server.close()
        await self._server.wait_closed()

    def posts(self, path: str = MODEL_CALL) -> int:
        """Count the POSTs to a path, those included of which only the head was read."""
        return sum(head.startswith(f"POST {path} ".encode()) for head in self.heads)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        line = Line(writer, self._over)
        try:
            while not self._over.is_set() and not writer.is_closing():
                request = await self._request(reader, line)
                if request is None:
                    break
                await self.acts[min(len(self.seen), len(self.acts)) - 1](request, line)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, line: Line) -> Seen | None:
        if self.reset_after == 0:
            line.reset()
            return None
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        if self.reset_after == 1:
            line.reset()
            return None
        first, *rest = head.decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in rest)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _version = first.split(" ")
        self.seen.append(Seen(method, path, headers, body))
        self.arrived.set()
        return self.seen[-1]


def serve(*acts: Act, reset_after: int | None = None) -> RawServer:
    """Make a server of acts; `reset_after` 0 resets before reading, 1 after the head of a request."""
    return RawServer(list(acts), reset_after)


@dataclass
class Pauses:
    """Stands in for sleep and clock: a pause takes no time and moves the clock."""

    slept: list[float] = field(default_factory=list)
    clock: float = 1000.0

    async def sleep(self, seconds: float) -> None:
        """Note a pause."""
        self.slept.append(seconds)
        self.clock += seconds

    def now(self) -> float:
        """Tell the time."""
        return self.clock


def client_of(
    url: str,
    *,
    pauses: Pauses | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    patience: Patience = PATIENT,
    key: str = CANARY,
) -> Client:
    """Make a client that never really waits."""
    pauses = pauses or Pauses()
    return Client(
        key,
        url,
        transport=transport,
        sleep=pauses.sleep,
        now=pauses.now,
        utc_now=lambda: NOW,
        randomness=lambda: 0.5,
        patience=patience,
    )


def closed_port() -> int:
    """Give a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def everything_in(error: BaseException) -> str:
    """Give all that a traceback could show: texts, attributes, chains and the variables of our frames."""
    shown: list[str] = []
    waiting: list[BaseException] = [error]
    known: set[int] = set()
    while waiting:
        one = waiting.pop()
        if id(one) in known:
            continue
        known.add(id(one))
        shown += [str(one), repr(one), repr(one.args), repr(vars(one))]
        request = getattr(one, "_request", None)
        if request is not None:
            shown.append(repr(request.headers.raw))
        trace = one.__traceback__
        while trace is not None:
            if "/tests/" not in trace.tb_frame.f_code.co_filename:
                for value in trace.tb_frame.f_locals.values():
                    shown += [repr(value), repr(getattr(value, "__dict__", ""))]
            trace = trace.tb_next
        waiting += [other for other in (one.__cause__, one.__context__) if other is not None]
    return "\n".join(shown)
