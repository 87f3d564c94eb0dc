"""A proxy on loopback that stands between client and simulator and spoils what a script tells it to.

In comes HTTP from the client under test, out go the simulator's answers, or what a `Rule` makes of them. It listens
at three ports: the service's, one for files (outputs and uploads, as the real service has them on other hosts), and a
trap that nothing should ever reach except by a download's redirect. Every request is kept with all its headers, so
that a test can look for keys and count what was really sent. Next: `crash_harness` and the tests beside this file.

A rule names a call (as `hailuo_nb.simulator.faults.call_of` does: ``submit``, ``result``, ``upload``, ``put``,
``price``, ``recent``, ``download`` ...), which of the matching requests it is about, and what happens:

================= ========================================================================================
kind              what the client meets (``forward``: whether the service sees the request first)
================= ========================================================================================
``reset``         a TCP reset; ``stage`` is ``arrived`` (the body unread), ``read``, ``forwarded`` or ``answering``
``refuse``        the request is answered, then nobody listens for ``seconds``: the next connection is refused
``stall``         nothing for ``seconds``, then a reset; ``stage`` as above
``hold``          until somebody calls `FaultProxy.release`, and `FaultProxy.held` tells of it; then it goes on, or
                  with the option ``drop`` is cut
``truncate``      the right Content-Length, half of the body, and the end
``wrong_length``  a Content-Length that is off by ``by`` bytes
``slow``          the answer at ``bytes_per_s``
``status``        ``status`` with ``body`` and ``headers``
``retry_after``   429 with Retry-After as ``form`` says: ``seconds``, ``date`` or ``none``
``redirect``      ``status`` to ``location`` (default: the trap)
``html``          a page, with ``status``
``bad_json``      JSON that breaks off
``data_null``     ``{"code": 200, "message": "success", "data": null}``
``empty``         200 and no body at all
``unknown_status`` the answer with a status no client knows
``data``          the answer with the keys of ``data`` changed in its data
``oversized``     ``size`` bytes that never end usefully
``body``          a download answered with ``body`` instead of the file
================= ========================================================================================
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
import random
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

from hailuo_nb.simulator.faults import call_of

__all__ = ["FaultProxy", "Hold", "Rule", "Seen"]

STAGES = ("arrived", "read", "forwarded", "answering")
# Below the ports that systems give to outgoing connections, so that a port closed for a while is free again.
_PORTS = random.Random(os.urandom(8))
_RESET = struct.pack("ii", 1, 0)


@dataclass
class Rule:
    """What happens to which requests."""

    kind: str
    call: str = "*"
    nth: int | None = None
    times: int | None = None
    prompt: str = ""
    stage: str = "read"
    forward: bool = True
    seconds: float = 3600.0
    options: dict[str, Any] = field(default_factory=dict)
    hits: int = 0

    def wants(self, seen: Seen) -> bool:
        """Count a match and tell whether it is this rule's turn."""
        if self.call not in {"*", seen.call} or (self.prompt and self.prompt not in seen.prompt):
            return False
        self.hits += 1
        if self.nth is not None:
            return self.hits == self.nth
        return self.times is None or self.hits <= self.times

    def told(self) -> dict[str, Any]:
        """Give the rule as JSON-able data, for the report of a run."""
        return {name: value for name, value in vars(self).items() if name != "hits"}


@dataclass
class Seen:
    """One request and what became of it."""

    number: int
    listener: str
    method: str
    path: str
    headers: Sequence[tuple[str, str]]
    body: bytes = b""
    call: str = ""
    fault: str = ""
    was_forwarded: bool = False
    service_status: int | None = None
    told_status: int | None = None
    was_answered: bool = False
    made_id: str = ""

    @property
    def prompt(self) -> str:
        """The prompt of a submit, else nothing."""
        try:
            found = json.loads(self.body) if self.body[:1] == b"{" else {}
        except ValueError:
            return ""
        return str(found.get("prompt") or "") if isinstance(found, dict) else ""

    @property
    def was_surely_refused(self) -> bool:
        """Whether the client was told clearly that nothing was accepted, and nothing was."""
        told = self.told_status or 0
        return self.was_answered and self.service_status != 200 and (told == 429 or 400 <= told < 429)


@dataclass
class Hold:
    """A request that stands still at a stage until it is released."""

    seen: Seen
    stage: str
    event: asyncio.Event


@dataclass
class _Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @classmethod
    def made(
        cls, status: int, body: bytes, kind: str = "application/json", more: Mapping[str, str] | None = None
    ) -> _Answer:
        """Make an answer up."""
        return cls(status, [("content-type", kind), *dict(more or {}).items()], body)

    def head(self, length: int) -> bytes:
        """Give status line and headers."""
        kept = [(n, v) for n, v in self.headers if n.lower() not in {"content-length", "connection"}]
        lines = "".join(f"{n}: {v}\r\n" for n, v in kept)
        return f"HTTP/1.1 {self.status} Answer\r\n{lines}content-length: {length}\r\n\r\n".encode("latin-1")

    @property
    def data(self) -> dict[str, Any]:
        """The envelope's data, where it is an object."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        data = found.get("data") if isinstance(found, dict) else None
        return data if isinstance(data, dict) else {}


class _Gone(Exception):
    """The client has closed, or is to be cut off."""


class FaultProxy:
    """The proxy; use it as a context.

    Parameters
    ----------
    upstream : str
        The simulator's address.
    rules : sequence of Rule
        The first that wants a request is applied.
    """

    def __init__(self, upstream: str, rules: Sequence[Rule] = ()) -> None:
        self.upstream = upstream
        self.rules = list(rules)
        self.seen: list[Seen] = []
        self.held: queue.Queue[Hold] = queue.Queue()
        self.ports: dict[str, int] = {}
        self._holds: list[Hold] = []
        self._loop = asyncio.new_event_loop()
        self._servers: dict[str, asyncio.Server] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="fault-proxy", daemon=True)

    def __enter__(self) -> FaultProxy:
        self._thread.start()
        for listener in ("service", "files", "trap"):
            self._do(self._listen(listener, 0))
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def base_url(self) -> str:
        """What WAVESPEED_BASE_URL is set to."""
        return self.address("service")

    def address(self, listener: str) -> str:
        """Give the address of a listener."""
        return f"http://127.0.0.1:{self.ports[listener]}"

    def release(self) -> None:
        """Let go of everything that is held; who is gone by then is simply not answered."""
        holds, self._holds = self._holds, []
        for hold in holds:
            self._loop.call_soon_threadsafe(hold.event.set)

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """Replace the rules, from the next request on."""
        self.rules = list(rules)

    def calls(self, call: str) -> list[Seen]:
        """Give what was seen of one call."""
        return [seen for seen in list(self.seen) if seen.call == call]

    # The thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _do(self, work: Awaitable[Any]) -> Any:
        async def run() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(30)

    async def _listen(self, listener: str, port: int) -> None:
        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                await self._meet(listener, reader, writer)
            finally:
                self._tasks.discard(task)

        for _ in range(200):
            try:
                server = await asyncio.start_server(
                    meet, "127.0.0.1", port or _PORTS.randrange(20_000, 32_000), limit=2**20, backlog=512
                )
            except OSError:
                await asyncio.sleep(0.05 if port else 0)
            else:
                break
        self._servers[listener] = server
        self.ports[listener] = server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        for server in self._servers.values():
            server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _refuse_for(self, listener: str, seconds: float) -> None:
        """Stop listening for a while."""
        port = self.ports[listener]
        self._servers[listener].close()
        await asyncio.sleep(seconds)
        await self._listen(listener, port)

    # One connection

    async def _meet(self, listener: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after another."""
        try:
            while await self._exchange(listener, reader, writer):
                pass
        except (
            _Gone,
            OSError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
            asyncio.CancelledError,
        ):
            pass  # cancelled only when the proxy ends
        finally:
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()

    async def _exchange(
        self, listener: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        method, path, _ = first.split(" ", 2)
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        seen = Seen(len(self.seen) + 1, listener, method, path, headers)
        seen.call = call_of(method, path.partition("?")[0]) if listener != "trap" else "trap"
        self.seen.append(seen)
        told = {name.lower(): value for name, value in headers}
        length = int(told.get("content-length", "0"))
        # Before the body is read nobody knows a prompt, so rules for that stage come first.
        rule = self._rule(seen, [each for each in self.rules if each.stage == "arrived"])
        await self._stage("arrived", rule, seen, writer)
        seen.body = await reader.readexactly(length)
        rule = rule or self._rule(seen, [each for each in self.rules if each.stage != "arrived"])
        await self._stage("read", rule, seen, writer)
        answer = await self._answer(rule, seen)
        seen.told_status = answer.status
        await self._stage("forwarded", rule, seen, writer)
        await self._tell(rule, seen, answer, writer)
        seen.was_answered = True
        if rule is not None and rule.kind == "refuse":
            task = self._loop.create_task(self._refuse_for(listener, rule.seconds))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            raise _Gone
        return told.get("connection", "").lower() != "close"

    def _rule(self, seen: Seen, rules: Sequence[Rule]) -> Rule | None:
        for rule in rules:
            if rule.wants(seen):
                seen.fault = rule.kind
                return rule
        return None

    async def _stage(self, stage: str, rule: Rule | None, seen: Seen, writer: asyncio.StreamWriter) -> None:
        """Stop here, if the rule says so."""
        if rule is None or rule.stage != stage:
            return
        if rule.kind == "hold":
            hold = Hold(seen, stage, asyncio.Event())
            self._holds.append(hold)
            self.held.put(hold)
            await hold.event.wait()
            if rule.options.get("drop"):
                raise _Gone
        elif rule.kind in {"stall", "reset"}:
            await asyncio.sleep(rule.seconds if rule.kind == "stall" else 0)
            _reset(writer)
            raise _Gone

    async def _answer(self, rule: Rule | None, seen: Seen) -> _Answer:
        """Give the service's answer, or one that is made up."""
        if seen.listener == "trap":
            return _Answer.made(200, b'{"code": 200, "message": "success", "data": {"id": "from-the-trap"}}')
        made = None if rule is None else _made_up(rule, self.address("trap"))
        answer = None
        if made is None or (rule is not None and rule.forward):
            answer = await self._forward(seen)
        if made is not None:
            return made
        assert answer is not None
        if rule is not None and rule.kind in {"unknown_status", "data"}:
            change = {"status": rule.options.get("status", "paused")}
            change = change if rule.kind == "unknown_status" else rule.options["data"]
            data = answer.data
            if data and not (rule.kind == "unknown_status" and data.get("status") == "completed"):
                answer.body = json.dumps({"code": 200, "message": "success", "data": data | change}).encode()
        return answer

    async def _forward(self, seen: Seen) -> _Answer:
        """Ask the service."""
        host = urlsplit(self.upstream)
        try:
            reader, writer = await asyncio.open_connection(host.hostname, host.port)
        except OSError:
            return _Answer.made(502, b"nobody there", "text/plain")
        try:
            kept = [(n, v) for n, v in seen.headers if n.lower() not in {"connection", "host"}]
            kept += [("connection", "close"), ("host", f"127.0.0.1:{self.ports[seen.listener]}")]
            lines = "".join(f"{n}: {v}\r\n" for n, v in kept)
            writer.write(f"{seen.method} {seen.path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + seen.body)
            await writer.drain()
            seen.was_forwarded = True
            raw = await reader.read()
        except OSError:
            return _Answer.made(502, b"gone", "text/plain")
        finally:
            writer.close()
        head, _, body = raw.partition(b"\r\n\r\n")
        first, *lines_ = head.decode("latin-1").split("\r\n")
        headers = [(n, v.strip()) for n, _, v in (line.partition(":") for line in lines_)]
        seen.service_status = int(first.split(" ")[1])
        if b"/files/" in body[:100_000] and seen.call != "download":
            body = body.replace(
                f"{self.base_url}/files/".encode(), f"{self.address('files')}/files/".encode()
            )
        answer = _Answer(seen.service_status, headers, body)
        if seen.call == "submit" and seen.service_status == 200:
            seen.made_id = str(answer.data.get("id") or "")
        return answer

    async def _tell(
        self, rule: Rule | None, seen: Seen, answer: _Answer, writer: asyncio.StreamWriter
    ) -> None:
        """Write the answer, spoiled where the rule says so."""
        body, length = answer.body, len(answer.body)
        if seen.method == "HEAD" or answer.status in {204, 304}:
            body = b""
        kind = rule.kind if rule is not None else ""
        options = rule.options if rule is not None else {}
        if kind == "wrong_length":
            length += int(options.get("by", 100))
        writer.write(answer.head(max(length, 0)))
        if kind == "truncate" or (rule is not None and rule.stage == "answering"):
            half = len(body) // 2
            writer.write(body[:half])
            await writer.drain()
            if kind == "truncate":
                writer.close()
                raise _Gone
            await self._stage("answering", rule, seen, writer)
            body = body[half:]
        if kind == "slow":
            await _slowly(writer, body, float(options.get("bytes_per_s", 1000)))
        else:
            writer.write(body)
        await writer.drain()
        if kind == "wrong_length":
            writer.close()
            raise _Gone


def _reset(writer: asyncio.StreamWriter) -> None:
    """Cut the connection with a TCP reset."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


async def _slowly(writer: asyncio.StreamWriter, body: bytes, bytes_per_s: float) -> None:
    """Write a body in tenths of seconds."""
    step = max(1, int(bytes_per_s / 10))
    for start in range(0, len(body), step):
        writer.write(body[start : start + step])
        await writer.drain()
        await asyncio.sleep(0.1)


def _retry_after(options: Mapping[str, Any]) -> dict[str, str]:
    """Give the header in the form that is wanted."""
    wait_s = float(options.get("wait_s", 1))
    form = options.get("form", "seconds")
    if form == "none":
        return {}
    if form == "date":
        return {"retry-after": format_datetime(datetime.now(UTC) + timedelta(seconds=wait_s), usegmt=True)}
    return {"retry-after": f"{wait_s:g}"}


def _page(rule: Rule, _: str) -> _Answer:
    return _Answer.made(
        int(rule.options.get("status", 200)),
        b"<!DOCTYPE html><html><body>Bad gateway</body></html>",
        "text/html",
    )


def _status(rule: Rule, _: str) -> _Answer:
    status = int(rule.options.get("status", 500))
    usual = json.dumps(
        {"code": status, "message": rule.options.get("message", "internal error"), "data": None}
    )
    body = rule.options.get("body", usual)
    return _Answer.made(
        status, body if isinstance(body, bytes) else body.encode(), more=rule.options.get("headers")
    )


_MADE_UP: Mapping[str, Callable[[Rule, str], _Answer]] = {
    "status": _status,
    "html": _page,
    "retry_after": lambda rule, _: _Answer.made(
        429, b'{"code": 429, "message": "Too many requests."}', more=_retry_after(rule.options)
    ),
    "redirect": lambda rule, trap: _Answer.made(
        int(rule.options.get("status", 307)),
        b"",
        more={"location": rule.options.get("location", f"{trap}/api/v3/elsewhere")},
    ),
    "bad_json": lambda _, __: _Answer.made(
        200, b'{"code": 200, "message": "success", "data": {"id": "6488c2'
    ),
    "data_null": lambda _, __: _Answer.made(200, b'{"code": 200, "message": "success", "data": null}'),
    "empty": lambda _, __: _Answer.made(200, b""),
    "oversized": lambda rule, _: _Answer.made(
        200, b'{"code": 200, "data": "' + b"x" * int(rule.options.get("size", 12_000_000)) + b'"}'
    ),
    "body": lambda rule, _: _Answer.made(
        int(rule.options.get("status", 200)), rule.options["body"], rule.options.get("type", "video/mp4")
    ),
}


def _made_up(rule: Rule, trap: str) -> _Answer | None:
    """Give the answer that a rule makes up; None where the service's own is used."""
    make = _MADE_UP.get(rule.kind)
    return None if make is None else make(rule, trap)
