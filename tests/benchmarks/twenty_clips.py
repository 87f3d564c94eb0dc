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
  the clip that had just come;
- the ledger visited three times for a submit in place of five, its statements as plain SQL where they run most, and
  the card drawn behind the first submits: the last of the twenty sent 0.26 s behind Enter in place of 0.36;
- the first job sets out 10 ms behind its hand-over in place of 20, since cells end sooner: all sent by 0.13 s;
- for the last few of a batch a look costs a quarter of what one alone does, since whoever waits for all waits for
  these. An eighth took six polls more and was not earlier.

What is left over the floor: 0.1 s until the twenty are sent, 0.1 s until the last one is noticed, 0.06 s to look at it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.benchmarks.frame.row import Row
from tests.benchmarks.made import peers
from tests.benchmarks.made.running import Books, Kernel, at_service, kernel, stand_in
from tests.benchmarks.made.stand_in import Ways

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


def rows() -> list[Row]:
    """Give the wall, the lateness, the polls and the connections."""
    run = runs()
    warm, cold, httpx = run["warm"], run["cold"], run["httpx_polls"]
    what = f"{CLIPS} clips of 3 MB, T around {WAYS.median_s} s"
    others = (
        f"SDK in a loop {run['sdk_loop'].wall_s:.1f} s, in 20 threads {run['sdk_threads'].wall_s:.2f} s; httpx with "
        f"1 s polls {httpx.wall_s:.2f} s; ours with a cold ledger and kernel {cold.wall_s:.2f} s"
    )
    return [
        Row(
            f"{what}: wall",
            warm.wall_s,
            "s",
            run["floor"].wall_s,
            "floor: T and transfer",
            ratio_at_most=1.05,
            note=others,
        ),
        Row(
            f"{CLIPS} clips: from done to noticed",
            warm.books.mean_lateness_s,
            "s",
            httpx.books.mean_lateness_s,
            "httpx, 1 s polls",
            ratio_at_most=0.5,
            note=f"cold: {cold.books.mean_lateness_s:.2f} s with {cold.books.polls} polls",
        ),
        Row(
            f"{CLIPS} clips: polls",
            warm.books.polls,
            "requests",
            httpx.books.polls,
            "httpx, 1 s polls",
            ratio_at_most=0.5,
        ),
        Row(
            f"{CLIPS} clips: connections beside one a submit",
            warm.books.connections - CLIPS,
            "connections",
            run["sdk_threads"].books.connections - CLIPS,
            "SDK in 20 threads",
            note="a submit never uses a connection twice, which could lose its answer",
        ),
    ]
