"""From Enter to the first clip on the page, of 500 in a JupyterLab, and what the page asks for meanwhile.

Ours is ``hn.table(rows=500)`` on a ledger of 500 clips; the peer is one cell with as many
``<video controls src=...>`` as plain HTML. Both run in a real JupyterLab in Chromium, in notebooks of their own, each in
fresh pages in turn. The clock is the page's own: it starts as the command to run the cell is given, and
stops two frames after a mutation observer has found the first row (the first ``video`` of the peer), so that the frame
with the row in it has been painted. Players are ``video`` elements with a source; requests are those for ``.mp4``, from
Enter until the pictures are there and the table was scrolled from end to end; what lies outside of the window when
a request for it leaves is counted.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.frame.row import NotMeasured, Row
from tests.benchmarks.frame.timing import in_turn, median

PEERS = ("jupyterlab",)

CLIPS = 500
TURNS = 3
SETUP = "import os\nos.environ['HAILUO_RESUME'] = 'off'\n%load_ext hailuo_nb\nimport hailuo_nb as hn\nhn.history(limit=1)"
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
PLAYERS = "() => [...document.querySelectorAll('video')].filter((video) => video.currentSrc || video.src).length"
HIDDEN = """(names) => names.filter((name) => ![...document.querySelectorAll('video, .hailuo-play')].some((one) => {
  const box = one.getBoundingClientRect();
  return decodeURI(one.src || one.href).includes(name) && box.bottom > 0 && box.top < innerHeight;
})).length"""
