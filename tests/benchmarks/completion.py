"""From Tab to the list of completions in JupyterLab, for our cell magics and for a plain Python name.

In one page, in turn: a new cell, a text, Tab. The clock is the page's own, from the key event to the first item
that is shown. The kernel's share is measured in the same page: from its ``requestComplete`` to the answer. The peer is
``pr<Tab>``, which IPython completes by jedi as its default is, when jedi has its first and slow completion behind it.
"""

from __future__ import annotations

import sys
from typing import Any

from tests.benchmarks.frame.row import NotMeasured, Row
from tests.benchmarks.frame.timing import in_turn, median
from tests.benchmarks.page import SETUP, TESTS, lab_of_clips

PEERS = ("jupyterlab", "jedi")

TABS = 10
OURS, PEER = "%%hailuo t2v-", "pr"
# From now on `window.tab` holds the last Tab: when it came, when its list was shown, and what the kernel took.
WATCH = """() => {
  window.tab = {};
  addEventListener('keydown', (event) => { if (event.key === 'Tab') tab.began = performance.now(); }, true);
  new MutationObserver(() => {
    const shown = document.querySelector('.jp-Completer-item')?.checkVisibility({ visibilityProperty: true });
    if (shown) tab.shown ??= performance.now();
  }).observe(document.body, { childList: true, subtree: true, attributes: true });
  const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel, plain = kernel.requestComplete;
  kernel.requestComplete = async function (...given) {
    const began = performance.now();
    const answer = await plain.apply(this, given);
    tab.kernel = performance.now() - began;
    return answer;
  };
}"""
# The first completion by jedi takes the kernel seconds, and JupyterLab waits for one at the most.
WARM = """async () => {
  const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  for (const code of ['pr', '%%hailuo t2v-']) await kernel.requestComplete({ code, cursor_pos: code.length });
}"""


def rows() -> list[Row]:
    """Measure both in turn."""
    sys.path[:0] = [str(TESTS), str(TESTS / "browser")]
    import lab

    if not lab.CHROMIUM:
        raise NotMeasured("no Chromium is installed")
    shares: dict[str, list[float]] = {OURS: [], PEER: []}
    with lab_of_clips() as server, lab.chromium() as browser:
        server.write("tab.ipynb", [SETUP])
        with lab.open_notebook(server, browser, "tab.ipynb") as notebook:
            notebook.run(0)
            notebook.wait_run(0)
            notebook.page.evaluate(WARM)
            notebook.page.evaluate(WATCH)
            for text in shares:
                tab_ms(notebook, text)
            ours, theirs = in_turn(
                lambda: tab_ms(notebook, OURS, shares[OURS]),
                lambda: tab_ms(notebook, PEER, shares[PEER]),
                TABS,
            )
    return [
        Row(
            "Tab to list in JupyterLab",
            median(ours),
            "ms",
            peer=median(theirs),
            beside="a Python name",
            at_most=100,
            note=f"the kernel's round trip {median(shares[OURS]):.0f} ms of it, {median(shares[PEER]):.0f} ms "
            "for the Python name; the rest is JupyterLab",
            raw={"ours": ours, "peer": theirs, "kernel ours": shares[OURS], "kernel peer": shares[PEER]},
        )
    ]


def tab_ms(notebook: Any, text: str, kernel: list[float] | None = None) -> float:
    """Type a text into a new cell and press Tab; gives the milliseconds until the list is there."""
    page = notebook.page
    notebook.command("notebook:insert-cell-below")
    notebook.command("notebook:enter-edit-mode")
    page.keyboard.insert_text(text)
    page.wait_for_timeout(150)  # what typing sets off is not to be measured
    page.evaluate("() => { for (const name of ['began', 'shown', 'kernel']) delete tab[name] }")
    page.keyboard.press("Tab")
    page.wait_for_function("tab.shown !== undefined", timeout=30_000)
    said = page.evaluate("tab")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    notebook.command("notebook:delete-cell")
    if kernel is not None:
        kernel.append(float(said.get("kernel", float("nan"))))
    return float(said["shown"] - said["began"])
