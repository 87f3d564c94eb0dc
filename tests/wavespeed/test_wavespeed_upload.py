"""Uploads: the signed PUT without the key, and the older call where there is no other."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from wavespeed_server import (
    CANARY,
    PATIENT,
    Act,
    Pauses,
    RawServer,
    client_of,
    envelope,
    http,
    say,
    say_and_reset,
    serve,
)

from hailuo_nb import errors
from hailuo_nb.wavespeed.uploading import MOST_BYTES, Ticket, check_file, file_name

PICTURE = b"\x89PNG\r\n" + bytes(range(256)) * 2000
URL = "https://cdn.test/in/photo.png"


def ticket(address: str, **upload: Any) -> bytes:
    """Give the answer that says where to put the bytes."""
    put = {
        "method": "PUT",
        "url": address,
        "headers": {"Content-Type": "image/png", "X-Signed": "yes"},
    } | upload
    return http(200, envelope({"type": "image", "download_url": URL, "size": 1, "upload": put}))


def uploaded(storage: RawServer, *acts: Act, data: bytes = PICTURE) -> tuple[Any, RawServer, list[float]]:
    """Upload to a service of these acts, with another host for the bytes; `{put}` stands for its address."""
    pauses = Pauses()

    async def run() -> tuple[Any, RawServer]:
        async with storage, serve(*acts) as server:
            client = client_of(server.url, pauses=pauses)
            try:
                return await client.upload(data, "C:\\Users\\ann\\my photo.png", "image/png"), server
            except errors.HailuoError as error:
                return error, server
            finally:
                await client.aclose()

    outcome, server = asyncio.run(run())
    return outcome, server, pauses.slept


def to_storage(storage: RawServer, **upload: Any) -> Act:
    """Answer with a ticket for this storage host."""

    async def act(_seen: Any, line: Any) -> None:
        await line.send(ticket(f"{storage.url}/put?sig=hush", **upload))

    return act


def test_the_bytes_go_to_the_signed_address_with_its_headers_only() -> None:
    """No Authorization, nothing httpx would add by itself, and no folder of this machine in the name."""
    storage = serve(say(http(200)))
    outcome, server, _ = uploaded(storage, to_storage(storage))
    assert outcome == URL
    [wish], [put] = server.seen, storage.seen
    assert (wish.method, wish.path) == ("POST", "/api/v3/media/uploads")
    assert json.loads(wish.body) == {
        "filename": "my-photo.png",
        "size": len(PICTURE),
        "content_type": "image/png",
    }
    assert wish.headers["authorization"] == f"Bearer {CANARY}"
    assert (put.method, put.path, put.body) == ("PUT", "/put?sig=hush", PICTURE)
    assert set(put.headers) == {"host", "content-length", "content-type", "x-signed"}
    assert CANARY.encode() not in storage.heads[0]


@pytest.mark.parametrize("status", [200, 201, 204])
def test_any_2xx_is_success(status: int) -> None:
    """Storage hosts differ in what they say."""
    storage = serve(say(f"HTTP/1.1 {status} Fine\r\nContent-Length: 0\r\n\r\n".encode()))
    assert uploaded(storage, to_storage(storage))[0] == URL


def test_a_broken_put_is_sent_again() -> None:
    """The same bytes to the same address do no harm; a try whose answer is lost is repeated."""
    storage = serve(say_and_reset(b""), say(http(503)), say(http(200)))
    outcome, server, slept = uploaded(storage, to_storage(storage))
    assert outcome == URL
    assert [put.body == PICTURE for put in storage.seen] == [True] * 3
    assert len(server.seen) == 1
    assert slept == [0.5, 1.0]


@pytest.mark.parametrize(("status", "kind"), [(403, errors.RequestRefused), (307, errors.AnswerUnreadable)])
def test_a_refused_put_is_no_fault_of_the_key(status: int, kind: type[Exception]) -> None:
    """A 403 of the storage host is about its address; a redirect is not followed with the bytes."""
    storage = serve(say(http(status, b"<Error/>", "Location: http://127.0.0.1:9/")))
    outcome, _, _ = uploaded(storage, to_storage(storage))
    assert type(outcome) is kind
    assert "hush" not in str(outcome)


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize("in_envelope", [True, False])
def test_the_older_call_is_the_fallback(status: int, in_envelope: bool) -> None:
    """A form with one file, to the service itself."""
    gone = http(200, envelope(None, status)) if in_envelope else http(status, b"<html>")
    older = http(200, envelope({"type": "image", "download_url": URL, "filename": "x", "size": 1}))
    outcome, server, slept = uploaded(serve(say(b"")), say(gone), say(older))
    assert (outcome, slept) == (URL, [])
    form = server.seen[1]
    assert (form.method, form.path) == ("POST", "/api/v3/media/upload/binary")
    assert form.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="file"; filename="my-photo.png"' in form.body
    assert PICTURE in form.body
    assert form.headers["authorization"] == f"Bearer {CANARY}"


@pytest.mark.parametrize("status", [400, 401, 403])
def test_another_refusal_is_final(status: int) -> None:
    """Only a missing call has an older one."""
    outcome, server, _ = uploaded(serve(say(b"")), say(http(status, envelope(None, status))))
    assert isinstance(outcome, errors.ServiceError)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "upload",
    [
        {"url": "http://elsewhere.test/put"},
        {"url": "file:///etc/passwd"},
        {"url": None},
        {"method": "DELETE"},
        {"headers": {"X": "a\r\nAuthorization: y"}},
        {"headers": {"X\r\nY": "a"}},
        {"headers": {"X": 5}},
        {"headers": ["X"]},
    ],
)
def test_a_ticket_that_cannot_be_followed_sends_no_bytes(upload: dict[str, Any]) -> None:
    """The picture is private: https or this machine only, and no header smuggles another in."""
    storage = serve(say(http(200)))
    outcome, server, _ = uploaded(storage, to_storage(storage, **upload))
    assert type(outcome) is errors.AnswerUnreadable
    assert storage.connections == 0
    assert len(server.seen) == PATIENT.tries


def test_an_authorization_in_the_ticket_is_not_sent() -> None:
    """The documentation says none; a server that asks for one gets none."""
    storage = serve(say(http(200)))
    outcome, _, _ = uploaded(storage, to_storage(storage, headers={"Authorization": "Bearer x", "X": "y"}))
    assert outcome == URL
    assert "authorization" not in storage.seen[0].headers


def test_what_is_no_upload_is_refused_before_anything_is_sent() -> None:
    """Nothing, too much, or a content type that would be a header of its own."""
    for data, kind in ((b"", "image/png"), (b"x", "image/png\r\nX: y"), (b"x", "png")):
        with pytest.raises(errors.InvalidRequest):
            check_file(data, kind)
    with pytest.raises(errors.InvalidRequest, match=r"200\.0 MB"):
        check_file(bytes(MOST_BYTES + 1), "image/png")


def test_file_names_tell_nothing_of_this_machine() -> None:
    """The last part in plain letters, never empty, never hidden, never long."""
    assert file_name("/home/ann/x y.png") == "x-y.png"
    assert file_name("..") == "picture"
    assert file_name('a"\r\nX: y.png') == "a-X-y.png"
    assert file_name(".env") == "env"
    assert len(file_name("x" * 500)) == 80


def test_a_ticket_shows_no_signature() -> None:
    """The query of a signed address is a secret too."""
    assert "hush" not in repr(Ticket("https://x.test/p?sig=hush", {"X-Sig": "hush"}, URL))
