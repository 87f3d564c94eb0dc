"""Measuring finished clips, behind everything else.

In come clips that have just been completed, with the picture they started from where this kernel still has it; out go
figures in the ledger (`hailuo_nb.media.measures`). One clip at a time, in the worker process, and only while nothing
is out: measuring takes three times as long as finishing a clip, and nobody waits for it. What a kernel did not come to
is measured when it is asked for.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.request import GenerationRequest
from hailuo_nb.errors import HailuoError
from hailuo_nb.jobs.desk import Desk
from hailuo_nb.jobs.job import Job
from hailuo_nb.media.measures import VERSION

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())

LOOK_GAP_S = 0.5


class Measuring:
    """The clips that wait to be measured; on the background thread only.

    Parameters
    ----------
    desk : Desk
        The ledger, the folder and the worker.
    is_busy : callable
        Tells whether a clip is on its way, which goes first.
    """

    def __init__(self, desk: Desk, is_busy: Callable[[], bool]) -> None:
        self._desk = desk
        self._is_busy = is_busy
        self._waiting: deque[tuple[str, str, bytes | None]] = deque()
        self._task: asyncio.Task[None] | None = None

    def want(self, job: Job) -> None:
        """Measure a completed clip soon, and never twice."""
        if any(clip_id == job.id for clip_id, _, _ in self._waiting):
            return
        self._waiting.append((job.id, str(job.planned_path), picture_of(job.request)))
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._go_on())

    async def close(self) -> None:
        """Drop what waits; it is measured when somebody asks."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _go_on(self) -> None:
        while self._waiting:
            while self._is_busy():
                await self._desk.sleep(LOOK_GAP_S)
            clip_id, path, image = self._waiting.popleft()
            try:
                await self._measure(clip_id, path, image)
            except (HailuoError, OSError) as error:
                # Nobody asked for it, so nobody is told; asking for measures says what is wrong.
                logger.info("clip %s was not measured: %s", clip_id, error)
            except Exception:
                # One clip must not keep the others from being measured.
                logger.exception("clip %s cannot be measured", clip_id)

    async def _measure(self, clip_id: str, path: str, image: bytes | None) -> None:
        desk = self._desk
        if not await desk.ask(desk.ledger.unmeasured, VERSION, [clip_id]):
            return
        sent = None if image is None else base64.b64encode(image).decode("ascii")
        made = await desk.work("measure", path=path, image=sent)
        await desk.ask(desk.ledger.set_measures, clip_id, made["measures"], version=made["version"])


def picture_of(request: GenerationRequest | None) -> bytes | None:
    """Give the picture that a clip starts from, where this kernel has its bytes."""
    for value in request.inputs.values() if request is not None else ():
        if isinstance(value, ImageRef):
            if value.data is not None:
                return value.data
            with suppress(OSError):
                return value.path.read_bytes() if value.kind == "file" and value.path is not None else None
    return None
