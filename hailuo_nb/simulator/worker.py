"""A process that draws clips: ``python -m hailuo_nb.simulator.worker``.

In comes one JSON line per clip on standard input, out goes one JSON line on standard output when its file is
there: ``{"done": true}``, ``{"refused": why}`` (the picture) or ``{"failed": why}``. The drawing is
:mod:`~hailuo_nb.simulator.film`.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from typing import Any

from hailuo_nb.simulator.film import make_clip
from hailuo_nb.simulator.firstframe import PictureUnfit

__all__ = ["main"]


def main() -> None:
    """Draw until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        # Answers come first: the server shares these cores.
        os.nice(2)
    jobs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    while True:
        answers.write(json.dumps(_draw(jobs.get())) + "\n")
        answers.flush()


def _listen(jobs: queue.SimpleQueue[dict[str, Any]]) -> None:
    """Take jobs in; at the end of input the server is gone, and a clip half drawn is of no use to anybody."""
    buffer = b""
    while chunk := os.read(0, 1 << 16):
        *lines, buffer = (buffer + chunk).split(b"\n")
        for line in lines:
            jobs.put(json.loads(line))
    os._exit(0)


def _draw(job: dict[str, Any]) -> dict[str, Any]:
    """Draw one clip and say how it went."""
    try:
        make_clip(job)
    except PictureUnfit as error:
        return {"refused": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever it was, the server must hear of it
        return {"failed": f"{type(error).__name__}: {error}"}
    return {"done": True}


if __name__ == "__main__":
    main()
