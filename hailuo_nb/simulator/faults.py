"""Answers and connections spoiled on purpose, for tests of what a client does then.

In comes every request before :mod:`~hailuo_nb.simulator.web` sees it, out goes its answer, or what a rule
makes of it.

``--faults FILE`` names a JSON list of rules; the first that matches is applied. The file is read again when
it changes. A rule says **which call** it is about, all given keys having to match:

==========  ============================================================================================================
key         meaning
==========  ============================================================================================================
``call``    ``submit``, ``result``, ``upload`` (the ticket), ``put``, ``upload_binary``, ``price``, ``pricing``,
            ``balance``, ``models``, ``recent``, ``delete``, ``billings``, ``usage``, ``download`` (a clip),
            ``uploaded`` (an uploaded file), a list of these, or ``*`` (the default)
``prompt``  text inside the body's prompt
``path``    text inside the path, such as a model id or a prediction id
``nth``     which of the requests that match so far: a number from 1, or a list of them; without it, every one
``times``   the first so many of them
``chance``  a share of them, from 0 to 1, drawn by ``seed`` (default 0) and the request's number: the same in every run
==========  ============================================================================================================

The numbers go on over a restart on the same data. And **what happens** (``kind``), ``when`` telling whether
the call's work is done first (``"after"``) or not at all (``"before"``):

=================  =========  ==========================================================================================
kind               when       what the client meets
=================  =========  ==========================================================================================
``reset``          before     the connection is reset; with ``after`` on a submit: the answer is lost, the task exists
``refuse``         before     a reset, and for ``seconds`` (1) nobody listens; with ``after`` it is answered first
``stall``          before     nothing for ``seconds`` (3600), then the usual answer
``status``         before     ``status`` with ``body`` (text or JSON) and ``headers``
``rate_limit``     before     429 with ``retry_after`` (any text; null for none)
``redirect``       before     ``status`` (307) to ``location``
``html``           before     200 (or ``status``) with a page of HTML
``bad_json``       before     200 with JSON that breaks off
``data_null``      before     200 with ``{"code": 200, "message": "success", "data": null}``
``oversized``      before     ``bytes`` (50 MB) of JSON or, for a download, of noise
``data``           after      the answer, with the keys of ``data`` changed in its data
``unknown_status`` after      the answer, with ``status`` ("paused") as its status
``truncate``       after      the right Content-Length, ``bytes`` of the body (default: half), and the end
``wrong_length``   after      a Content-Length that is off by ``by`` (100), and the end
``slow``           after      the answer at ``bytes_per_s`` (1000)
``fail``           after      (submit only) a usual answer, but the task will fail with ``code`` (1405) and ``error``
=================  =========  ==========================================================================================
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import random
import re
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hailuo_nb.simulator.answers import TASK_ERRORS
from hailuo_nb.simulator.store import Store

__all__ = ["FaultDoor", "Faults", "call_of"]

_CALLS = (
    ("GET", r"/api/v3/predictions/[^/]+/result", "result"),
    ("GET", r"/api/v3/balance", "balance"),
    ("GET", r"/api/v3/models", "models"),
    ("POST", r"/api/v3/predictions", "recent"),
    ("POST", r"/api/v3/predictions/delete", "delete"),
    ("POST", r"/api/v3/billings/search", "billings"),
    ("POST", r"/api/v3/user/usage_stats", "usage"),
    ("POST", r"/api/v3/model/price", "price"),
    ("POST", r"/api/v3/model/pricing", "pricing"),
    ("POST", r"/api/v3/media/uploads", "upload"),
    ("POST", r"/api/v3/media/upload/binary", "upload_binary"),
    ("POST", r"/api/v3/.+", "submit"),
    ("PUT", r"/files/uploads/.+", "put"),
    ("GET", r"/files/uploads/.+", "uploaded"),
    ("GET", r"/files/outputs/.+", "download"),
)
_LENGTH = b"content-length"
_NOW_RESET = struct.pack("ii", 1, 0)


def call_of(method: str, path: str) -> str:
    """Give the name that rules use for a request; empty where it is none of the service's."""
    return next((name for verb, form, name in _CALLS if verb == method and re.fullmatch(form, path)), "")


class Faults:
    """The rules of one file.

    Parameters
    ----------
    path : Path or None
        The file, or None for a server without faults.
    store : Store
        Where matches are counted.
    """

    def __init__(self, path: Path | None, store: Store) -> None:
        self._path = path
        self._store = store
        self._read_at: tuple[int, int] | None = None
        self._rules: list[dict[str, Any]] = []

    def rule(self, call: str, path: str, prompt: Callable[[], str]) -> Mapping[str, Any] | None:
        """Give the first rule that is about this request."""
        for rule in self._current():
            calls = rule.get("call", "*")
            if calls != "*" and call not in ([calls] if isinstance(calls, str) else calls):
                continue
            if (
                rule.get("path", "") in path
                and rule.get("prompt", "") in prompt()
                and self._is_its_turn(rule)
            ):
                return rule
        return None

    def _current(self) -> list[dict[str, Any]]:
        """Give the rules as the file has them now."""
        if self._path is None:
            return []
        try:
            facts = self._path.stat()
        except FileNotFoundError:
            return []
        if self._read_at != (facts.st_mtime_ns, facts.st_size):
            self._rules = json.loads(self._path.read_text("utf-8"))
            self._read_at = (facts.st_mtime_ns, facts.st_size)
        return self._rules

    def _is_its_turn(self, rule: Mapping[str, Any]) -> bool:
        """Count this match and say whether the rule wants it."""
        name = hashlib.sha256(json.dumps(rule, sort_keys=True).encode()).hexdigest()
        hit = self._store.count_hit(name)
        if "nth" in rule:
            return hit in (rule["nth"] if isinstance(rule["nth"], list) else [rule["nth"]])
        if "times" in rule:
            return hit <= int(rule["times"])
        if "chance" in rule:
            dice = random.Random(f"{rule.get('seed', 0)} {name} {hit}")  # noqa: S311 - chosen to be repeatable
            return dice.random() < float(rule["chance"])
        return True


@dataclass(frozen=True)
class _Answer:
    """A whole answer, held back."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @classmethod
    def of_json(cls, status: int, content: Any, headers: Mapping[str, str] | None = None) -> _Answer:
        """Give an answer made up here: JSON, or text that is sent as it is."""
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        kind = "text/html; charset=utf-8" if body.lstrip().startswith(b"<") else "application/json"
        told = {"content-type": kind, "content-length": str(len(body)), **(headers or {})}
        return cls(status, tuple((name.encode(), value.encode()) for name, value in told.items()), body)

    def with_body(self, body: bytes, length: int) -> _Answer:
        """Give the same with another body, and a length that need not be its own."""
        kept = tuple((name, value) for name, value in self.headers if name.lower() != _LENGTH)
        return replace(self, headers=(*kept, (_LENGTH, str(length).encode())), body=body)

    def on_the_wire(self) -> bytes:
        """Give the answer as bytes, for what a correct server refuses to send."""
        head = b"".join(name + b": " + value + b"\r\n" for name, value in self.headers)
        return b"HTTP/1.1 %d Answer\r\n%bconnection: close\r\n\r\n%b" % (self.status, head, self.body)


class FaultDoor:
    """The application with the rules around it; needs the server for what happens below HTTP."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults
        self._reopening: set[asyncio.Task[None]] = set()
        self.server: uvicorn.Server | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or spoil its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = call_of(scope["method"], scope["path"])
        body = b""
        if call == "submit":
            body = await _read(receive)
            receive = _replay(body, receive)
        rule = self._faults.rule(call, scope["path"], lambda: _prompt(body))
        if rule is None:
            await self._app(scope, receive, send)
            return
        await self._spoil(rule, call, scope, receive, send)

    async def _spoil(
        self, rule: Mapping[str, Any], call: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Do what a rule says."""
        kind = rule["kind"]
        if kind == "fail":
            code = rule.get("code", 1405)
            error = rule.get("error", TASK_ERRORS.get(code, "The task failed."))
            scope["simulator.fate"] = {"status": rule.get("status", "failed"), "code": code, "error": error}
            await self._app(scope, receive, send)
            return
        if kind == "stall" and rule.get("when", "before") == "before":
            await asyncio.sleep(rule.get("seconds", 3600))
            await self._app(scope, receive, send)
            return
        answer = None
        if rule.get("when", "after" if kind in _AFTER else "before") == "after":
            answer = await _held_back(self._app, scope, receive)
        if kind in ("reset", "refuse"):
            await self._hang_up(rule, answer, scope, receive, send)
        elif kind in ("truncate", "wrong_length"):
            await self._miscount(rule, answer or _Answer.of_json(200, {}), scope, receive)
        elif kind == "slow":
            await _send(send, answer or _Answer.of_json(200, {}), bytes_per_s=rule.get("bytes_per_s", 1000))
        elif kind == "stall":
            await asyncio.sleep(rule.get("seconds", 3600))
            await _send(send, answer or _Answer.of_json(200, {}))
        elif kind in ("data", "unknown_status"):
            await _send(send, _changed(rule, answer or _Answer.of_json(200, {})))
        else:
            await _send(send, _made_up(rule, call))

    async def _miscount(
        self, rule: Mapping[str, Any], answer: _Answer, scope: Scope, receive: Receive
    ) -> None:
        """Send an answer whose length does not fit, and close."""
        length = len(answer.body)
        if rule["kind"] == "truncate":
            spoiled = answer.with_body(answer.body[: rule.get("bytes", length // 2)], length)
        else:
            spoiled = answer.with_body(answer.body, max(0, length + rule.get("by", 100)))
        connection = self._connection(scope)
        connection.transport.write(spoiled.on_the_wire())
        connection.transport.close()
        await _until_closed(receive)

    async def _hang_up(
        self, rule: Mapping[str, Any], answer: _Answer | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Reset the connection, or close the door for a while."""
        connection = self._connection(scope)
        if rule["kind"] == "refuse":
            if answer is not None:
                await _send(send, answer)
            await self._close_door(rule.get("seconds", 1.0))
        _reset(connection.transport)
        if answer is None or rule["kind"] == "reset":
            await _until_closed(receive)

    def _connection(self, scope: Scope) -> Any:
        """Give the protocol object of a request's connection."""
        assert self.server is not None
        client = tuple(scope["client"])
        connections: set[Any] = set(self.server.server_state.connections)
        return next(one for one in connections if tuple(one.client or ()) == client)

    async def _close_door(self, seconds: float) -> None:
        """Stop listening, drop every open connection, and listen again later at the same place."""
        server = self.server
        assert server is not None
        addresses = [listening.getsockname() for door in server.servers for listening in door.sockets]
        for door in server.servers:
            door.close()
        await asyncio.sleep(0)
        for connection in list(server.server_state.connections):
            _reset(connection.transport)
        task = asyncio.create_task(self._reopen(server, addresses, seconds))
        self._reopening.add(task)
        task.add_done_callback(self._reopening.discard)

    async def _reopen(self, server: uvicorn.Server, addresses: list[Any], seconds: float) -> None:
        """Listen again."""
        await asyncio.sleep(seconds)
        loop = asyncio.get_running_loop()
        config = server.config

        make: Any = config.http_protocol_class

        def protocol() -> asyncio.Protocol:
            made: asyncio.Protocol = make(
                config=config, server_state=server.server_state, app_state={}, _loop=loop
            )
            return made

        server.servers = [
            await loop.create_server(protocol, *address[:2], reuse_address=True, backlog=1024)
            for address in addresses
        ]


_AFTER = ("truncate", "wrong_length", "slow", "data", "unknown_status")
_PAGE = "<!DOCTYPE html><html><head><title>502</title></head><body><h1>Bad Gateway</h1></body></html>"


def _made_up(rule: Mapping[str, Any], call: str) -> _Answer:
    """Give an answer that has nothing to do with the request."""
    kind = rule["kind"]
    status, headers, body = rule.get("status", 200), dict(rule.get("headers", {})), None
    if kind == "status":
        body = rule.get("body", {"code": status, "message": "internal error", "data": None})
    elif kind == "rate_limit":
        status, body = 429, {"code": 429, "message": "Too many requests."}
        if (wait := rule.get("retry_after", "1")) is not None:
            headers["retry-after"] = str(wait)
    elif kind == "redirect":
        status, body, headers["location"] = rule.get("status", 307), "", rule["location"]
    elif kind == "html":
        body = _PAGE
    elif kind == "bad_json":
        body = '{"code": 200, "message": "success", "data": {"id": "'
    elif kind == "data_null":
        body = {"code": 200, "message": "success", "data": None}
    elif kind == "oversized":
        size = int(rule.get("bytes", 50_000_000))
        body = "\0" * size if call == "download" else '{"code": 200, "data": {"id": "' + "x" * size + '"}}'
    else:
        raise ValueError(f"no fault is called {kind!r}; see hailuo_nb.simulator.faults")
    return _Answer.of_json(status, body, headers)


def _changed(rule: Mapping[str, Any], answer: _Answer) -> _Answer:
    """Give an answer with other values in its data."""
    content = json.loads(answer.body or b"{}")
    changes = rule.get("data", {}) if rule["kind"] == "data" else {"status": rule.get("status", "paused")}
    content["data"] = {**(content.get("data") or {}), **changes}
    body = json.dumps(content).encode()
    return answer.with_body(body, len(body))


async def _read(receive: Receive) -> bytes:
    """Give a whole request body."""
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read once more."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _prompt(body: bytes) -> str:
    """Give the prompt of a submit, or nothing."""
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return ""
    return str(found.get("prompt") or "") if isinstance(found, dict) else ""


async def _held_back(app: ASGIApp, scope: Scope, receive: Receive) -> _Answer:
    """Let the application do its work and keep the answer."""
    started: Message = {}
    body = bytearray()

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            started.update(message)
        else:
            body.extend(message.get("body", b""))

    await app(scope, receive, keep)
    return _Answer(started["status"], tuple(started["headers"]), bytes(body))


async def _send(send: Send, answer: _Answer, *, bytes_per_s: float | None = None) -> None:
    """Send an answer, all at once or in small pieces."""
    await send({"type": "http.response.start", "status": answer.status, "headers": list(answer.headers)})
    if bytes_per_s is None:
        await send({"type": "http.response.body", "body": answer.body})
        return
    step = max(1, int(bytes_per_s * 0.05))
    for start in range(0, len(answer.body), step):
        await send(
            {"type": "http.response.body", "body": answer.body[start : start + step], "more_body": True}
        )
        await asyncio.sleep(0.05)
    await send({"type": "http.response.body", "body": b""})


def _reset(transport: asyncio.Transport) -> None:
    """Close a connection so that the other side sees a reset."""
    raw = transport.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NOW_RESET)
    transport.abort()


async def _until_closed(receive: Receive) -> None:
    """Wait for the end of the connection, so that the server does not answer after us."""
    while (await receive())["type"] != "http.disconnect":
        pass
