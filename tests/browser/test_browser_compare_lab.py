"""Comparing and voting in a real JupyterLab, with a real kernel and ledger."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from compared_clips import write_ledger
from lab import LabServer, NotebookPage, look, open_notebook
from playwright.sync_api import Browser, Locator, expect

LOAD = "%load_ext hailuo_nb\n%config HailuoMagics.service = 'simulator'"
# All that the front end is told of the vote's model, but for its script and style.
STATE = """from ipywidgets.widgets.widget import _instances
print([{k: v for k, v in w.get_state().items() if k not in ('_esm', '_css')} for w in list(_instances.values())])"""
# One prompt for all: a vote by clip is among clips of one prompt.
TAKES = ({}, {}, {}, {})


@pytest.fixture(scope="module")
def lab(server: LabServer, browser: Browser) -> Iterator[NotebookPage]:
    """One notebook beside a ledger of four finished clips."""
    write_ledger(server.root / "compare")
    server.write("compare/compare.ipynb", [LOAD])
    with open_notebook(server, browser, "compare/compare.ipynb") as notebook:
        notebook.run(0)
        notebook.wait_run(0)
        yield notebook


def started(cell: Locator) -> None:
    """Play, and wait until all four have moved."""
    cell.locator(".hailuo-cv-tile").first.focus()
    cell.page.keyboard.press(" ")
    cell.page.wait_for_function(
        "(cell) => [...cell.querySelectorAll('video')].filter((one) => one.currentTime > 0.05).length === 4",
        arg=cell.locator(".hailuo-cv-compare").element_handle(),
        timeout=60_000,
    )


def test_clips_play_by_address_and_stars_survive_a_reload_and_a_busy_kernel(
    lab: NotebookPage, server: LabServer
) -> None:
    """The whole of it: grid, play, rate while the kernel is busy, reload, clear; then reopened without a kernel."""
    cell = lab.add("%hailuo compare fox --x camera --y light")
    expect(cell.locator(".hailuo-cv-tile")).to_have_count(4)
    expect(cell.locator(".hailuo-cv-column")).to_have_text(["[Pan left]", "[Push in]"])
    expect(cell.locator(".hailuo-cv-head")).to_have_text(["dawn", "noon"])
    expect(cell.locator(".hailuo-twin")).to_be_hidden()
    started(cell)
    sources = cell.locator(".hailuo-cv-compare video").evaluate_all("(all) => all.map((one) => one.src)")
    assert all("/files/compare/hailuo/clips/fox" in source for source in sources), sources
    look(lab.page, "compare-lab-light")
    lab.theme("JupyterLab Dark")
    look(lab.page, "compare-lab-dark")
    lab.theme("JupyterLab Light")

    lab.add(
        "import pathlib, time\nuntil = time.time() + 60\n"
        "while not pathlib.Path('go').exists() and time.time() < until:\n    time.sleep(0.05)",
        wait=False,
    )
    cell.locator(".hailuo-cv-tile").first.focus()
    lab.page.keyboard.press("4")
    # Some kernels answer messages while a cell runs, others do not: the page shows the star either way.
    star = cell.get_by_role("button", name="star 4").first
    expect(star).to_have_attribute("aria-pressed", "true")
    (server.root / "compare" / "go").touch()
    lab.wait_run(lab.last())
    expect(cell.get_by_role("status")).to_have_text("")
    rated = lab.add("import hailuo_nb as hn; hn.history().rating.dropna().tolist()")
    expect(rated.locator("pre").last).to_have_text(re.compile(r"^\[4(\.0)?\]$"))

    lab.save()
    lab.load()
    lab.page.evaluate("window.jupyterapp.shell.currentWidget.content.scrollToItem(1)")
    again = lab.page.locator(".hailuo-cv-compare").first
    expect(again.get_by_role("button", name="star 4").first).to_have_attribute("aria-pressed", "true")

    lab.page.evaluate(
        """() => {
          const notebook = window.jupyterapp.shell.currentWidget.content;
          notebook.deselectAll();
          notebook.activeCellIndex = 1;
        }"""
    )
    lab.command("notebook:clear-cell-output")
    expect(lab.page.locator(".hailuo-cv-compare")).to_have_count(0)
    assert lab.page.evaluate("(window[Symbol.for('hailuo.players')] ?? []).length") == 0
    assert lab.page.locator("video").count() == 0
    assert lab.errors == []


def test_a_vote_is_blind_in_jupyterlab(server: LabServer, browser: Browser) -> None:
    """Markup, addresses asked for and messages hold neither name, price, path nor size before the vote."""
    ids = write_ledger(server.root / "ballot", TAKES)
    server.write("ballot/ballot.ipynb", [LOAD])
    with open_notebook(server, browser, "ballot/ballot.ipynb") as notebook:
        asked: list[str] = []
        notebook.page.on("request", lambda request: asked.append(request.url))
        notebook.run(0)
        notebook.wait_run(0)
        cell = notebook.add(f"%hailuo vote {ids[0]} {ids[1]} {ids[2]} --votes 2")
        left = cell.get_by_role("button", name="Left")
        expect(left).to_be_enabled(timeout=60_000)
        look(notebook.page, "vote-lab-light")
        state = notebook.add(STATE).locator("pre").last.inner_text()
        assert "'tokens': ['" in state
        told = cell.locator(".jp-OutputArea").inner_html()
        told += " ".join(url for url in asked if "ballot.ipynb" not in url) + state
        for text in (*ids, "fox #", "hailuo/clips", ".mp4", "0.28", "$", "t2v-standard", "minimax"):
            assert text not in told, text
        assert not re.search(r"\b(480|270)(px)?\b", told)
        notebook.page.locator(".hailuo-cv-vote").focus()
        notebook.page.keyboard.press("ArrowLeft")
        expect(cell.get_by_text("1 left", exact=True)).to_be_visible()
        expect(left).to_be_enabled(timeout=60_000)
        notebook.page.keyboard.press("ArrowUp")
        expect(cell.get_by_role("status")).to_contain_text("All 2 votes are given. %hailuo rank")
        counted = notebook.add("import hailuo_nb as hn; h = hn.history(); print(h.wins.sum(), h.ties.sum())")
        expect(counted.locator("pre").last).to_have_text(re.compile(r"1(\.0)? 2(\.0)?"))
        assert notebook.errors == []
