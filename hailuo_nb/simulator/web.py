"""The service's paths, headers and envelopes, and the files behind its addresses.

In comes HTTP, out go answers in the service's envelope; what a call means is decided in
:mod:`~hailuo_nb.simulator.service`. Output and upload addresses need no key, and refuse one as signed
addresses do: a client that sends its key there gives it away.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from hailuo_nb.simulator.answers import Refusal, envelope
from hailuo_nb.simulator.service import MAX_UPLOAD_BYTES, Service
from hailuo_nb.simulator.store import Store

__all__ = ["Rooms", "make_app"]

_MAX_BODY_BYTES = 64 * 1024 * 1024
_SHOWN_TYPES = ("image/jpeg", "image/png", "image/webp", "video/mp4")


@dataclass(frozen=True)
class Rooms:
    """The folders of one server."""

    clips: Path
    uploads: Path
    pictures: Path

    @classmethod
    def under(cls, data: Path) -> Rooms:
        """Make the folders inside the data folder."""
        rooms = cls(data / "clips", data / "uploads", data / "pictures")
        for folder in (rooms.clips, rooms.uploads, rooms.pictures):
            folder.mkdir(parents=True, exist_ok=True)
        return rooms


Call = Callable[[dict[str, Any]], Any]


def make_app(service: Service, store: Store, rooms: Rooms) -> Starlette:
    """Put every path of the service together."""
    desk = _Desk(service, store, rooms)
    api = "/api/v3"
    routes = [
        Route("/", desk.about, methods=["GET"]),
        Route(f"{api}/predictions/{{id}}/result", desk.result, methods=["GET"]),
        Route(f"{api}/balance", desk.balance, methods=["GET"]),
        Route(f"{api}/models", desk.models, methods=["GET"]),
        Route(f"{api}/predictions", desk.recent, methods=["POST"]),
        Route(f"{api}/predictions/delete", desk.told(service.delete), methods=["POST"]),
        Route(f"{api}/billings/search", desk.told(service.billings), methods=["POST"]),
        Route(f"{api}/user/usage_stats", desk.told(service.usage), methods=["POST"]),
        Route(f"{api}/model/price", desk.told(service.price), methods=["POST"]),
        Route(f"{api}/model/pricing", desk.told(service.pricing), methods=["POST"]),
        Route(f"{api}/media/uploads", desk.ticket, methods=["POST"]),
        Route(f"{api}/media/upload/binary", desk.upload_binary, methods=["POST"]),
        Route(f"{api}/{{model:path}}", desk.submit, methods=["POST"]),
        Route("/files/uploads/{id}", desk.put, methods=["PUT"]),
        Route("/files/uploads/{id}/{name}", desk.uploaded, methods=["GET"]),
        Route("/files/outputs/{id}/1.mp4", desk.clip, methods=["GET"]),
    ]
    handlers: dict[Any, Any] = {Refusal: _refused, HTTPException: _http_error}
    return Starlette(routes=routes, exception_handlers=handlers)


class _Desk:
    """One method per path: read the request, ask the service, wrap the answer."""

    def __init__(self, service: Service, store: Store, rooms: Rooms) -> None:
        self._service = service
        self._store = store
        self._rooms = rooms

    def told(self, call: Call) -> Callable[[Request], Awaitable[Response]]:
        """Answer a call that needs nothing but its body."""

        async def answer(request: Request) -> Response:
            _check_key(request)
            return JSONResponse(envelope(call(await _body(request))))

        return answer

    async def about(self, request: Request) -> Response:
        """Say who answers here, in the words of the line at the start: so a second kernel knows it again."""
        _check_no_key(request)
        facts = {"pid": os.getpid(), "speed": self._service.speed, "tier": self._service.tier_name}
        return JSONResponse({"base_url": _base_url(request), **facts})

    async def submit(self, request: Request) -> Response:
        """Take a prediction on."""
        _check_key(request)
        body = await _body(request)
        data = await self._service.submit(
            request.path_params["model"],
            body,
            base_url=_base_url(request),
            fate=request.scope.get("simulator.fate"),
        )
        return JSONResponse(envelope(data))

    async def result(self, request: Request) -> Response:
        """How a prediction stands."""
        _check_key(request)
        return JSONResponse(
            envelope(self._service.result(request.path_params["id"], base_url=_base_url(request)))
        )

    async def balance(self, request: Request) -> Response:
        """Dollars left."""
        _check_key(request)
        return JSONResponse(envelope(self._service.balance()))

    async def models(self, request: Request) -> Response:
        """Give the list of models."""
        _check_key(request)
        return JSONResponse(envelope(self._service.models(base_url=_base_url(request))))

    async def recent(self, request: Request) -> Response:
        """Give the last seven days."""
        _check_key(request)
        return JSONResponse(envelope(self._service.recent(await _body(request), base_url=_base_url(request))))

    async def ticket(self, request: Request) -> Response:
        """Where to put a file."""
        _check_key(request)
        return JSONResponse(
            envelope(self._service.upload_ticket(await _body(request), base_url=_base_url(request)))
        )

    async def put(self, request: Request) -> Response:
        """Take the bytes of a ticket, as a signed address of a storage does: no key, no envelope."""
        _check_no_key(request)
        upload = self._store.upload(request.path_params["id"])
        if upload is None or request.query_params.get("signature") != upload.token:
            return Response("SignatureDoesNotMatch", status_code=403)
        if request.headers.get("content-type", "") != upload.content_type:
            return Response("Content-Type differs from the signed one", status_code=403)
        size, sha256 = await self._store_file(upload.id, request.stream())
        if size != upload.size:
            (self._rooms.uploads / upload.id).unlink()
            return Response(f"{size} bytes came and {upload.size} were announced", status_code=400)
        self._store.upload_arrived(upload.id, sha256, size)
        return Response(status_code=200)

    async def upload_binary(self, request: Request) -> Response:
        """Take a file on the older way."""
        _check_key(request)
        name, content_type, data = _file_of_form(
            request.headers.get("content-type", ""), await _raw(request, MAX_UPLOAD_BYTES)
        )
        upload_id, answer = self._service.uploaded_at_once(
            name, content_type, len(data), base_url=_base_url(request)
        )

        async def once() -> AsyncIterator[bytes]:
            yield data

        size, sha256 = await self._store_file(upload_id, once())
        self._store.upload_arrived(upload_id, sha256, size)
        return JSONResponse(envelope(answer))

    async def _store_file(self, upload_id: str, chunks: AsyncIterator[bytes]) -> tuple[int, str]:
        """Write a file whole or not at all; gives its size and SHA-256."""
        path = self._rooms.uploads / upload_id
        part = path.with_name(f"{upload_id}.{uuid.uuid4().hex}.part")
        size, digest = 0, hashlib.sha256()
        try:
            with part.open("wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > MAX_UPLOAD_BYTES:
                        raise Refusal(413, "200 MB at most")
                    digest.update(chunk)
                    file.write(chunk)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return size, digest.hexdigest()

    async def uploaded(self, request: Request) -> Response:
        """Hand an uploaded file out."""
        _check_no_key(request)
        upload = self._store.upload(request.path_params["id"])
        if upload is None or upload.sha256 is None:
            return Response("NoSuchKey", status_code=404)
        shown = upload.content_type if upload.content_type in _SHOWN_TYPES else "application/octet-stream"
        return _file(self._rooms.uploads / upload.id, shown)

    async def clip(self, request: Request) -> Response:
        """Hand a finished clip out, in ranges too."""
        _check_no_key(request)
        name = self._service.clip_of(request.path_params["id"])
        return (
            _file(self._rooms.clips / name, "video/mp4") if name else Response("NoSuchKey", status_code=404)
        )


def _file(path: Path, content_type: str) -> Response:
    """Give a file, or 404 once it is gone."""
    try:
        facts = path.stat()
    except OSError:
        return Response("NoSuchKey", status_code=404)
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=604800"}
    return FileResponse(path, media_type=content_type, stat_result=facts, headers=headers)


def _check_key(request: Request) -> None:
    """Any key will do, but there must be one."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Refusal(401, "Unauthorized: the API key is missing or invalid.")


def _check_no_key(request: Request) -> None:
    """Refuse a key at an address that carries its own right."""
    if "authorization" in request.headers:
        raise Refusal(400, "This address needs no Authorization: do not send your key here.")


def _base_url(request: Request) -> str:
    """Give the address the client knows us by."""
    return f"{request.url.scheme}://{request.url.netloc}"


async def _raw(request: Request, limit: int) -> bytes:
    """Give a whole body, within reason."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise Refusal(413, "the request is too large")
    return bytes(body)


async def _body(request: Request) -> dict[str, Any]:
    """Give a JSON object."""
    try:
        body = json.loads(await _raw(request, _MAX_BODY_BYTES) or b"{}")
    except (ValueError, RecursionError):
        raise Refusal(400, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise Refusal(400, "the body must be a JSON object")
    return body


def _file_of_form(content_type: str, body: bytes) -> tuple[str, str, bytes]:
    """Find the field ``file`` of a multipart form: name, type and bytes."""
    _, _, boundary = content_type.partition("boundary=")
    boundary = boundary.partition(";")[0].strip('" ')
    if not content_type.startswith("multipart/form-data") or not boundary:
        raise Refusal(400, "a multipart form is needed")
    for part in body.split(b"\r\n--" + boundary.encode()):
        head, blank, data = part.removeprefix(b"--" + boundary.encode()).partition(b"\r\n\r\n")
        fields = head.decode("utf-8", "replace")
        if blank and 'name="file"' in fields:
            name = fields.partition('filename="')[2].partition('"')[0] or "file"
            kind = next(
                (
                    line[13:].strip()
                    for line in fields.splitlines()
                    if line.lower().startswith("content-type:")
                ),
                "",
            )
            return name, kind or "application/octet-stream", data
    raise Refusal(400, "the form has no field file")


async def _refused(_: Request, error: Exception) -> Response:
    """Answer a refusal in the envelope, without data as the service sends it."""
    assert isinstance(error, Refusal)
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else None
    return JSONResponse(
        {"code": error.status, "message": error.message}, status_code=error.status, headers=headers
    )


async def _http_error(_: Request, error: Exception) -> Response:
    """Unknown paths and methods, in the envelope."""
    assert isinstance(error, HTTPException)
    # Every POST path under the API is a model's, so a GET there is an unknown path and not a wrong method.
    status = 404 if error.status_code == 405 else error.status_code
    return JSONResponse({"code": status, "message": error.detail}, status_code=status)
