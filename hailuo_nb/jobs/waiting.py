"""Waiting for a future in a notebook without stopping the rest of it.

In come a future of the background thread and a timeout; out comes when it is done, when the time is up, or within a
fraction of a second of an interrupt. Where the caller stands inside a running loop, as a cell does, the loop goes on
through nest-asyncio2, so the user's own tasks keep ticking. (nest-asyncio 1.6 silently drops queued "Run all" cells
and widget messages on ipykernel 7; its successor does not.)
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Generic, TypeVar

T = TypeVar("T")

SLICE_S = 0.1
WAKE_S = 0.25


def wait(future: Future[Any], timeout: float | None = None) -> bool:
    """Wait until `future` is done; its result is not taken and an interrupt leaves it running.

    Parameters
    ----------
    future : concurrent.futures.Future
        A future of the background thread.
    timeout : float, optional
        Seconds to wait at the most; for ever when not given.

    Returns
    -------
    bool
        Whether it is done.
    """
    if future.done():
        return True
    loop = _running_loop()
    if loop is None or not _can_nest(loop):
        return _wait_plainly(future, timeout)
    waiting = loop.create_task(asyncio.wait({told(future, loop)}, timeout=timeout))
    try:
        with _interrupt_cancels(waiting, loop), _made_up_for(loop):
            loop.run_until_complete(waiting)
    finally:
        # After an interrupt nothing of ours stays behind on the user's loop.
        waiting.cancel()
    return future.done()


def wait_all(futures: Iterable[Future[Any]], timeout: float | None = None) -> bool:
    """Wait until all futures are done, or the time for all of them together is up."""
    until = None if timeout is None else time.monotonic() + timeout
    return all(wait(f, None if until is None else max(0.0, until - time.monotonic())) for f in futures)


def told(future: Future[Any], loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
    """Give a future of `loop` that is done once `future` is.

    Unlike `asyncio.wrap_future` it is tied one way only: cancelling it touches nothing, and a loop that is closed
    by then is no error.
    """
    ready: asyncio.Future[None] = loop.create_future()

    def tell(_: Future[Any]) -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_finish, ready)

    future.add_done_callback(tell)
    return ready


async def until(future: Future[Any]) -> None:
    """Wait on the caller's own loop; cancelling that touches nothing else.

    The loop is woken now and then: an interrupt of an ipykernel cell cancels its task without waking the loop, and was
    seen 4.6 s late (ipykernel 7.4).
    """
    ready = told(future, asyncio.get_running_loop())
    while not ready.done():
        await asyncio.wait({ready}, timeout=WAKE_S)


class Arrivals(Generic[T]):
    """What the background thread hands over one by one, taken without stopping the notebook's loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._here: deque[T] = deque()
        self._bell: Future[None] = Future()

    def put(self, item: T) -> None:
        """Hand one over; from any thread."""
        with self._lock:
            self._here.append(item)
            if not self._bell.done():
                self._bell.set_result(None)

    def take(self, timeout: float | None = None) -> T:
        """Take the next one.

        Raises
        ------
        TimeoutError
            None came in time; nothing is lost.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._lock:
                if self._here:
                    return self._here.popleft()
                if self._bell.done():
                    self._bell = Future()
                bell = self._bell
            if not wait(bell, None if until is None else max(0.0, until - time.monotonic())):
                raise TimeoutError("No further clip was done in time; the jobs go on.")


@contextmanager
def _interrupt_cancels(waiting: asyncio.Task[Any], loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Let an interrupt end the wait, and nothing else that the loop runs meanwhile.

    Python raises `KeyboardInterrupt` wherever the main thread stands, and within a nested loop that may be inside a
    task of the user's or the kernel's own reading of messages. A second interrupt is raised at once all the same:
    what the loop runs may itself be stuck. Where interrupts are ignored, or not Python's to handle, they stay so.
    """
    pressed = False

    def interrupted(signum: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            signal.default_int_handler(signum, frame)
        pressed = True
        loop.call_soon_threadsafe(waiting.cancel)

    if threading.current_thread() is not threading.main_thread() or not callable(
        signal.getsignal(signal.SIGINT)
    ):
        yield
        return
    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    except asyncio.CancelledError:
        if not pressed:
            raise
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


@contextmanager
def _made_up_for(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Leave the loop around us as many callbacks as it counted before it came to us.

    Python's own loop counts them first, so where the one inside ran some of them it ends with an IndexError, and the
    kernel with it. nest-asyncio2's does not count, but takes over only at the next turn after it was applied.
    """
    ready = getattr(loop, "_ready", ())
    counted = len(ready)
    try:
        yield
    finally:
        for _ in range(counted - len(ready)):
            loop.call_soon(_nothing)


def _nothing() -> None:
    """Stand in for a callback that has been run."""


def _finish(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _wait_plainly(future: Future[Any], timeout: float | None) -> bool:
    """Wait in slices, since an interrupt is only seen between them on some systems."""
    until = None if timeout is None else time.monotonic() + timeout
    while not future.done():
        left = SLICE_S if until is None else min(SLICE_S, until - time.monotonic())
        if left <= 0:
            return False
        try:
            future.exception(timeout=left)
        except (TimeoutError, FutureTimeoutError):
            continue
    return True


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _can_nest(loop: asyncio.AbstractEventLoop) -> bool:
    """Let the loop run inside itself; uvloop and its like refuse, and are waited for plainly.

    So is a loop that nest-asyncio 1.6 was applied to before: it stays that one's, whose loop within a loop loses cells.
    """
    import nest_asyncio2

    if getattr(type(loop), "_run_once", _can_nest).__module__ == "nest_asyncio":
        return False
    try:
        nest_asyncio2.apply(loop)
    except ValueError:
        return False
    return True
