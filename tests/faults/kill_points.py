"""Points of the walk at which a process kills itself with SIGKILL, set from outside the product.

In comes the name of a point and which passing of it is meant, inside a process that is to die; out goes nothing, ever.
Only stable edges are wrapped (the ledger's methods, the client's submit, the worker's calls, the naming of files), so
the product needs no hook. Points in the middle of an exchange are the proxy's: it holds the connection while the
harness kills.
"""

from __future__ import annotations

import functools
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["POINTS", "arm"]

MOVES = ("submitted", "processing", "downloading", "completed")
POINTS = (
    "reserve:before",
    "reserve:after",
    "turn:before",
    "turn:after",
    "post:before",
    "post:after",
    *(f"move-{status}:{when}" for status in MOVES for when in ("before", "after")),
    "finish:before",
    "finish:after",
    "name:before",
    "name:after",
    "recipe:before",
    "recipe:after",
)


def arm(point: str, nth: int = 1) -> None:
    """Make this process kill itself when it passes a point for the n-th time."""
    what, _, when = point.partition(":")
    bomb = _Bomb(when, nth)
    if what.startswith("move-"):
        _arm_ledger("move", bomb, lambda options, _: options.get("to") == what[5:])
    elif what == "reserve":
        _arm_ledger("reserve_batch", bomb, lambda *_: True)
    elif what == "again":
        _arm_ledger("again", bomb, lambda *_: True)
    elif what == "turn":
        _arm_ledger("start_submit", bomb, lambda _, result: when == "before" or result[0] == 0.0)
    elif what == "post":
        _arm_submit(bomb)
    elif what == "finish":
        _arm_worker(bomb)
    elif what in {"name", "recipe"}:
        _arm_names(".mp4" if what == "name" else ".json", bomb)
    else:
        raise ValueError(point)


class _Bomb:
    """Counts passings and kills at the right one."""

    def __init__(self, when: str, nth: int) -> None:
        self.is_before = when == "before"
        self._left = nth
        self._lock = threading.Lock()

    def passed(self) -> None:
        """Count one."""
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
                signal.pause()


def _wrapped(
    function: Callable[..., Any], bomb: _Bomb, is_it: Callable[[dict[str, Any], Any], bool]
) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **options: Any) -> Any:
        if bomb.is_before and is_it(options, None):
            bomb.passed()
        result = function(*args, **options)
        if not bomb.is_before and is_it(options, result):
            bomb.passed()
        return result

    return wrapper


def _arm_ledger(name: str, bomb: _Bomb, is_it: Callable[[dict[str, Any], Any], bool]) -> None:
    from hailuo_nb.ledger.store import Ledger

    setattr(Ledger, name, _wrapped(getattr(Ledger, name), bomb, is_it))


def _arm_submit(bomb: _Bomb) -> None:
    from hailuo_nb.wavespeed.client import Client

    submit = Client.submit

    @functools.wraps(submit)
    async def wrapper(self: Client, *args: Any, **options: Any) -> Any:
        if bomb.is_before:
            bomb.passed()
        result = await submit(self, *args, **options)
        if not bomb.is_before:
            bomb.passed()
        return result

    Client.submit = wrapper  # type: ignore[method-assign]


def _arm_worker(bomb: _Bomb) -> None:
    from hailuo_nb.media.worker import MediaWorker

    call = MediaWorker.call

    @functools.wraps(call)
    def wrapper(self: MediaWorker, operation: str, **arguments: Any) -> Any:
        if bomb.is_before and operation == "finish":
            bomb.passed()
        result = call(self, operation, **arguments)
        if not bomb.is_before and operation == "finish":
            bomb.passed()
        return result

    MediaWorker.call = wrapper  # type: ignore[method-assign]


def _arm_names(suffix: str, bomb: _Bomb) -> None:
    """Wrap every way to give a file its name."""
    for name in ("link", "rename", "replace"):
        plain = getattr(os, name)

        def wrapper(source: Any, target: Any, *args: Any, _plain: Any = plain, **options: Any) -> Any:
            is_it = os.fspath(target).endswith(suffix) and f"{os.sep}clips{os.sep}" in os.fspath(target)
            if bomb.is_before and is_it:
                bomb.passed()
            _plain(source, target, *args, **options)
            if not bomb.is_before and is_it:
                bomb.passed()

        setattr(os, name, wrapper)
