"""A stand-in of the service for benchmarks: it draws nothing, keeps its own books, and costs a tenth of a core.

``python -m tests.benchmarks.made.stand_in FOLDER '{"median_s": 2.4}'`` prints its address as one line of JSON and
serves until its standard input closes. Every prediction takes a time drawn from its prompt, so that all contenders in
one run wait for the same clips; every clip is the same file. What it counts (requests by kind, connections, 429s, and
when each prediction was done, seen done and fetched) is at ``GET /books``, and ``POST /books`` begins a new page.

Plain asyncio, no framework: at 1,000 clips a server of the usual kind would take the core that is to be measured.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Ways:
    """How this service behaves.

    Attributes
    ----------
    median_s, sigma, tail : float
        Generation times are lognormal; this share of them takes up to twice as long.
    per_window, window_s, at_once
        The account's limits; what is over the last waits in a queue.
    answer_s : float
        What any answer takes on the way.
    clip_bytes : int
        The size of every clip.
    scene : str
        The file that every clip is, padded; drawn by the measures below where there is none. What is drawn is coarse
        noise, so where pictures of clips are weighed it is too heavy.
    """

    median_s: float = 2.4
    sigma: float = 0.25
    tail: float = 0.05
    per_window: int = 3000
    window_s: float = 60.0
    at_once: int = 3000
    answer_s: float = 0.0
    clip_bytes: int = 3_000_000
    scene: str = ""
    width: int = 64
    height: int = 48
    frames: int = 12


def generation_s(ways: Ways, prompt: str) -> float:
    """Draw how long a prompt's clip takes; the same for the same prompt, whoever asks."""
    dice = random.Random(f"{ways.median_s} {prompt}")
    seconds = ways.median_s * math.exp(dice.gauss(0.0, ways.sigma))
    return seconds * (1.4 + 0.6 * dice.random()) if dice.random() < ways.tail else seconds


@dataclass
class Entry:
    """One prediction; times in seconds since 1970."""

    id: str
    model: str
    prompt: str
    created: float
    takes_s: float
    done: float = math.inf
    seen: float | None = None
    fetched: float | None = None
    polls: int = 0


@dataclass
class Books:
    """What was counted since the last new page."""

    requests: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    entries: dict[str, Entry] = field(default_factory=dict)


class StandIn:
    """The service."""

    def __init__(self, ways: Ways, clip: bytes) -> None:
        self.ways = ways
        self.clip = clip
        self.books = Books()
        self._all: dict[str, Entry] = {}
        self._window = (-1.0, 0)
        self._out: list[str] = []
        self._queue: deque[str] = deque()
        self.base_url = ""

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes, str]:
        """Answer one request: status, body, type."""
        page, now = self.books, time.time()
        self._move_on(now)
        if path == "/books":
            return 200, self._books(method), "application/json"
        if path.startswith("/files/"):
            page.requests["file"] += 1
            entry = self._all[path.split("/")[2]]
            entry.fetched = entry.fetched or now
            return 200, self.clip, "video/mp4"
        kind = self._kind(method, path)
        page.requests[kind] += 1
        status, data = self._call(kind, path, json.loads(body) if body else {}, now)
        if status != 200:
            page.requests[f"{status}"] += 1
        text = {"code": status, "message": "success" if status == 200 else "Too many requests", "data": data}
        return status, json.dumps(text).encode(), "application/json"

    def _kind(self, method: str, path: str) -> str:
        if method == "GET":
            return "poll" if path.endswith("/result") else path.rsplit("/", 1)[-1]
        known = {
            "/api/v3/model/price": "price",
            "/api/v3/predictions": "list",
            "/api/v3/billings/search": "bill",
        }
        return known.get(path, "submit")

    def _call(self, kind: str, path: str, asked: dict[str, Any], now: float) -> tuple[int, Any]:
        if kind == "poll":
            entry = self._all[path.split("/")[-2]]
            entry.polls += 1
            return 200, self._told(entry, now)
        if kind == "list":
            return 200, self._page(asked, now)
        if kind == "submit":
            return self._submit(path, asked, now)
        if kind == "price":
            return 200, {"price": 0.28, "discounted_price": 0.28, "discount_rate": 0, "currency": "USD"}
        return 200, {"balance": 100_000, "items": [], "page": 1, "total": 0}

    def _submit(self, path: str, asked: dict[str, Any], now: float) -> tuple[int, Any]:
        ways = self.ways
        window = math.floor(now / ways.window_s)
        sent = self._window[1] if self._window[0] == window else 0
        if sent >= ways.per_window:
            return 429, None
        self._window = (window, sent + 1)
        id_ = f"{len(self._all):032x}"
        prompt = str(asked.get("prompt", ""))
        entry = Entry(id_, path.removeprefix("/api/v3/"), prompt, now, generation_s(ways, prompt))
        self._all[id_] = self.books.entries[id_] = entry
        self._queue.append(id_)
        self._move_on(now)
        return 200, self._told(entry, now)

    def _move_on(self, now: float) -> None:
        """Begin with what waits as places become free, at the moment they did."""
        if not self._queue:
            return
        self._out = [id_ for id_ in self._out if self._all[id_].done > now]
        while self._queue and len(self._out) < self.ways.at_once:
            entry = self._all[self._queue.popleft()]
            entry.done = now + entry.takes_s
            self._out.append(entry.id)

    def _told(self, entry: Entry, now: float) -> dict[str, Any]:
        is_done = entry.done <= now
        if is_done and entry.seen is None:
            entry.seen = now
        url = f"{self.base_url}/files/{entry.id}/1.mp4"
        return {
            "id": entry.id,
            "model": entry.model,
            "outputs": [url] if is_done else [],
            "urls": {"get": f"{self.base_url}/api/v3/predictions/{entry.id}/result"},
            "has_nsfw_contents": [],
            "status": "completed" if is_done else "processing",
            "created_at": _wire(entry.created),
            "error": "",
            "executionTime": round(entry.takes_s * 1000) if is_done else 0,
            "timings": {"inference": 0},
        }

    def _page(self, asked: dict[str, Any], now: float) -> dict[str, Any]:
        """Give a page of the list, newest first, as the service does."""
        after, before = asked.get("created_after"), asked.get("created_before")
        found = [
            entry
            for entry in reversed(self._all.values())
            if (not asked.get("model") or entry.model == asked["model"])
            and (not after or _seconds(after) <= entry.created + 0.001)
            and (not before or entry.created <= _seconds(before) + 0.001)
        ]
        size = int(asked.get("page_size", 20))
        start = (int(asked.get("page", 1)) - 1) * size
        items = [self._told(entry, now) for entry in found[start : start + size]]
        return {"page": asked.get("page", 1), "total": len(found), "items": items}

    def _books(self, method: str) -> bytes:
        page = self.books
        text = {
            "requests": page.requests,
            "connections": page.connections,
            "entries": [asdict(entry) for entry in page.entries.values()],
        }
        if method == "POST":
            self.books = Books()
        return json.dumps(text).encode()


class Line(asyncio.Protocol):
    """One connection."""

    def __init__(self, service: StandIn) -> None:
        self._service = service
        self._had = bytearray()
        self._is_known = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where the answers go."""
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        self._had += data
        while (head_end := self._had.find(b"\r\n\r\n")) >= 0:
            head = self._had[:head_end].decode("latin-1").split("\r\n")
            fields = dict(line.lower().split(": ", 1) for line in head[1:])
            end = head_end + 4 + int(fields.get("content-length", 0))
            if len(self._had) < end:
                return
            body = bytes(self._had[head_end + 4 : end])
            del self._had[:end]
            method, path, _ = head[0].split(" ")
            if not self._is_known and not path.startswith("/books"):
                self._is_known = True
                self._service.books.connections += 1
            answered = self._service.answer(method, path, body)
            wait_s = self._service.ways.answer_s
            if wait_s:
                asyncio.get_running_loop().call_later(wait_s, self._write, *answered)
            else:
                self._write(*answered)

    def _write(self, status: int, body: bytes, kind: str) -> None:
        head = f"HTTP/1.1 {status} OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        if not self._transport.is_closing():
            self._transport.write(head.encode() + body)


def draw(path: Path, ways: Ways) -> bytes:
    """Make the one clip: a moving picture of the real size, padded where it is too small."""
    if ways.scene:
        path.write_bytes(Path(ways.scene).read_bytes())
    else:
        _draw_noise(path, ways)
    short = ways.clip_bytes - path.stat().st_size
    if short > 8:
        with path.open("ab") as file:
            file.write(short.to_bytes(4, "big") + b"free" + random.Random(1).randbytes(short - 8))
    return path.read_bytes()


def _draw_noise(path: Path, ways: Ways) -> None:
    import av
    import numpy as np

    rate = max(20_000, int(ways.clip_bytes * 8 * 24 / ways.frames * 0.9))
    coarse = np.random.default_rng(1).integers(20, 235, (ways.height // 8 + 1, ways.width // 4 + 2, 3))
    scene = np.kron(coarse.astype(np.uint8), np.ones((8, 8, 1), np.uint8))[: ways.height]
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = ways.width - ways.width % 2, ways.height, "yuv420p"
        stream.bit_rate = rate
        for number in range(ways.frames):
            shift = number * 8 % ways.width
            picture = np.ascontiguousarray(scene[:, shift : shift + stream.width])
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _wire(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


async def serve(ways: Ways, folder: Path) -> None:
    """Serve until standard input closes."""
    service = StandIn(ways, draw(folder / "clip.mp4", ways))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Line(service), "127.0.0.1", 0)
    service.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    sys.stdout.write(json.dumps({"base_url": service.base_url}) + "\n")
    sys.stdout.flush()
    wait_for_end: Callable[[], bytes] = sys.stdin.buffer.read
    await loop.run_in_executor(None, wait_for_end)


if __name__ == "__main__":
    asyncio.run(serve(Ways(**json.loads(sys.argv[2])), Path(sys.argv[1])))
