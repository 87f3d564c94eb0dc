"""The life of a prediction: it waits for a place, is worked on, and ends.

In come predictions from :mod:`~hailuo_nb.simulator.service`, out go changes in the
:mod:`~hailuo_nb.simulator.store`. A clip's drawing begins at submit and its prediction ends when both the
time is over and the clip is there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hailuo_nb.catalog.variants import find
from hailuo_nb.simulator.answers import TASK_ERRORS
from hailuo_nb.simulator.asked import inputs_as_billed
from hailuo_nb.simulator.pictures import Unfetchable, fetch
from hailuo_nb.simulator.store import Prediction, Store
from hailuo_nb.simulator.studio import ClipOrder, PictureRefused, RenderFailed, Studio

__all__ = ["Generation"]

_SIZE_ELSE = (1280, 720)
_LENGTH_ELSE_S = 5
_PICTURE_CHECK_S = 0.5


class Generation:
    """All predictions that are not finished.

    Parameters
    ----------
    store : Store
        Where their changes are written.
    studio : Studio
        Who draws.
    uploads : Path
        Where uploaded pictures lie.
    speed : float
        Divides generation times.
    at_once : int
        How many may be worked on together; the rest wait as ``created``, in order.
    """

    def __init__(self, store: Store, studio: Studio, uploads: Path, *, speed: float, at_once: int) -> None:
        self._store = store
        self._studio = studio
        self._uploads = uploads
        self._speed = speed
        self._places = asyncio.Semaphore(at_once)
        self._lives: dict[str, asyncio.Task[None]] = {}

    def resume(self) -> None:
        """Go on with what an earlier server left unfinished."""
        for prediction in self._store.unfinished():
            self.begin(prediction)

    def begin(self, prediction: Prediction) -> None:
        """Start a prediction's life; returns at once."""
        task = asyncio.create_task(self._live(prediction))
        self._lives[prediction.id] = task
        task.add_done_callback(lambda _: self._lives.pop(prediction.id, None))

    async def ended(self, prediction_id: str) -> None:
        """Wait until a prediction has ended."""
        task = self._lives.get(prediction_id)
        if task is not None:
            await asyncio.shield(task)

    async def close(self) -> None:
        """Let go of everything; what is unfinished stays so in the store."""
        tasks = list(self._lives.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _live(self, prediction: Prediction) -> None:
        """From created to the end."""
        run_s = prediction.run_s / self._speed
        drawing = asyncio.create_task(self._draw(prediction, due=prediction.created_at + run_s))
        try:
            async with self._places:
                started = prediction.started_at or time.time()
                self._store.start(prediction.id, started)
                if not await self._ended_early(prediction, drawing):
                    await asyncio.sleep(max(started + run_s - time.time(), 0))
                    await self._end(prediction, drawing)
        finally:
            drawing.cancel()

    async def _ended_early(self, prediction: Prediction, drawing: asyncio.Task[Path]) -> bool:
        """End it at once where its picture cannot be had: nothing can be generated from it."""
        if prediction.fate.get("status"):
            return False
        await asyncio.wait([drawing], timeout=_PICTURE_CHECK_S / self._speed)
        if drawing.done() and isinstance(drawing.exception(), Unfetchable | PictureRefused):
            await self._end(prediction, drawing)
            return True
        return False

    async def _end(self, prediction: Prediction, drawing: asyncio.Task[Path]) -> None:
        """Write down how it ended."""
        fate = prediction.fate
        if "status" in fate:
            self._store.fail(
                prediction.id, fate["status"], fate.get("code"), fate.get("error", ""), time.time()
            )
            return
        try:
            clip = await drawing
        except Unfetchable as error:
            self._store.fail(prediction.id, "failed", 1402, f"{TASK_ERRORS[1402]} ({error})", time.time())
        except PictureRefused as error:
            self._store.fail(
                prediction.id, "failed", 1401, f"{TASK_ERRORS[1401]} (image: {error})", time.time()
            )
        except RenderFailed as error:
            self._store.fail(prediction.id, "failed", 5000, f"{TASK_ERRORS[5000]} ({error})", time.time())
        else:
            self._store.complete(prediction.id, clip.name, time.time())

    async def _draw(self, prediction: Prediction, *, due: float) -> Path:
        """Have the clip drawn."""
        if prediction.fate.get("status"):
            raise RenderFailed("it is to fail")
        picture = await self._picture_of(prediction.id)
        sent = self._inputs_of(prediction.id)
        variant = find(prediction.model)
        billed = inputs_as_billed(variant, sent)
        width, height = variant.size_for(billed) or _SIZE_ELSE
        order = ClipOrder(
            variant=variant.name,
            prompt=str(sent.get("prompt") or ""),
            take=prediction.take,
            width=width,
            height=height,
            length_s=variant.length_s(billed) or _LENGTH_ELSE_S,
            same=prediction.same,
        )
        del sent, billed
        return await self._studio.clip(order, picture, due=due)

    def _inputs_of(self, prediction_id: str) -> Mapping[str, Any]:
        """Its inputs, read when they are needed: with a picture inside, a queue of them would fill the memory."""
        found = self._store.prediction(prediction_id)
        return found.inputs if found else {}

    async def _picture_of(self, prediction_id: str) -> Path | None:
        """Give the picture it starts from, on disk."""
        image = self._inputs_of(prediction_id).get("image")
        if not image:
            return None
        return self._studio.keep(await asyncio.to_thread(fetch, str(image), self._uploads))
