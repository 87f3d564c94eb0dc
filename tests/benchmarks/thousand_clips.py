"""A thousand clips out at once under Gold's limits, in real time, and an account whose places are all taken.

Gold lets 3,000 clips go a minute and 3,000 be out, so a thousand never fill it: what counts is that they are sent at
Gold's rate of 50 a second, that none is refused, and what the kernel costs while it waits (from the last one sent to
the first one done), in memory at most and in processor time. The clips are small; their files are another row's matter.
The places of an account are filled by clips of 6 s in thirty places: the share of the time that they were taken.

Tried, and what it brought (two busy cores):

- a poll of its own for each clip: 200 requests a second and most of a core;
- a hundred clips in one request of the list: a tenth of a core, then most of that for the card, whose every row looked
  through all rows: looked through once a card now;
- naps of one future and no task each, a call for many at most every hundredth of the clips' age;
- the turn to send read up to 3,000 former sends each time: now the one that counts;
- who waits for a place asks once a second: now also whenever a clip is done;
- looks of 62 a second in place of 125, and a card drawn in a fiftieth of a core: from 7.5 to 4.2 % of a core, and no
  later, since one request of the list finds those that are done;
- who is worked on by now is noted when a list says so, and not looked for among all at every look: an eighth less;
- a contact sheet of the first 120 posters in place of all: from 180 to 94 MB.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.benchmarks.frame.row import Row
from tests.benchmarks.made.running import Books, Kernel, at_service, kernel, stand_in
from tests.benchmarks.made.stand_in import Entry, Ways

CLIPS = 1000
WAYS = Ways(median_s=60.0, sigma=0.15, tail=0.0, clip_bytes=100_000)
GOLD_A_SECOND = 50.0
LOOK_S = 1.0
SETTLE_S = 2.0
PLACES, IN_PLACES = 30, 150
PLACE_WAYS = Ways(median_s=6.0, sigma=0.2, tail=0.0, clip_bytes=20_000)


@dataclass(frozen=True)
class Run:
    """What a thousand clips took."""

    books: Books
    sent_s: float
    waiting_share: float
    most_mb: float


@dataclass(frozen=True)
class _Look:
    """How a kernel stood at a moment."""

    at: float
    cpu_s: float
    memory_mb: float


@cache
def run() -> Run:
    """Let a kernel make them."""
    with tempfile.TemporaryDirectory() as name, stand_in(Path(name), WAYS) as service:
        notebook = Path(name) / "notebook"
        notebook.mkdir()
        settings = at_service(service, tier="gold", confirm_above_usd=10_000, max_clips=CLIPS)
        with kernel(notebook, settings) as running:
            bare_mb = running.memory_mb()
            running.run("%load_ext hailuo_nb")
            prompts = "\n---\n".join(f"Clip {number} of a fox" for number in range(CLIPS))
            began = time.time()
            running.run(f"%%hailuo clips << t2v-standard -y\n{prompts}")
            looks = _watched(running)
            books = service.books()
    last_sent = max(entry.created for entry in books.entries)
    first_done = min(entry.done for entry in books.entries)
    return Run(
        books,
        last_sent - began,
        _share(looks, last_sent + SETTLE_S, first_done),
        max(look.memory_mb for look in looks) - bare_mb,
    )


def _watched(running: Kernel) -> list[_Look]:
    """Look at the kernel from outside until all clips are there."""
    looks: list[_Look] = []
    asked_at = time.time()
    while True:
        time.sleep(LOOK_S)
        running.drain()
        looks.append(_Look(time.time(), running.cpu_s(), running.memory_mb()))
        # Seldom, since asking costs the kernel something too.
        if time.time() - asked_at > WAYS.median_s:
            asked_at = time.time() - WAYS.median_s + 5
            if running.value("clips.done()"):
                return looks


def _share(looks: list[_Look], start: float, end: float) -> float:
    """Give the share of a core that was used between two moments."""
    inside = [look for look in looks if start <= look.at <= end]
    return (inside[-1].cpu_s - inside[0].cpu_s) / (inside[-1].at - inside[0].at)


def taken_share(entries: tuple[Entry, ...], places: int) -> float:
    """Give the share of an account's places that was taken, from when all were until the last clip was sent."""
    ordered = sorted(entry.created for entry in entries)
    start, end = ordered[places - 1], ordered[-1]
    busy = sum(max(0.0, min(entry.done, end) - max(entry.created, start)) for entry in entries)
    return busy / (places * (end - start))


def rows() -> list[Row]:
    """Give how fast they are sent, what the kernel costs while they are out, and how well places are used."""
    found = run()
    rate_s = CLIPS / GOLD_A_SECOND
    what = f"{CLIPS:,} clips out, T around {WAYS.median_s:.0f} s"
    polls = f"{found.books.polls / CLIPS:.2f} polls a clip, {found.books.mean_lateness_s:.1f} s late"
    return [
        Row(
            f"{CLIPS:,} clips under Gold's limits: sent in",
            found.sent_s,
            "s",
            rate_s,
            "Gold's rate",
            ratio_at_most=1 / 0.95,
        ),
        Row("the same: refused with 429", found.books.requests.get("429", 0), "requests", at_most=0),
        Row(f"{what}: share of a core", found.waiting_share * 100, "%", at_most=5, note=polls),
        Row(f"{what}: memory over the bare kernel", found.most_mb, "MB", at_most=150),
        Row(
            f"{IN_PLACES} clips of {PLACE_WAYS.median_s:.0f} s in {PLACES} places: taken",
            _places_taken() * 100,
            "% of the time",
            at_least=95,
        ),
    ]


def _places_taken() -> float:
    """Give the share of an account's places that is taken."""
    with tempfile.TemporaryDirectory() as name, stand_in(Path(name), PLACE_WAYS) as service:
        notebook = Path(name) / "notebook"
        notebook.mkdir()
        settings = at_service(
            service, tier="gold", concurrency=PLACES, confirm_above_usd=10_000, max_clips=CLIPS
        )
        with kernel(notebook, settings) as running:
            running.run("%load_ext hailuo_nb")
            prompts = "\n---\n".join(f"Clip {number} of a hare" for number in range(IN_PLACES))
            running.run(f"%%hailuo clips << t2v-standard -y\n{prompts}")
            running.run("assert clips.wait()")
            books = service.books()
    return taken_share(books.entries, PLACES)
