"""A part file is always the beginning of its clip, and little of a clip is in memory at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from hailuo_nb.errors import DownloadFailed
from hailuo_nb.wavespeed import partfile
from hailuo_nb.wavespeed.download import READ_BYTES, WRITE_BYTES, download
from hailuo_nb.wavespeed.partfile import MOST_WAITING, PartFile, Writer

URL = "http://127.0.0.1/clip.mp4"
PIECE = bytes(range(256)) * 1024


def test_no_more_than_a_few_batches_of_a_large_clip_are_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow the disk: what came and is not written stays under a bound that knows nothing of the size."""
    came, written, held = 0, 0, []
    write = PartFile.write

    def counted(part: PartFile, data: bytes | bytearray) -> None:
        nonlocal written
        held.append(came - written)
        write(part, data)
        written += len(data)

    async def body() -> AsyncIterator[bytes]:
        nonlocal came
        for _ in range(400):
            came += len(PIECE)
            yield PIECE

    async def fetch() -> int:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body()))
        async with httpx.AsyncClient(transport=transport) as client:
            return await download(URL, tmp_path / "clip.mp4", client=client)

    monkeypatch.setattr(PartFile, "write", counted)
    size = asyncio.run(fetch())
    assert size == written == 400 * len(PIECE) > 5 * MOST_WAITING * WRITE_BYTES
    assert max(held) <= (MOST_WAITING + 2) * (WRITE_BYTES + len(PIECE))
    assert (tmp_path / "clip.mp4.part").read_bytes() == PIECE * 400


def test_a_giver_waits_for_a_disk_that_stands_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many batches are taken; cancelled while it waits, all that was given is written in its order."""
    go_on, given = threading.Event(), 0
    write = PartFile.write
    part = PartFile(tmp_path / "clip.mp4")
    part.start(None)

    def stuck(part: PartFile, data: bytes | bytearray) -> None:
        assert go_on.wait(30)
        write(part, data)

    async def give() -> None:
        nonlocal given
        writer = Writer(part)

        async def all_of_it() -> None:
            nonlocal given
            for number in range(MOST_WAITING * 3):
                given += 1
                await writer.write(bytearray([number]))

        giving = asyncio.create_task(all_of_it())
        for _ in range(1000):  # as many turns of the loop as anything could need
            await asyncio.sleep(0)
        assert given == MOST_WAITING + 1
        giving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await giving
        go_on.set()
        writer.end()

    monkeypatch.setattr(PartFile, "write", stuck)
    asyncio.run(give())
    part.close()
    assert part.path.read_bytes() == bytes(range(MOST_WAITING + 1))


def test_nothing_follows_a_batch_that_the_disk_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There would be a hole, and the rest would be glued behind it."""
    write = PartFile.write
    part = PartFile(tmp_path / "clip.mp4")
    part.start(None)

    def full_for_a_moment(part: PartFile, data: bytes | bytearray) -> None:
        if data == b"b":
            raise DownloadFailed("full")
        write(part, data)

    async def give() -> None:
        writer = Writer(part)
        for letter in b"abc":
            await writer.write(bytearray([letter]))
        try:
            await writer.all_written()
        finally:
            writer.end()

    monkeypatch.setattr(PartFile, "write", full_for_a_moment)
    with pytest.raises(DownloadFailed, match="full"):
        asyncio.run(give())
    part.close()
    assert part.path.read_bytes() == b"a"


def test_what_is_written_is_flushed_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the end of a download need not wait for all of it."""
    flushed: list[int] = []
    part = PartFile(tmp_path / "clip.mp4")
    part.start(None)
    monkeypatch.setattr(PartFile, "flush", lambda each: flushed.append(each.path.stat().st_size))
    monkeypatch.setattr(partfile, "FLUSH_BYTES", 4)

    async def give() -> None:
        writer = Writer(part)
        for _ in range(5):
            await writer.write(bytearray(b"ab"))
        await writer.all_written()
        writer.end()

    asyncio.run(give())
    part.close()
    assert flushed == [4, 8]


def test_a_connection_hands_over_more_at_once_than_httpcore_asks_for(tmp_path: Path) -> None:
    """Told once for each connection, however many files come over it; one that cannot be told is used as it is."""
    asked: list[int] = []

    class Line:
        async def read(self, max_bytes: int, *_: object) -> bytes:
            asked.append(max_bytes)
            return PIECE

    async def body(line: Line) -> AsyncIterator[bytes]:
        yield await line.read(65_536)

    async def fetch() -> None:
        line = Line()
        for number, known in enumerate((line, line, object())):
            answer = httpx.Response(200, content=body(line), extensions={"network_stream": known})
            async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _, a=answer: a)) as client:
                await download(URL, tmp_path / f"{number}.mp4", client=client)

    asyncio.run(fetch())
    assert asked == [READ_BYTES] * 3
    assert asyncio.run(Line().read(1)) == PIECE
    assert asked[-1] == 1
