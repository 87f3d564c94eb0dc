"""Downloads: whole or kept for later, resumed or begun again, and never with the key."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from wavespeed_server import (
    CANARY,
    NOW,
    Act,
    Line,
    Pauses,
    RawServer,
    Seen,
    client_of,
    envelope,
    http,
    say,
    say_and_close,
    say_and_reset,
    serve,
)

from hailuo_nb.errors import DownloadFailed
from hailuo_nb.wavespeed.download import FileRefused, download
from hailuo_nb.wavespeed.partfile import PartFile, part_path

VIDEO = bytes(range(256)) * 400
ETAG = 'ETag: "v1"'


def fetched(path: Path, *acts: Act, **options: Any) -> tuple[Any, RawServer, list[float]]:
    """Download from a host of these acts; give the outcome, the host and the pauses."""
    pauses = Pauses()

    async def run() -> tuple[Any, RawServer]:
        async with serve(*acts) as server:
            try:
                size = await download(
                    f"{server.url}/clip.mp4?sig=hush",
                    path,
                    sleep=pauses.sleep,
                    now=pauses.now,
                    utc_now=lambda: NOW,
                    **options,
                )
            except DownloadFailed as error:
                return error, server
            return size, server

    outcome, server = asyncio.run(run())
    return outcome, server, pauses.slept


def video(*headers: str, etag: str = ETAG, cut: int | None = None) -> bytes:
    """Answer with the whole video, or with the beginning of it under its full length."""
    return http(200, VIDEO[:cut], "Content-Type: video/mp4", etag, *headers, length=len(VIDEO))


def ranged(etag: str = '"v1"', data: bytes = VIDEO) -> Act:
    """Answer as a host does that takes ranges."""

    async def act(seen: Seen, line: Line) -> None:
        asked = seen.headers.get("range")
        if asked is None or seen.headers.get("if-range") != etag:
            await line.send(http(200, data, f"ETag: {etag}"))
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        place = f"Content-Range: bytes {start}-{len(data) - 1}/{len(data)}"
        await line.send(http(206, data[start:], place, f"ETag: {etag}"))

    return act


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Say what the clip will be called."""
    return tmp_path / "clip.mp4"


def leftovers(path: Path) -> list[str]:
    """List what lies in the clip's folder."""
    return sorted(one.name for one in path.parent.iterdir())


def test_a_whole_file_is_left_as_part(path: Path) -> None:
    """Its bytes, its size, progress told on the way, and nothing else in the folder."""
    told: list[tuple[int, int | None]] = []
    size, server, slept = fetched(path, say(video()), on_bytes=lambda *now: told.append(now))
    assert (size, slept) == (len(VIDEO), [])
    assert part_path(path).read_bytes() == VIDEO
    assert leftovers(path) == ["clip.mp4.part"]
    assert told[-1] == (len(VIDEO), len(VIDEO))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert server.seen[0].headers["accept-encoding"] == "identity"


def test_the_clients_download_sends_no_key(path: Path) -> None:
    """Not even where the file lies on the service's own host."""

    async def run() -> None:
        async with serve(say(video())) as server:
            client = client_of(server.url)
            assert await client.download(f"{server.url}/clip.mp4", path) == len(VIDEO)
            await client.aclose()
        assert CANARY.encode() not in server.heads[0]
        assert "authorization" not in server.seen[0].headers

    asyncio.run(run())


def test_a_user_in_the_address_is_not_sent_either(path: Path) -> None:
    """An address with a password makes no Authorization."""

    async def run() -> None:
        async with serve(say(video())) as server:
            await download(server.url.replace("//", "//user:pass@") + "/x", path)
        assert "authorization" not in server.seen[0].headers

    asyncio.run(run())


@pytest.mark.parametrize("broken", [say_and_close, say_and_reset])
def test_a_broken_download_goes_on_where_it_broke(path: Path, broken: Callable[[bytes], Act]) -> None:
    """The rest is asked for by range, on condition that the file is the same."""
    size, server, slept = fetched(path, broken(video(cut=50_000)), ranged())
    assert size == len(VIDEO)
    assert part_path(path).read_bytes() == VIDEO
    assert leftovers(path) == ["clip.mp4.part"]
    second = server.seen[1].headers
    if broken is say_and_close:
        assert second["range"] == "bytes=50000-"
        assert second["if-range"] == '"v1"'
    assert slept == [0.5]


def test_the_next_call_goes_on_too(path: Path) -> None:
    """A beginning outlives its call and its process; the signature in the address may have changed."""

    async def run() -> None:
        async with serve(say_and_close(video(cut=50_000)), ranged()) as server:
            with pytest.raises(DownloadFailed, match="kept"):
                await download(f"{server.url}/a?sig=hush", path, tries=1)
            assert leftovers(path) == ["clip.mp4.part", "clip.mp4.part.json"]
            assert "hush" not in path.with_name("clip.mp4.part.json").read_text()
            assert await download(f"{server.url}/a?sig=other", path) == len(VIDEO)
            assert server.seen[1].headers["range"] == "bytes=50000-"

    asyncio.run(run())
    assert part_path(path).read_bytes() == VIDEO
    assert leftovers(path) == ["clip.mp4.part"]


def test_a_beginning_of_another_file_is_dropped(path: Path) -> None:
    """Two hosts may both call their file v1."""

    async def run() -> None:
        async with serve(say_and_close(video(cut=50_000)), ranged()) as server:
            with pytest.raises(DownloadFailed):
                await download(f"{server.url}/a", path, tries=1)
            assert await download(f"{server.url}/b", path) == len(VIDEO)
            assert "range" not in server.seen[1].headers

    asyncio.run(run())


def _source(url: str) -> str:
    """Hash an address as the note does."""
    return hashlib.sha256(url.encode()).hexdigest()


def test_a_file_that_is_whole_already_is_not_asked_for(path: Path) -> None:
    """A kernel that died between the last byte and the end needs no network."""
    note = {"source": _source("http://127.0.0.1:9/x"), "validator": '"v1"', "total": len(VIDEO)}
    part_path(path).write_bytes(VIDEO)
    path.with_name("clip.mp4.part.json").write_text(json.dumps(note))
    assert asyncio.run(download("http://127.0.0.1:9/x?y", path)) == len(VIDEO)
    assert leftovers(path) == ["clip.mp4.part"]


def place(text: str, body: bytes = VIDEO[50_000:], *headers: str) -> Act:
    """Answer with a part of a file and this Content-Range."""
    return say(http(206, body, f"Content-Range: {text}", *headers))


BEGUN_AGAIN: dict[str, list[Act]] = {
    "a host without ranges": [say(video())],
    "another version": [ranged('"v2"')],
    "416": [say(http(416, b"", "Content-Range: bytes */50000")), say(video())],
    "another start": [place(f"bytes 0-{len(VIDEO) - 1}/{len(VIDEO)}", VIDEO), say(video())],
    "another size": [place(f"bytes 50000-{len(VIDEO)}/{len(VIDEO) + 1}"), say(video())],
    "another version in the part": [
        place(f"bytes 50000-{len(VIDEO) - 1}/{len(VIDEO)}", VIDEO[50_000:], 'ETag: "v2"'),
        say(video()),
    ],
    "only some of the rest": [place(f"bytes 50000-60000/{len(VIDEO)}", VIDEO[50_000:60_001]), say(video())],
    "no place": [place(""), say(video())],
    "many places": [place("multipart/byteranges"), say(video())],
}


@pytest.mark.parametrize("acts", BEGUN_AGAIN.values(), ids=BEGUN_AGAIN.keys())
def test_it_begins_again_where_it_cannot_go_on(path: Path, acts: list[Act]) -> None:
    """A rest that may be another file's is never glued to a beginning."""
    size, server, _ = fetched(path, say_and_close(video(cut=50_000)), *acts)
    assert size == len(VIDEO)
    assert part_path(path).read_bytes() == VIDEO
    assert leftovers(path) == ["clip.mp4.part"]
    assert len(server.seen) == 1 + len(acts)


@pytest.mark.parametrize(
    "headers", [(), ('ETag: W/"v1"',), ('ETag: "v1"', "Accept-Ranges: none"), ("ETag: v1\x01",)], ids=repr
)
def test_without_a_strong_mark_it_begins_again(path: Path, headers: tuple[str, ...]) -> None:
    """A weak or missing ETag does not say that two answers are the same to the byte."""
    first = http(200, VIDEO[:50_000], *headers[:1], *headers[1:], length=len(VIDEO))
    size, server, _ = fetched(path, say_and_close(first), say(video()))
    assert size == len(VIDEO)
    assert "range" not in server.seen[1].headers


def test_the_date_of_the_last_change_is_a_mark_too(path: Path) -> None:
    """Where there is no ETag."""
    date = "Tue, 29 Sep 2026 20:00:00 GMT"
    first = http(200, VIDEO[:50_000], f"Last-Modified: {date}", length=len(VIDEO))
    rest = place(f"bytes 50000-{len(VIDEO) - 1}/{len(VIDEO)}")
    size, server, _ = fetched(path, say_and_close(first), rest)
    assert size == len(VIDEO)
    assert server.seen[1].headers["if-range"] == date
    assert part_path(path).read_bytes() == VIDEO


@pytest.mark.parametrize(
    "note",
    [
        "",
        "[]",
        "{",
        '{"source": 1}',
        "null",
        "9" * 9000,
        '{"source":"S","validator":"\\"v\\"\\r\\nX: y","total":9}',
    ],
)
def test_a_strange_note_is_not_relied_on(path: Path, note: str) -> None:
    """A note from elsewhere makes no header and no glued file."""
    part_path(path).write_bytes(b"strange")
    path.with_name("clip.mp4.part.json").write_text(note)
    size, server, _ = fetched(path, say(video()))
    assert size == len(VIDEO)
    assert "range" not in server.seen[0].headers
    assert part_path(path).read_bytes() == VIDEO


def test_a_link_in_the_place_of_the_part_is_not_followed(path: Path, tmp_path: Path) -> None:
    """A stranger's folder cannot make a download write elsewhere."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    part_path(path).symlink_to(victim)
    path.with_name("clip.mp4.part.json").symlink_to(victim)
    assert fetched(path, say(video()))[0] == len(VIDEO)
    assert victim.read_text() == "mine"
    assert not part_path(path).is_symlink()


def test_redirects_are_followed_to_web_addresses(path: Path) -> None:
    """Storage hosts redirect; relative ones count from where they came."""
    hops = [say(http(status, b"go", "Location: /next?sig=hush")) for status in (301, 302, 303, 307, 308)]
    size, server, _ = fetched(path, *hops, say(video()))
    assert size == len(VIDEO)
    assert [seen.path for seen in server.seen][1:] == ["/next?sig=hush"] * 5


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://127.0.0.1/x", "javascript:alert(1)", "data:video/mp4,x", "http://", ""],
)
def test_other_redirects_are_refused(path: Path, location: str) -> None:
    """Neither a file of this machine nor another scheme is read, and no loop is run for ever."""
    outcome, server, _ = fetched(path, say(http(302, b"", f"Location: {location}")))
    assert isinstance(outcome, DownloadFailed)
    assert len(server.seen) <= 6
    assert leftovers(path) == []


@pytest.mark.parametrize(
    "url", ["", "file:///etc/passwd", "ftp://x/y", "//x", "/x", "http://x/\r\nY: z", "x" * 9000]
)
def test_an_address_that_is_none_is_not_asked(path: Path, url: str) -> None:
    """What the service or a file says may be anything."""
    with pytest.raises(DownloadFailed):
        asyncio.run(download(url, path))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_refusal_is_told_with_its_status(path: Path, status: int) -> None:
    """It is not tried again here: the address is of no use any more."""
    outcome, server, slept = fetched(path, say(http(status, b"<Error/>")))
    assert type(outcome) is FileRefused
    assert outcome.status_code == status
    assert f"HTTP {status}" in str(outcome)
    assert "hush" not in str(outcome)
    assert (len(server.seen), slept, leftovers(path)) == (1, [], [])


def test_trouble_of_the_host_is_waited_out(path: Path) -> None:
    """5xx and 429 are tried again, after what they ask for if that is more."""
    size, _, slept = fetched(
        path,
        say(http(503)),
        say(http(429, b"", "Retry-After: 9")),
        say(http(500, b"", "Retry-After: Tue, 29 Sep 2026 23:10:05 GMT")),
        say(video()),
    )
    assert size == len(VIDEO)
    assert slept == [0.5, 9.0, 5.0]
    outcome, server, slept = fetched(path, say(http(503, b"", "Retry-After: 900")))
    assert (outcome.retry_after, len(server.seen), slept) == (900.0, 1, [])


def test_a_refusal_keeps_the_beginning(path: Path) -> None:
    """A signature that ran out half-way costs a new address, not the half."""
    outcome, _, _ = fetched(path, say_and_close(video(cut=50_000)), say(http(403)))
    assert type(outcome) is FileRefused
    assert part_path(path).stat().st_size == 50_000
    assert "clip.mp4.part.json" in leftovers(path)


@pytest.mark.parametrize(
    "answer",
    [
        http(200, b"<html>sorry</html>", "Content-Type: text/html; charset=utf-8"),
        http(200, envelope(None, 404), "Content-Type: application/json"),
        http(200, b"\n<!DOCTYPE html><html>"),
        http(200, b"<?xml version='1.0'?><Error/>", "Content-Type: video/mp4"),
        http(200, b""),
        http(200, VIDEO, "Content-Encoding: gzip"),
    ],
    ids=["html", "json", "html unnamed", "xml as video", "empty", "packed"],
)
def test_a_page_is_no_clip(path: Path, answer: bytes) -> None:
    """Nothing of it stays, and it is not asked for again at once."""
    outcome, server, _ = fetched(path, say(answer))
    assert type(outcome) is DownloadFailed
    assert len(server.seen) == 1
    assert leftovers(path) == []


def test_a_file_that_stays_too_short_fails(path: Path) -> None:
    """The length is checked; each try is bounded, and what came is kept."""
    outcome, server, slept = fetched(path, say_and_close(video(cut=50_000)), tries=3)
    assert type(outcome) is DownloadFailed
    assert (len(server.seen), slept) == (3, [0.5, 1.0])
    assert part_path(path).stat().st_size == 50_000


def test_the_length_is_checked_whatever_the_transport_does(path: Path) -> None:
    """The network code of httpx notices a missing end; another transport or version may not."""

    class Short(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            yield VIDEO[:1000]

    async def run() -> None:
        answer = {"ETag": '"v1"', "Content-Length": str(len(VIDEO))}
        handler = httpx.MockTransport(lambda _request: httpx.Response(200, headers=answer, stream=Short()))
        async with httpx.AsyncClient(transport=handler) as client:
            with pytest.raises(DownloadFailed, match="sent 1000 of 102400 bytes"):
                await download("https://x.test/a", path, client=client, tries=1)

    asyncio.run(run())
    assert part_path(path).stat().st_size == 1000


def test_a_file_without_a_length_is_taken_to_its_end(path: Path) -> None:
    """A chunked answer has an end of its own; one that is cut off before is not whole."""
    chunks = b"".join(b"%x\r\n%s\r\n" % (1000, VIDEO[at : at + 1000]) for at in range(0, 5000, 1000))
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert fetched(path, say_and_close(head + chunks + b"0\r\n\r\n"))[0] == 5000
    assert part_path(path).read_bytes() == VIDEO[:5000]
    assert isinstance(fetched(path, say_and_close(head + chunks), tries=2)[0], DownloadFailed)


@pytest.mark.parametrize("is_announced", [True, False])
def test_a_runaway_is_stopped(path: Path, is_announced: bool) -> None:
    """By its length before the first byte, or by its bytes; nothing of it stays."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 0x400 + b"\r\n"
    act = say(video()) if is_announced else say_and_close(chunked + chunked[47:] * 60)
    outcome, server, _ = fetched(path, act, max_bytes=1000)
    assert type(outcome) is DownloadFailed
    assert "larger" in str(outcome)
    assert (len(server.seen), leftovers(path)) == (1, [])


def test_a_trickle_is_broken_off(path: Path) -> None:
    """A line that sends almost nothing for a minute is tried anew; the clock here is the test's."""
    pauses = Pauses()

    class Trickle(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            while True:
                pauses.clock += 1
                yield b"x" * 10

    def handler(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"ETag": '"v1"', "Content-Length": "100000"}, stream=Trickle())

    async def run() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
            with pytest.raises(DownloadFailed, match="almost nothing"):
                await download(
                    "https://x.test/a", path, client=client, tries=1, sleep=pauses.sleep, now=pauses.now
                )
        assert part_path(path).stat().st_size > 500

    asyncio.run(run())


def test_nobody_listening_is_one_line(path: Path) -> None:
    """With no word of the address's query, after a few tries."""
    pauses = Pauses()
    with pytest.raises(DownloadFailed) as caught:
        asyncio.run(download("http://127.0.0.1:9/x?sig=hush", path, sleep=pauses.sleep))
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert pauses.slept == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "permissions"),
        (errno.EIO, "cannot be written"),
    ],
)
@pytest.mark.parametrize("call", ["open", "write", "fsync"])
def test_what_the_disk_refuses_is_one_line_and_goes_on_later(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int, word: str, call: str
) -> None:
    """Told without the folder's path, not tried again at once, and mended by the next call."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(f"hailuo_nb.wavespeed.partfile.os.{call}", refuse)
        outcome, server, slept = fetched(path, say(video()))
    assert type(outcome) is DownloadFailed
    assert word in str(outcome)
    assert str(path.parent) not in str(outcome)
    assert "\n" not in str(outcome)
    assert (len(server.seen), slept) == (1, [])
    assert fetched(path, ranged())[0] == len(VIDEO)
    assert part_path(path).read_bytes() == VIDEO


def test_a_folder_that_has_vanished_is_named_as_such(tmp_path: Path) -> None:
    """It is not made anew: it may be a drive that is unplugged."""
    outcome, _, _ = fetched(tmp_path / "gone" / "clip.mp4", say(video()))
    assert "vanished" in str(outcome)
    assert not (tmp_path / "gone").exists()


def test_a_disk_that_fills_keeps_what_is_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is fetched by range when there is space again."""
    write, written = os.write, []

    def fill(file: int, data: Any) -> int:
        if len(data) > 1000:
            if written:
                raise OSError(errno.ENOSPC, "full")
            written.append(write(file, data[:40_000]))
            return written[0]
        return write(file, data)

    async def run() -> None:
        async with serve(ranged()) as server:
            with monkeypatch.context() as patch:
                patch.setattr("hailuo_nb.wavespeed.partfile.os.write", fill)
                with pytest.raises(DownloadFailed, match="disk is full"):
                    await download(f"{server.url}/a", path)
            assert part_path(path).stat().st_size == 40_000
            assert await download(f"{server.url}/a", path) == len(VIDEO)
        assert server.seen[1].headers["range"] == "bytes=40000-"

    asyncio.run(run())
    assert part_path(path).read_bytes() == VIDEO


def test_a_cancelled_download_keeps_what_came(path: Path) -> None:
    """An interrupted kernel goes on where it was."""

    async def stall(_seen: Seen, line: Line) -> None:
        await line.send(video(cut=50_000))
        await line.over.wait()

    async def run() -> None:
        async with serve(stall, ranged()) as server:
            here = asyncio.Event()

            def told(size: int, _total: int | None) -> None:
                if size == 50_000:
                    here.set()

            task = asyncio.create_task(download(f"{server.url}/a", path, on_bytes=told))
            await here.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert part_path(path).stat().st_size == 50_000
            assert await download(f"{server.url}/a", path) == len(VIDEO)

    asyncio.run(run())
    assert part_path(path).read_bytes() == VIDEO


def test_memory_stays_flat(path: Path) -> None:
    """Sixty megabytes pass through a few: at most the batches that wait to be written, and one on its way."""
    piece = bytes(64 * 1024)

    class Long(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            for _ in range(960):
                yield piece

    async def run() -> int:
        handler = httpx.MockTransport(lambda _request: httpx.Response(200, stream=Long()))
        async with httpx.AsyncClient(transport=handler) as client:
            tracemalloc.start()
            try:
                assert await download("https://x.test/a", path, client=client) == 960 * len(piece)
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    assert asyncio.run(run()) < 14_000_000


def test_writing_to_a_file_that_is_not_open_is_a_mistake(path: Path) -> None:
    """The part file has to be started first; closing twice does no harm."""
    part = PartFile(path)
    with pytest.raises(ValueError, match="not open"):
        part.write(b"x")
    part.start(None)
    part.close()
    part.close()
