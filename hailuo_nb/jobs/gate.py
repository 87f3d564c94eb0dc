"""The gate before the submit: a few at once, in the order they came.

In comes a job that wants to send; it waits here for one of a few places, and leaves the queue at once when it is
cancelled. Only those inside ask the ledger for their turn, so a hundred waiting jobs cost nothing. Next: `send`.
"""

from __future__ import annotations

import asyncio


class Gate:
    """A few places and a queue; used on the background thread only.

    Parameters
    ----------
    places : int
        How many may be inside at once.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._queue: dict[str, asyncio.Future[bool]] = {}

    async def enter(self, clip_id: str) -> bool:
        """Wait for a place; False if `skip` ended the waiting, and there is no place to leave then."""
        if self._free and not self._queue:
            self._free -= 1
            return True
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._queue[clip_id] = turn
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self.leave()
            raise
        finally:
            self._queue.pop(clip_id, None)

    def leave(self) -> None:
        """Give the place to the next in the queue."""
        while self._queue:
            turn = self._queue.pop(next(iter(self._queue)))
            if not turn.done():
                turn.set_result(True)
                return
        self._free += 1

    def skip(self, clip_id: str) -> None:
        """End a job's waiting in the queue, if it waits."""
        turn = self._queue.pop(clip_id, None)
        if turn is not None and not turn.done():
            turn.set_result(False)
