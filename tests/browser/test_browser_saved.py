"""What was live when it was saved, reopened without a kernel: in JupyterLab and Notebook 7, trusted and not."""

from __future__ import annotations

import json

import nbformat
import pytest
from compared_clips import write_ledger
from lab import LabServer, NotebookPage, look, open_notebook, plays
from playwright.sync_api import Browser, expect

LOAD = "%load_ext hailuo_nb\n%config HailuoMagics.service = 'simulator'"
WORKING = "import sys\nsys.path.append('..')\nfrom card_driver import *\np = painter(card(clip(0), clip(1)))"
CELLS = [
    LOAD,
    "%hailuo form",
    "%hailuo show fox",
    "%hailuo compare fox --x camera --y light",
    "%hailuo vote fox --by light --votes 3",
    WORKING,
]
LIVE = [".hailuo-go", ".hailuo-card", ".hailuo-cv-compare", ".hailuo-cv-vote", ".hailuo-card"]
WIDGET = "application/vnd.jupyter.widget-view+json"
# The lights of the four clips, of which the last one failed.
LIGHTS = tuple(
    {"light": light, "camera": way} for light in ("dawn", "noon") for way in ("[Pan left]", "[Push in]")
)
WAYS = [("lab", True), ("lab", False), ("notebook", True), ("notebook", False)]


@pytest.fixture(scope="module")
def saved(server: LabServer, browser: Browser) -> nbformat.NotebookNode:
    """Run a form, a card, a comparison, a vote and a card whose clips are out, save them all while they live."""
    folder = server.root / "saved"
    write_ledger(folder, LIGHTS, done=3, ends={3: "failed"})
    path = server.write("saved/live.ipynb", CELLS)
    with open_notebook(server, browser, "saved/live.ipynb", size=(1100, 3000)) as lab:
        for index in range(len(CELLS)):
            lab.run(index)
            lab.wait_run(index)
        for index, live in enumerate(LIVE, 1):
            expect(lab.cell(index).locator(live)).to_be_visible(timeout=60_000)
        lab.page.wait_for_function(
            "window.jupyterapp.shell.currentWidget.content.widgets[2].model.outputs.get(1)?.data['image/jpeg']"
        )
        lab.save()
        text = path.read_text("utf-8")
        look(lab.page, "saved-live")
        assert lab.errors == []
    for front in ("lab", "notebook"):
        (folder / f"{front}-True.ipynb").write_text(text, "utf-8")
    strange = nbformat.reads(text, 4)
    strange.metadata = {"touched": True}  # another text has no signature here, and no word of a kernel
    for front in ("lab", "notebook"):
        nbformat.write(strange, folder / f"{front}-False.ipynb")
    return nbformat.reads(text, 4)


def test_what_is_saved_is_small_and_a_card_at_rest_has_no_widget(saved: nbformat.NotebookNode) -> None:
    """A form, a comparison, a vote and clips that are out have a widget and, below it, what stands in for it."""
    kinds = [[WIDGET in output.data for output in cell.outputs] for cell in saved.cells[1:]]
    assert kinds == [[True, False], [False, False], [True, False], [True, False], [True, False]]
    assert set(saved.cells[2].outputs[1].data) == {"text/html", "text/plain", "image/jpeg"}
    assert len(json.dumps(saved)) < 150_000


@pytest.mark.parametrize(("front", "is_trusted"), WAYS, ids=[f"{front}-{trust}" for front, trust in WAYS])
def test_without_a_kernel_nothing_is_dead_and_clips_play(
    saved: nbformat.NotebookNode, server: LabServer, browser: Browser, front: str, *, is_trusted: bool
) -> None:
    """No "Loading widget", each thing once: the form as text, the card, the grid with its heads, the vote as a line."""
    name = f"saved/{front}-{is_trusted}.ipynb"
    with open_notebook(server, browser, name, with_kernel=False, front=front, size=(1100, 3000)) as page:
        assert (
            page.page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets[1].model.trusted")
            is is_trusted
        )
        form, card, grid, vote, out = (page.cell(index) for index in range(1, 6))
        expect(form.locator(".hailuo-form-static")).to_be_visible()
        expect(form.locator(".hailuo-form-static")).to_contain_text("t2v-standard · 768p")
        expect(card.locator(".hailuo-twin")).to_contain_text("The service said (1301).")
        expect(card.locator("video")).to_have_count(3)
        expect(grid.locator(".hailuo-twin")).to_contain_text("[Push in]")
        expect(grid.locator("video")).to_have_count(3)
        expect(vote).to_contain_text("Run this cell to go on.")
        expect(out.locator(".hailuo-twin")).to_contain_text("will be hailuo/clips/")
        expect(out.locator("video")).to_have_count(2)
        look(page.page, f"saved-{front}-{'trusted' if is_trusted else 'untrusted'}")
        assert page.page.get_by_text("Loading widget").filter(visible=True).count() == 0
        assert said_twice(page) == []
        for cell in (card, grid):
            plays(page.page, cell.locator("video").first, width=480)
        assert page.errors == []


def said_twice(page: NotebookPage) -> list[str]:
    """Give the lines that two outputs of one cell say."""
    found: list[str] = []
    for index in range(1, len(CELLS)):
        texts = page.cell(index).locator(".jp-OutputArea-output:visible").all_inner_texts()
        lines = [line.strip() for text in texts for line in {*text.splitlines()} if line.strip()]
        found += {line for line in lines if lines.count(line) > 1}
    return found
