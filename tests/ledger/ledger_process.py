"""A kernel of its own for the tests of several: it does what its first argument says.

``write PATH NAME`` reserves its own clips and ten that all want, carries what is its own to the end, and prints how
many of the shared ones it won. ``hold PATH STATUS`` takes one clip to a status, says so, and waits to be killed.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from hailuo_nb.ledger.rows import NewBatch, NewClip
from hailuo_nb.ledger.store import Ledger

TO = ("submitting", "submitted", "processing", "downloading", "completed")


def say(line: str) -> None:
    """Write a line to whoever started this."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def clip(text: str) -> NewClip:
    """Make a clip of a text."""
    request_hash = hashlib.sha256(text.encode()).hexdigest()
    return NewClip("simulator", request_hash, "t2v-pro", "minimax/hailuo-2.3/t2v-pro", text)


def write(path: Path, name: str) -> None:
    """Write as fast as it goes, one cell after the other."""
    won = 0
    with Ledger.open(path) as ledger:
        say("ready")
        sys.stdin.readline()
        for n in range(20):
            mine, shared = ledger.reserve(NewBatch(), [clip(f"{name}-{n}"), clip(f"shared-{n % 10}")])
            won += shared.is_new
            assert mine.fence is not None
            for status in TO:
                ledger.move(mine.row.id, fence=mine.fence, to=status)
    say(json.dumps(won))


def hold(path: Path, status: str) -> None:
    """Own a clip in a status until the process is killed."""
    ledger = Ledger.open(path)
    got = ledger.reserve(NewBatch(), [clip("held")])[0]
    assert got.fence is not None
    for each in (*TO[: TO.index(status) + 1],) if status in TO else ():
        ledger.move(got.row.id, fence=got.fence, to=each)
    say(json.dumps([got.row.id, got.fence, ledger.kernel]))
    sys.stdin.readline()


if __name__ == "__main__":
    {"write": write, "hold": hold}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])
