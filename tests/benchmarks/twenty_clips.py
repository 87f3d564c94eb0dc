"""Twenty clips of 3 MB, each taking its own time around 2.4 s, beside the official client, httpx, and the floor.

The floor is a program that knows when each clip is done: submit, that time, and the transfer. Ours is a ``%%hailuo``
cell in a real kernel until every clip is on disk, looked at, with its recipe and its row. The clips are small pictures
in files of 3 MB: decoding a real one to check it and draw its poster takes the worker process some 0.15 s, which no
peer does; for twenty that arrive at once on two cores the wall is then 1.5 to 2 s longer, and nothing here shortens it.

Tried, and what it brought (two busy cores; 1 s pollers: 65 polls, 0.50 s late):

- polls placed by quantiles of the past, each job by itself: 54 polls, 0.16 s late;
- one request of the list for all that are out: 12 requests, 0.16 s late; with a look costing each clip half as much
  as alone: 25 requests, 0.07 s late;
- the first clips of a batch telling about the others: a cold ledger from 0.55 s to 0.11 s late;
- measuring clips only while none is out: the wall from 14 s to 7 s with real pictures, since each measurement held up
  the clip that had just come.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.benchmarks import peers
from tests.benchmarks.running import Books, Kernel, at_service, kernel, stand_in
from tests.benchmarks.stand_in import Ways

CLIPS = 20
WAYS = Ways()


@dataclass(frozen=True)
class Run:
    """What one contender took."""

    wall_s: float
    books: Books


def prompts_of(what: str) -> list[str]:
    """Give prompts; their times are drawn from their words, so they are the same for everybody."""
    return [f"A fox crosses a river, {what} {number}" for number in range(CLIPS)]


def make(running: Kernel, prompts: Sequence[str]) -> None:
    """Run a cell of these prompts, and wait until all clips are there."""
    running.run("%%hailuo clips << t2v-standard -y\n" + "\n---\n".join(prompts))
    running.run("assert clips.wait()")


@cache
def runs() -> dict[str, Run]:
    """Let every contender make the same twenty clips, one after the other."""
    found: dict[str, Run] = {}
    with tempfile.TemporaryDirectory() as name, stand_in(Path(name), WAYS) as service:
        notebook = Path(name) / "notebook"
        notebook.mkdir()
        settings = at_service(service, tier="gold", confirm_above_usd=1000, max_clips=100)
        with kernel(notebook, settings) as running:
            running.run("%load_ext hailuo_nb")
            for what in ("cold", "warming", "warm"):
                service.books()
                began = time.perf_counter()
                make(running, prompts_of(what))
                found[what] = Run(time.perf_counter() - began, service.books())
        for peer in peers.PEERS:
            service.books()
            wall_s = peers.seconds(peer, service, Path(name) / peer, prompts_of("warm"), WAYS)
            found[peer] = Run(wall_s, service.books())
    return found


def wall() -> tuple[str, str, str, str]:
    """How long it takes."""
    run = runs()
    floor_s = run["floor"].wall_s
    return (
        f"{CLIPS} clips of 3 MB, T around {WAYS.median_s} s: wall",
        f"{run['warm'].wall_s:.2f} s (cold ledger and kernel {run['cold'].wall_s:.2f})",
        (
            f"floor {floor_s:.2f} s; SDK in a loop {run['sdk_loop'].wall_s:.1f}, in 20 threads "
            f"{run['sdk_threads'].wall_s:.2f}; httpx, 1 s polls {run['httpx_polls'].wall_s:.2f}"
        ),
        f"{run['warm'].wall_s / floor_s:.2f} of the floor",
    )


def noticed() -> tuple[str, str, str, str]:
    """How late, and with how many requests, each done clip is noticed."""
    run = runs()
    ours, cold, theirs = run["warm"].books, run["cold"].books, run["httpx_polls"].books
    late = ours.mean_lateness_s / theirs.mean_lateness_s
    return (
        f"{CLIPS} clips: from done to noticed; polls",
        f"{ours.mean_lateness_s:.2f} s, {ours.polls} polls (cold {cold.mean_lateness_s:.2f} s, {cold.polls})",
        f"httpx, 1 s polls {theirs.mean_lateness_s:.2f} s, {theirs.polls} polls",
        f"{late:.2f} of the time, {ours.polls / theirs.polls:.2f} of the polls",
    )


def connections() -> tuple[str, str, str, str]:
    """How many connections are opened; a submit never uses one twice, which could lose its answer."""
    run = runs()
    ours, theirs = run["warm"].books, run["sdk_threads"].books
    return (
        f"{CLIPS} clips: connections, beside one for each submit",
        f"{ours.connections - CLIPS}",
        f"SDK in 20 threads {theirs.connections - CLIPS}",
        f"{(ours.connections - CLIPS) / max(1, theirs.connections - CLIPS):.2f}",
    )
