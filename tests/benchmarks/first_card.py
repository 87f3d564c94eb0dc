"""From Enter to the first card, in a fresh kernel and in a warm one, and when the cell itself is over.

The peers: ``wavespeed.run`` returning, which shows nothing before the clip is done, and a cell that shows one widget of
ipywidgets and nothing else. Times are a front end's: from sending the cell to the message with the card, or the reply.
Cold is a fresh kernel in which only ``%load_ext`` was run, a second before, which is less than anybody takes to type a
prompt; the figure straight behind it stands in the note.

Tried, and what it brought (two cores, bytecode kept as pip does):

- what a cold cell needs is imported in the background behind the loading cell: from 700 to 140 ms;
- a card of more than twelve clips is drawn behind its cell, and jobs set out 20 ms after they were handed over (10 by
  now), since two busy threads hand the interpreter to each other all the time: a cell of 100 clips from 170 to 70 ms;
- rows written as plain tuples, and statements of the ledger put together once: 100 clips from 46 to 36 ms of a core,
  one clip from 6.4 to 4.5;
- every card that moves is drawn behind its cell: a cell of one clip from 26 to 16 ms, and its card, 21 ms behind Enter
  before, now comes after 43;
- requests that differ in their text alone are checked and priced once, new rows become columns one column at a time,
  and a file's name is worked out when somebody asks: a cell of 100 clips from 63 to 47 ms;
- a row is made of one dict in place of sixty fields set one by one, a prompt without signs is not looked through, and
  only very many cards are asked whether they rest. On a machine that had become twice as quick a cell of 100 clips took
  26 ms before, and 23 to 26 after: 5 for a cell that does nothing with the same text, 15 to 16 for ours (texts, hashes
  and prices 3.5, asked clips 1.6, rows and SQLite's durable commit 8, handles 1.4), 1 to make room for the card. None
  of it may come after the cell has said that all is well: over a budget or on a full disk, it is the cell that fails;
- tried and left out, since each brought less than a millisecond: no garbage collection meanwhile, the first events
  written by SQLite from the rows, futures made when somebody waits.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from tests.benchmarks.frame.row import Row
from tests.benchmarks.made.peers import MODEL
from tests.benchmarks.made.running import KEY, Kernel, Service, Told, at_service, kernel, stand_in
from tests.benchmarks.made.stand_in import Ways

WAYS = Ways(median_s=0.4, clip_bytes=100_000)
TYPING_S = 1.0
ROUNDS = 3
WARM = 5
VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET = "import ipywidgets; ipywidgets.HTML('a card')"
SDK = "import wavespeed; wavespeed.Client(api_key={key!r}, base_url={url!r}).run({model!r}, {{'prompt': 'a fox'}})"


def rows() -> list[Row]:
    """Measure all, in turn."""
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name, stand_in(Path(name), WAYS) as service:
        for number in range(ROUNDS):
            folder = Path(name) / str(number)
            folder.mkdir()
            settings = at_service(service, tier="gold", confirm_above_usd=10_000)
            with kernel(folder, settings) as running:
                running.run("%load_ext hailuo_nb")
                found.setdefault("at once", []).append(_shown_s(running, "%%hailuo t2v-standard -y\nA fox"))
            with kernel(folder, settings) as running:
                for what, took in _ours(running).items():
                    found.setdefault(what, []).extend(took)
            with kernel(folder) as running:
                for what, took in _theirs(running, service).items():
                    found.setdefault(what, []).extend(took)
    ms = {what: statistics.median(took) * 1000 for what, took in found.items()}
    at_once = (
        f"straight behind %load_ext {ms['at once']:.0f} ms; wavespeed.run returns after {ms['sdk']:.0f} ms"
    )
    return [
        Row(
            "Enter to first card, cold",
            ms["cold"],
            "ms",
            ms["widget cold"],
            "ipywidgets alone",
            at_most=400,
            note=at_once,
        ),
        Row("Enter to first card, warm", ms["warm"], "ms", ms["widget warm"], "ipywidgets alone", at_most=60),
        Row("a warm cell returns", ms["reply"], "ms", at_most=20),
        Row("a warm cell of 100 clips returns", ms["reply of 100"], "ms", at_most=20),
    ]


def _ours(running: Kernel) -> dict[str, list[float]]:
    running.run("%load_ext hailuo_nb")
    time.sleep(TYPING_S)
    found = {"cold": [_shown_s(running, "%%hailuo t2v-standard -y\nA first fox")], "warm": [], "reply": []}
    for number in range(WARM):
        told = running.run(f"%%hailuo clips << t2v-standard -y\nFox {number}")
        found["reply"].append(_reply_s(told))
        running.run("assert clips.wait()")
        found["warm"].append(_shown_s(running, f"%%hailuo clips << t2v-standard -y\nHare {number}\n"))
        running.run("assert clips.wait()")
    found["reply of 100"] = []
    for number in range(2):
        prompts = "\n---\n".join(f"Owl {number} {each}" for each in range(100))
        told = running.run(f"%%hailuo clips << t2v-standard -y --max-clips 100\n{prompts}")
        found["reply of 100"].append(_reply_s(told))
        running.run("assert clips.wait()")
    return found


def _theirs(running: Kernel, service: Service) -> dict[str, list[float]]:
    found = {"widget cold": [_shown_s(running, WIDGET)], "widget warm": []}
    found["widget warm"] += [_shown_s(running, WIDGET) for _ in range(WARM)]
    told = running.run(SDK.format(key=KEY, url=service.base_url, model=MODEL))
    return found | {"sdk": [_reply_s(told)]}


def _shown_s(running: Kernel, cell: str) -> float:
    """Give when the first widget came; the room that is made for one does not count."""
    told = running.run(cell, until=_is_widget)
    return next(each.at_s for each in told if _is_widget(each))


def _is_widget(told: Told) -> bool:
    return VIEW in told.content.get("data", {})


def _reply_s(told: list[Told]) -> float:
    return next(each.at_s for each in told if each.kind == "reply")
