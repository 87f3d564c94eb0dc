"""From Enter to the first clip on the page, of 500 in a JupyterLab, and what the page asks for meanwhile.

Ours is ``hn.table(rows=500)`` on a ledger of 500 clips; the peer is one cell that shows as many ``<video controls
src=...>`` as plain HTML. Both run in a real JupyterLab in Chromium, each time in a new page with a new kernel, in turn;
the libraries are loaded, and none of the pictures is made. The clock is the page's own: it starts as the command to
run the cell is given, and stops two frames after the first row (the first ``video`` of the peer) is in the document,
so that the frame with it has been painted. Players are ``video`` elements with a source. Requests are those for
``.mp4``: for ours until all pictures are there, the table was scrolled through and the pointer was on six clips; for
the peer three seconds without touching anything. One is unseen if its clip is outside of the window.

Where the time went: the cell waited 0.4 s for pictures, which took the processor from the drawing (0.3 s for 500 rows,
all over the place); then JupyterLab styled and laid out all of it before it showed any. Now fifty rows are sent first.
Tried in Chromium alone: a fixed table layout, separate borders, no details on demand, no bidi isolation; none saves a
third.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tests.benchmarks.frame.row import NotMeasured, Row
from tests.benchmarks.frame.timing import in_turn, median

PEERS = ("jupyterlab", "playwright")

TESTS = Path(__file__).resolve().parents[1]
CLIPS = 500
TURNS = 3
MOST_PLAYERS = 6
SETUP = """
import os
os.environ["HAILUO_RESUME"] = "off"
%load_ext hailuo_nb
import hailuo_nb as hn
_ = hn.history(limit=1)
"""
OURS = f"hn.table(rows={CLIPS})"
VIDEOS = """
from pathlib import Path
from urllib.parse import quote
from IPython.display import HTML
clips = sorted(Path("hailuo/clips").glob("*.mp4"))
HTML("".join(f'<video controls width="320" src="{quote(str(path))}"></video>' for path in clips))
"""

# Runs a cell; gives the milliseconds until the first of `found` has been painted.
PAINT = """([index, found]) => new Promise((done) => {
  const panel = window.jupyterapp.shell.currentWidget;
  const began = performance.now();
  const watch = new MutationObserver(() => {
    if (!document.querySelector(found)) return;
    watch.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
  });
  watch.observe(document.body, { childList: true, subtree: true });
  panel.content.activeCellIndex = index;
  void window.jupyterapp.commands.execute('notebook:run-cell');
})"""
PLAYERS = (
    "() => [...document.querySelectorAll('video')].filter((video) => video.currentSrc || video.src).length"
)
UNSEEN = """(addresses) => addresses.filter((address) => {
  const one = [...document.querySelectorAll('video, .hailuo-play')].find((one) => (one.src || one.href) === address);
  const box = one?.getBoundingClientRect();
  return !box || box.bottom <= 0 || box.top >= innerHeight;
}).length"""


@dataclass
class Seen:
    """What pages of one kind asked for and held, at the most."""

    players: int = 0
    unseen: int = 0


def rows() -> list[Row]:
    """Measure both in turn."""
    sys.path[:0] = [str(TESTS), str(TESTS / "browser")]
    import lab

    if not lab.CHROMIUM:
        raise NotMeasured("no Chromium is installed")
    ours, theirs = Seen(), Seen()
    looked: list[bool] = []
    with lab_of_clips() as server, lab.chromium() as browser:
        numbers = count()

        def of_table() -> float:
            with _open(server, browser, f"ours-{next(numbers)}", OURS) as notebook:
                took = float(notebook.page.evaluate(PAINT, [1, ".hailuo-table tbody tr"]))
                if not looked:
                    looked.append(True)
                    _use(notebook, ours, lab.expect)
            return took

        def of_videos() -> float:
            with _open(server, browser, f"videos-{next(numbers)}", VIDEOS) as notebook:
                asked = _listen(notebook.page)
                took = float(notebook.page.evaluate(PAINT, [1, ".jp-OutputArea video"]))
                notebook.page.wait_for_timeout(3000)
                _note(notebook.page, theirs, asked)
            return took

        mine, peer = in_turn(of_table, of_videos, TURNS)
    return [
        Row(
            f"Enter to the first of {CLIPS} clips on the page",
            median(mine),
            "ms",
            peer=median(peer),
            beside="plain <video>",
            at_most=1000,
            raw={"ours": mine, "peer": peer},
        ),
        Row("players on that page", ours.players, "", theirs.players, "plain <video>", at_most=MOST_PLAYERS),
        Row(
            "requests for clips that are not in view",
            ours.unseen,
            "",
            theirs.unseen,
            "plain <video>",
            at_most=0,
        ),
    ]


@contextmanager
def lab_of_clips() -> Iterator[Any]:
    """Run a JupyterLab over a folder with as many clips, and their ledger."""
    import lab
    import lab_clips
    from clip_ledger import write_ledger

    with tempfile.TemporaryDirectory() as name:
        server = lab.LabServer(Path(name))
        lab_clips.write_clips(server.root / "hailuo" / "clips")
        write_ledger(server.root, CLIPS)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def _open(server: Any, browser: Any, name: str, cell: str) -> Iterator[Any]:
    """Open a notebook with a cell to be measured, everything loaded."""
    import lab

    server.write(f"{name}.ipynb", [SETUP, cell])
    with lab.open_notebook(server, browser, f"{name}.ipynb") as notebook:
        notebook.run(0)
        notebook.wait_run(0)
        yield notebook


def _listen(page: Any) -> list[str]:
    """Give the list to which every request for a clip is added."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if ".mp4" in request.url else None)
    return asked


def _note(page: Any, seen: Seen, asked: list[str]) -> None:
    """Keep how many players there are, and how many clips were asked for that nobody sees; begin a new list."""
    seen.players = max(seen.players, page.evaluate(PLAYERS))
    seen.unseen = max(seen.unseen, page.evaluate(UNSEEN, sorted(set(asked))))
    asked.clear()


def _use(notebook: Any, seen: Seen, expect: Any) -> None:
    """Look at a table: wait for its pictures, scroll through it, and put the pointer on six clips."""
    page, cell = notebook.page, notebook.cell(1)
    asked = _listen(page)
    expect(cell.locator("tbody tr")).to_have_count(CLIPS, timeout=90_000)
    expect(cell.locator(".hailuo-play", has_text="play")).to_have_count(0, timeout=90_000)
    clips = cell.locator(".hailuo-play")
    for number in (0, 100, 200, 300, 400):
        clips.nth(number).scroll_into_view_if_needed()
        _note(page, seen, asked)
    for number in range(6):
        clips.nth(number).scroll_into_view_if_needed()
        clips.nth(number).hover()
        expect(clips.nth(number).locator("video")).to_have_count(1, timeout=30_000)
        _note(page, seen, asked)
