"""How fast a 200 MB clip comes from a loopback server to a durable file, beside ``curl -o``, and what memory it takes.

Ours is the path every clip takes: pieces through httpx, limits, the look for a page of text in place of a film, the
part file, fsync at the end. It runs in a fresh process that has loaded everything and fetched a small file first, so
that the figures are the download's. curl runs with ``--silent`` and does not fsync. The server is a process of its own
that hands the file to the socket with sendfile, and is faster than both.

It began at 0.40 of curl. Half the CPU was httpcore asking for 64 kB a time, so a connection now hands over the 256 kB
that asyncio reads; a quarter of the time was fsync at the end, so the file is flushed every 4 MB while the next bytes
come; the rest was reading that stood still while a thread wrote, so one thread writes behind, up to 8 batches of 1 MB.
Single runs on a busy machine: as it is 0.76 and 0.88; 8 batches and a flush every 4 MB 0.91, once, but then
a download holds 11 MB, over the 8 MB that its test allows. Nothing is hashed on the way.

What is left is the disk: of 0.39 s for 200 MB, 0.31 s are flushes, and curl, which does not flush, took 0.31 s in all.
So the ratio is the disk's, 0.7 to 1.05 within one day. Pieces written without being put together first, and
``posix_fadvise`` in place of flushes (a third of the memory, and mostly 0.19 s more at the end), made it no faster.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.frame.row import NotMeasured, Row
from tests.benchmarks.frame.timing import in_turn, median, seconds

PEERS = ("httpx",)

BYTES = 200_000_000
SMALL = 1_000_000

SERVER = """
import socket, sys, threading
folder = sys.argv[1]
door = socket.create_server(("127.0.0.1", 0))
print(door.getsockname()[1], flush=True)
def serve(line):
    with line:
        asked = b""
        while b"\\r\\n\\r\\n" not in asked:
            asked += line.recv(65536)
        with open(folder + asked.split()[1].decode(), "rb") as file:
            size = file.seek(0, 2)
            head = f"HTTP/1.1 200 OK\\r\\nContent-Type: video/mp4\\r\\nContent-Length: {size}\\r\\n"
            line.sendall((head + 'ETag: "one"\\r\\nConnection: close\\r\\n\\r\\n').encode())
            file.seek(0)
            line.sendfile(file)
def doors():
    while True:
        threading.Thread(target=serve, args=(door.accept()[0],), daemon=True).start()
threading.Thread(target=doors, daemon=True).start()
sys.stdin.read()
"""

OURS = """
import asyncio, json, resource, sys, time
from pathlib import Path
from hailuo_nb.wavespeed.connections import open_client
from hailuo_nb.wavespeed.download import download
url, folder = sys.argv[1], Path(sys.argv[2])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
async def main():
    async with open_client() as http:
        await download(url + "/small.mp4", folder / "warm.mp4", client=http)
        before, began = peak(), time.perf_counter()
        size = await download(url + "/large.mp4", folder / "ours.mp4", client=http)
        took = time.perf_counter() - began
        print(json.dumps({"s": took, "grew": peak() - before, "size": size}))
asyncio.run(main())
"""


def rows() -> list[Row]:
    """Measure both against one server."""
    if sys.platform == "win32":
        raise NotMeasured("the system has no getrusage")
    curl = shutil.which("curl")
    if curl is None:
        raise NotMeasured("curl is missing")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "large.mp4", BYTES)
        _write(folder / "small.mp4", SMALL)
        # What was written before, by other benchmarks too, is not to reach the disk while ours waits for it.
        os.sync()
        grown: list[float] = []
        with _serving(folder) as url:
            ours, theirs = in_turn(lambda: _ours(url, folder, grown), lambda: _curl(curl, url, folder), 7)
    return [
        Row(
            f"download of {BYTES / 1e6:.0f} MB from this machine",
            median(ours),
            "MB/s",
            peer=median(theirs),
            beside="curl -o",
            ratio_at_least=0.9,
            raw={"ours": ours, "peer": theirs},
        ),
        Row(
            f"memory that it grows by, of {BYTES / 1e6:.0f} MB",
            max(grown),
            "MB",
            at_most=32,
            raw={"ours": grown},
        ),
    ]


def _ours(url: str, folder: Path, grown: list[float]) -> float:
    """Download in a fresh process; gives MB/s."""
    done = subprocess.run(
        [sys.executable, "-c", OURS, url, str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    told = json.loads(done.stdout)
    part = folder / "ours.mp4.part"
    assert told["size"] == part.stat().st_size == BYTES
    part.unlink()
    grown.append(told["grew"] / 1e6)
    return BYTES / 1e6 / float(told["s"])


def _curl(curl: str, url: str, folder: Path) -> float:
    """Download with curl, its start counted out by that of one that fetches the small file; gives MB/s."""
    file = folder / "curl.mp4"

    def fetch(name: str) -> None:
        subprocess.run(
            [curl, "--silent", "--fail", "-o", str(file), f"{url}/{name}"], check=True, timeout=120
        )

    start_s = seconds(lambda: fetch("small.mp4"))
    whole_s = seconds(lambda: fetch("large.mp4"))
    assert file.stat().st_size == BYTES
    file.unlink()
    return (BYTES - SMALL) / 1e6 / (whole_s - start_s)


def _write(path: Path, size: int) -> None:
    piece = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 3906
    with path.open("wb") as file:
        for start in range(0, size, len(piece)):
            file.write(piece[: size - start])


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    """Serve a folder from a process of its own."""
    command = [sys.executable, "-c", SERVER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()
