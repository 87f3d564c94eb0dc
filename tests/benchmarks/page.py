"""From Enter to the first clip on the page, of 500 in a JupyterLab, and what the page asks for meanwhile.

Ours is ``hn.table(rows=500)`` on a ledger of 500 clips; the peer is one cell with as many
``<video controls src=...>`` as plain HTML. Both run in a real JupyterLab in Chromium, in notebooks of their own, each
in fresh pages in turn. The clock is the page's own: it starts as the command to run the cell is given, and
stops two frames after a mutation observer has found the first row (the first ``video`` of the peer), so that the frame
with the row in it has been painted. Players are ``video`` elements with a source; requests are those for ``.mp4``, from
Enter until the table was scrolled from end to end with the pointer on a clip at each stop; what lies outside of the
window when a request for it leaves is counted.

Tried, and what it brought: all 500 rows in one display were painted after 1.9 s, most of it JupyterLab's sanitizer and
layout; the first 50 rows are a display of their own, and the rest takes its place a moment later.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.frame.row import NotMeasured, Row
from tests.benchmarks.frame.timing import in_turn, median

TESTS = Path(__file__).resolve().parents[1]

PEERS = ("jupyterlab",)

CLIPS = 500
TURNS = 2
SETUP = """
import os
os.environ["HAILUO_RESUME"] = "off"
%load_ext hailuo_nb
import hailuo_nb as hn
_ = hn.history(limit=1)
"""
OURS = f"hn.table(rows={CLIPS})"
PEER = """
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
IN_VIEW = """() => {
  for (const one of document.querySelectorAll('.hailuo-play, .jp-OutputArea video')) {
    const box = one.getBoundingClientRect();
    if (box.top > 150 && box.bottom < innerHeight - 50) return [box.x + box.width / 2, box.y + box.height / 3];
  }
  return null;
}"""
PLAYERS = (
    "() => [...document.querySelectorAll('video')].filter((video) => video.currentSrc || video.src).length"
)
HIDDEN = """(names) => names.filter((name) => ![...document.querySelectorAll('video, .hailuo-play')].some((one) => {
  const box = one.getBoundingClientRect();
  return (one.src || one.href).includes(name) && box.bottom > 0 && box.top < innerHeight;
})).length"""


@dataclass
class Seen:
    """What a page did with 500 clips: its first paints, the most players at once, and its requests for clips."""

    paint_s: list[float] = field(default_factory=list)
    players: int = 0
    requests: int = 0
    hidden: int = 0


def rows() -> list[Row]:
    """Measure both in turn, each time in a fresh page."""
    sys.path[:0] = [str(TESTS), str(TESTS / "browser")]
    try:
        import lab
    except ImportError as missing:
        raise NotMeasured(f"{missing.name} is missing: pip install '.[test]'") from None
    if not lab.CHROMIUM:
        raise NotMeasured("no Chromium is installed")
    ours, theirs = Seen(), Seen()
    with tempfile.TemporaryDirectory() as name:
        server = lab.LabServer(Path(name))
        _fill(server.root)
        server.start()
        try:
            with lab.chromium() as browser:
                in_turn(
                    lambda: _opened(lab, server, browser, [SETUP, OURS], ".hailuo-table tbody tr", ours),
                    lambda: _opened(lab, server, browser, ["pass", PEER], ".jp-OutputArea video", theirs),
                    TURNS,
                )
        finally:
            server.stop()
    beside = f"plain HTML of {CLIPS} <video>"
    what = f"{CLIPS} clips in the table"
    return [
        Row(
            f"{what}: Enter to first paint",
            median(ours.paint_s),
            "s",
            median(theirs.paint_s),
            beside,
            at_most=1.0,
            raw={"ours": ours.paint_s, "peer": theirs.paint_s},
        ),
        Row(f"{what}: players at once", ours.players, "", theirs.players, beside, at_most=6),
        Row(
            f"{what}: requests for clips out of view",
            ours.hidden,
            "",
            theirs.hidden,
            beside,
            at_most=0,
            note=f"of {ours.requests} requests for clips in all, and {theirs.requests}",
        ),
    ]


def _fill(root: Path) -> None:
    """Make a folder with a ledger of 500 clips."""
    import lab_clips
    from clip_ledger import write_ledger

    folder = root / "weeks"
    lab_clips.write_clips(folder / "hailuo" / "clips")
    write_ledger(folder, CLIPS, real=6)


def _opened(lab: Any, server: Any, browser: Any, cells: list[str], found: str, seen: Seen) -> float:
    """Run the second cell in a fresh page, scroll through what it shows, and take note; gives the seconds."""
    server.write("weeks/page.ipynb", cells)
    with lab.open_notebook(server, browser, "weeks/page.ipynb") as notebook:
        notebook.run(0)
        notebook.wait_run(0)
        page, asked = notebook.page, []

        def take_note(request: Any) -> None:
            if ".mp4" in request.url:
                asked.append(request.url.rpartition("/")[2].partition("?")[0])

        page.on("request", take_note)
        seen.paint_s.append(float(page.evaluate(PAINT, [1, found])) / 1000)
        until = time.monotonic() + 3
        while time.monotonic() < until:
            page.wait_for_timeout(100)
            _count(page, asked, seen)
        for _ in range(12):
            page.mouse.wheel(0, 1500)
            page.wait_for_timeout(100)
            if (place := page.evaluate(IN_VIEW)) is not None:
                page.mouse.move(*place)
            page.wait_for_timeout(300)
            _count(page, asked, seen)
    return seen.paint_s[-1]


def _count(page: Any, asked: list[str], seen: Seen) -> None:
    names, asked[:] = list(dict.fromkeys(asked)), []
    seen.players = max(seen.players, page.evaluate(PLAYERS))
    seen.requests += len(names)
    seen.hidden += page.evaluate(HIDDEN, names)
