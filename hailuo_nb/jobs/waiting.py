"""Waiting for a future in a notebook without stopping the rest of it.

In come a future of the background thread and a timeout; out comes when it is done, when the time is up, or within a
fraction of a second of an interrupt. Where the caller stands inside a running loop, as a cell does, the loop goes on
through nest-asyncio2, so the user's own tasks keep ticking. (nest-asyncio 1.6 silently drops queued "Run all" cells
and widget messages on ipykernel 7; its successor does not.)
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar

T = TypeVar("T")

SLICE_S = 0.1


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
    # asyncio.wait neither cancels the future on a timeout nor on an interrupt.
    wrapped = asyncio.shield(asyncio.wrap_future(future, loop=loop))
    wrapped.add_done_callback(forget)
    loop.run_until_complete(asyncio.wait({wrapped}, timeout=timeout))
    return future.done()


def wait_all(futures: Iterable[Future[Any]], timeout: float | None = None) -> bool:
    """Wait until all futures are done, or the time for all of them together is up."""
    until = None if timeout is None else time.monotonic() + timeout
    return all(wait(f, None if until is None else max(0.0, until - time.monotonic())) for f in futures)


def take(ready: queue.SimpleQueue[T], timeout: float | None = None) -> T:
    """Take the next of a queue that the background thread fills, without stopping the notebook's loop."""
    arrived: Future[T] = Future()
    threading.Thread(target=_fill, args=(arrived, ready, timeout), daemon=True).start()
    if not wait(arrived):
        raise AssertionError("unreachable")
    return arrived.result()


def _fill(arrived: Future[T], ready: queue.SimpleQueue[T], timeout: float | None) -> None:
    try:
        arrived.set_result(ready.get(timeout=timeout))
    except queue.Empty:
        arrived.set_exception(TimeoutError("No further clip was done in time; the jobs go on."))


def _wait_plainly(future: Future[Any], timeout: float | None) -> bool:
    """Wait in slices, since an interrupt is only seen between them."""
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
    """Let the loop run inside itself; uvloop and its like refuse, and are waited for plainly."""
    import nest_asyncio2

    try:
        nest_asyncio2.apply(loop)
    except ValueError:
        return False
    return True


def forget(future: asyncio.Future[Any]) -> None:
    """Read the exception, so that asyncio does not report it as never retrieved."""
    if not future.cancelled():
        future.exception()
