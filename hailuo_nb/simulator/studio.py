"""Worker processes that draw clips, and the cache of what they drew.

In comes what a clip is to show, out goes the path of its MP4. Clips are kept under the hash of everything
that decides their bytes, so equal ones are drawn once; a half-written file never has a clip's name. Next:
:mod:`~hailuo_nb.simulator.worker`.

Plain processes with pipes, one job at a time each: at the end of its standard input a worker ends itself, so
it cannot outlive a server that was killed (a process pool's workers hold their own queue open and would).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["ClipOrder", "PictureRefused", "RenderFailed", "Studio"]

# Part of every clip's key: raise it whenever the same order would give other bytes.
_STYLE = 4
_ATTEMPTS = 2


class PictureRefused(Exception):
    """The input picture is not one the service takes."""


class RenderFailed(Exception):
    """A worker could not draw the clip."""


@dataclass(frozen=True)
class ClipOrder:
    """Everything that decides the bytes of a clip, except the picture it starts from."""

    variant: str
    prompt: str
    take: int
    width: int
    height: int
    length_s: int
    same: str


class Studio:
    """The workers of one server.

    Parameters
    ----------
    clips : Path
        Folder of finished clips.
    pictures : Path
        Folder for input pictures, by content.
    workers : int
        How many clips are drawn at once.
    """

    def __init__(self, clips: Path, pictures: Path, *, workers: int) -> None:
        self._clips = clips
        self._pictures = pictures
        self._wanted: asyncio.PriorityQueue[tuple[float, int, str, dict[str, Any]]] = asyncio.PriorityQueue()
        self._order = itertools.count()
        self._doing: dict[str, asyncio.Future[None]] = {}
        self._benches = [asyncio.create_task(self._bench(), name=f"bench {n}") for n in range(workers)]

    async def close(self) -> None:
        """End the workers; unfinished clips are drawn again by the next server."""
        for bench in self._benches:
            bench.cancel()
        await asyncio.gather(*self._benches, return_exceptions=True)

    async def clip(self, order: ClipOrder, picture: Path | None, *, due: float) -> Path:
        """Draw a clip, or find it drawn.

        Parameters
        ----------
        order : ClipOrder
            What it shows.
        picture : Path or None
            The picture it starts from, as given by `keep`.
        due : float
            When it is wanted, seconds since 1970; earlier ones go first.

        Raises
        ------
        PictureRefused
            The picture is not a JPEG or PNG within the service's limits.
        RenderFailed
            It cannot be drawn.
        """
        job: dict[str, Any] = asdict(order)
        job["picture"] = str(picture) if picture else None
        name = _key(order, picture.name if picture else None)
        path = self._clips / f"{name}.mp4"
        if name not in self._doing:
            if path.exists():
                os.utime(path)
                return path
            job["path"] = str(path)
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            done.add_done_callback(_seen)
            self._doing[name] = done
            self._wanted.put_nowait((due, next(self._order), name, job))
        await asyncio.shield(self._doing[name])
        return path

    def keep(self, data: bytes) -> Path:
        """Write a picture where a worker can read it, under its hash."""
        path = self._pictures / hashlib.sha256(data).hexdigest()
        if not path.exists():
            part = path.with_name(f"{path.name}.{os.getpid()}-{next(self._order)}.part")
            part.write_bytes(data)
            part.replace(path)
        return path

    async def _bench(self) -> None:
        """Draw one clip after another with one worker, which starts with the first."""
        worker: asyncio.subprocess.Process | None = None
        try:
            while True:
                _, _, name, job = await self._wanted.get()
                answer: Mapping[str, Any] = {}
                for _ in range(_ATTEMPTS):
                    if worker is None or worker.returncode is not None:
                        worker = await _start_worker()
                    answer = await _ask(worker, job)
                    if answer:
                        break
                    await _end(worker)
                    worker = None
                self._settle(self._doing.pop(name), answer)
        finally:
            await _end(worker)

    @staticmethod
    def _settle(done: asyncio.Future[None], answer: Mapping[str, Any]) -> None:
        """Tell everyone who waits for a clip how it went."""
        if answer.get("done"):
            done.set_result(None)
        elif "refused" in answer:
            done.set_exception(PictureRefused(answer["refused"]))
        else:
            done.set_exception(RenderFailed(answer.get("failed", "the drawing process died")))


def _seen(done: asyncio.Future[None]) -> None:
    """Look at a failure that nobody may be left to wait for."""
    if not done.cancelled():
        done.exception()


def _key(order: ClipOrder, picture: str | None) -> str:
    """Give the name of a clip by all that decides its bytes."""
    facts = json.dumps([_STYLE, asdict(order), picture], sort_keys=True)
    return hashlib.sha256(facts.encode()).hexdigest()[:40]


async def _start_worker() -> asyncio.subprocess.Process:
    """Start a worker; one thread of arithmetic each, since there are as many workers as cores."""
    single = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hailuo_nb.simulator.worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **single},
    )


async def _ask(worker: asyncio.subprocess.Process, job: Mapping[str, Any]) -> Mapping[str, Any]:
    """Hand one job to a worker and wait for its line; nothing where it died."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    try:
        worker.stdin.write(json.dumps(job).encode() + b"\n")
        await worker.stdin.drain()
        line = await worker.stdout.readline()
        answer: Mapping[str, Any] = json.loads(line) if line else {}
    except (OSError, ValueError):
        return {}
    return answer


async def _end(worker: asyncio.subprocess.Process | None) -> None:
    """Take a worker's input away, which ends it."""
    if worker is None or worker.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        worker.kill()
    await worker.wait()
